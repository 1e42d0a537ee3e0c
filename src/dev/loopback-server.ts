/**
 * An HTTP server for this machine alone: 127.0.0.1 and ::1. It can be stopped and started again on the same port, for
 * tests that pull cables. Never: a request whose Host is not a loopback name with our port, which is how a web page
 * reaches loopback by DNS rebinding.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';

export type LoopbackHandler = (request: IncomingMessage, response: ServerResponse, proceed: () => void) => void;

export interface LoopbackServer {
  readonly port: number;
  readonly start: () => Promise<void>;
  /** Closes the listeners and cuts every connection. */
  readonly stop: () => Promise<void>;
}

const ADDRESSES = ['127.0.0.1', '::1'] as const;

/**
 * Makes a server that is not yet started. `handler` calls `proceed` before it reads a body. `relayPort`: the port
 * that requests name in Host as well, where some come through a relay.
 */
export function createLoopbackServer(port: number, handler: LoopbackHandler, relayPort = port): LoopbackServer {
  let servers: readonly Server[] = [];
  return {
    port,
    start: async () => {
      if (servers.length > 0) return;
      const started: Server[] = [];
      servers = started;
      for (const address of ADDRESSES) {
        const server = makeServer([port, relayPort], handler);
        try {
          server.listen(port, address);
          await once(server, 'listening');
          started.push(server);
        } catch (error) {
          // A machine without IPv6 has no ::1; that is fine as long as 127.0.0.1 answers.
          if (address === '::1' && (error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') continue;
          throw error;
        }
      }
    },
    stop: async () => {
      const stopping = servers;
      servers = [];
      await Promise.all(
        stopping.map(async (server) => {
          server.close();
          server.closeAllConnections();
          await once(server, 'close');
        }),
      );
    },
  };
}

/** Whether a Host header names this machine, with or without one of our ports. */
function isLoopbackHost(host: string | undefined, ports: readonly number[]): boolean {
  const match = /^(localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?$/.exec(host ?? '');
  return match !== null && (match[2] === undefined || ports.map(String).includes(match[2]));
}

function makeServer(ports: readonly number[], handler: LoopbackHandler): Server {
  const guarded = (request: IncomingMessage, response: ServerResponse, proceed: () => void) => {
    if (isLoopbackHost(request.headers.host, ports)) handler(request, response, proceed);
    else response.writeHead(421, { connection: 'close', 'content-length': 0 }).end();
  };
  // Uploads may take hours; idle connections are cut by the caller or by stop().
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 120_000 });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    guarded(request, response, () => undefined);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    guarded(request, response, () => {
      response.writeContinue();
    });
  });
  return server;
}
