/** What stands around the gateways of a benchmark: a folder with secrets and policies, and one process that is store, STS and issuer. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll, startServer } from './processes.ts';

export interface Environment {
  readonly folder: string;
  /** `http://127.0.0.1:<port>`. */
  readonly storeOrigin: string;
  readonly storePid: number;
  /** Of somebody who may do all that a benchmark does. */
  readonly token: string;
  readonly counters: () => Promise<StoreCounters>;
  /** Ends all processes of the benchmark and removes the folder. */
  readonly close: () => Promise<void>;
}

/** What the store was asked so far. */
export interface StoreCounters {
  readonly stsCalls: number;
  /** Requests to buckets and objects. */
  readonly requests: number;
}

const RULES = ['box', 'plain'].map((bucket) => ({
  ...{ id: bucket, allow: ['GET', 'PUT', 'LIST', 'DELETE'], bucket, everything: true },
}));

/** Makes one. */
export async function createEnvironment(): Promise<Environment> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const close = async (): Promise<void> => {
    await endAll();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(join(folder, 'policies'));
    const subjects = [{ issuer: 'bench', group: 'bench' }];
    await writeFile(
      join(folder, 'policies', 'bench.yaml'),
      JSON.stringify({ id: 'bench', description: 'The benchmark.', subjects, rules: RULES }),
    );
    for (const name of ['seed', 'session-key']) await writeFile(join(folder, name), randomBytes(32), { mode: 0o600 });
    const { origin: storeOrigin, pid: storePid } = await startServer('store.ts');
    const token = await (await fetch(`${storeOrigin}/token`)).text();
    const counters = async (): Promise<StoreCounters> =>
      (await (await fetch(`${storeOrigin}/counters`)).json()) as StoreCounters;
    return { folder, storeOrigin, storePid, token, counters, close };
  } catch (error) {
    await close();
    throw error;
  }
}
