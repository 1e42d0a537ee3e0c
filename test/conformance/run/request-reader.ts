/**
 * Reads HTTP/1.1 requests off one connection as far as a record of them needs it: the head, the length of the body, and
 * the sizes of aws-chunked chunks, inside of `Transfer-Encoding: chunked` or without. Bodies are counted and dropped.
 * What it cannot follow it stops reading; it never changes anything, so that can only lose a record.
 */

export interface SeenRequest {
  readonly method: string;
  /** Path and query; the values of a presigned query are cut off. */
  readonly target: string;
  /** `x-amz-content-sha256`: a literal as it came, `digest` for a digest, `none`. */
  readonly payload: string;
  bodyBytes: number;
  /** Of aws-chunked bodies, else 0. */
  largestChunkBytes: number;
  /** Whether the whole body came. */
  complete: boolean;
}

const MAX_HEAD_BYTES = 128 * 1024;
const MAX_LINE_BYTES = 16 * 1024;

type State = 'head' | 'counted' | 'size line' | 'chunk' | 'after chunk' | 'trailer' | 'lost';

/** Splits lines off a stream of buffers. */
class Lines {
  #held = '';

  /** The line that ends at or after `at`, without CRLF, and where the next byte is; `undefined` while there is none. */
  take(bytes: Buffer, at: number): { line: string; next: number } | undefined {
    const end = bytes.indexOf(10, at);
    const piece = bytes.toString('latin1', at, end === -1 ? bytes.length : end);
    this.#held += piece;
    if (end === -1) return undefined;
    const line = this.#held.replace(/\r$/, '');
    this.#held = '';
    return { line, next: end + 1 };
  }

  get heldBytes(): number {
    return this.#held.length;
  }
}

/** Sizes of the chunks of one framing: `size[;extension]CRLF data CRLF`, until a chunk of size 0. */
class ChunkSizes {
  readonly #lines = new Lines();
  #state: 'size' | 'data' | 'end of data' | 'done' = 'size';
  #left = 0;
  readonly #onSize: (size: number) => void;

  constructor(onSize: (size: number) => void) {
    this.#onSize = onSize;
  }

  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.#state !== 'done';) {
      if (this.#state === 'data') {
        const used = Math.min(this.#left, bytes.length - at);
        this.#left -= used;
        at += used;
        if (this.#left === 0) this.#state = 'end of data';
        continue;
      }
      const found = this.#lines.take(bytes, at);
      if (found === undefined) return;
      at = found.next;
      if (this.#state === 'end of data') {
        this.#state = 'size';
        continue;
      }
      this.#left = Number.parseInt(found.line, 16);
      if (!(this.#left > 0)) {
        this.#state = 'done';
        continue;
      }
      this.#onSize(this.#left);
      this.#state = 'data';
    }
  }
}

export class RequestReader {
  readonly #onRequest: (request: SeenRequest) => void;
  readonly #lines = new Lines();
  #head: string[] = [];
  #headBytes = 0;
  #state: State = 'head';
  #left = 0;
  #request: SeenRequest | undefined;
  #inner: ChunkSizes | undefined;

  constructor(onRequest: (request: SeenRequest) => void) {
    this.#onRequest = onRequest;
  }

  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#state === 'lost') return;
      if (this.#state === 'counted' || this.#state === 'chunk') {
        at += this.#data(bytes.subarray(at, at + this.#left));
        continue;
      }
      const found = this.#lines.take(bytes, at);
      if (found === undefined) {
        if (this.#lines.heldBytes > MAX_LINE_BYTES * 4) this.#state = 'lost';
        return;
      }
      at = found.next;
      this.#line(found.line);
    }
  }

  #data(bytes: Buffer): number {
    this.#left -= bytes.length;
    if (this.#request !== undefined) this.#request.bodyBytes += bytes.length;
    this.#inner?.read(bytes);
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'after chunk';
      else this.#end();
    }
    return bytes.length;
  }

  #line(line: string): void {
    switch (this.#state) {
      case 'head':
        this.#headLine(line);
        return;
      case 'size line':
        this.#left = Number.parseInt(line, 16);
        if (Number.isNaN(this.#left)) this.#state = 'lost';
        else this.#state = this.#left === 0 ? 'trailer' : 'chunk';
        return;
      case 'after chunk':
        this.#state = 'size line';
        return;
      case 'trailer':
        if (line === '') this.#end();
        return;
      case 'counted':
      case 'chunk':
      case 'lost':
        return;
    }
  }

  #headLine(line: string): void {
    if (line !== '') {
      this.#headBytes += line.length;
      this.#head.push(line);
      if (this.#headBytes > MAX_HEAD_BYTES) this.#state = 'lost';
      return;
    }
    if (this.#head.length === 0) return;
    const [start = '', ...lines] = this.#head;
    this.#head = [];
    this.#headBytes = 0;
    const headers = new Map(
      lines.map((text) => {
        const colon = text.indexOf(':');
        return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()] as const;
      }),
    );
    const [method = '', target = ''] = start.split(' ');
    const hash = headers.get('x-amz-content-sha256') ?? 'none';
    this.#request = {
      method,
      target: target.replace(/([?&]x-amz-[a-z-]+=)[^&]*/gi, '$1'),
      payload: /^[0-9a-f]{64}$/i.test(hash) ? 'digest' : hash,
      bodyBytes: 0,
      largestChunkBytes: 0,
      complete: false,
    };
    const seen = this.#request;
    this.#onRequest(seen);
    this.#inner = hash.startsWith('STREAMING-')
      ? new ChunkSizes((size) => {
          seen.largestChunkBytes = Math.max(seen.largestChunkBytes, size);
        })
      : undefined;
    this.#left = Number(headers.get('content-length') ?? 0);
    if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') this.#state = 'size line';
    else if (this.#left > 0) this.#state = 'counted';
    else this.#end();
  }

  #end(): void {
    if (this.#request !== undefined) this.#request.complete = true;
    this.#request = undefined;
    this.#inner = undefined;
    this.#state = 'head';
  }
}
