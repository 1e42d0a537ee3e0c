/**
 * Copies and completions at a store that takes longer than clients wait for a byte: what real clients make of an answer
 * that begins before its end, through HAProxy and a whole gateway.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { AuditAccess } from '../../src/audit/read-audit.ts';
import { target } from '../support/client/client.ts';
import { findProgram, attributesOf } from './run/runner.ts';
import { needs } from '../support/needs.ts';
import type { StoreCall } from '../support/store/store-proxy.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const EARLY_ANSWER_MS = 1000;
const SLOWNESS_MS = 9000;
const PATIENCE_MS = 7000;
const BODY = randomBytes(24 * 1024 * 1024);
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

const BOTO3 = `
import os, boto3
from botocore.config import Config
from botocore.exceptions import ClientError
endpoint = os.environ["AWS_ENDPOINT_URL"]
s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint, config=Config(read_timeout=${PATIENCE_MS / 1000}, retries={"max_attempts": 0}, s3={"addressing_style": "path"}))
source = {"Bucket": "sealed", "Key": "source"}
print(s3.copy_object(Bucket="open", Key="slow-boto3", CopySource=source)["CopyObjectResult"]["ETag"])
try:
    s3.copy_object(Bucket="sealed", Key="broken-boto3", CopySource=source)
except ClientError as error:
    print(error.response.get("Error", {}).get("Code", "Unknown"))
`;

interface Heard {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  /** What came, and when, in milliseconds after the request. */
  readonly pieces: readonly (readonly [atMs: number, text: string])[];
}

