/**
 * One HTTP exchange of Node's as the pipeline sees it. Enters: request and response. Leaves: an Exchange whose body is read
 * only on demand (`100 Continue` goes out then), with backpressure both ways. It never ends an answer for the pipeline, it
 * closes the connection wherever a request body was left unread, and it never throws because the client is gone: Node does
 * (a head that was announced and not sent is a mismatch of lengths), and whoever answers from a timer has nobody to catch it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../contracts/exchange.ts';
import type { TraceIds } from '../contracts/tracing.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Turns } from '../platform/turns.ts';
import { releaseSent } from '../s3/body/release-memory.ts';
import type { RawRequest, Scheme } from '../s3/request/request.ts';
import type { Lingering } from './linger.ts';

export interface ExchangeOptions {
  readonly requestId: string;
  readonly trace?: TraceIds | undefined;
  readonly edgeRequestId: string | undefined;
  readonly clientAddress: string;
  readonly chargedTo: string | undefined;
  readonly scheme: Scheme | undefined;
  /** As the pipeline may see them. */
  readonly rawHeaders: readonly string[];
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  readonly lingering: Lingering;
  /** Of the event loop, which bodies share. */
  readonly turns: Turns;
  /** What an answer carries beside its own headers, such as those for browsers. */
  readonly furtherHeaders?: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
}

/** One exchange. It makes what a request may need and most do without, such as a reader of the body, when it is first asked for. */
export class HttpExchange implements Exchange {
  readonly requestId: string;
  readonly edgeRequestId: string | undefined;
  readonly trace: TraceIds | undefined;
  readonly clientAddress: string;
  readonly chargedTo: string | undefined;
  readonly scheme: Scheme | undefined;
  readonly raw: RawRequest;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #options: ExchangeOptions;
  #continued: boolean;
  /** How many things wait for bytes of the client, or for it to take some. */
  #waits = 0;
  #isGone = false;
  #gone: AbortController | undefined;
  #body: AsyncGenerator<Buffer, void, undefined> | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, options: ExchangeOptions) {
    this.requestId = options.requestId;
    this.edgeRequestId = options.edgeRequestId;
    this.trace = options.trace;
    this.clientAddress = options.clientAddress;
    this.chargedTo = options.chargedTo;
    this.scheme = options.scheme;
    this.raw = { method: req.method ?? '', target: req.url ?? '', rawHeaders: options.rawHeaders };
    this.#req = req;
    this.#res = res;
    this.#options = options;
    this.#continued = !options.expectsContinue;
    res.strictContentLength = true;
    res.once('close', () => {
      if (!res.writableFinished) this.#leave();
    });
  }

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#isGone) this.#gone.abort();
    }
    return this.#gone.signal;
  }

  get body(): AsyncIterable<Buffer> {
    return (this.#body ??= this.#readBody());
  }

  /** Whether bytes of the client are what it waits for now. */
  waitsForClient(): boolean {
    return this.#waits > 0 || this.#res.writableEnded;
  }

  read(take: (piece: Buffer) => void): Promise<void> {
    const req = this.#req;
    // Of a stream that is destroyed already, no event would tell.
    if (req.destroyed) return Promise.reject(this.#brokenOff(req.errored));
    this.#awaitBody();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      this.#waits -= 1;
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
      reject(this.#brokenOff(cause));
    };
    req.on('data', pass).once('end', end).once('error', fail).once('close', fail);
    return promise;
  }

  status(): number | undefined {
    return this.#res.headersSent ? this.#res.statusCode : undefined;
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#isClosed()) return;
    const own: Record<string, string> = { ...headers, 'x-amz-request-id': this.requestId };
    const further = this.#options.furtherHeaders?.(own);
    const all: Record<string, string> = further === undefined ? own : { ...further, ...own };
    if (this.#isUnread()) all['connection'] = 'close';
    this.#res.writeHead(status, all);
  }

  write(chunk: Buffer): Promise<void> {
    const res = this.#res;
    if (this.#isClosed()) return Promise.reject(clientGone());
    const isTaken = res.write(chunk, (error) => {
      if (!error) releaseSent(chunk);
    });
    const turn = this.#options.turns.take(chunk.length);
    if (isTaken) return turn ?? RESOLVED;
    this.#waits += 1;
    const drained = new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#waits -= 1;
        res.off('drain', settle);
        res.off('close', settle);
        if (res.destroyed) reject(clientGone());
        else resolve();
      };
      res.once('drain', settle);
      res.once('close', settle);
    });
    return turn === undefined ? drained : drained.then(() => turn);
  }

  end(chunk?: Buffer): void {
    const res = this.#res;
    if (this.#isClosed()) return;
    if (!this.#isUnread()) {
      res.end(chunk);
      return;
    }
    if (chunk === undefined) res.flushHeaders();
    else res.write(chunk);
    this.#options.lingering.drop(this.#req, this.chargedTo, () => {
      if (this.#isClosed()) return;
      try {
        res.end();
      } catch {
        // Nobody is above a timer who could be told; what does not add up must not look whole.
        res.destroy();
      }
    });
  }

  destroy(): void {
    this.#res.destroy();
  }

  /** Node says that a request is complete only when its handler has returned once. */
  #isUnread(): boolean {
    return hasBody(this.#req) && !this.#req.complete;
  }

  #isClosed(): boolean {
    const { destroyed, closed, writableEnded } = this.#res;
    return destroyed || closed || writableEnded;
  }

  #leave(): void {
    this.#isGone = true;
    this.#gone?.abort();
  }

  /** From here on the gateway waits for the body. */
  #awaitBody(): void {
    this.#waits += 1;
    if (this.#continued) return;
    this.#continued = true;
    if (!this.#isClosed()) this.#res.writeContinue();
  }

  #brokenOff(cause: unknown): GatewayError {
    this.#leave();
    return new GatewayError('IncompleteBody', { detail: 'the client broke off its body', cause });
  }

  async *#readBody(): AsyncGenerator<Buffer, void, undefined> {
    this.#awaitBody();
    try {
      for await (const chunk of this.#req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.#waits -= 1;
        const turn = this.#options.turns.take(chunk.length);
        if (turn !== undefined) await turn;
        yield chunk;
        this.#waits += 1;
      }
    } catch (error) {
      throw this.#brokenOff(error);
    }
    this.#waits -= 1;
  }
}

const RESOLVED = Promise.resolve();

const clientGone = (): GatewayError => new GatewayError('RequestTimeout', { detail: 'the client is gone' });

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
