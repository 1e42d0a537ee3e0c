/**
 * Enters: the body of a browser's form as it arrives, of a known length. Leaves: its fields, which stand before the file, and
 * the file as a stream of a known length. Of the body no more is read than the fields, what came with them, and a file of at
 * most 16 KiB. One spelling of everything: what another parser could take for another field, or for another end of the file, is refused.
 * @see RFC 7578; Amazon S3 API Reference, "POST Object"
 */
import { GatewayError } from '../../errors/gateway-error.ts';

export interface PostForm {
  /** By lower-case name; the file is none of them. */
  readonly fields: ReadonlyMap<string, string>;
  readonly file: {
    /** As the browser names it; empty where it does not. */
    readonly name: string;
    readonly sizeBytes: number;
    /** Exactly that many bytes; it fails before its end where the form does not end right behind them. */
    readonly content: AsyncIterable<Buffer>;
  };
}

/** S3's bound of what stands before the file. */
const MAX_FIELDS_BYTES = 20 * 1024;
const MAX_FIELDS = 100;
/** A file that is no longer than this is read with the fields, and its form may end without a line end. */
const SMALL_FILE_BYTES = 16 * 1024;

/** RFC 2046: 1 to 70 characters, none of which needs care within quotes. */
const BOUNDARY = /^multipart\/form-data; *boundary=(?:"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])"|([\w'+.-]{1,70}))$/i;
const DISPOSITION = /^form-data(?:; *[a-z*]+=(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|[^";\s]+))+$/i;
const PARAMETER = /; *([a-z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^";\s]+))/gi;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Gives the boundary of a form; `undefined` where the type is another one. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const [, quoted, unquotedValue] = BOUNDARY.exec(contentType ?? '') ?? [];
  return quoted ?? unquotedValue;
}

/**
 * Reads the fields of a form of `sizeBytes` in all.
 * @throws GatewayError MalformedPOSTRequest, PostFieldsTooLong, InvalidArgument (a field twice), what `body` throws
 */
export async function readFormFields(
  body: AsyncIterable<Buffer>,
  { boundary, sizeBytes }: { readonly boundary: string; readonly sizeBytes: number },
): Promise<PostForm> {
  const source: AsyncIterator<Buffer, unknown> = body[Symbol.asyncIterator]();
  const fields = new FieldReader(boundary);
  while (!fields.isDone) {
    const next = await source.next();
    if (next.done === true) throw malformed('the form ends before its file');
    fields.take(next.value);
  }
  const { fileName, consumedBytes, rest } = fields;
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const restBytes = sizeBytes - consumedBytes;
  const pieces = following(rest, source);
  if (restBytes <= SMALL_FILE_BYTES) {
    const content = fileOf(await gathered(pieces, restBytes), end);
    return { fields: fields.values, file: { name: fileName, sizeBytes: content.length, content: only(content) } };
  }
  // How long the file is must be known before its end: what stands behind it is taken to be the end of the form.
  const fileBytes = restBytes - end.length;
  const content = fileStream(pieces, fileBytes, end);
  return { fields: fields.values, file: { name: fileName, sizeBytes: fileBytes, content } };
}

class FieldReader {
  readonly values = new Map<string, string>();
  fileName = '';
  isDone = false;
  /** Bytes of the form up to the file. */
  consumedBytes = 0;

  readonly #delimiter: Buffer;
  /** As if a line end stood before the first delimiter as well. */
  #unread: Buffer = Buffer.from('\r\n');
  #name: string | undefined;
  #expected: 'delimiter' | 'head' | 'value' = 'delimiter';

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
    this.consumedBytes = -2;
  }

  /** What came of the file, with the fields. */
  get rest(): Buffer {
    return this.#unread;
  }

  take(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (!this.isDone && this.#step());
    const waiting = this.isDone ? 0 : this.#unread.length;
    if (this.consumedBytes + waiting > MAX_FIELDS_BYTES) throw new GatewayError('PostFieldsTooLong');
  }

  /** Whether anything was understood. */
  #step(): boolean {
    switch (this.#expected) {
      case 'delimiter': {
        const length = this.#delimiter.length + 2;
        if (this.#unread.length < length) return false;
        const line = this.#unread.subarray(0, length);
        if (!line.subarray(0, -2).equals(this.#delimiter) || line.toString('latin1', length - 2) !== '\r\n') {
          throw malformed('no field where one should begin');
        }
        this.#consume(length);
        this.#expected = 'head';
        return true;
      }
      case 'head': {
        const end = this.#unread.indexOf('\r\n\r\n');
        if (end < 0) return false;
        this.#begin(partHead(this.#unread.subarray(0, end)));
        this.#consume(end + 4);
        return true;
      }
      case 'value': {
        const end = this.#unread.indexOf(this.#delimiter);
        if (end < 0) return false;
        this.values.set(this.#name ?? '', textOf(this.#unread.subarray(0, end)));
        this.#consume(end);
        this.#expected = 'delimiter';
        return true;
      }
    }
  }

  #begin({ name, fileName }: PartHead): void {
    const field = name.toLowerCase();
    if (field === 'file') {
      this.fileName = fileName ?? '';
      this.isDone = true;
      return;
    }
    // Of a repeated field one reader takes the first, and the next one the last.
    if (this.values.has(field)) {
      throw new GatewayError('InvalidArgument', {
        detail: 'a field twice',
        clientFields: { ArgumentName: field },
      });
    }
    if (this.values.size >= MAX_FIELDS) throw new GatewayError('PostFieldsTooLong');
    this.values.set(field, '');
    this.#name = field;
    this.#expected = 'value';
  }

  #consume(bytes: number): void {
    this.#unread = this.#unread.subarray(bytes);
    this.consumedBytes += bytes;
  }
}

interface PartHead {
  readonly name: string;
  readonly fileName: string | undefined;
}

function partHead(head: Buffer): PartHead {
  let found: PartHead | undefined;
  for (const line of textOf(head).split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    switch (name) {
      case 'content-disposition':
        if (found !== undefined) throw malformed('two dispositions of a field');
        found = disposition(value);
        break;
      // Says nothing that S3 hears; the object's type has a field of its own.
      case 'content-type':
      case 'content-length':
        break;
      case 'content-transfer-encoding':
        if (!/^(?:7bit|8bit|binary)$/i.test(value)) throw malformed('an encoded field');
        break;
      default:
        throw malformed('an unknown header of a field');
    }
  }
  if (found === undefined) throw malformed('a field without a disposition');
  return found;
}

function disposition(value: string): PartHead {
  if (!DISPOSITION.test(value)) throw malformed('a disposition');
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, unquotedValue] of value.matchAll(PARAMETER)) {
    const parameter = name.toLowerCase();
    if (parameters.has(parameter)) throw malformed('a parameter twice');
    parameters.set(parameter, unquotedValue ?? unescaped(quoted ?? ''));
  }
  const name = parameters.get('name');
  if (name === undefined || !/^[!-~]{1,256}$/.test(name)) throw malformed('the name of a field');
  // `filename*` repeats it in another spelling, of which S3 knows nothing.
  return { name, fileName: parameters.get('filename') };
}

/** Browsers escape by percent what would end the quotes, other programs by a backslash, which else is itself. */
function unescaped(quoted: string): string {
  return quoted.replaceAll('\\"', '"').replace(/%22|%0D|%0A/gi, (escape) => decodeURIComponent(escape));
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('a field that is not UTF-8');
  }
}

async function* following(
  rest: Buffer,
  source: AsyncIterator<Buffer, unknown>,
): AsyncGenerator<Buffer, void, undefined> {
  if (rest.length > 0) yield rest;
  for (;;) {
    const next = await source.next();
    if (next.done === true) return;
    yield next.value;
  }
}

async function gathered(pieces: AsyncIterable<Buffer>, sizeBytes: number): Promise<Buffer> {
  const whole = Buffer.alloc(Math.max(sizeBytes, 0));
  let length = 0;
  for await (const piece of pieces) {
    if (length + piece.length > whole.length) throw malformed('a form that is longer than it says');
    length += piece.copy(whole, length);
  }
  if (length !== whole.length) throw malformed('a form that is shorter than it says');
  return whole;
}

/** Cuts the file out of what is left of a form. */
function fileOf(whole: Buffer, end: Buffer): Buffer {
  const delimiter = end.subarray(0, -4);
  const at = whole.indexOf(delimiter);
  const behind = at < 0 ? '' : whole.toString('latin1', at + delimiter.length);
  if (behind !== '--' && behind !== '--\r\n') throw notLast();
  return whole.subarray(0, at);
}

// eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that read them
async function* only(content: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield content;
}

/** Gives the file; behind it the form must end, and before that no field may begin. */
async function* fileStream(
  pieces: AsyncIterable<Buffer>,
  fileBytes: number,
  end: Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  const delimiter = end.subarray(0, -4);
  const overlap = delimiter.length - 1;
  let carry: Buffer = Buffer.alloc(0);
  let position = 0;
  const tail: Buffer[] = [];
  for await (const piece of pieces) {
    // A delimiter may lie across two pieces; every place where one can end in this piece is looked at.
    const overlapped = Buffer.concat([carry, piece.subarray(0, overlap)]);
    for (const [bytes, start] of [
      [overlapped, position - carry.length],
      [piece, position],
    ] as const) {
      const at = bytes.indexOf(delimiter);
      if (at >= 0 && start + at !== fileBytes) throw notLast();
    }
    const data = piece.subarray(0, Math.max(0, fileBytes - position));
    if (data.length < piece.length) tail.push(piece.subarray(data.length));
    position += piece.length;
    if (position > fileBytes + end.length) throw malformed('a form that is longer than it says');
    carry = piece.length >= overlap ? piece.subarray(piece.length - overlap) : lastOf(carry, piece, overlap);
    // A sealer takes the memory of what it is given, and the seam is still to be looked at.
    carry = Buffer.from(carry);
    if (data.length > 0) yield data;
  }
  if (position !== fileBytes + end.length) throw malformed('a form that is shorter than it says');
  if (!Buffer.concat(tail).equals(end)) throw notLast();
}

function lastOf(carry: Buffer, piece: Buffer, length: number): Buffer {
  const both = Buffer.concat([carry, piece]);
  return both.subarray(Math.max(0, both.length - length));
}

function notLast(): GatewayError {
  return malformed('the file must be the last field, and the form must end with a line end behind its last boundary');
}

function malformed(detail: string): GatewayError {
  return new GatewayError('MalformedPOSTRequest', { detail, clientFields: { Reason: detail } });
}
