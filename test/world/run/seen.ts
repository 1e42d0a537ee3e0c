/**
 * `test/world/seen.json`: what the last run saw of every client, of which docs/clients.md is made; and `hand-runs.json`: what
 * somebody saw of clients that have no lane.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AUTH_METHODS } from '../../conformance/run/cell.ts';
import type { Lane } from './lane.ts';
import type { ClientRun } from './run-program.ts';
import type { Verdict } from './verdict.ts';

const lanesFolder = new URL('../lanes/', import.meta.url);
const seenFile = new URL('../seen.json', import.meta.url);

const trust = z.strictObject({
  variables: z.array(z.string()).readonly().optional(),
  machine: z.literal(true).optional(),
  option: z.string().optional(),
});
const bucket = z.strictObject({
  passed: z.int(),
  /** What does not work, and why. */
  known: z.array(z.strictObject({ step: z.string(), reason: z.string() })),
});
const seenClient = z.strictObject({
  program: z.string(),
  client: z.string(),
  version: z.string().min(1),
  /** A digest of its lane's locks. */
  locks: z.string(),
  date: z.iso.date(),
  login: z.enum(AUTH_METHODS),
  trust,
  given: z.record(z.string(), z.string()),
  encrypted: bucket,
  plain: bucket,
});
export type SeenClient = z.infer<typeof seenClient>;

const handRun = z.strictObject({
  client: z.string(),
  version: z.string().min(1),
  handRun: z.iso.date(),
  login: z.string(),
  ca: z.string(),
  encrypted: z.string(),
  plain: z.string(),
  /** What does not work, and why. */
  lacks: z.string(),
  did: z.string(),
  setUp: z.array(z.string()),
});
export type HandRun = z.infer<typeof handRun>;

/** @throws Error where it is not of the form */
export const readSeen = (): readonly SeenClient[] =>
  z.array(seenClient).parse(JSON.parse(readFileSync(seenFile, 'utf8')));

/** @throws Error where it is not of the form */
export const readHandRuns = (): readonly HandRun[] =>
  z.array(handRun).parse(JSON.parse(readFileSync(new URL('../hand-runs.json', import.meta.url), 'utf8')));

/** Of the files that say which packages a lane wants. */
export function locksDigest({ name, locks }: Lane): string {
  const hash = createHash('sha256');
  for (const lock of locks) hash.update(readFileSync(fileURLToPath(new URL(`${name}/${lock}`, lanesFolder))));
  return hash.digest('hex').slice(0, 16);
}

/** Keeps what these programs did in both buckets; what others did, or one of which something failed, stays. */
export async function keepSeen(
  lanes: readonly Lane[],
  runs: readonly ClientRun[],
  { known, failed }: Pick<Verdict, 'known' | 'failed'>,
): Promise<void> {
  const before = readSeen();
  const now = lanes.flatMap((lane) =>
    lane.programs.flatMap(({ name, client, login, trust: reported }): SeenClient[] => {
      const program = `${lane.name}/${name}`;
      const here = runs.filter((run) => `${run.lane}/${run.program}` === program);
      const [first] = here;
      if (
        client === undefined ||
        login === 'its own' ||
        first === undefined ||
        failed.some((one) => one.program === program)
      )
        return [];
      const of = (kind: ClientRun['bucket']): SeenClient['plain'] => ({
        passed: here.find((run) => run.bucket === kind)?.steps.filter(({ ok }) => ok).length ?? 0,
        known: known
          .filter((one) => one.program === program && one.bucket === kind)
          .map(({ step, reason }) => ({ step, reason })),
      });
      const date = new Date().toISOString().slice(0, 10);
      const { version, given } = first;
      const manners = { client, login, trust: reported ?? {} };
      const locks = locksDigest(lane);
      return [{ program, version, locks, date, ...manners, given, encrypted: of('encrypted'), plain: of('plain') }];
    }),
  );
  const ran = new Set(now.map(({ program }) => program));
  const clients = [...before.filter(({ program }) => !ran.has(program)), ...now].toSorted((one, other) =>
    one.program.localeCompare(other.program),
  );
  await writeFile(seenFile, `${JSON.stringify(clients, undefined, 1)}\n`);
}