describe('a store that takes longer than clients wait', function () {
  this.timeout(120_000);
  let twins: TwinGateways;
  let token: string;
  let ca: string;
  let keys: { readonly AccessKeyId: string; readonly SecretAccessKey: string; readonly Token: string };
  let s3: S3Client;

  before(async () => {
    twins = await startTwinGateways(
      { sealed: { encryption: 'required' }, open: { encryption: 'off' } },
      { config: { timeouts: { drainDelayMs: 0, earlyAnswerMs: EARLY_ANSWER_MS } } },
    );
    token = await twins.token('alice');
    ca = await readFile(twins.caFile, 'utf8');
    const issued = await twins.clients[0].call({ method: 'GET', target: '/-/credentials', token });
    keys = JSON.parse(String(issued.body)) as typeof keys;
    s3 = new S3Client({
      endpoint: twins.frontUrl,
      region: 'us-east-1',
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: keys.Token },
      requestHandler: { httpsAgent: new Agent({ ca }), socketTimeout: PATIENCE_MS },
    });
    const put = { method: 'PUT', target: target('sealed', 'source'), token, body: BODY };
    assert.equal((await twins.clients[0].call(put)).status, 200);
    const writes = new Set(['PutObject', 'CopyObject', 'UploadPart', 'CompleteMultipartUpload']);
    const isSlow = ({ operation, target: path }: StoreCall): boolean =>
      path.includes('half')
        ? operation === 'CompleteMultipartUpload'
        : /slow|broken/.test(path) && writes.has(operation);
    twins.proxy.slowness = (call) => (isSlow(call) ? SLOWNESS_MS : 0);
    twins.proxy.fault = (call) => (isSlow(call) && /broken|half/.test(call.target) ? 'refuse' : undefined);
  });
  after(async () => {
    s3.destroy();
    await twins.stop();
  });

  /** A copy, heard as it comes; the client leaves after the first piece where it is told to. */
  const copy = (bucket: string, key: string, leaves = false): Promise<Heard> => {
    const startedMs = performance.now();
    const pieces: [number, string][] = [];
    const headers = { 'x-amz-copy-source': 'sealed/source' };
    const options = twins.clients[0].options({ method: 'PUT', target: target(bucket, key), token, headers });
    return new Promise((resolve, reject) => {
      const outgoing = request(options, (answer) => {
        const done = () => resolve({ status: answer.statusCode, headers: answer.headers, pieces });
        answer.on('data', (piece: Buffer) => {
          pieces.push([performance.now() - startedMs, piece.toString()]);
          if (leaves) outgoing.destroy();
        });
        answer.on('close', done);
        answer.on('error', done);
      });
      outgoing.on('error', (error) => (leaves ? undefined : reject(error)));
      outgoing.end();
    });
  };

  const stored = async (bucket: string, key: string): Promise<Buffer | undefined> => {
    const { status, body } = await twins.clients[0].call({ method: 'GET', target: target(bucket, key), token });
    return status === 200 ? body : undefined;
  };

  /** What is on record of a write to a key, once it is. */
  const recorded = async (key: string): Promise<AuditAccess> => {
    for (;;) {
      const found = (await twins.audit()).find((one) => one.key === key && one.result !== 'interrupted');
      if (found !== undefined) return found;
      await sleep(250);
    }
  };

  const all = {
    'hears a head and blanks in time, and one XML document in all': async () => {
      const { status, headers, pieces } = await copy('open', 'slow-raw');
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/xml');
      // An answer that breaks off must never look whole, over HTTP/2 neither.
      assert.equal(headers['content-length'], String(Buffer.byteLength(pieces.map(([, piece]) => piece).join(''))));
      assert.equal(typeof headers['x-amz-request-id'], 'string');
      let last = 0;
      for (const [atMs] of pieces) {
        assert.ok(atMs - last < PATIENCE_MS, `nothing from ${last} to ${atMs} ms`);
        last = atMs;
      }
      assert.equal(pieces[0]?.[1], DECLARATION);
      const text = pieces.map(([, piece]) => piece).join('');
      assert.match(text.slice(DECLARATION.length), /^ +<CopyObjectResult .*<\/CopyObjectResult>$/);
      assert.ok(BODY.equals((await stored('open', 'slow-raw')) ?? Buffer.alloc(0)));
      assert.equal((await recorded('slow-raw')).result, 'completed');
    },

    'is told of what fails late, and so is the record': async () => {
      const { status, pieces } = await copy('sealed', 'broken-raw');
      assert.equal(status, 200);
      const text = pieces.map(([, piece]) => piece).join('');
      assert.match(text, /^<\?xml [^>]*>\n +<Error><Code>SlowDown<\/Code>.*<\/Error>$/s);
      const { result, status: shown, error } = await recorded('broken-raw');
      assert.deepEqual([result, shown, error], ['failed', 200, 'SlowDown']);
      assert.equal(await stored('sealed', 'broken-raw'), undefined);
    },

    'copies by the JS SDK, which would not wait so long for a byte': async () => {
      const copied = await s3.send(
        new CopyObjectCommand({ Bucket: 'open', Key: 'slow-js', CopySource: 'sealed/source' }),
      );
      assert.match(copied.CopyObjectResult?.ETag ?? '', /^"[0-9a-f]{32}/);
      assert.ok(BODY.equals((await stored('open', 'slow-js')) ?? Buffer.alloc(0)));
    },

    'copies parts and completes by the JS SDK': async () => {
      const object = { Bucket: 'sealed', Key: 'slow-js' };
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object));
      const part = { ...object, UploadId, CopySource: 'sealed/source', PartNumber: 1 };
      const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(part));
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: CopyPartResult?.ETag }] };
      const completed = await s3.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload }));
      assert.equal(completed.Key, 'slow-js');
      assert.ok(BODY.equals((await stored('sealed', 'slow-js')) ?? Buffer.alloc(0)));
    },

    'sees an error in the 200 of a copy as one, by the JS SDK': async () => {
      const broken = { Bucket: 'sealed', Key: 'broken-js', CopySource: 'sealed/source' };
      await assert.rejects(s3.send(new CopyObjectCommand(broken)), { name: 'SlowDown' });
    },

    'sees an error in the 200 of a completion as one, by the JS SDK': async () => {
      const object = { Bucket: 'sealed', Key: 'half-js' };
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object));
      const half = { ...object, UploadId };
      const { ETag } = await s3.send(new UploadPartCommand({ ...half, PartNumber: 1, Body: 'x' }));
      const received = { ...half, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: `${ETag}` }] } };
      await assert.rejects(s3.send(new CompleteMultipartUploadCommand(received)), { name: 'SlowDown' });
    },

    'takes nothing of a body that passes through for a client that left': async () => {
      await copy('open', 'slow-left', true);
      const { result, status } = await recorded('slow-left');
      assert.deepEqual([result, status], ['aborted', 200]);
      await sleep(SLOWNESS_MS);
      assert.equal(await stored('open', 'slow-left'), undefined);
    },

    'carries to its end what the store was asked to do, and says so, though the client left': async () => {
      await copy('sealed', 'slow-left-2', true);
      const { result } = await recorded('slow-left-2');
      assert.equal(result, 'completed');
      assert.ok(BODY.equals((await stored('sealed', 'slow-left-2')) ?? Buffer.alloc(0)));
    },
  };

  /** Runs a program that is told where and as whom by the standard variables. */
  const run = async (program: string, ...parameters: string[]): Promise<string> => {
    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: keys.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey,
      AWS_SESSION_TOKEN: keys.Token,
      ...{ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: twins.frontUrl, AWS_CA_BUNDLE: twins.caFile },
      AWS_MAX_ATTEMPTS: '1',
    };
    return (await promisify(execFile)(program, parameters, { env })).stdout;
  };
  const cliCopies = (program: string, bucket: string, key: string): Promise<string> =>
    run(
      program,
      '--endpoint-url',
      twins.frontUrl,
      '--cli-read-timeout',
      String(PATIENCE_MS / 1000),
      's3api',
      'copy-object',
      '--bucket',
      bucket,
      '--key',
      key,
      '--copy-source',
      'sealed/source',
    );

  // All of it takes long: it is done at once, and told one by one.
  const running = new Map<string, Promise<unknown>>();
  const start = (title: string, work: () => Promise<unknown>): void => {
    const result = work();
    // Each is awaited by its own test.
    result.catch(() => undefined);
    running.set(title, result);
  };
  let hasBoto3: boolean;
  let debianCli: Awaited<ReturnType<typeof findProgram>>;
  before(async () => {
    hasBoto3 = await run('python3', '-c', 'import boto3').then(
      () => true,
      () => false,
    );
    debianCli = await findProgram(
      attributesOf('aws').map((path) => [path, '--version'] as const),
      /aws-cli\/(\d+\.\d+\.\d+)/,
      ([major, minor]) => major === 2 && minor === 9,
    );
    for (const [title, work] of Object.entries(all)) start(title, work);
    if (hasBoto3) start('boto3', () => run('python3', '-c', BOTO3));
    if (typeof debianCli === 'string') return;
    const { path } = debianCli;
    start('cli', () => cliCopies(path, 'open', 'slow-cli'));
    start('cli fails', () => cliCopies(path, 'sealed', 'broken-cli'));
  });
  for (const title of Object.keys(all))
    it(title, async () => {
      await running.get(title);
    });

  it('copies by boto3, which would not wait so long for a byte, and sees an error in a 200 as one', async function () {
    needs(this, 'boto3', hasBoto3);
    // That it failed is all that versions before 1.36 read of such an answer.
    assert.match(String(await running.get('boto3')), /^"[0-9a-f]{32}.*"\n(?:SlowDown|Unknown)\n$/);
  });

  it('copies by the AWS CLI 2.9 of Debian, and sees an error in a 200 as one', async function () {
    needs(this, 'the AWS CLI 2.9 of Debian', typeof debianCli !== 'string');
    assert.match(String(await running.get('cli')), /"ETag": /);
    // That it failed is all that this version reads of such an answer: it says `(Unknown)`.
    await assert.rejects(running.get('cli fails')!, /An error occurred .* when calling the CopyObject operation/);
  });
});
