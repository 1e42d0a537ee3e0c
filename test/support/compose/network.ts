/**
 * A network of its own for programs that stand for containers: a network namespace for each, joined by a bridge, with the names of all in
 * the hosts file of each. Nothing of it reaches the machine's own network. Needs root, and a sandbox that has namespaces.
 */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

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

export const hasNamespaces =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-n', '-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && ip link add v0 type veth peer name v1'])
    .status === 0;

/** Makes a network of these names, and one more that is the caller's. */
export async function createNetwork(folder: string, names: readonly string[]): Promise<Network> {
  const prefix = `sallyport-${process.pid}`;
  const hub = `${prefix}-hub`;
  const members = [...names, 'caller'];
  const address = (index: number) => `10.213.0.${index + 10}`;
  const hosts = join(folder, 'hosts');
  await writeFile(
    hosts,
    ['127.0.0.1 localhost', ...members.map((name, index) => `${address(index)} ${name}`), ''].join('\n'),
  );
  const ip = (...args: readonly string[]) => run('ip', args);
  await ip('netns', 'add', hub);
  await ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
  await ip('-n', hub, 'link', 'set', 'bridge', 'up');
  for (const [index, name] of members.entries()) {
    const own = `${prefix}-${name}`;
    await ip('netns', 'add', own);
    await ip('-n', hub, 'link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', own);
    await ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'bridge', 'up');
    await ip('-n', own, 'address', 'add', `${address(index)}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) await ip('-n', own, 'link', 'set', device, 'up');
  }
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
      const child = spawn('ip', ['netns', 'exec', `${prefix}-${name}`, 'sh', '-euc', script, CONTAINER, ...args], {
        stdio: ['ignore', log, log],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SALLYPORT_TEST_HOSTS: hosts },
      });
      closeSync(log);
      children.set(name, child);
    },
    stop,
    run: async (program, ...args) => {
      const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
      const inside = ['unshare', '-m', '--propagation', 'private', 'sh', '-euc', script, hosts, program, ...args];
      return (await run('ip', ['netns', 'exec', `${prefix}-caller`, ...inside])).stdout;
    },
    close: async () => {
      await Promise.all([...children.keys()].map(stop));
      for (const name of [...members, 'hub']) await ip('netns', 'delete', `${prefix}-${name}`);
    },
  };
}
