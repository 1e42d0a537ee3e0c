/** A real Redis on a free port of loopback, in a folder of its own: it can be stopped, killed and started again. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../demo/free-port.ts';

export interface Redis {
  readonly port: number;
  readonly start: () => Promise<void>;
  /** kill -9 */
  readonly kill: () => Promise<void>;
  /** Forgets everything, as one without persistence does at its end. Only while it is down. */
  readonly forget: () => Promise<void>;
  /** Runs one command; resolves what Redis answered, as it came. */
  readonly command: (...parts: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** Starts one. `more`: further options of its command line, such as `--requirepass`. */
export async function startRedis(more: readonly string[] = []): Promise<Redis> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const files = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...files, ...more], {
      stdio: 'ignore',
    });
    for (let attempt = 0; !(await answers(port)); attempt += 1) {
      if (attempt > 200) throw new Error('redis-server did not start');
      await sleep(25);
    }
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    ending.kill('SIGKILL');
    await once(ending, 'exit');
  };
  await start();
  return {
    port,
    start,
    kill,
    forget: () => rm(join(folder, 'appendonlydir'), { recursive: true, force: true }),
    command: (...parts) => command(port, parts),
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function command(port: number, parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}
