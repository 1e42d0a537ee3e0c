/** Starts the process of a store, waits until it answers, and ends it; it ends with this process, however that ends. */
import { readFile } from 'node:fs/promises';
import { startChild, waitUntil } from '../../../demo/child.ts';

const START_LIMIT_MS = 60_000;
const GRACE_MS = 5000;
const SHOWN = 400;

interface ServerOptions {
  readonly command: readonly [string, ...string[]];
  readonly endpoint: string;
  /** What it prints goes there. */
  readonly logFile: string;
  /** Beside `PATH` and `HOME`. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Resolves when it answers HTTP, whatever it answers. @throws Error with the end of what it printed */
export async function startServer(options: ServerOptions): Promise<{ readonly stop: () => Promise<void> }> {
  const { PATH = '', HOME = '' } = process.env;
  const child = await startChild({
    // The kernel ends it where this process is killed.
    command: ['setpriv', '--pdeathsig', 'KILL', '--', ...options.command],
    environment: { PATH, HOME, ...options.environment },
    logFile: options.logFile,
    ...{ ipc: false, relayLog: false },
  });
  const answers = () =>
    fetch(options.endpoint).then(
      async (answer) => {
        await answer.arrayBuffer();
        return true;
      },
      () => false,
    );
  try {
    await waitUntil(answers, child.ended, START_LIMIT_MS, `${options.command[0]} did not start`);
  } catch (error) {
    await child.kill();
    const said = await readFile(options.logFile, 'utf8').catch(() => '');
    throw new Error(`${String(error)}: ${said.trim().slice(-SHOWN)}`, { cause: error });
  }
  return { stop: () => child.stop(GRACE_MS) };
}
