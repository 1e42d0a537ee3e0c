/**
 * Ports of loopback: finds one that nobody has, or finds out that a wanted one is taken.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A wanted port that another process has. */
export class PortInUse extends Error {
  readonly port: number;

  constructor(port: number) {
    super(`port ${port} is taken`);
    this.name = 'PortInUse';
    this.port = port;
  }
}

/** Below the ports that systems give to outgoing connections, so that none of those takes one before it is listened on. */
const FIRST = 10_240;
const LAST = 32_767;

/**
 * Finds a TCP port that is free on 127.0.0.1 and ::1 now, and that no other process which asks here gets while this one
 * lives: it holds the UDP port of the same number, which nobody else uses.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (!(await reserve(port))) continue;
    if ((await tryListen(port, '127.0.0.1')) !== undefined && (await tryListen(port, '::1')) !== undefined) return port;
  }
}

/** Whether this process holds it now. */
async function reserve(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(socket, 'listening');
    socket.unref();
    return true;
  } catch (error) {
    socket.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}

/** @throws PortInUse */
export async function demandFreePort(port: number): Promise<void> {
  for (const address of ['127.0.0.1', '::1'])
    if ((await tryListen(port, address)) === undefined) throw new PortInUse(port);
}

/** The port that could be listened on; `undefined` when it is taken. */
async function tryListen(port: number, address: string): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, address);
    await once(server, 'listening');
    const bound = server.address();
    server.close();
    await once(server, 'close');
    return typeof bound === 'object' && bound !== null ? bound.port : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return undefined;
    // Without IPv6 there is no ::1 that anybody could hold.
    if (code === 'EADDRNOTAVAIL' && address === '::1') return port;
    throw error;
  }
}
