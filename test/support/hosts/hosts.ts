/**
 * Hosts with addresses of their own on one machine: a network namespace for each, joined by a bridge. Needs root, and a sandbox that
 * has namespaces.
 */
import { execFile, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Hosts {
  readonly addressOf: (name: string) => string;
  /** What stands before a command that runs there. */
  readonly on: (name: string) => readonly [string, ...string[]];
  /** What listens on these ports of this machine's loopback is found on that of the host as well. */
  readonly lendLoopback: (name: string, ports: readonly number[]) => Promise<void>;
  /** To be called when nothing runs there any more. */
  readonly close: () => Promise<void>;
}

export const hasNamespaces =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-n', '-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && ip link add v0 type veth peer name v1'])
    .status === 0;

/** Subnets of processes that do this at once. */
const SUBNETS = 250;
const FIRST_ADDRESS = 10;

/** Makes hosts of these names. `reachable`: whether this machine gets an address among them, too. */
export async function createHosts(names: readonly string[], reachable: boolean): Promise<Hosts> {
  const prefix = `sallyport-${process.pid}`;
  const hub = `${prefix}-hub`;
  const subnet = `10.213.${process.pid % SUBNETS}`;
  const namespaceOf = (name: string): string => `${prefix}-${name}`;
  const addressOf = (name: string): string => `${subnet}.${FIRST_ADDRESS + names.indexOf(name)}`;
  const ip = (...args: readonly string[]) => run('ip', args);
  await ip('netns', 'add', hub);
  await ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
  await ip('-n', hub, 'link', 'set', 'bridge', 'up');
  for (const [index, name] of names.entries()) {
    const own = namespaceOf(name);
    await ip('netns', 'add', own);
    await ip('-n', hub, 'link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', own);
    await ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'bridge', 'up');
    await ip('-n', own, 'address', 'add', `${addressOf(name)}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) await ip('-n', own, 'link', 'set', device, 'up');
  }
  if (reachable) {
    // It goes with the bridge.
    const device = `sp${process.pid}`;
    await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'machine', 'netns', hub);
    await ip('-n', hub, 'link', 'set', 'machine', 'master', 'bridge', 'up');
    await ip('address', 'add', `${subnet}.1/24`, 'dev', device);
    await ip('link', 'set', device, 'up');
  }
  const lent: Server[] = [];
  const on = (name: string) => ['ip', 'netns', 'exec', namespaceOf(name)] as const;
  return {
    addressOf,
    on,
    lendLoopback: async (name, ports) => {
      const [program, ...args] = on(name);
      const lender = fork(join(import.meta.dirname, 'lend-loopback.ts'), ports.map(String), {
        execPath: program,
        execArgv: [...args, process.execPath],
      });
      for (const port of ports) {
        // A socket stays in the namespace in which it was made, whoever accepts its connections.
        const [, server] = (await once(lender, 'message')) as [unknown, Server];
        server.on('connection', (socket) => relay(socket, connect(port, '127.0.0.1')));
        lent.push(server);
      }
    },
    close: async () => {
      for (const server of lent) server.close();
      for (const name of names) await ip('netns', 'delete', namespaceOf(name));
      await ip('netns', 'delete', hub);
    },
  };
}

function relay(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.setNoDelay(true).pipe(to);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
  }
}
