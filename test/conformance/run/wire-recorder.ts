/**
 * A recording relay on the plain side of the edge. Bytes pass as they come, both ways; of each request it keeps what its
 * head says of the body, and how large the aws-chunked chunks in it were. Never: a credential, or a byte of a body.
 */
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Socket } from 'node:net';
import { RequestReader, type SeenRequest } from './request-reader.ts';

export interface WireRecorder {
  /** 0 where it listens on a socket file. */
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  readonly close: () => void;
}

/** Relays what comes in on `listen` to `target`, with everything it sees appended to `seen`. */
export async function startWireRecorder(
  listen: { readonly path: string } | { readonly port: number; readonly host: string },
  target: NetConnectOpts,
  seen: SeenRequest[],
): Promise<WireRecorder> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const gateway = connect({ ...target, allowHalfOpen: true });
    const reader = new RequestReader((request) => seen.push(request));
    // Before the pipe, so that a request is on record when its answer arrives.
    client.on('data', (bytes: Buffer) => reader.read(bytes));
    client.pipe(gateway);
    gateway.pipe(client);
    for (const [one, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    seen,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
