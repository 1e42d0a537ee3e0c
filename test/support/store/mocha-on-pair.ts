/** Runs mocha on a pair: these files, or those that the command line names, with what else it gives mocha. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startCeph } from './ceph.ts';
import { takePair } from './pair-options.ts';
import type { Pair } from './pair.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface PairedTests {
  /** Patterns of files, and of those among them that are left out. */
  readonly files: readonly string[];
  readonly leftOut?: (pair: Pair) => readonly string[];
  /** Whether the suites meet one Ceph, which runs until they have ended, and not the embedded store. */
  readonly onCeph?: boolean;
}

export async function mochaOnPair(help: string, { files, leftOut, onCeph = false }: PairedTests): Promise<void> {
  const { pair, args } = await takePair(help);
  const ceph = onCeph ? await startCeph() : undefined;
  const named = args.some((one) => one.endsWith('.test.ts'));
  const chosen = named ? [] : [...files, ...(leftOut?.(pair) ?? []).flatMap((pattern) => ['--ignore', pattern])];
  const mocha = spawn('mocha', [...chosen, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(onCeph ? { SALLYPORT_TEST_STORE: 'ceph' } : {}) },
  });
  const [code] = (await once(mocha, 'exit')) as [number | null];
  await ceph?.stop();
  process.exitCode = code ?? 1;
}
