/** Runs mocha on a pair: these files, or those that the command line names, with what else it gives mocha. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { takePair } from './pair-options.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export async function mochaOnPair(
  help: string,
  files: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const args = await takePair(help);
  const named = args.some((one) => one.endsWith('.test.ts'));
  const mocha = spawn('mocha', [...(named ? [] : files), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  mocha.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
