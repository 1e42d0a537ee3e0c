/**
 * An HTTP server for this machine alone: 127.0.0.1 and ::1. It can be stopped and started again on the same port, for
 * tests that pull cables. Never: a request that the host check of local servers refuses, which is how a web page would reach
 * loopback.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { createHostCheck, type HostCheck, type HostCheckOptions } from '../src/host-check/host-check.ts';

export type LoopbackHandler = (request: IncomingMessage, response: ServerResponse, proceed: () => void) => void;

export interface LoopbackServer {
  readonly port: number;
  readonly start: () => Promise<void>;
  /** Closes the listeners and cuts every connection. */
  readonly stop: () => Promise<void>;
}

const ADDRESSES = ['127.0.0.1', '::1'] as const;

export interface LoopbackServerOptions extends Pick<HostCheckOptions, 'pages' | 'hosts'> {
  readonly port: number;
  /** The port that requests name in Host as well, where some come through a relay. */
  readonly relayPort?: number | undefined;
}

/** Makes a server that is not yet started. `handler` calls `proceed` before it reads a body. */
export function createLoopbackServer(
  { port, relayPort, pages, hosts = [] }: LoopbackServerOptions,
  handler: LoopbackHandler,
): LoopbackServer {
  const hostCheck = createHostCheck({ pages, hosts, ports: relayPort === undefined ? [] : [relayPort] });
  let servers: readonly Server[] = [];
  return {
    port,
    start: async () => {
      if (servers.length > 0) return;
      const started: Server[] = [];
      servers = started;
      for (const address of ADDRESSES) {
        const server = makeServer(hostCheck, handler);
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

const STATUS = { host: 421, page: 403 } as const;

function makeServer(hostCheck: HostCheck, handler: LoopbackHandler): Server {
  const checked = (request: IncomingMessage, response: ServerResponse, proceed: () => void) => {
    const { method = '', url: target = '', rawHeaders, socket } = request;
    const refusal = hostCheck({ method, target, rawHeaders }, socket);
    if (refusal === undefined) handler(request, response, proceed);
    else response.writeHead(STATUS[refusal], { connection: 'close', 'content-length': 0 }).end();
  };
  // Uploads may take hours; idle connections are cut by the caller or by stop().
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 120_000 });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    checked(request, response, () => undefined);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    checked(request, response, () => {
      response.writeContinue();
    });
  });
  return server;
}
