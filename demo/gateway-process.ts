/**
 * The gateway as a child process that can be stopped, killed and started again, and that ends when its parent does.
 */
import { readFile, stat } from 'node:fs/promises';
import { startChild, waitUntil, type Child } from './child.ts';
import type { Environment } from './programs.ts';

export interface GatewayProcessOptions {
  /** Starts the gateway on its configuration file. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  readonly adminPort: number;
  readonly logFile: string;
}

export interface GatewayProcess {
  /** 0 while it does not run. */
  readonly pid: () => number;
  /** Resolves when the gateway says that it is ready. @throws Error with the gateway's own last words */
  readonly start: () => Promise<void>;
  /** Lets requests in flight finish. */
  readonly stop: () => Promise<void>;
  /** kill -9 */
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** Calls back when it ends without having been stopped or killed by this handle. */
  readonly onUnexpectedEnd: (handler: () => void) => void;
}

const START_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

export function createGatewayProcess(options: GatewayProcessOptions): GatewayProcess {
  let child: Child | undefined;
  let unexpectedEnd: () => void = () => undefined;

  const start = async (): Promise<void> => {
    if (child !== undefined) return;
    const logged = await sizeOf(options.logFile);
    const started = await startChild({
      ...options,
      environment: withoutOurs(options.environment),
      ipc: true,
      relayLog: false,
    });
    child = started;
    void started.end.then(() => {
      if (child !== started) return;
      child = undefined;
      unexpectedEnd();
    });
    try {
      await waitUntil(() => isReady(options.adminPort), started.ended, START_LIMIT_MS, 'the gateway did not get ready');
    } catch {
      child = undefined;
      await started.kill();
      const said = (await readFile(options.logFile)).subarray(logged).toString('utf8').trim();
      throw new Error(`the gateway did not start; ${options.logFile} says:\n${said === '' ? '(nothing)' : said}`);
    }
  };
  /** Takes the child out first, so that its end is not unexpected. */
  const end = async (how: (child: Child) => Promise<void>): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending !== undefined) await how(ending);
  };
  const stop = () => end((ending) => ending.stop(STOP_GRACE_MS));
  return {
    pid: () => child?.pid ?? 0,
    start,
    stop,
    kill: () => end((ending) => ending.kill()),
    restart: async () => {
      await stop();
      await start();
    },
    onUnexpectedEnd: (handler) => {
      unexpectedEnd = handler;
    },
  };
}

/** What a person has set for other work must not change the demo. */
function withoutOurs(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(AWS|SALLYPORT)_/.test(name)));
}

async function isReady(adminPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`, { signal: AbortSignal.timeout(1000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
