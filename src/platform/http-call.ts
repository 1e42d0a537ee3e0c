/**
 * One call over HTTP, whole: connection, request and answer in one limit of time, the answer in a limit of bytes. Enters:
 * a call, and the connections to make it over. Leaves: the answer in memory. No redirect is followed, for it would take
 * what was sent elsewhere. Errors of the network pass as they are; their messages may quote what a peer has sent, so
 * whoever tells of them tells their `networkCode`.
 */
import { request, type Dispatcher } from 'undici';
import { readBounded } from './bounded-body.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** Ends the call before its time. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer<ArrayBuffer>;
}

export interface HttpLimits {
  readonly dispatcher: Dispatcher;
  /** For the whole call, waiting for a connection included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Makes the error of an answer of more bytes. */
  readonly tooLong: () => Error;
  /** Makes the error of an answer whose status alone says enough: its body is not read. Left out: there is none. */
  readonly refusalOf?: (status: number) => Error | undefined;
  /** The call changes nothing: it is made once more where a kept-alive connection closed just as it was used again. */
  readonly isRepeatable?: boolean;
}

const BROKEN_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Makes a call. @throws DOMException TimeoutError once its time is over, what the limits make, errors of the network */
export async function callHttp(url: URL | string, call: HttpCall, limits: HttpLimits): Promise<HttpAnswer> {
  const { dispatcher, timeoutMs, maxBytes, tooLong, refusalOf, isRepeatable = false } = limits;
  const { method, headers, body = null } = call;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = call.signal === undefined ? limit : AbortSignal.any([call.signal, limit]);
  const send = (): Promise<Dispatcher.ResponseData> => request(url, { dispatcher, method, headers, body, signal });
  try {
    const answer = await send().catch((error: unknown) => {
      if (isRepeatable && !signal.aborted && BROKEN_CONNECTION.has(networkCode(error))) return send();
      throw error;
    });
    const { statusCode: status } = answer;
    const refusal = refusalOf?.(status);
    const content = await readBounded(answer.body, {
      maxBytes: refusal === undefined ? maxBytes : 0,
      refuse: () => refusal ?? tooLong(),
    });
    if (refusal !== undefined) throw refusal;
    return { status, headers: answer.headers, body: content };
  } catch (error) {
    throw limit.aborted && signal.reason === limit.reason ? limit.reason : error;
  }
}

/** Whether a call ran out of its time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/** What a failure of the network is called, without a word of what a peer has sent. */
export function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
