/** A store of one object, honest or tampered with, and reads through the cipher as the gateway makes them. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { createKekKeyring, createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import type { KeptChecksum, ObjectAddress, ObjectCipher } from '../../../../src/contracts/object-cipher.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import type { ByteRange } from '../../../../src/s3/request.ts';

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
  readonly given: Buffer;
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

export async function* chunks(bytes: Buffer, sizeBytes = 16_384): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += sizeBytes) {
    await Promise.resolve();
    yield bytes.subarray(at, at + sizeBytes);
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

/** Reads as the gateway does: asks the store for what covers the range, and opens the answer. */
export async function read(
  cipher: ObjectCipher,
  { envelope, body }: StoredObject,
  { range, address = ADDRESS, chunkBytes }: { range?: ByteRange; address?: ObjectAddress; chunkBytes?: number } = {},
): Promise<ReadResult> {
  const answer = range === undefined ? { first: 0, bytes: body } : slice(body, cipher.storedRange(range));
  const given: Buffer[] = [];
  let error: GatewayError | undefined;
  try {
    const view = { envelope, storedSizeBytes: body.length, firstStoredByte: answer.first };
    const opened = await cipher.open(address, view, range);
    for await (const chunk of opened.body(chunks(answer.bytes, chunkBytes))) given.push(chunk);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    error = thrown;
  }
  assert.deepEqual(await readWhole(cipher, envelope, body, answer, range, address), error ?? Buffer.concat(given));
  return { given: Buffer.concat(given), error };
}

/** The same read in one piece, which must come to the same: the same bytes, or the same failure. */
async function readWhole(
  cipher: ObjectCipher,
  envelope: string,
  body: Buffer,
  answer: { readonly first: number; readonly bytes: Buffer },
  range: ByteRange | undefined,
  address: ObjectAddress,
): Promise<Buffer | GatewayError> {
  try {
    const view = { envelope, storedSizeBytes: body.length, firstStoredByte: answer.first };
    return (await cipher.open(address, view, range)).whole(answer.bytes);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return thrown;
  }
}
