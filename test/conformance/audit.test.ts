import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedStack, type Stack } from '../support/stack/stack.ts';

describe('the audit', function () {
  this.timeout(60_000);
  let stack: Stack;
  let alice: string;

  before(async () => {
    stack = await sharedStack();
    alice = await stack.token('alice');
  });

  const entries = async (requestId: string): Promise<Record<string, unknown>[]> =>
    (await stack.auditLines()).filter((entry) => entry['requestId'] === requestId);

  it('holds intent and outcome of a completed access before the client has its last byte', async () => {
    const body = 'recorded';
    const written = await stack.client.call({ method: 'PUT', target: '/reports/2026/recorded', token: alice, body });
    const [intent, outcome, ...more] = await entries(written.requestId);
    assert.equal(more.length, 0);
    assert.equal(intent?.['entry'], 'intent');
    assert.equal(intent['subject'], 'alice');
    assert.equal(intent['operation'], 'PutObject');
    assert.equal(intent['bucket'], 'reports');
    assert.equal(intent['key'], '2026/recorded');
    assert.equal(intent['decision'], 'allow');
    assert.match(String(intent['rule']), /^analytics\//);
    assert.match(String(intent['sessionName']), /alice/);
    assert.ok(String(intent['role']).startsWith('arn:aws:iam:'));
    assert.match(String(intent['tokenIdHash']), /^[0-9a-f]{32}$/);
    assert.equal(outcome?.['entry'], 'outcome');
    assert.equal(outcome['result'], 'completed');
    assert.equal(outcome['status'], 200);
    assert.equal(outcome['bytesIn'], body.length);
    assert.equal(outcome['keyId'], 'local:1');
    assert.ok(String(outcome['upstreamRequestId']).length > 0);
  });

  it('holds one entry with both for a denial', async () => {
    const answer = await stack.client.call({ method: 'DELETE', target: '/reports/2026/recorded', token: alice });
    const [denial, ...more] = await entries(answer.requestId);
    assert.equal(more.length, 0);
    assert.equal(denial?.['entry'], 'denial');
    assert.equal(denial['result'], 'denied');
    assert.equal(denial['decision'], 'deny');
    assert.equal(denial['status'], 403);
  });

  it('keeps refusals of unidentified callers apart', async () => {
    const answer = await stack.client.call({ method: 'GET', target: '/reports/2026/recorded', token: 'garbage' });
    assert.deepEqual(await entries(answer.requestId), []);
    // They are written in the background.
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if ((await stack.refusals()).some(({ requestId }) => requestId === answer.requestId)) return;
      await sleep(100);
    }
    assert.fail('the refusal was never written');
  });

  it('is readable by its owner alone', async () => {
    for (const name of await readdir(stack.auditDirectory)) {
      assert.equal((await stat(join(stack.auditDirectory, name))).mode & 0o077, 0, name);
    }
    assert.equal((await stat(stack.auditDirectory)).mode & 0o077, 0);
  });

  it('like every log, holds no token, no secret and no signature', async () => {
    const [bob, robot] = await Promise.all([stack.token('bob'), stack.token('ci-bot')]);
    const needles = [alice, bob, robot].flatMap((token) => [token, ...token.split('.').slice(1)]);
    needles.push(...stack.secrets());
    const entries = await readdir(stack.auditDirectory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const texts = await Promise.all([...files, ...stack.logs()].map((file) => readFile(file, 'utf8')));
    assert.ok(texts.some((text) => text.length > 0));
    for (const text of texts) {
      for (const needle of needles) assert.equal(text.includes(needle), false);
      assert.equal(/X-Amz-Signature|Signature=|SecretAccessKey|eyJ[\w-]{20,}\./.test(text), false);
    }
  });
});
