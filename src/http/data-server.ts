/**
 * The S3 port: an Express application on Node's HTTP/1.1 server, behind the edge. Enters: connections from HAProxy.
 * Leaves: exchanges for the pipeline and, by exact path, for what is served beside S3. It parses nothing of S3, times out
 * idleness and never a whole transfer, and answers what Node itself refuses.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIP, type Socket } from 'node:net';
import express from 'express';
import type { AuditRefusal, AuditSink } from '../contracts/audit-sink.ts';
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { LocalGuard, RequestHead } from '../guard/local-guard.ts';
import { sendError } from '../pipeline/failure.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { errorDocument } from '../s3/xml.ts';
import { createCors, isPreflight, type CorsOptions } from './cors.ts';
import { createExchange } from './exchange.ts';

export interface DataServerOptions {
  readonly pipeline: Pipeline;
  /** What is served beside S3; absent: not here. */
  readonly sts?: Endpoint;
  readonly credentials?: Endpoint;
  readonly whoami?: Endpoint;
  /** Who may speak to it where no edge stands before it; asked first. */
  readonly guard?: LocalGuard;
  /** Absent: browsers let no page of another origin near. */
  readonly cors?: CorsOptions;
  readonly audit: AuditSink;
  /** Takes the edge's request id or makes one. */
  readonly requestId: (header: string | undefined) => string;
  /** Whether this process can serve and record, for the edge's health check. */
  readonly ready: () => boolean;
  /** Called as requests come and go. */
  readonly inFlight: (change: 1 | -1) => void;
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly limits: { readonly headerBytes: number; readonly inFlight: number };
  readonly timeouts: {
    /** A connection without a byte in either direction. */
    readonly idleMs: number;
    readonly requestHeadersMs: number;
    /** Longer than the edge keeps idle connections, or the two race. */
    readonly keepAliveMs: number;
  };
}

export interface DataServer {
  readonly server: Server;
  readonly inFlight: () => number;
}

/** Ours; `-` can never be a bucket. */
const OWN_PREFIX = '/-/';
/** Where the edge asks whether this process takes requests. */
const READY_TARGET = '/-/ready';
/** S3 has nothing at `POST /`, so that one endpoint URL serves S3 and STS. Some SDKs end a path with a slash. */
const STS_TARGETS = new Set(['/', '/-/sts', '/-/sts/']);
const CREDENTIALS_PATH = '/-/credentials';
const WHOAMI_PATH = '/-/whoami';
const GUARDED = { host: 'HostForbidden', page: 'CorsForbidden' } as const;

