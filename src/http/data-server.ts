/**
 * The S3 port: Node's HTTP/1.1 server, behind the edge; no router stands before the pipeline. Enters: connections from HAProxy.
 * Leaves: exchanges for the pipeline and, by exact path, for what is served beside S3. It parses nothing of S3, times out
 * idleness and never a whole transfer, and answers what Node itself refuses.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContextOptions } from 'node:tls';
import type { AuditRefusal, AuditSink } from '../contracts/audit-sink.ts';
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import type { RequestContext, RequestScope } from '../contracts/tracing.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { HostCheck, RequestHead } from '../host-check/host-check.ts';
import { sendError } from '../pipeline/failure.ts';
import { derived } from '../platform/derived.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Scheme } from '../s3/request/request.ts';
import { errorDocument } from '../s3/documents/xml.ts';
import { createCors, isPreflight, type CorsOptions } from './cors.ts';
import { chargedTo, createEdgeReader } from './edge.ts';
import { HttpExchange } from './exchange.ts';
import { closeNoneThatSends } from './idle-connections.ts';
import { createLingering } from './linger.ts';
import { createTurns } from '../platform/turns.ts';
import { isStsCall } from './sts-target.ts';

export interface DataServerOptions {
  readonly pipeline: Pipeline;
  /** What is served beside S3; absent: not here. */
  readonly sts?: Endpoint;
  readonly credentials?: Endpoint;
  readonly whoami?: Endpoint;
  readonly canI?: Endpoint;
  /** Who may speak to it where no edge stands before it; asked first. */
  readonly hostCheck?: HostCheck;
  /** Absent: browsers let no page of another origin near. */
  readonly cors?: CorsOptions;
  readonly audit: AuditSink;
  /** Makes the id of a request. */
  readonly requestId: () => string;
  /** What an edge shows to be believed about clients; absent: none is. */
  readonly edgeSecret?: () => string | undefined;
  /** Whether connections end with their next answer; default: no. */
  readonly isDraining?: () => boolean;
  /** Called for each request that came past it. */
  readonly withoutEdge?: () => void;
  /** Whether this process can serve and record, for the edge's health check. */
  readonly ready: () => boolean;
  /** Told of what nobody caught. */
  readonly uncaught: (error: unknown, requestId?: string) => void;
  /** Told of requests, so that what one throws later, out of a timer, is known by its id, and for traces. */
  readonly requests: RequestScope;
  /** Told of each request that is refused before anything looks at it. */
  readonly turnedAway: (method: string, code: ErrorCode, status: number) => void;
  /** Called as requests come and go. */
  readonly inFlight: (change: 1 | -1) => void;
  readonly tls?: ServerTls;
  readonly limits: { readonly headerBytes: number; readonly inFlight: number };
  readonly timeouts: {
    /** A connection without a byte in either direction. */
    readonly idleMs: number;
    readonly requestHeadersMs: number;
    /** Longer than the edge keeps idle connections, or the two race. */
    readonly keepAliveMs: number;
  };
}

/** PEM texts of mutual TLS. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

export interface DataServer {
  readonly server: Server;
  /** Serves new connections by these certificates; those that there are go on. */
  readonly useTls: (tls: ServerTls) => void;
  readonly inFlight: () => number;
}

/** Ours; `-` can never be a bucket. */
const OWN_PREFIX = '/-/';
/** Where the edge asks whether this process takes requests. */
const READY_TARGET = '/-/ready';
const CREDENTIALS_PATH = '/-/credentials';
const WHOAMI_PATH = '/-/whoami';
const CAN_I_PATH = '/-/can-i';
const REFUSALS = { host: 'HostForbidden', page: 'CorsForbidden' } as const;

