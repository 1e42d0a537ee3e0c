/**
 * A secret that does not show itself. Printing, logging or serializing it gives `[secret]`; only `reveal` and
 * `revealBytes` give the value, and the places that call them are few enough to review.
 */
import { inspect } from 'node:util';

const REDACTED = '[secret]';

/** Wraps a secret of text or bytes. */
export class Secret {
  readonly #bytes: Buffer;

  constructor(value: string | Uint8Array) {
    this.#bytes = Buffer.from(value);
  }

  /** Gives the value as UTF-8 text. */
  reveal(): string {
    return this.#bytes.toString('utf8');
  }

  /** Gives a copy of the value. */
  revealBytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
