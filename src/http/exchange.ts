/**
 * One HTTP exchange of Node's as the pipeline sees it. Enters: request and response. Leaves: an Exchange whose body is read
 * only on demand (`100 Continue` goes out then), with backpressure both ways. It never ends an answer for the pipeline, and
 * it closes the connection wherever a request body was left unread.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../contracts/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';

export interface ExchangeOptions {
  readonly requestId: string;
  readonly clientAddress: string;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** What an answer carries beside its own headers, such as those for browsers. */
  readonly furtherHeaders?: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
}

// A refused client may still be sending: its rest is read for a moment, so that it sees the answer and not a reset.
const LINGER_BYTES = 1024 * 1024;
const LINGER_MS = 1000;

/** Wraps one exchange; `waitsForClient` says whether bytes of the client are what it waits for now. */
export function createExchange(
  req: IncomingMessage,
  res: ServerResponse,
  options: ExchangeOptions,
): Exchange & { readonly waitsForClient: () => boolean } {
  const gone = new AbortController();
  let continued = !options.expectsContinue;
  let waits = 0;
  // Node says that a request is complete only when its handler has returned once.
  const unread = (): boolean => hasBody(req) && !req.complete;
  res.strictContentLength = true;
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });

  async function* readBody(): AsyncGenerator<Buffer, void, undefined> {
    if (!continued) {
      continued = true;
      res.writeContinue();
    }
    waits += 1;
    try {
      for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        waits -= 1;
        yield chunk;
        waits += 1;
      }
    } catch (error) {
      gone.abort();
      throw new GatewayError('IncompleteBody', 'receive', { detail: 'the client broke off its body', cause: error });
    }
    waits -= 1;
  }

  return {
    requestId: options.requestId,
    clientAddress: options.clientAddress,
    raw: { method: req.method ?? '', target: req.url ?? '', rawHeaders: req.rawHeaders },
    signal: gone.signal,
    body: readBody(),
    waitsForClient: () => waits > 0 || res.writableEnded,
    status: () => (res.headersSent ? res.statusCode : undefined),
    writeHead: (status, headers) => {
      const own: Record<string, string> = { ...headers, 'x-amz-request-id': options.requestId };
      const all: Record<string, string> = { ...options.furtherHeaders?.(own), ...own };
      if (unread()) all['connection'] = 'close';
      res.writeHead(status, all);
    },
    write: (chunk) => {
      if (res.destroyed || res.closed) return Promise.reject(clientGone());
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
      if (!unread() || !continued || res.destroyed) {
        res.end(chunk);
        return;
      }
      if (chunk === undefined) res.flushHeaders();
      else res.write(chunk);
      linger(req, () => res.end());
    },
    destroy: () => res.destroy(),
  };
}

const RESOLVED = Promise.resolve();

const clientGone = (): GatewayError => new GatewayError('RequestTimeout', 'respond', { detail: 'the client is gone' });

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function linger(req: IncomingMessage, done: () => void): void {
  let rest = LINGER_BYTES;
  const timer = setTimeout(finish, LINGER_MS);
  function finish(): void {
    clearTimeout(timer);
    req.off('data', count);
    req.off('end', finish);
    req.off('close', finish);
    done();
  }
  function count(chunk: Buffer): void {
    rest -= chunk.length;
    if (rest < 0) finish();
  }
  req.on('data', count);
  req.once('end', finish);
  req.once('close', finish);
}
