import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRequestSigner } from '../../src/sigv4/signer.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

const OTHERS = 300;
/** Longer than what a snapshot keeps of one text is never looked for. */
const PIECE = 60;
const STS_TARGET = '/-/sts';

interface Snapshot {
  readonly strings: readonly string[];
}

/** Where a token can come in, and what becomes of it there. */
const DOORS = {
  'an S3 request': (token: string) => ({ method: 'GET', target: '/reports?list-type=2&prefix=2026/', token }),
  'a request that policy denies': (token: string) => ({ method: 'DELETE', target: '/reports/2026/kept', token }),
  'a request whose object is not there': (token: string) => ({ method: 'GET', target: '/reports/2026/none', token }),
  AssumeRoleWithWebIdentity: (token: string) => ({
    method: 'POST',
    target: STS_TARGET,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
      RoleSessionName: 'memory',
      WebIdentityToken: token,
    }).toString(),
  }),
  'the container credentials': (token: string) => ({ method: 'GET', target: '/-/credentials', token }),
  whoami: (token: string) => ({ method: 'GET', target: '/-/whoami', token }),
} as const;

describe('the memory of the gateway', function () {
  this.timeout(120_000);
  let stack: Stack;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-heap-'));
    const NODE_OPTIONS = `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${directory}`;
    stack = await startStack('embedded', {}, { NODE_OPTIONS });
  });
  after(async () => {
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Writes a snapshot, which collects garbage first. */
  async function snapshot(): Promise<string> {
    for (const pid of await workerIds(stack.gateway.pid())) process.kill(pid, 'SIGUSR2');
    for (;;) {
      await sleep(200);
      const [name] = (await readdir(directory)).filter((each) => each.endsWith('.heapsnapshot'));
      const text = name === undefined ? '' : await readFile(join(directory, name), 'utf8');
      // Written from beginning to end.
      if (text.trimEnd().endsWith(']}')) return text;
    }
  }

  /** Gets credentials for a token and signs a request with them; gives their session token. */
  async function useSession(token: string): Promise<string> {
    const received = await stack.client.call({ method: 'GET', target: '/-/credentials', token });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(received.body.toString()) as Record<string, string>;
    assert.ok(AccessKeyId !== undefined && SecretAccessKey !== undefined && Token !== undefined);
    const { target, headers } = createRequestSigner()(
      {
        ...{ method: 'GET', host: new URL(stack.frontUrl).host, path: '/reports', headers: {} },
        query: [
          ['list-type', '2'],
          ['prefix', '2026/'],
        ],
        ...{ payloadHash: hash('sha256', ''), region: 'us-east-1' },
      },
      { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token },
      Date.now(),
    );
    assert.equal((await stack.client.call({ method: 'GET', target, headers })).status, 200);
    return Token;
  }

  it('holds no token that it has verified, whichever way it came in', async () => {
    const probes = await Promise.all(
      Object.entries(DOORS).map(async ([door, call], index) => {
        // Of a subject and a group of its own: what is found of them is the identity, which is kept.
        const marker = `marker-${index}-${'x'.repeat(40)}`;
        const token = await stack.forge({ sub: `probe-${index}`, groups: ['analytics'], marker });
        return { door, call, token, marker };
      }),
    );
    // All at once, so that they come over several connections, of which the requests after them use one.
    const statuses = await Promise.all(
      probes.map(async ({ call, token }) => (await stack.client.call(call(token))).status),
    );
    assert.deepEqual(statuses, [200, 403, 404, 200, 200, 200]);
    const sessionToken = await useSession(await stack.forge({ sub: 'signer', groups: ['analytics'] }));
    for (let other = 0; other < OTHERS; other += 1) {
      const token = await stack.forge({ sub: `other-${other}` });
      const answer = await stack.client.call({ method: 'GET', target: '/reports?list-type=2&prefix=2026/', token });
      assert.equal(answer.status, 200);
    }
    const text = await snapshot();
    const { strings } = JSON.parse(text) as Snapshot;
    // The snapshot is of this process and this time: identities are there.
    assert.ok(strings.includes('probe-0'));
    const signed = [sessionToken.slice(0, PIECE), sessionToken.slice(-PIECE)];
    assert.ok(!strings.some((each) => signed.some((piece) => each.includes(piece))));
    const found = probes.flatMap(({ door, token, marker }) => {
      const [header = '', payload = '', signature = ''] = token.split('.');
      const pieces = {
        token: token.slice(0, header.length + PIECE),
        payload: payload.slice(0, PIECE),
        end: payload.slice(-PIECE),
        signature: signature.slice(0, PIECE),
        claims: marker,
      };
      return Object.entries(pieces).flatMap(([what, piece]) =>
        strings.some((each) => each.includes(piece)) ? [`${door}: ${what}`] : [],
      );
    });
    assert.deepEqual(found, []);
    assert.deepEqual(found, []);
  });
});
