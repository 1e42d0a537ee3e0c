import type { GatewayError } from '../errors/gateway-error.ts';
import type { TraceIds } from './tracing.ts';
import type { RawRequest, Scheme } from '../s3/request/request.ts';

/** One HTTP exchange as the pipeline sees it; Node's HTTP server stays behind it. */
export interface Exchange {
  /** Made here: what clients or proxies send as one is never it. */
  readonly requestId: string;
  /** The id that a trusted edge gave the request. */
  readonly edgeRequestId?: string | undefined;
  /** Where it stands in a trace, by its client or by ours; absent: neither traces it. */
  readonly trace?: TraceIds | undefined;
  /** As a trusted edge said it; else that of the peer. */
  readonly clientAddress: string;
  /** Whom bounds per client address count; absent where the address is no client's own. */
  readonly chargedTo?: string | undefined;
  /** By which the client reached us or a trusted edge; `undefined`: not known. */
  readonly scheme?: Scheme | undefined;
  readonly raw: RawRequest;
  /** Aborted when the client goes away before the answer is complete. */
  readonly signal: AbortSignal;
  /** The request's body. Starting to read it sends `100 Continue` to a client that waits for it. Can be read once. */
  readonly body: AsyncIterable<Buffer>;
  /**
   * Hands the same to `take`, piece by piece as it arrives, instead of `body`; for bodies that are kept in memory anyway.
   * @throws what `take` throws, which ends the reading; GatewayError IncompleteBody (the client broke off)
   */
  readonly read: (take: (piece: Buffer) => void) => Promise<void>;
  /** The status that has gone out; `undefined` before. */
  readonly status: () => number | undefined;
  readonly writeHead: (status: number, headers: Readonly<Record<string, string>>) => void;
  /** Resolves when more may be written (backpressure); releases a chunk that is marked so once it is sent. @throws when the client is gone */
  readonly write: (chunk: Buffer) => Promise<void>;
  /** Ends the answer cleanly. Closes the connection where a request body was left unread. */
  readonly end: (chunk?: Buffer) => void;
  /** Breaks the connection: the client must not take what it has for the whole. */
  readonly destroy: () => void;
}

/** What is served beside S3 on its port. */
export interface Endpoint {
  /** Handles one exchange to its end; never rejects. */
  readonly handle: (exchange: Exchange) => Promise<void>;
  /** Answers an exchange that was not admitted, in the endpoint's own words. Records nothing. */
  readonly refuse: (exchange: Exchange, error: GatewayError) => void;
}
