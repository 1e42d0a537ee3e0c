/** A store of one object, honest or tampered with, and reads through the cipher as the gateway makes them. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { createKekKeyring, createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import type {
  KeptChecksum,
  ObjectAddress,
  ObjectCipher,
  PlannedRead,
  ReadStored,
  StoredExtent,
} from '../../../../src/contracts/object-cipher.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import type { ByteRange } from '../../../../src/s3/request/request.ts';

export const SEED = Buffer.from('a seed for tests, of forty or so bytes..');
export const ADDRESS: ObjectAddress = { bucketId: 'reports', key: '2026/q3.csv' };
export const SEGMENT = 65_536;
export const CELL = SEGMENT + 28;
/** Every size at which the layout of segments changes. */
export const SIZES = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1];

export interface StoredObject {
  readonly envelope: string;
  readonly body: Buffer;
}

export interface ReadResult {
  /** What the reader was given, up to the end or the failure. */
  readonly received: Buffer;
  readonly error: GatewayError | undefined;
}

export function vectors(name: string): unknown {
  const path = new URL(`../../../vectors/object-format/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as unknown;
}

export function cipherOf(seed = SEED, version = 1): ObjectCipher {
  return createObjectCipher(createLocalKeyring({ current: version, versions: new Map([[version, seed]]) }));
}

/** A cipher whose random bytes are given: a data key and the two salts of one body. */
export function cipherOfVector(kek: Buffer, kekVersion: number, dataKey: Buffer, salts: Buffer): ObjectCipher {
  const versions = new Map([[kekVersion, createSecretKey(kek)]]);
  return createObjectCipher(
    createKekKeyring({ current: kekVersion, versions }, () => dataKey),
    () => salts,
  );
}

/** Byte i is i mod 251, as in the vectors. */
export function pattern(sizeBytes: number): Buffer {
  return Buffer.alloc(sizeBytes, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
}

/** Gives the bytes as a connection does, in memory of their own: the cipher takes it over. */
export async function* chunks(bytes: Buffer, sizeBytes = 16_384): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += sizeBytes) {
    await Promise.resolve();
    yield Buffer.from(bytes.subarray(at, at + sizeBytes));
  }
}

export async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of stream) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

export async function store(
  cipher: ObjectCipher,
  plain: Buffer,
  address = ADDRESS,
  checksum?: KeptChecksum,
): Promise<StoredObject> {
  const sealed = await cipher.seal(address, plain.length, checksum);
  return { envelope: sealed.envelope, body: await collect(sealed.body(chunks(plain))) };
}

/** What an S3 store answers to a Range header: offset and bytes. */
export function slice(body: Buffer, header: string): { first: number; bytes: Buffer } {
  const fields = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [from = '', to = ''] = fields?.slice(1) ?? [];
  if (from === '') {
    const first = Math.max(0, body.length - Number(to));
    return { first, bytes: body.subarray(first) };
  }
  return { first: Number(from), bytes: body.subarray(Number(from), to === '' ? undefined : Number(to) + 1) };
}

/** Reads small extents of a body, and counts them. */
export function readerOf(body: Buffer): ReadStored & { reads: StoredExtent[] } {
  const reads: StoredExtent[] = [];
  const read: ReadStored = (extent) => {
    assert.ok(extent.first >= 0 && extent.last < body.length && extent.last >= extent.first, JSON.stringify(extent));
    reads.push(extent);
    return Promise.resolve(Buffer.from(body.subarray(extent.first, extent.last + 1)));
  };
  return Object.assign(read, { reads });
}

export type Wanted = Parameters<ObjectCipher['plan']>[3];

/** Plans a read as the gateway does: the layout of a single PUT by its size, of an upload by a lookup. */
export async function plan(
  cipher: ObjectCipher,
  { envelope, body }: StoredObject,
  wanted?: Wanted,
  address = ADDRESS,
): Promise<PlannedRead> {
  const stored = { envelope, sizeBytes: body.length };
  const isSingle = cipher.describe(envelope).kind === 's';
  const layout = isSingle ? cipher.singleLayout(body.length) : await cipher.lookup(address, stored, readerOf(body));
  return cipher.plan(address, stored, layout, wanted);
}

export function extentOf({ first, bytes }: { first: number; bytes: Buffer }): StoredExtent {
  return { first, last: first + bytes.length - 1 };
}

/**
 * Reads as the gateway does: opens what the store answers to the first request where that covers what is needed, and to
 * a request for exactly what is needed otherwise.
 */
export async function read(
  cipher: ObjectCipher,
  stored: StoredObject,
  { range, part, address = ADDRESS, chunkBytes }: ReadOptions = {},
): Promise<ReadResult> {
  const { body } = stored;
  let received: Buffer = Buffer.alloc(0);
  let error: GatewayError | undefined;
  try {
    const planned = await plan(cipher, stored, part === undefined ? range : { part }, address);
    const { extent } = planned;
    const exact = { first: extent.first, bytes: body.subarray(extent.first, extent.last + 1) };
    const answer = range === undefined ? exact : slice(body, cipher.storedRange(range));
    const offered = extentOf(answer);
    const isEnough =
      offered.first <= extent.first && extent.first - offered.first <= 2 * CELL && offered.last >= extent.last;
    const used = isEnough ? answer : exact;
    const opened: Buffer[] = [];
    try {
      for await (const chunk of planned.body(chunks(used.bytes, chunkBytes), extentOf(used))) opened.push(chunk);
    } catch (thrown) {
      error = gatewayError(thrown);
    }
    received = Buffer.concat(opened);
    // The same read in one piece must come to the same, and so must a read of exactly what is needed.
    const whole = wholeOf(planned, used);
    if (whole instanceof GatewayError) assert.equal(whole.code, error?.code);
    else assert.ok(whole.equals(received));
    if (error === undefined && used !== exact) {
      const exactly = wholeOf(planned, exact);
      assert.ok(exactly instanceof Buffer && exactly.equals(received));
    }
  } catch (thrown) {
    error = gatewayError(thrown);
  }
  return { received, error };
}

export interface ReadOptions {
  readonly range?: ByteRange;
  readonly part?: number;
  readonly address?: ObjectAddress;
  readonly chunkBytes?: number;
}

function wholeOf(planned: PlannedRead, answer: { first: number; bytes: Buffer }): Buffer | GatewayError {
  try {
    return planned.whole(answer.bytes, extentOf(answer));
  } catch (thrown) {
    return gatewayError(thrown);
  }
}

function gatewayError(thrown: unknown): GatewayError {
  if (!(thrown instanceof GatewayError)) throw thrown;
  return thrown;
}
