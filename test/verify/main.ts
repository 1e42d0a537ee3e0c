/**
 * `npm run verify:main [-- --store ceph] [--pair current] [--seed N]`: the main job under attack, on a stack of its own. 200 mixed requests
 * through HAProxy with generated identities and hostile keys, the audit against what clients saw, the stored bytes against
 * an independent decryptor, tampered objects, a client that dies, and 20 kill -9 under load. Exits 1 at the first untruth.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { target, type Answer } from '../support/client/client.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import { pairOptions } from '../support/store/pair-options.ts';
import { startStack, type Stack, type StackKind } from '../support/stack/stack.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const requested = await pairOptions(
  `Usage: npm run verify:main -- [options]

The main job under attack and under kill -9, on a stack of its own.

  --store NAME  embedded (the default) or ceph
  --seed N      makes the choices of an earlier run again`,
  { store: { type: 'string', default: 'embedded' }, seed: { type: 'string' } },
);
const kind: StackKind = requested.store === 'ceph' ? 'ceph' : 'embedded';
const seed = Number(requested.seed ?? Math.floor(Math.random() * 2 ** 31));

/** mulberry32: a small generator, so that a seed repeats the run's choices. */
const random = ((state: number) => () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
})(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const pick = <T>(items: readonly T[]): T => {
  const item = items[below(items.length)];
  assert.ok(item !== undefined);
  return item;
};
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

// Every body is made of this, so that any leak of plaintext into the store shows.
const MARKER = randomBytes(16);
const body = (size: number): Buffer => Buffer.alloc(size, MARKER);

interface Seen {
  readonly answer: Answer;
  readonly identity: string | undefined;
}

async function mixedRequests(stack: Stack): Promise<void> {
  const people = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const group = pick(['analytics', 'admins', 'nobodies']);
      const sub = `generated|${index}-${pick(['plain', 'ünï', 'a/b', 'x=y,z'])}`;
      return { sub, group, token: await stack.forge({ sub, groups: [group] }) };
    }),
  );
  const seen: Seen[] = [];
  const one = async (): Promise<void> => {
    const person = pick(people);
    const bucket = random() < 0.8 ? 'reports' : 'artifacts';
    const key = `${random() < 0.8 ? '2026/' : '2025/'}verify/${pick(HOSTILE_KEYS)}`.slice(0, 1000);
    const dice = random();
    const token = dice < 0.05 ? undefined : dice < 0.1 ? 'garbage' : person.token;
    const call =
      dice < 0.45
        ? { method: 'PUT', target: target(bucket, key), body: body(pick([0, 1, 100, 1024, 65_536, 200_000])) }
        : dice < 0.7
          ? { method: 'GET', target: target(bucket, key) }
          : dice < 0.8
            ? { method: 'HEAD', target: target(bucket, key) }
            : dice < 0.85
              ? { method: 'DELETE', target: target(bucket, key) }
              : dice < 0.95
                ? {
                    method: 'GET',
                    target: `/${bucket}?list-type=2&prefix=${pick(['', '2026', '2026/', '2026/verify/'])}`,
                  }
                : { method: 'GET', target: '/' };
    seen.push({
      answer: await stack.client.call({ ...call, token }),
      identity: token === person.token ? person.sub : undefined,
    });
  };
  const before = new Set(
    [...(await stack.auditLines()), ...(await stack.refusals())].map((entry) => entry['requestId']),
  );
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let count = 0; count < 25; count += 1) await one();
    }),
  );
  assert.equal(seen.length, 200);
  const clientIds = new Set(seen.map(({ answer }) => answer.requestId));
  const isNew = (entry: Readonly<Record<string, unknown>>): boolean => !before.has(entry['requestId']);
  const recorded = async () => {
    const lines = (await stack.auditLines()).filter(isNew);
    const refusals = (await stack.refusals()).filter((entry) => isNew(entry) && entry['requestId'] !== undefined);
    return { lines, auditIds: new Set([...lines, ...refusals].map((entry) => String(entry['requestId']))) };
  };
  // Refusals are written in the background.
  for (let attempt = 0; attempt < 100 && (await recorded()).auditIds.size < clientIds.size; attempt += 1)
    await sleep(300);
  const { lines, auditIds } = await recorded();
  assert.equal(clientIds.size, 200, 'request ids are unique');
  assert.deepEqual(
    [...clientIds].toSorted(),
    [...auditIds].toSorted(),
    'the ids that clients saw are the ids on record',
  );
  const byStatus: Record<number, number> = {};
  for (const { answer, identity } of seen) {
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
    const own = lines.filter((entry) => entry['requestId'] === answer.requestId);
    const kinds = own.map((entry) => entry['entry']);
    if (identity === undefined) assert.ok(answer.status === 401 || answer.status === 501, `${answer.status}`);
    if (answer.status < 300) assert.deepEqual(kinds, ['intent', 'outcome'], 'a 2xx has intent and outcome');
    if (answer.status === 403) assert.deepEqual(kinds, ['denial'], 'a denial is one entry');
    if (own[0] !== undefined) assert.equal(own[0]['subject'], identity);
    assert.ok(answer.status < 500 || answer.status === 501, `unexpected ${answer.status}: ${answer.body.toString()}`);
  }
  done(`200 mixed requests: the ids that clients saw are the ids on record; statuses ${JSON.stringify(byStatus)}`);
}

