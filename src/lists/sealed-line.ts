/**
 * A line of JSON that ends in a code over all of it, made with a key of the configuration: who can write to where a list is kept
 * cannot make one, nor change one.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const CODE = /,"mac":"([0-9a-f]{64})"\}$/;

/** What seals the lines of one list. */
export interface Seal {
  readonly key: Buffer;
  /** Lines of one list are none of another: `sallyport grant`. */
  readonly purpose: string;
  readonly maxLineBytes: number;
}

/** Puts the code at the end of an object of JSON. */
export function sealLine(body: string, seal: Seal): string {
  return `${body.slice(0, -1)},"mac":"${codeOf(body, seal).toString('hex')}"}`;
}

/** Gives the object without its code; `undefined` for a line that was not sealed so. */
export function openLine(line: string, seal: Seal): string | undefined {
  const [tail, code = ''] = CODE.exec(line) ?? [];
  if (tail === undefined || Buffer.byteLength(line) > seal.maxLineBytes) return undefined;
  const body = `${line.slice(0, -tail.length)}}`;
  return timingSafeEqual(codeOf(body, seal), Buffer.from(code, 'hex')) ? body : undefined;
}

function codeOf(body: string, { key, purpose }: Seal): Buffer {
  return createHmac('sha256', key).update(`${purpose}\0`).update(body).digest();
}
