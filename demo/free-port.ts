/**
 * Ports of loopback: finds one that nobody has, or finds out that a wanted one is taken.
 */
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

/** Finds a TCP port that is free on 127.0.0.1 and ::1 now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await tryListen(0, '127.0.0.1');
    if (port !== undefined && (await tryListen(port, '::1')) !== undefined) return port;
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
