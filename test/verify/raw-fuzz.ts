/**
 * `npm run verify:fuzz [-- --minutes N]`: N minutes (1; releases: 30) of spoiled HTTP/1.1 at the gateway's own socket, past
 * HAProxy, which would refuse most of it: requests of every class of operation, with and without tokens, mutated in heads,
 * XML and chunks, sent in pieces, cut, or left half open. No process may end, no error may be uncaught, and an ordinary
 * request is served after each round. SALLYPORT_TEST_SEED repeats a run. Exits 1 at the first untruth, with the requests of
 * the round in a file.
 */
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixedSeed } from '../support/chance.ts';
import { numberOption } from '../support/options.ts';
import { createRandom } from '../support/random.ts';
import { startStack } from '../support/stack/stack.ts';
import { assertAlive, prepare, vitalsOf } from '../support/http/survival.ts';
import { mutate } from '../support/http/wire-mutations.ts';
import { wireSamples } from '../support/http/wire-samples.ts';

const minutes = numberOption('minutes', 1);
const seed = fixedSeed ?? Math.floor(Math.random() * 2 ** 31);
const random = createRandom(seed);
const PER_ROUND = 500;
const AT_ONCE = 16;
/** An answer that has not come by then is not waited for. */
const PATIENCE_MS = 1500;
const statuses = new Map<string, number>();

/** Sends it in one of many ways, and reads what comes for a while. */
async function send(path: string, bytes: Buffer): Promise<void> {
  const socket = connect(path);
  let first = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (first === '') first = chunk.subarray(0, 12).toString('latin1');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const pieces = random() < 0.6 ? 1 : 1 + Math.floor(random() * 6);
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    if (pieces > 1) await sleep(random() * 5);
  }
  const dice = random();
  if (dice < 0.25) {
    await sleep(random() * 8);
    socket.destroy();
  } else if (dice < 0.6) socket.end();
  // Most have their answer long before, on a connection that is kept.
  await Promise.race([closed, sleep(dice < 0.9 ? 30 + random() * 100 : PATIENCE_MS)]);
  socket.destroy();
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 'none';
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

process.stdout.write(`seed ${seed}\n`);
const stack = await startStack('embedded');
let round: Buffer[] = [];
let sent = 0;
try {
  await prepare(stack, await stack.token('bob'));
  const before = await vitalsOf(stack);
  let { rssMb } = before;
  for (const endMs = Date.now() + minutes * 60_000; Date.now() < endMs;) {
    const allowed = await stack.token('bob');
    const denied = await stack.forge({ sub: 'nobody', groups: ['nobodies'] });
    const samples = wireSamples({ allowed, denied }).map(({ request }) => request);
    round = Array.from({ length: PER_ROUND }, () => {
      const sample = samples[Math.floor(random() * samples.length)] ?? Buffer.alloc(0);
      return random() < 0.05 ? sample : mutate(sample, samples, random);
    });
    const queue = [...round];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) await send(stack.gatewaySocket, next);
      }),
    );
    sent += round.length;
    ({ rssMb } = await assertAlive(stack, before, allowed));
  }
  const seen = [...statuses].toSorted(([a], [b]) => a.localeCompare(b)).map(([status, count]) => `${status}: ${count}`);
  process.stdout.write(
    `ok  ${sent} spoiled requests in ${minutes} min: the same processes serve; ${Math.round(rssMb)} MB\n`,
  );
  process.stdout.write(`    first answers ${seen.join(', ')}\n`);
} catch (error) {
  const file = join(tmpdir(), `sallyport-fuzz-${seed}.json`);
  await writeFile(file, JSON.stringify({ seed, sent, round: round.map((bytes) => bytes.toString('base64')) }));
  process.stdout.write(`after ${sent} requests; those of the round are in ${file}\n`);
  throw error;
} finally {
  await stack.stop();
}
