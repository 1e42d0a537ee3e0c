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
}

// A refused client may still be sending: its rest is read for a moment, so that it sees the answer and not a reset.
const LINGER_BYTES = 1024 * 1024;
const LINGER_MS = 1000;

/** Wraps one exchange. */
export function createExchange(req: IncomingMessage, res: ServerResponse, options: ExchangeOptions): Exchange {
  const gone = new AbortController();
  let continued = !options.expectsContinue;
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });

  async function* readBody(): AsyncGenerator<Buffer, void, undefined> {
    if (!continued) {
      continued = true;
      res.writeContinue();
    }
    try {
      yield* req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    } catch (error) {
      gone.abort();
      throw new GatewayError('IncompleteBody', 'receive', { detail: 'the client broke off its body', cause: error });
    }
  }

  return {
    requestId: options.requestId,
    clientAddress: options.clientAddress,
    raw: { method: req.method ?? '', target: req.url ?? '', rawHeaders: req.rawHeaders },
    signal: gone.signal,
    body: readBody(),
    status: () => (res.headersSent ? res.statusCode : undefined),
    writeHead: (status, headers) => {
      const all: Record<string, string> = { ...headers, 'x-amz-request-id': options.requestId };
      if (!req.complete) all['connection'] = 'close';
      res.writeHead(status, all);
    },
    write: (chunk) => {
      if (res.write(chunk)) return RESOLVED;
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          res.off('drain', settle);
          res.off('close', settle);
          if (res.destroyed) reject(new GatewayError('RequestTimeout', 'respond', { detail: 'the client is gone' }));
          else resolve();
        };
        res.once('drain', settle);
        res.once('close', settle);
      });
    },
    end: (chunk) => {
      if (req.complete || !continued || res.destroyed) {
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