async function denialsNeverReachSts(stack: Stack): Promise<void> {
  // A health probe in progress counts as a call: the lowest of the readings of a second, and then time for a probe to end.
  const readings: number[] = [];
  for (let reading = 0; reading < 10; reading += 1) {
    readings.push(await stack.stsCalls());
    await sleep(100);
  }
  const before = Math.min(...readings);
  for (let index = 0; index < 40; index += 1) {
    const token = await stack.forge({ sub: `denied-${index}`, groups: [pick(['nobodies', 'analytics'])] });
    const answer = await stack.client.call({
      method: pick(['GET', 'DELETE', 'HEAD']),
      target: target('artifacts', pick(HOSTILE_KEYS).slice(0, 500)),
      token,
    });
    assert.equal(answer.status, 403);
  }
  for (let attempt = 0; attempt < 50 && (await stack.stsCalls()) > before; attempt += 1) await sleep(200);
  assert.ok((await stack.stsCalls()) <= before, 'denied callers reached STS');
  done('40 denials of 40 new identities: 0 calls of STS');
}

async function storedBytes(stack: Stack): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-verify-'));
  const bob = await stack.token('bob');
  let checked = 0;
  try {
    const seedFile = stack.seedFile;
    for (const bucket of ['reports', 'artifacts']) {
      for (const key of await stack.raw.list(bucket)) {
        const stored = await stack.raw.get(bucket, key);
        if (stored.envelope === undefined) continue;
        assert.equal(stored.body.includes(MARKER), false, `plaintext in ${bucket}/${key}`);
        if (checked >= 40) continue;
        const read = await stack.client.call({ method: 'GET', target: target(bucket, key), token: bob });
        assert.equal(read.status, 200);
        await writeFile(join(folder, 'stored'), stored.body);
        await run('/usr/bin/python3', [
          join(root, 'tools', 'decrypt.py'),
          ...[`--envelope=${stored.envelope}`, `--bucket-id=${bucket}`, `--key=${key}`, `--seed-file=${seedFile}`],
          ...[`--body=${join(folder, 'stored')}`, `--out=${join(folder, 'plain')}`],
        ]);
        assert.equal(sha256(await readFile(join(folder, 'plain'))), sha256(read.body));
        checked += 1;
      }
    }
    assert.ok(checked > 10);
    done(`no stored object holds plaintext; ${checked} decrypted alike by tools/decrypt.py`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tampered(stack: Stack): Promise<void> {
  const bob = await stack.token('bob');
  const attacks = {
    flipped: (stored: Buffer) => {
      const copy = Buffer.from(stored);
      const at = below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
      return copy;
    },
    cut: (stored: Buffer) => stored.subarray(0, below(stored.length)),
    extended: (stored: Buffer) => Buffer.concat([stored, randomBytes(1 + below(70_000))]),
  };
  let count = 0;
  const refuse = async (bucket: string, key: string): Promise<void> => {
    const answer = await stack.client.call({ method: 'GET', target: target(bucket, key), token: bob });
    assert.ok(answer.status >= 400 || !answer.complete, `a tampered object ended cleanly with ${answer.status}`);
    const entry = (await stack.audit()).find(({ requestId }) => requestId === answer.requestId);
    assert.ok(entry?.result === 'failed' || entry?.result === 'aborted');
    count += 1;
  };
  for (const size of [1, 1000, 65_536, 300_000]) {
    for (const [name, attack] of Object.entries(attacks)) {
      for (let round = 0; round < 4; round += 1) {
        const key = `2026/verify-tampered/${name}-${size}`;
        await stack.client.call({ method: 'PUT', target: target('reports', key), token: bob, body: body(size) });
        const stored = await stack.raw.get('reports', key);
        await stack.raw.put('reports', key, attack(stored.body), stored.envelope);
        await refuse('reports', key);
      }
    }
    const [a, b] = ['2026/verify-tampered/a', '2026/verify-tampered/b'];
    for (const key of [a, b])
      await stack.client.call({ method: 'PUT', target: target('reports', key), token: bob, body: body(size) });
    const [storedA, storedB] = [await stack.raw.get('reports', a), await stack.raw.get('reports', b)];
    await stack.raw.put('reports', a, storedB.body, storedB.envelope);
    await refuse('reports', a);
    await stack.raw.put('reports', a, storedB.body, storedA.envelope);
    await refuse('reports', a);
    await stack.raw.put('artifacts', a, storedA.body, storedA.envelope);
    await refuse('artifacts', a);
  }
  done(`${count} reads of flipped, cut, extended, swapped and moved objects: none ended cleanly, all on record`);
}

async function dyingClient(stack: Stack): Promise<void> {
  const alice = await stack.token('alice');
  const outgoing = request({
    ...stack.client.options({
      method: 'PUT',
      target: '/reports/2026/verify-half',
      token: alice,
      headers: { 'content-length': '50000000' },
    }),
    agent: false,
  });
  outgoing.on('error', () => undefined);
  const recorded = async (isSo: (result: string) => boolean): Promise<void> => {
    for (let attempt = 0; ; attempt += 1) {
      assert.ok(attempt < 100, 'the upload never showed in the audit, or not as aborted');
      if ((await stack.audit()).some(({ key, result }) => key === '2026/verify-half' && isSo(result))) return;
      await sleep(100);
    }
  };
  outgoing.write(body(8_000_000));
  await recorded(() => true);
  await sleep(300);
  outgoing.destroy();
  await recorded((result) => result === 'aborted');
  assert.equal((await stack.raw.get('reports', '2026/verify-half')).status, 404);
  done('a client that died in mid-PUT left no object');
}

async function kills(stack: Stack): Promise<void> {
  const bob = await stack.token('bob');
  const acknowledged: { key: string; sum: string; requestId: string }[] = [];
  let running = true;
  let failures = 0;
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let index = 0; running; index += 1) {
      const key = `2026/verify-kills/${writer}-${index}`;
      const content = randomBytes(pick([10, 5_000, 150_000, 600_000]));
      try {
        const answer = await stack.client.call({
          method: 'PUT',
          target: target('reports', key),
          token: bob,
          body: content,
        });
        if (answer.status === 200) acknowledged.push({ key, sum: sha256(content), requestId: answer.requestId });
        else failures += 1;
      } catch {
        failures += 1;
      }
      if (failures % 7 === 0) await sleep(20);
    }
  });
  for (let kill = 0; kill < 20; kill += 1) {
    // However long the machine takes to come to it: each kill falls among writes that succeed.
    const enough = acknowledged.length + 3;
    for (let attempt = 0; acknowledged.length < enough; attempt += 1) {
      assert.ok(attempt < 1200, 'no writes succeed any more');
      await sleep(50);
    }
    await sleep(below(200));
    await stack.gateway.kill();
    await stack.gateway.start();
  }
  running = false;
  await Promise.all(writers);
  // HAProxy looks once a second whether the gateway is back.
  for (
    let attempt = 0;
    (await stack.client.call({ method: 'GET', target: '/', token: bob })).status === 503;
    attempt += 1
  ) {
    assert.ok(attempt < 100, 'the gateway did not come back');
    await sleep(100);
  }
  const lines = await stack.auditLines();
  const intents = new Set(lines.filter(({ entry }) => entry === 'intent').map(({ requestId }) => requestId));
  const completed = new Set(
    lines
      .filter(({ entry, result }) => entry === 'outcome' && result === 'completed')
      .map(({ requestId }) => requestId),
  );
  for (const { key, sum, requestId } of acknowledged) {
    const read = await stack.client.call({ method: 'GET', target: target('reports', key), token: bob });
    assert.equal(read.status, 200, key);
    assert.equal(sha256(read.body), sum, key);
    assert.ok(intents.has(requestId) && completed.has(requestId), `${requestId} is not whole in the audit`);
  }
  done(
    `20 kill -9 under load: ${acknowledged.length} acknowledged writes, all readable and on record; ${failures} refused or cut`,
  );
}

function done(line: string): void {
  console.log(`ok  ${line}`);
}

console.log(`verify:main on ${kind}, seed ${seed}`);
const stack = await startStack(kind);
try {
  await mixedRequests(stack);
  await denialsNeverReachSts(stack);
  await storedBytes(stack);
  await tampered(stack);
  await dyingClient(stack);
  await kills(stack);
  console.log(`verify:main on ${kind}: all true`);
} finally {
  await stack.stop();
}