/** Builds the server; the caller listens. */
export function createDataServer(options: DataServerOptions): DataServer {
  const cors = options.cors === undefined ? undefined : createCors(options.cors);
  const lingering = createLingering();
  const { edgeSecret = () => undefined } = options;
  const edgeReader = derived(edgeSecret, createEdgeReader);
  const turns = createTurns();
  const { requests } = options;
  let current = 0;
  /** What each connection is busy with; HTTP/1.1 answers one request at a time. */
  const busy = new WeakMap<Socket, { readonly waitsForClient: () => boolean }>();

  /** Never throws: no request may end the process that others are served by. */
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const requestId = options.requestId();
    try {
      const traced = req.url === READY_TARGET ? undefined : req.headers;
      const context = requests.begin(requestId, req.method ?? '', traced);
      requests.within(context, () => admit(req, res, context));
    } catch (error) {
      res.destroy();
      options.uncaught(error, requestId);
    }
  };

  const admit = (req: IncomingMessage, res: ServerResponse, context: RequestContext): void => {
    // Said while requests are still taken: a connection that is closed later could be about to bring the next one.
    if (options.isDraining?.() === true) res.shouldKeepAlive = false;
    const refusedAs = options.hostCheck?.(headOf(req), req.socket);
    if (refusedAs === undefined && req.url === READY_TARGET && req.method === 'GET') {
      res.writeHead(options.ready() ? 200 : 503, { 'content-length': '0' }).end();
      return;
    }
    const own = req.url?.startsWith(OWN_PREFIX) === true;
    const { clientAddress, edgeRequestId, scheme, isTrusted, rawHeaders } = edgeReader()(req.rawHeaders);
    if (!isTrusted && edgeSecret() !== undefined) options.withoutEdge?.();
    const exchange = new HttpExchange(req, res, {
      requestId: context.requestId,
      trace: context.trace,
      edgeRequestId,
      clientAddress: clientAddress ?? peerOf(req.socket),
      chargedTo: clientAddress === undefined ? undefined : chargedTo(clientAddress),
      scheme: scheme ?? schemeOf(req.socket),
      rawHeaders,
      lingering,
      turns,
      expectsContinue: /\b100-continue\b/i.test(req.headers.expect ?? ''),
      ...(cors === undefined || own
        ? {}
        : {
            furtherHeaders: (headers) => cors.answer({ method: '', target: '', rawHeaders }, headers),
          }),
    });
    if (refusedAs !== undefined) {
      refuse(context, exchange, new GatewayError(REFUSALS[refusedAs]));
      return;
    }
    if (cors !== undefined && !own && isPreflight(exchange.raw)) {
      answerPreflight(context, exchange, cors.preflight(exchange.raw));
      return;
    }
    const endpoint = endpointOf(exchange.raw.method, exchange.raw.target);
    if (current >= options.limits.inFlight) {
      refuse(context, exchange, new GatewayError('SlowDown', { detail: 'too many requests in flight' }), endpoint);
      return;
    }
    if (own && endpoint === undefined) {
      refuse(context, exchange, new GatewayError('NoSuchBucket', { detail: 'no path of ours' }));
      return;
    }
    const { socket } = req;
    busy.set(socket, exchange);
    res.once('close', () => busy.delete(socket));
    void serve(context, exchange, endpoint?.handle ?? options.pipeline);
  };

  /** Never rejects: what nobody caught costs the request its connection, and nobody else anything. */
  const serve = async (context: RequestContext, exchange: Exchange, pipeline: Pipeline): Promise<void> => {
    current += 1;
    options.inFlight(1);
    try {
      await pipeline(exchange);
    } catch (error) {
      exchange.destroy();
      options.uncaught(error, exchange.requestId);
    } finally {
      requests.end(context, exchange.status());
      current -= 1;
      options.inFlight(-1);
    }
  };

  const endpointOf = (method: string, target: string): Endpoint | undefined => {
    if (isStsCall(method, target)) return options.sts;
    if (method !== 'GET') return undefined;
    const [path] = target.split('?', 1);
    if (path === WHOAMI_PATH) return options.whoami;
    if (path === CAN_I_PATH) return options.canI;
    return path === CREDENTIALS_PATH ? options.credentials : undefined;
  };

  /** Answers and records what is not admitted. */
  const refuse = (context: RequestContext, exchange: Exchange, error: GatewayError, endpoint?: Endpoint): void => {
    const { method } = exchange.raw;
    options.audit.refuse(refusal(error, exchange, method));
    options.turnedAway(method, error.code, error.row.status);
    if (endpoint === undefined) sendError(exchange, error);
    else endpoint.refuse(exchange, error);
    requests.end(context, exchange.status());
  };

  const answerPreflight = (
    context: RequestContext,
    exchange: Exchange,
    headers: Readonly<Record<string, string>> | undefined,
  ): void => {
    if (headers === undefined) {
      refuse(context, exchange, new GatewayError('CorsForbidden'));
      return;
    }
    exchange.writeHead(200, { ...headers, 'content-length': '0' });
    exchange.end();
    requests.end(context, exchange.status());
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
      ? createHttpServer(settings, handle)
      : createHttpsServer(
          { ...settings, ...secureContextOf(tls), requestCert: true, rejectUnauthorized: true },
          handle,
        );
  closeNoneThatSends(server);
  server.setTimeout(options.timeouts.idleMs);
  server.on('timeout', (socket: Socket) => {
    // A client that waits for the store, however long, is not idle; upstream timeouts of their own end that.
    if (busy.get(socket)?.waitsForClient() !== false) socket.destroy();
  });
  server.on('checkContinue', handle);
  // An expectation that nobody knows is no reason to refuse (RFC 9110 section 10.1.1 lets a server ignore it).
  server.on('checkExpectation', handle);
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    // What is no HTTP behind a request in progress must not be answered in the middle of that one's answer.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    try {
      refuseConnection(error, socket, options);
    } catch (refusalError) {
      socket.destroy();
      options.uncaught(refusalError);
    }
  });
  return {
    server,
    inFlight: () => current,
    useTls: (next) => {
      // With other keys for tickets, too: no session of before is resumed past a CA that is no more.
      if (server instanceof HttpsServer) server.setSecureContext(secureContextOf(next));
    },
  };
}

