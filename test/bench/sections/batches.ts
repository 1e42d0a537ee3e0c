/** What requests cost that are neither small nor large: 1,000 keys that are listed or deleted, and a part of 8 MiB. */
import { createHash } from 'node:crypto';
import type { Bench } from '../bench.ts';
import { each, inTurns, measure, run, type Load } from '../measure.ts';
import { beginUpload, get, parallel, post, put, type Target } from '../target.ts';

const KEYS = 1000;
const PART_BYTES = 8 * 1024 ** 2;
const AT_ONCE = 2;

const deletion = Buffer.from(
  `<Delete>${Array.from({ length: KEYS }, (_, index) => `<Object><Key>discard/${index}</Key></Object>`).join('')}</Delete>`,
);
const md5 = createHash('md5').update(deletion).digest('base64');

/** Shows it. */
export async function showBatches({ rounds, sizes, targets, report }: Bench): Promise<void> {
  const { batches } = sizes;
  const times = (one: Load): Load => {
    return (pool, target) => parallel(AT_ONCE, batches, () => one(pool, target));
  };
  // The id of an upload is its gateway's.
  const parts = new Map<Target, string>();
  for (const target of targets)
    await run(target, async (pool) => parts.set(target, await beginUpload(pool, target, '/box/discard/upload')));
  const loads: readonly (readonly [string, Load])[] = [
    [`listing of ${KEYS} keys, encrypted`, (pool, target) => get(pool, target, `/box?list-type=2&max-keys=${KEYS}`)],
    [
      `DeleteObjects of ${KEYS} keys`,
      (pool, target) => post(pool, target, '/box?delete', deletion, { 'content-md5': md5 }),
    ],
    [
      `PUT of a part of ${PART_BYTES / 2 ** 20} MiB`,
      (pool, target) => put(pool, target, parts.get(target) ?? '', PART_BYTES),
    ],
  ];
  for (const [what, load] of loads) {
    for (const target of targets) await run(target, load);
    const found = await inTurns(rounds, targets, (target) => measure(target, batches, times(load)));
    report.show(
      { what, unit: 'ms CPU/request', digits: 1, scale: 1e3 },
      each(found, ({ cpu }) => cpu),
    );
  }
}
