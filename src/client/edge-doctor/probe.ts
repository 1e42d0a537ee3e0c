/**
 * Single requests to an edge, each over a connection of its own, as no well-behaved client sends them. Enters: an https
 * origin and a request. Leaves: what came back, bounded in time and size. Redirects are not followed.
 */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface Edge {
  /** `https://host` or `https://host:port`. */
  readonly origin: string;
  /** PEM; `undefined`: as Node verifies by itself. */
  readonly ca: readonly string[] | undefined;
}

export interface Probe {
  readonly method?: string;
  /** Path and query, as they go out. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** The body, or its rest, never comes: the answer is waited for all the same. */
  readonly withholds?: true;
  /** Default: 20 s. */
  readonly limitMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The first 64 KiB. */
  readonly body: string;
  /** `100 Continue` came where the body is withheld: nothing else was waited for. */
  readonly continued: boolean;
  /** The answer came whole and, over HTTP/2, not before the body had gone out: most clients lose such a one. */
  readonly isWhole: boolean;
  /** Of this machine, by which it was asked. */
  readonly localAddress: string;
}

const LIMIT_MS = 20_000;
const MAX_BODY = 65_536;

/** Sends one request over HTTP/1.1. @throws Error of the network, or of the time limit */
export async function overHttp1({ origin, ca }: Edge, probe: Probe): Promise<Reply> {
  const { method = 'GET', target, headers = {}, body, withholds, limitMs = LIMIT_MS } = probe;
  const { hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const request = requestHttps({
    ...{ host, port: port === '' ? 443 : Number(port), method, path: target, headers, agent: false },
    ...{ ALPNProtocols: ['http/1.1'], signal: AbortSignal.timeout(limitMs) },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca: [...ca] }),
  });
  const mayGoOn = new Promise<'continued'>((resolve) => request.once('continue', () => resolve('continued')));
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  if (withholds === true) {
    request.flushHeaders();
    if (body !== undefined) request.write(body);
  } else request.end(body);
  try {
    // Whoever is refused in the middle of a body loses the connection, and has the answer already.
    request.on('error', () => undefined);
    // Who says so waits for what never comes.
    const first = withholds === true ? await Promise.race([answered, mayGoOn]) : await answered;
    if (first === 'continued') {
      answered.catch(() => undefined);
      return { status: 100, headers: {}, body: '', continued: true, isWhole: false, localAddress: '' };
    }
    const [response] = first;
    const { localAddress = '' } = response.socket;
    const text = await beginning(response);
    return {
      ...{ status: response.statusCode ?? 0, headers: response.headers, body: text },
      ...{ continued: false, isWhole: response.complete, localAddress },
    };
  } finally {
    request.destroy();
  }
}

/** Sends one request over HTTP/2. @throws Error as above, and where the edge does not speak it */
export async function overHttp2({ origin, ca }: Edge, probe: Probe): Promise<Reply> {
  const { method = 'GET', target, headers = {}, body } = probe;
  const session = connectHttp2(origin, ca === undefined ? {} : { ca: [...ca] });
  const timer = setTimeout(() => session.destroy(new Error('no answer in time')), LIMIT_MS);
  const broken = once(session, 'error').then(([error]) => Promise.reject(error as Error));
  broken.catch(() => undefined);
  try {
    const stream = session.request(
      { ...headers, ':method': method, ':path': target },
      { endStream: body === undefined },
    );
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    const answered = once(stream, 'response');
    if (body !== undefined) stream.end(body);
    // A connection that ends in good order is no error of its streams.
    const unanswered = closed.then(() => Promise.reject(new Error('the connection ended without an answer')));
    unanswered.catch(() => undefined);
    const [answer] = (await Promise.race([answered, broken, unanswered])) as [
      IncomingHttpHeaders & { ':status'?: number },
    ];
    const { writableFinished } = stream;
    const text = await beginning(stream).catch(() => '');
    await Promise.race([closed, broken]);
    const { localAddress = '' } = session.socket as TLSSocket;
    const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && writableFinished;
    return { status: answer[':status'] ?? 0, headers: answer, body: text, continued: false, isWhole, localAddress };
  } finally {
    clearTimeout(timer);
    session.destroy();
  }
}

async function beginning(source: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of source) {
      pieces.push(piece);
      length += piece.length;
      if (length >= MAX_BODY) break;
    }
  } catch {
    // What came before it broke off is what there is to tell of.
  }
  return Buffer.concat(pieces).toString('utf8', 0, MAX_BODY);
}