const secureContextOf = ({ cert, key, clientCa }: ServerTls): SecureContextOptions => ({
  ...{ cert, key, ca: clientCa, minVersion: 'TLSv1.2' },
});

/** Answers a request that Node's parser refused; it has no exchange. */
function refuseConnection(error: Error & { code?: string }, socket: Socket, options: DataServerOptions): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = new GatewayError(error.code === 'HPE_HEADER_OVERFLOW' ? 'HeadersTooLarge' : 'BadRequest');
  const { row } = refused;
  const requestId = options.requestId();
  options.audit.refuse(refusal(refused, { requestId, clientAddress: peerOf(socket) }, ''));
  options.turnedAway('', refused.code, row.status);
  const body = errorDocument({ code: row.s3Code, message: row.message, resource: '', requestId, fields: {} });
  socket.end(
    `HTTP/1.1 ${row.status} Bad Request\r\nConnection: close\r\nContent-Type: application/xml\r\nx-amz-request-id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function refusal(
  error: GatewayError,
  {
    requestId,
    trace,
    clientAddress,
    edgeRequestId,
  }: Pick<Exchange, 'requestId' | 'trace' | 'clientAddress' | 'edgeRequestId'>,
  method: string,
): AuditRefusal {
  const time = new Date().toISOString();
  const ids = { requestId, ...trace, clientAddress, ...(edgeRequestId === undefined ? {} : { edgeRequestId }) };
  return { entry: 'refusal', time, ...ids, method, status: error.row.status, error: error.code };
}

/** A unix socket gives its peers no address. */
function peerOf({ remoteAddress }: Socket): string {
  return remoteAddress ?? 'edge';
}

/** Over a unix socket the client spoke to an edge, of which nothing is known. */
function schemeOf(socket: Socket): Scheme | undefined {
  if (socket.remoteAddress === undefined) return undefined;
  return socket instanceof TLSSocket ? 'https' : 'http';
}

function headOf({ method = '', url: target = '', rawHeaders }: IncomingMessage): RequestHead {
  return { method, target, rawHeaders };
}
