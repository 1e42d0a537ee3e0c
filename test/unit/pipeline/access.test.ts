/** What policy denies, and what is on record before anything happens, for every class of operation. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { OperationClass } from '../../../src/s3/operations/operation.ts';
import { OPERATIONS, type OperationName } from '../../../src/s3/operations/operations.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

type Sent = readonly [method: string, target: string, headers?: readonly string[], body?: string];

const DELETE_TWO = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>';
const DELETE_IF = '<Delete><Object><Key>a</Key><ETag>"e"</ETag></Object></Delete>';
const TAGS = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';

/** One request of each class at least. */
const REQUESTS: Readonly<Record<OperationClass, Readonly<Partial<Record<OperationName, Sent>>>>> = {
  READ: { GetObject: ['GET', '/box/k'], HeadObject: ['HEAD', '/box/k'] },
  ATTRIBUTES: { GetObjectAttributes: ['GET', '/box/k?attributes', ['x-amz-object-attributes', 'ObjectSize']] },
  WRITE: { PutObject: ['PUT', '/box/k', [], 'twenty bytes of body'] },
  FORM: { PostObject: ['POST', '/box', ['content-type', 'multipart/form-data; boundary=b'], form()] },
  LIST: { ListObjectsV2: ['GET', '/box?list-type=2'] },
  DELETE: { DeleteObject: ['DELETE', '/box/k'] },
  COPY: { CopyObject: ['PUT', '/box/k', ['x-amz-copy-source', '/chest/k']] },
  DOCUMENT: { GetObjectTagging: ['GET', '/box/k?tagging'], PutObjectTagging: ['PUT', '/box/k?tagging', [], TAGS] },
  UPLOAD: { CreateMultipartUpload: ['POST', '/box/k?uploads'], ListParts: ['GET', '/box/k?uploadId=u'] },
  BATCH: { DeleteObjects: batch(DELETE_TWO) },
  LOCAL: { HeadBucket: ['HEAD', '/box'], GetBucketLocation: ['GET', '/box?location'] },
};

function batch(document: string, headers: readonly string[] = []): Sent {
  const md5 = createHash('md5').update(document).digest('base64');
  return ['POST', '/box?delete', ['content-md5', md5, ...headers], document];
}

/** A form whose signer allows all of it. */
function form(): string {
  const conditions = [{ bucket: 'box' }, { key: 'k' }];
  const policy = Buffer.from(JSON.stringify({ expiration: '2999-01-01T00:00:00Z', conditions })).toString('base64');
  const fields = Object.entries({ key: 'k', policy }).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${fields.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--b--\r\n`;
}

async function run(
  [method, target, headers = [], body = '']: Sent,
  behaviour: Behaviour,
): Promise<World & { exchange: Client }> {
  const made = world(behaviour);
  const length = body === '' ? [] : ['content-length', String(Buffer.byteLength(body))];
  const exchange = client(method, target, [...length, ...headers], made.steps, chunks(body));
  await createPipeline(made.dependencies)(exchange);
  return { ...made, exchange };
}

const EFFECTS: readonly string[] = ['store token', 'plan', 'assume-role', 'sign', 'forward'];

describe('an access', () => {
  const all = Object.entries(REQUESTS).flatMap(([operationClass, requests]) =>
    Object.entries(requests).map(([operation, sent]) => ({ operationClass, operation, sent })),
  );
  for (const { operationClass, operation, sent } of all) {
    it(`of the class ${operationClass} is tried by ${operation}`, () => {
      assert.equal(OPERATIONS[operation as OperationName].operationClass, operationClass);
    });

    it(`that policy denies plans and asks nothing, tells nothing and is on record: ${operation}`, async () => {
      const { steps, sent: requested, entries, exchange } = await run(sent, { decision: 'deny' });
      assert.ok(steps.includes('authorize'), 'was decided');
      assert.deepEqual(
        steps.filter((step) => EFFECTS.includes(step)),
        [],
      );
      assert.deepEqual(requested, []);
      const isBatch = operationClass === 'BATCH';
      assert.equal(exchange.status(), isBatch ? 200 : 403);
      assert.doesNotMatch(exchange.sent.join(''), /<Deleted>|LocationConstraint/);
      assert.equal(
        exchange.answerHeaders['x-amz-bucket-region'],
        exchange.raw.method === 'HEAD' ? 'eu-central-1' : undefined,
      );
      const kinds = (entries as AuditEntry[]).map(({ entry }) => entry);
      const expected = isBatch ? ['request', 'denial', 'denial'] : kinds.map(() => 'denial');
      assert.ok(kinds.length > 0);
      assert.deepEqual(kinds, expected);
    });

    it(`that policy allows is on record before anything is asked or told: ${operation}`, async () => {
      const { steps } = await run(sent, {});
      const intent = steps.indexOf('intent durable');
      const effect = steps.findIndex((step) => /^(assume-role|sign|forward|answer|end)/.test(step));
      assert.ok(intent >= 0, 'an intent was written');
      assert.ok(effect > steps.lastIndexOf('intent durable'), steps.join(', '));
      assert.equal(steps.includes('denial durable'), false);
    });
  }

  const FAILING: readonly (readonly [string, Sent, status: number, code: string])[] = [
    [
      'of a batch with another owner',
      batch(DELETE_TWO, ['x-amz-expected-bucket-owner', '123456789012']),
      403,
      'BucketOwnerUnknown',
    ],
    ['of a batch with a condition', batch(DELETE_IF), 501, 'NotImplemented'],
  ];
  for (const [what, sent, status, code] of FAILING) {
    it(`${what} that policy allows and nobody can do is on record as one that failed`, async () => {
      const { steps, entries, exchange } = await run(sent, {});
      assert.equal(exchange.status(), status);
      assert.equal(steps.includes('plan'), false);
      const kinds = (entries as AuditEntry[]).map(({ entry }) => entry).filter((entry) => entry !== 'request');
      assert.deepEqual(new Set(kinds), new Set(['intent', 'outcome']));
      for (const entry of entries) if (entry.entry === 'outcome') assert.equal(entry.error, code);
    });
  }

  it('to make a bucket that the caller may use and not make is told from one that it may not even use', async () => {
    for (const [effect, code] of [
      ['allow', 'BucketAlreadyOwnedByYou'],
      ['deny', 'AccessDenied'],
    ] as const) {
      const made = world({ decision: 'deny' });
      const grants = () => [{ effect, verbs: ['GET'], scope: { prefix: '' } }] as const;
      const exchange = client('PUT', '/box', [], made.steps);
      await createPipeline({ ...made.dependencies, authorizer: { ...made.dependencies.authorizer, grants } })(exchange);
      assert.match(exchange.sent.join(''), new RegExp(`<Code>${code}</Code>`));
      assert.equal(made.steps.includes('forward'), false);
    }
  });
});
