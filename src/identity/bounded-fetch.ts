/**
 * Fetches the small documents of one issuer: discovery, keys, and what it says of a token. Bounded in time and size, no
 * redirect, no compression, https unless plain http to loopback was allowed. A token cannot choose what is fetched, and
 * nothing that was sent or received is ever part of a fault.
 */
import { Agent } from 'undici';
import { callHttp, isTimeout, networkCode, type HttpCall } from '../platform/http-call.ts';
import { mayFetch } from './issuer-options.ts';

/** A document that could not be had; the message is one clause, safe for an operator. */
export class FetchFault extends Error {
  /** Of an answer that is not 200. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.name = 'FetchFault';
    this.status = status;
  }
}

export interface BoundedFetchOptions {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly allowHttp: boolean;
  readonly ca: string | undefined;
  /** At once, to each host: a call that waits for a connection of another one runs out of its own time. */
  readonly connections: number;
}

export interface BoundedFetch {
  /** @throws FetchFault on anything but a whole 200 answer within the bounds */
  readonly get: (url: string) => Promise<Response>;
  /** Sends a form. @throws FetchFault as `get` */
  readonly post: (url: string, headers: Record<string, string>, form: string) => Promise<Response>;
  /** Ends what is in progress and closes the connections. */
  readonly close: () => Promise<void>;
}

/** Makes the fetch of one issuer; its connections are shared with nothing else. */
export const createBoundedFetch = (options: BoundedFetchOptions): BoundedFetch => {
  const { timeoutMs, maxBytes, allowHttp, ca, connections } = options;
  const dispatcher = new Agent({
    connections,
    maxHeaderSize: 16_384,
    connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) },
  });

  const limits = {
    ...{ dispatcher, timeoutMs, maxBytes },
    tooLong: () => new FetchFault(`an answer of more than ${maxBytes} bytes`),
    refusalOf: (status: number) => (status === 200 ? undefined : new FetchFault(`status ${status}`, status)),
  };

  const send = async (url: string, call: HttpCall): Promise<Response> => {
    const target = URL.parse(url);
    if (!target || !mayFetch(target, allowHttp)) throw new FetchFault('an address that is not https');
    try {
      const { body } = await callHttp(target, call, limits);
      return new Response(body, { headers: { 'content-type': 'application/json' } });
    } catch (error) {
      if (error instanceof FetchFault) throw error;
      if (isTimeout(error)) throw new FetchFault(`no whole answer within ${timeoutMs} ms`);
      throw new FetchFault(`no connection (${networkCode(error)})`);
    }
  };

  return {
    get: (url) => send(url, { method: 'GET', headers: { accept: 'application/json, application/jwk-set+json' } }),
    post: (url, headers, form) => send(url, { method: 'POST', headers, body: form }),
    close: () => dispatcher.destroy(),
  };
};

/** openid-client wraps what its fetch throws; our own fault is somewhere in the chain of causes. */
export const faultOf = (error: unknown): FetchFault => {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at instanceof FetchFault) return at;
  }
  return new FetchFault('a document that is not valid');
};
