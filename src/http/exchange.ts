/**
 * One HTTP exchange of Node's as the pipeline sees it. Enters: request and response. Leaves: an Exchange whose body is read
 * only on demand (`100 Continue` goes out then), with backpressure both ways. It never ends an answer for the pipeline, it
 * closes the connection wherever a request body was left unread, and it never throws because the client is gone: Node does
 * (a head that was announced and not sent is a mismatch of lengths), and whoever answers from a timer has nobody to catch it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../contracts/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Scheme } from '../s3/request/request.ts';
import type { Lingering } from './linger.ts';

export interface ExchangeOptions {
  readonly requestId: string;
  readonly edgeRequestId: string | undefined;
  readonly clientAddress: string;
  readonly chargedTo: string | undefined;
  readonly scheme: Scheme | undefined;
  /** As the pipeline may see them. */
  readonly rawHeaders: readonly string[];
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  readonly lingering: Lingering;
  /** What an answer carries beside its own headers, such as those for browsers. */
  readonly furtherHeaders?: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
}

/** Wraps one exchange; `waitsForClient` says whether bytes of the client are what it waits for now. */
export function createExchange(
  req: IncomingMessage,
  res: ServerResponse,
  options: ExchangeOptions,
): Exchange & { readonly waitsForClient: () => boolean } {
  const gone = new AbortController();
  let continued = !options.expectsContinue;
  let waits = 0;
  let body: AsyncGenerator<Buffer, void, undefined> | undefined;
  // Node says that a request is complete only when its handler has returned once.
  const unread = (): boolean => hasBody(req) && !req.complete;
  const isClosed = (): boolean => res.destroyed || res.closed || res.writableEnded;
  res.strictContentLength = true;
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });

  /** From here on the gateway waits for the body. */
  const awaitBody = (): void => {
    waits += 1;
    if (continued) return;
    continued = true;
    if (!isClosed()) res.writeContinue();
  };
  const brokenOff = (cause: unknown): GatewayError => {
    gone.abort();
    return new GatewayError('IncompleteBody', { detail: 'the client broke off its body', cause });
  };

  async function* readBody(): AsyncGenerator<Buffer, void, undefined> {
    awaitBody();
    try {
      for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        waits -= 1;
        yield chunk;
        waits += 1;
      }
    } catch (error) {
      throw brokenOff(error);
    }
    waits -= 1;
  }

  const read = (take: (piece: Buffer) => void): Promise<void> => {
    // Of a stream that is destroyed already, no event would tell.
    if (req.destroyed) return Promise.reject(brokenOff(req.errored));
    awaitBody();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      waits -= 1;
      req.off('data', pass).off('end', end).off('error', fail).off('close', fail);
    };
    const pass = (piece: Buffer): void => {
      try {
        take(piece);
      } catch (error) {
        stop();
        req.pause();
        reject(error);
      }
    };
    const end = (): void => {
      stop();
      resolve(undefined);
    };
    const fail = (cause?: Error): void => {
      stop();
      reject(brokenOff(cause));
    };
    req.on('data', pass).once('end', end).once('error', fail).once('close', fail);
    return promise;
  };

  return {
    requestId: options.requestId,
    edgeRequestId: options.edgeRequestId,
    clientAddress: options.clientAddress,
    chargedTo: options.chargedTo,
    scheme: options.scheme,
    raw: { method: req.method ?? '', target: req.url ?? '', rawHeaders: options.rawHeaders },
    signal: gone.signal,
    // Most requests have none, and nobody reads it.
    get body() {
      return (body ??= readBody());
    },
    read,
    waitsForClient: () => waits > 0 || res.writableEnded,
    status: () => (res.headersSent ? res.statusCode : undefined),
    writeHead: (status, headers) => {
      if (isClosed()) return;
      const own: Record<string, string> = { ...headers, 'x-amz-request-id': options.requestId };
      const all: Record<string, string> = { ...options.furtherHeaders?.(own), ...own };
      if (unread()) all['connection'] = 'close';
      res.writeHead(status, all);
    },
    write: (chunk) => {
      if (isClosed()) return Promise.reject(clientGone());
      if (res.write(chunk)) return RESOLVED;
      waits += 1;
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          waits -= 1;
          res.off('drain', settle);
          res.off('close', settle);
          if (res.destroyed) reject(clientGone());
          else resolve();
        };
        res.once('drain', settle);
        res.once('close', settle);
      });
    },
    end: (chunk) => {
      if (isClosed()) return;
      if (!unread()) {
        res.end(chunk);
        return;
      }
      if (chunk === undefined) res.flushHeaders();
      else res.write(chunk);
      options.lingering.drop(req, options.chargedTo, () => {
        if (isClosed()) return;
        try {
          res.end();
        } catch {
          // Nobody is above a timer who could be told; what does not add up must not look whole.
          res.destroy();
        }
      });
    },
    destroy: () => res.destroy(),
  };
}

const RESOLVED = Promise.resolve();

const clientGone = (): GatewayError => new GatewayError('RequestTimeout', { detail: 'the client is gone' });

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
