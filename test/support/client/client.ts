/**
 * A plain HTTP(S) client for tests: sends targets and headers byte for byte, and says whether an answer ended cleanly.
 */
import { Agent as PlainAgent, request as plainRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';

export interface Call {
  readonly method: string;
  /** Path and query, exactly as sent. */
  readonly target: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Sends the body in chunks, without a Content-Length. */
  readonly chunked?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection broke before the announced end. */
  readonly complete: boolean;
  /** `<Code>` of an error document. */
  readonly code: string | undefined;
  readonly requestId: string;
}

/** A client of one origin, trusting one CA where that is an https one. */
export class Client {
  readonly #origin: URL;
  readonly #ca: string;
  readonly #agent: Agent | PlainAgent;

  /** Without `keepAlive` each call has a connection of its own, which no earlier refusal can have closed. */
  constructor(origin: string, ca: string, { keepAlive = true } = {}) {
    this.#origin = new URL(origin);
    this.#ca = ca;
    const pool = { keepAlive, maxSockets: 32 };
    this.#agent = this.#isPlain ? new PlainAgent(pool) : new Agent({ ...pool, ca });
  }

  get #isPlain(): boolean {
    return this.#origin.protocol === 'http:';
  }

  /** The options of a request, for tests that drive the socket themselves. */
  options({ method, target, token, headers }: Call): RequestOptions {
    return {
      agent: this.#agent,
      ca: this.#ca,
      host: this.#origin.hostname,
      port: this.#origin.port,
      method,
      path: target,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    };
  }

  call(call: Call): Promise<Answer> {
    const { body, chunked } = call;
    const length =
      chunked === true
        ? { 'transfer-encoding': 'chunked' }
        : body === undefined
          ? {}
          : { 'content-length': String(Buffer.byteLength(body)) };
    const options = this.options({ ...call, headers: { ...length, ...call.headers } });
    return new Promise((resolve, reject) => {
      const outgoing = (this.#isPlain ? plainRequest : request)(options, (response) => {
        const chunks: Buffer[] = [];
        const settle = (complete: boolean): void => {
          const content = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: content,
            complete: complete && response.complete,
            code: /<Code>([^<]*)<\/Code>/.exec(content.toString('latin1', 0, 65_536))?.[1],
            requestId: String(response.headers['x-amz-request-id'] ?? ''),
          });
        };
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => settle(true));
        response.on('error', () => settle(false));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** The same with a connection for each call. */
  withoutKeepAlive(): Client {
    return new Client(this.#origin.href, this.#ca, { keepAlive: false });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The target of an object, every byte that is not unreserved escaped, slashes kept. */
export function target(bucket: string, key: string): string {
  const escaped = key
    .split('/')
    .map((segment) =>
      encodeURIComponent(segment).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    );
  return `/${bucket}/${escaped.join('/')}`;
}
