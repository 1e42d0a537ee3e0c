/**
 * One answer of a store, as undici hands it over: first the head, then the body, with backpressure. Enters: what the
 * connection delivers. Leaves: an UpstreamResponse, once its head is there. A body that broke off never ends cleanly.
 */
import type { Dispatcher } from 'undici';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import type { GatewayError } from '../../errors/gateway-error.ts';
import { brokenOff } from './connection-error.ts';

/** So many bytes, or pieces of them, may wait for their reader before the connection is paused. */
const HIGH_WATER_BYTES = 64 * 1024;
const HIGH_WATER_CHUNKS = 256;
/** A rest of this size is read, so that the connection can be used again; a longer one is cut. */
const DISCARD_LIMIT_BYTES = 64 * 1024;

const DONE = Promise.resolve();
const END: IteratorResult<Buffer, undefined> = { done: true, value: undefined };

/** The handler of one dispatched request. */
export class StoreAnswer implements Dispatcher.DispatchHandler {
  readonly #storeName: string;
  readonly #signal: AbortSignal | undefined;
  readonly #head = Promise.withResolvers<UpstreamResponse>();
  #controller: Dispatcher.DispatchController | undefined;
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #seenBytes = 0;
  #announcedBytes = 0;
  /** What is still delivered is dropped, and whoever waits for it is told that it broke off. */
  #isDiscarded = false;
  #hasEnded = false;
  #failure: GatewayError | undefined;
  /** Called once, when there is something new. */
  #wake: (() => void) | undefined;

  constructor(storeName: string, signal: AbortSignal | undefined) {
    this.#storeName = storeName;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Resolves with the head. @throws where there is none: the error of the connection, or why the signal was aborted */
  get head(): Promise<UpstreamResponse> {
    return this.#head.promise;
  }

  // ---- what undici calls

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal?.aborted === true) this.#abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 100 and 103 come before the answer.
    if (status < 200) return;
    this.#announcedBytes = Number(headers['content-length'] ?? 0);
    this.#head.resolve({
      status,
      headers: flat(headers),
      body: { [Symbol.asyncIterator]: () => this.#iterator() },
      whole: () => this.#whole(),
      discard: () => this.#discard(),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#seenBytes += chunk.length;
    if (this.#isDiscarded) {
      if (this.#seenBytes > DISCARD_LIMIT_BYTES) this.#cut();
      return;
    }
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= HIGH_WATER_BYTES || this.#chunks.length >= HIGH_WATER_CHUNKS) controller.pause();
    this.#wakeUp();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: unknown): void {
    this.#head.reject(error);
    this.#failure ??= brokenOff(this.#storeName, error);
    this.#end();
  }

  // ---- what the reader of the body calls

  #iterator(): AsyncIterator<Buffer, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        if (!this.#hasEnded) this.#cut();
        return Promise.resolve(END);
      },
    };
  }

  #whole(): Buffer | Promise<Buffer> {
    // A small body has come with its head.
    if (this.#hasEnded && this.#failure === undefined) return joined(this.#takeAll([]));
    return this.#gather();
  }

  async #gather(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      this.#takeAll(chunks);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded) return joined(chunks);
      await this.#news();
    }
  }

  #takeAll(chunks: Buffer[]): Buffer[] {
    for (let chunk = this.#take(); chunk !== undefined; chunk = this.#take()) chunks.push(chunk);
    return chunks;
  }

  #discard(): Promise<void> {
    return this.#isOver() || this.#isDiscarded ? DONE : this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    this.#isDiscarded = true;
    this.#failure = brokenOff(this.#storeName, new Error('the answer was given up'));
    this.#chunks.length = 0;
    this.#wakeUp();
    if (Math.max(this.#announcedBytes, this.#seenBytes) > DISCARD_LIMIT_BYTES) this.#cut();
    else while (!this.#isOver()) await this.#news();
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const chunk = this.#take();
      if (chunk !== undefined) return { done: false, value: chunk };
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded) return END;
      await this.#news();
    }
  }

  #take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#waitingBytes -= chunk.length;
    return chunk;
  }

  /** Resolves when there is something new. It is waited for before the connection goes on: that may deliver at once. */
  #news(): Promise<void> {
    const news = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#controller?.paused === true) this.#controller.resume();
    return news;
  }

  #isOver(): boolean {
    return this.#hasEnded;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#wakeUp();
  }

  #cut(): void {
    this.#controller?.abort(new Error('the rest of an answer is not wanted'));
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  };
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}
