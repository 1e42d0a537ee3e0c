/** Runs mocha on a pair: these files, or those that the command line names, with what else it gives mocha. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { takePair } from './pair-options.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export async function mochaOnPair(
  help: string,
  files: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const given = await takePair(help);
  const named = given.some((one) => one.endsWith('.test.ts'));
  const mocha = spawn('mocha', [...(named ? [] : files), ...given], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  mocha.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
