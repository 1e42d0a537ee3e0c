/**
 * The answer to what may take minutes. Clients and what stands between abort a connection on which nothing comes, and
 * repeat a request that is still being carried out. So, as S3 does, the head of a success goes out before the end is known,
 * with the XML declaration, which must stand first; then blanks; then a document, which may be that of an error. Unlike S3's
 * it has a length, which blanks fill up: an answer that breaks off must never look whole.
 */
import type { Exchange } from '../contracts/exchange.ts';
import type { S3Request } from '../s3/request/request.ts';
import { XML_DECLARATION } from '../s3/documents/xml.ts';
import type { Stage } from './stage.ts';

/** Milliseconds. */
export interface EarlyAnswerTimes {
  /** What takes less has an answer with its own status and all its headers. */
  readonly afterMs: number;
  /** Between two signs of life. */
  readonly everyMs: number;
}

const BLANK = Buffer.from(' ');

/**
 * Told at once. Of an answer without a length HAProxy 2.6 passes a broken end on as a clean one over HTTP/2, and HTTP/1.0
 * has no other way to tell the two apart: who looks for an `<Error>` alone would take the rest for a success.
 */
const LENGTH_BYTES = 32 * 1024;
/** Of these, what is left to the document: a key of 1,024 bytes stands in it escaped, twice at most. */
const DOCUMENT_BYTES = 16 * 1024;

export class EarlyAnswer {
  readonly #exchange: Exchange;
  readonly #times: EarlyAnswerTimes;
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;
  #isOpen = false;
  #sentBytes = 0;

  constructor(exchange: Exchange, times: EarlyAnswerTimes) {
    this.#exchange = exchange;
    this.#times = times;
  }

  /** Whether the head of a success is out, and its document is not. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Lets the answer begin while `work` is in progress. @throws what `work` throws */
  async during<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    this.#isWaiting = true;
    this.#wait(this.#times.afterMs);
    try {
      return await work();
    } finally {
      this.#isWaiting = false;
      clearTimeout(this.#timer);
    }
  }

  /** Ends an answer that is open with its document; one that has no room in it breaks off. */
  end(document: string): void {
    if (!document.startsWith(XML_DECLARATION)) throw new Error('a document without the declaration that went ahead');
    this.#isOpen = false;
    const rest = Buffer.from(document.slice(XML_DECLARATION.length));
    const last = Buffer.alloc(LENGTH_BYTES - this.#sentBytes, BLANK);
    if (rest.length > last.length) {
      this.#exchange.destroy();
      return;
    }
    // At the very end: SDKs look there for an error.
    rest.copy(last, last.length - rest.length);
    this.#exchange.end(last);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#writeSign(), ms);
  }

  async #writeSign(): Promise<void> {
    if (this.#exchange.signal.aborted || this.#sentBytes >= LENGTH_BYTES - DOCUMENT_BYTES) return;
    try {
      await this.#exchange.write(this.#nextSign());
    } catch {
      // The client is gone: that is seen where the work is done. Nobody is above a timer who could be told.
      return;
    }
    if (this.#isWaiting) this.#wait(this.#times.everyMs);
  }

  #nextSign(): Buffer {
    let sign = BLANK;
    if (!this.#isOpen) {
      const length = String(LENGTH_BYTES);
      this.#exchange.writeHead(200, { 'content-type': 'application/xml', 'content-length': length });
      this.#isOpen = true;
      sign = Buffer.from(XML_DECLARATION);
    }
    this.#sentBytes += sign.length;
    return sign;
  }
}

interface Answered {
  readonly request: Pick<S3Request, 'descriptor'>;
  readonly early: EarlyAnswer;
}

/** Lets the answer begin before a stage has ended, of operations whose clients expect that. */
export function mayAnswerEarly<In extends Answered, Out>(stage: Stage<In, Out>): Stage<In, Out> {
  return {
    name: stage.name,
    run: (context) => {
      const { request, early } = context;
      return request.descriptor.mayAnswerEarly ? early.during(() => stage.run(context)) : stage.run(context);
    },
  };
}