/** Builds the server; the caller listens. */
export function createDataServer(options: DataServerOptions): DataServer {
  const cors = options.cors === undefined ? undefined : createCors(options.cors);
  let current = 0;
  /** What each connection is busy with; HTTP/1.1 answers one request at a time. */
  const busy = new WeakMap<Socket, { readonly waitsForClient: () => boolean }>();

  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const refusedAs = options.guard?.(headOf(req), req.socket);
    if (refusedAs === undefined && req.url === READY_TARGET && req.method === 'GET') {
      res.writeHead(options.ready() ? 200 : 503, { 'content-length': '0' }).end();
      return;
    }
    const own = req.url?.startsWith(OWN_PREFIX) === true;
    const exchange = createExchange(req, res, {
      requestId: options.requestId(single(req.headers['x-request-id'])),
      clientAddress: clientAddress(req, options.tls !== undefined || req.socket.remoteAddress === undefined),
      expectsContinue: /\b100-continue\b/i.test(req.headers.expect ?? ''),
      ...(cors === undefined || own
        ? {}
        : {
            furtherHeaders: (headers) => cors.answer({ method: '', target: '', rawHeaders: req.rawHeaders }, headers),
          }),
    });
    if (refusedAs !== undefined) {
      refuse(exchange, new GatewayError(GUARDED[refusedAs], 'receive'));
      return;
    }
    if (cors !== undefined && !own && isPreflight(exchange.raw)) {
      answerPreflight(exchange, cors.preflight(exchange.raw));
      return;
    }
    const endpoint = endpointOf(exchange.raw.method, exchange.raw.target);
    if (current >= options.limits.inFlight) {
      refuse(exchange, new GatewayError('SlowDown', 'receive', { detail: 'too many requests in flight' }), endpoint);
      return;
    }
    if (own && endpoint === undefined) {
      refuse(exchange, new GatewayError('NoSuchBucket', 'receive', { detail: 'no path of ours' }));
      return;
    }
    current += 1;
    options.inFlight(1);
    const { socket } = req;
    busy.set(socket, exchange);
    res.once('close', () => busy.delete(socket));
    void (endpoint?.handle ?? options.pipeline)(exchange).finally(() => {
      current -= 1;
      options.inFlight(-1);
    });
  };

  const endpointOf = (method: string, target: string): Endpoint | undefined => {
    if (method === 'POST') return STS_TARGETS.has(target) ? options.sts : undefined;
    if (method !== 'GET') return undefined;
    if (target === WHOAMI_PATH || target.startsWith(`${WHOAMI_PATH}?`)) return options.whoami;
    const isCredentials = target === CREDENTIALS_PATH || target.startsWith(`${CREDENTIALS_PATH}?`);
    return isCredentials ? options.credentials : undefined;
  };

  /** Answers and records what is not admitted. */
  const refuse = (exchange: Exchange, error: GatewayError, endpoint?: Endpoint): void => {
    options.audit.refuse(refusal(error, exchange.requestId, exchange.clientAddress, exchange.raw.method));
    if (endpoint === undefined) sendError(exchange, error);
    else endpoint.refuse(exchange, error);
  };

  const answerPreflight = (exchange: Exchange, headers: Readonly<Record<string, string>> | undefined): void => {
    if (headers === undefined) {
      refuse(exchange, new GatewayError('CorsForbidden', 'receive'));
      return;
    }
    exchange.writeHead(200, { ...headers, 'content-length': '0' });
    exchange.end();
  };

  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(handle);

  // Express routes by a parsed path and would answer what it cannot parse with a page of its own.
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    (app as unknown as (req: IncomingMessage, res: ServerResponse, next: () => void) => void)(req, res, () =>
      handle(req, res),
    );
  };
  const settings = {
    maxHeaderSize: options.limits.headerBytes,
    headersTimeout: options.timeouts.requestHeadersMs,
    requestTimeout: 0,
    keepAliveTimeout: options.timeouts.keepAliveMs,
    noDelay: true,
  };
  const { tls } = options;
  const server: Server =
    tls === undefined
      ? createHttpServer(settings, listener)
      : createHttpsServer(
          {
            ...settings,
            cert: tls.cert,
            key: tls.key,
            ca: tls.clientCa,
            requestCert: true,
            rejectUnauthorized: true,
            minVersion: 'TLSv1.2',
          },
          listener,
        );
  server.setTimeout(options.timeouts.idleMs);
  server.on('timeout', (socket: Socket) => {
    // A client that waits for the store, however long, is not idle; upstream timeouts of their own end that.
    if (busy.get(socket)?.waitsForClient() !== false) socket.destroy();
  });
  server.on('checkContinue', listener);
  // An expectation that nobody knows is no reason to refuse (RFC 9110 section 10.1.1 lets a server ignore it).
  server.on('checkExpectation', listener);
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    // What is no HTTP behind a request under way must not be answered in the middle of that one's answer.
    if (busy.has(socket)) socket.destroy();
    else refuseConnection(error, socket, options);
  });
  return { server, inFlight: () => current };
}

/** Answers a request that Node's parser refused; it has no exchange. */
function refuseConnection(error: Error & { code?: string }, socket: Socket, options: DataServerOptions): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = new GatewayError(error.code === 'HPE_HEADER_OVERFLOW' ? 'HeadersTooLarge' : 'BadRequest', 'receive');
  const { row } = refused;
  const requestId = options.requestId(undefined);
  options.audit.refuse(refusal(refused, requestId, socket.remoteAddress ?? 'edge', ''));
  const body = errorDocument({ code: row.s3Code, message: row.message, resource: '', requestId, fields: {} });
  socket.end(
    `HTTP/1.1 ${row.status} Bad Request\r\nConnection: close\r\nContent-Type: application/xml\r\nx-amz-request-id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function refusal(error: GatewayError, requestId: string, clientAddress: string, method: string): AuditRefusal {
  const time = new Date().toISOString();
  return { entry: 'refusal', time, requestId, clientAddress, method, status: error.row.status, error: error.code };
}

/** Behind the edge (unix socket or mTLS) its X-Forwarded-For counts, which it sets itself; else the socket's address. */
function clientAddress(req: IncomingMessage, behindEdge: boolean): string {
  const { remoteAddress } = req.socket;
  if (!behindEdge && remoteAddress !== undefined) return remoteAddress;
  const forwarded = single(req.headers['x-forwarded-for'])?.split(',').at(-1)?.trim();
  return forwarded !== undefined && isIP(forwarded) !== 0 ? forwarded : 'edge';
}

function headOf({ method = '', url: target = '', rawHeaders }: IncomingMessage): RequestHead {
  return { method, target, rawHeaders };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
