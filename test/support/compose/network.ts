/**
 * A network of its own for programs that stand for containers: a host for each, with the names of all in the hosts file of each.
 * Nothing of it reaches the machine's own network.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createHosts } from '../hosts/hosts.ts';

const run = promisify(execFile);
const CONTAINER = join(import.meta.dirname, 'container.sh');

export interface Container {
  /** `uid:gid`, by number. */
  readonly user: string;
  readonly folder: string;
  readonly readOnly: boolean;
  /** `source:target` or `source:target:ro`; the source `tmpfs` is an empty one. */
  readonly mounts: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

export interface Network {
  /** Where the output of each is: `<name>.log`. */
  readonly folder: string;
  readonly start: (name: string, container: Container) => void;
  /** SIGTERM, and its end. */
  readonly stop: (name: string) => Promise<void>;
  /** Runs a program of the machine as one more member of the network; resolves its output. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Makes a network of these names, and one more that is the caller's. */
export async function createNetwork(folder: string, names: readonly string[]): Promise<Network> {
  const members = [...names, 'caller'];
  const { addressOf, on, close } = await createHosts(members, false);
  const hosts = join(folder, 'hosts');
  const lines = ['127.0.0.1 localhost', ...members.map((name) => `${addressOf(name)} ${name}`), ''];
  await writeFile(hosts, lines.join('\n'));
  const children = new Map<string, ChildProcess>();
  const stop = async (name: string): Promise<void> => {
    const child = children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await once(child, 'close');
    clearTimeout(hard);
  };
  await mkdir(join(folder, 'roots'));
  return {
    folder,
    start: (name, { user, folder: cwd, readOnly, mounts, environment, command }) => {
      const root = join(folder, 'roots', name);
      const log = openSync(join(folder, `${name}.log`), 'a');
      const variables = Object.entries(environment).map(([variable, value]) => `${variable}=${value}`);
      const args = [root, user, cwd, String(readOnly), mounts.join(' '), ...variables, ...command];
      const script = `mkdir -p "$1" && exec unshare -m --propagation private "$0" "$@"`;
      const [ip, ...inside] = on(name);
      const child = spawn(ip, [...inside, 'sh', '-euc', script, CONTAINER, ...args], {
        stdio: ['ignore', log, log],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SALLYPORT_TEST_HOSTS: hosts },
      });
      closeSync(log);
      children.set(name, child);
    },
    stop,
    run: async (program, ...args) => {
      const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
      const [ip, ...inside] = on('caller');
      const named = ['unshare', '-m', '--propagation', 'private', 'sh', '-euc', script, hosts, program, ...args];
      return (await run(ip, [...inside, ...named])).stdout;
    },
    close: async () => {
      await Promise.all([...children.keys()].map(stop));
      await close();
    },
  };
}
