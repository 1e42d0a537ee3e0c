/** What a reload of 1,000 rules over 200 policies takes until every worker uses it, and how slow requests are meanwhile. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Bench } from '../bench.ts';
import type { Gateway } from '../gateway.ts';
import { end } from '../processes.ts';
import { get } from '../target.ts';

const POLICIES = 200;
const RULES_EACH = 5;
const PAUSE_MS = 5;
const RELOAD_MS = 1000;
const SLOWEST_MS = 50;
const GIVEN_UP_MS = 60_000;

/** Shows it, by SIGHUP after one file was changed. */
export async function showReload({ environment, rounds, report, startOwn }: Bench): Promise<void> {
  const directory = join(environment.folder, 'policies-reload');
  await mkdir(directory);
  await cp(join(environment.folder, 'policies'), directory, { recursive: true });
  for (let policy = 0; policy < POLICIES; policy += 1) await writePolicy(directory, policy, 'Of the benchmark.');
  const own = await startOwn('reload', { config: { policies: { directory } } });
  const found: Reload[] = [];
  for (let round = 0; round < rounds; round += 1) {
    found.push(await reload(own, () => writePolicy(directory, 7, `Changed for the ${round + 1}. time.`)));
  }
  await end(own.primary);
  const show = (what: string, bound: number, of: (one: Reload) => number) =>
    report.show({ what, unit: 'ms', digits: 0, goals: [{ bound }] }, new Map([[own, found.map(of)]]));
  show('reload of 1,000 rules of 200 policies', RELOAD_MS, ({ tookMs }) => tookMs);
  show('slowest small GET during the reload', SLOWEST_MS, ({ slowestMs }) => slowestMs);
  show('slowest small GET for as long before it', SLOWEST_MS, ({ slowestBeforeMs }) => slowestBeforeMs);
}

interface Reload {
  readonly tookMs: number;
  readonly slowestMs: number;
  readonly slowestBeforeMs: number;
}

async function reload(own: Gateway, change: () => Promise<void>): Promise<Reload> {
  const pool = new Pool(own.origin);
  const slowestWhile = async (isOver: () => boolean): Promise<number> => {
    let slowestMs = 0;
    while (!isOver()) {
      const started = performance.now();
      await get(pool, own, '/box/keep/small');
      slowestMs = Math.max(slowestMs, performance.now() - started);
      await wait(PAUSE_MS);
    }
    return slowestMs;
  };
  await get(pool, own, '/box/keep/small');
  const before = performance.now();
  const slowestBeforeMs = await slowestWhile(() => performance.now() - before > RELOAD_MS);
  const old = await versionOf(pool, own);
  // Not before: the gateway looks at the directory every second, and would have taken the change already.
  await change();
  const started = performance.now();
  own.primary.kill('SIGHUP');
  let isInForce = false;
  const slowest = slowestWhile(() => isInForce);
  // Told below, unless the reload fails: what fails after that only follows from it.
  slowest.catch(() => undefined);
  while ((await versionOf(pool, own)) === old) {
    if (performance.now() - started > GIVEN_UP_MS) throw new Error('the policies were not taken');
    await wait(PAUSE_MS);
  }
  const tookMs = performance.now() - started;
  isInForce = true;
  const slowestMs = await slowest;
  await pool.close();
  return { tookMs, slowestMs, slowestBeforeMs };
}

async function versionOf(pool: Pool, { headers }: Gateway): Promise<string> {
  const answer = await pool.request({ method: 'GET', path: '/-/whoami', headers });
  return ((await answer.body.json()) as { readonly policyVersion: string }).policyVersion;
}

async function writePolicy(directory: string, policy: number, description: string): Promise<void> {
  const rules = Array.from({ length: RULES_EACH }, (_, rule) => {
    const prefix = rule === 2 ? `p${policy}/\${sub}/` : `p${policy}/r${rule}/`;
    const effect = rule === 4 ? 'deny' : 'allow';
    return `  - { id: r${rule}, ${effect}: [GET, PUT, LIST], bucket: ${rule % 2 === 0 ? 'box' : 'plain'}, prefix: '${prefix}' }\n`;
  });
  const head = `id: p${policy}\ndescription: ${description}\nsubjects: [{ issuer: bench, group: g${policy} }]\nrules:\n`;
  await writeFile(join(directory, `p${policy}.yaml`), head + rules.join(''));
}
