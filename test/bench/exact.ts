/** What a small request costs in figures that do not depend on what else the machine does: heap and promises. */
import { readFile, rm } from 'node:fs/promises';
import type { PromiseCount } from './count-promises.ts';
import type { Gateway, GatewaySettings } from './gateway.ts';
import { median, run, type Load } from './measure.ts';

/** A young generation (MiB) that takes all that is allocated while it is counted. */
const YOUNG_MIB = 256;
const COUNT_WITHIN_MS = 30_000;
const CONNECTIONS = 8;

/** The flags of Node with which a gateway collects no garbage while `allocatedBytes` counts. */
export const WITHOUT_COLLECTIONS = [
  `--min-semi-space-size=${YOUNG_MIB}`,
  `--max-semi-space-size=${YOUNG_MIB}`,
] as const;

/** Heap bytes that a warm gateway allocates per unit of a load: the median of so many rounds. @throws Error where there is none */
export async function allocatedBytes(gateway: Gateway, units: number, load: Load, rounds: number): Promise<number> {
  const found: number[] = [];
  // Where garbage was collected after all, there is less than before, and nothing is known.
  for (let round = 0; round < 3 * rounds && found.length < rounds; round += 1) {
    const before = await heapBytes(gateway);
    await run(gateway, load, CONNECTIONS);
    const after = await heapBytes(gateway);
    if (after > before) found.push((after - before) / units);
  }
  if (found.length === 0) throw new Error(`${gateway.name}: garbage was collected in each round`);
  return median(found);
}

async function heapBytes({ adminOrigin }: Gateway): Promise<number> {
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text();
  const found = [...metrics.matchAll(/^nodejs_heap_size_used_bytes(?:\{[^}]*\})? (\d+)/gm)];
  return found.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** How a gateway starts whose promises `countedPromises` counts, by way of this file. */
export function withPromisesCounted(file: string): Pick<GatewaySettings, 'flags' | 'env'> {
  const hook = new URL('count-promises.ts', import.meta.url).href;
  return { flags: ['--import', hook], env: { BENCH_PROMISES: file } };
}

/** Promises per unit of a load, which is best of one request after the other: then the number is the same each time. */
export async function countedPromises(
  gateway: Gateway,
  file: string,
  units: number,
  load: Load,
): Promise<PromiseCount> {
  await rm(file, { force: true });
  process.kill(gateway.pid, 'SIGUSR2');
  // A signal is handled in a turn of the loop, and the worker answers this in a later one.
  await heapBytes(gateway);
  await run(gateway, load, 1);
  process.kill(gateway.pid, 'SIGUSR2');
  const { all, ours } = JSON.parse(await written(file)) as PromiseCount;
  return { all: all / units, ours: ours / units };
}

async function written(file: string): Promise<string> {
  for (const started = performance.now(); ;) {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      if (performance.now() - started > COUNT_WITHIN_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
