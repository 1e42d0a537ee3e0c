/** Uploads in memory, as a store keeps them: parts by slot, put together in ascending order when they are completed. */
import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import type {
  Completion,
  NamedPart,
  ObjectAddress,
  ObjectCipher,
  SealedUpload,
  StoredPart,
} from '../../../../src/contracts/object-cipher.ts';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { kekFromSeed } from '../../../../src/core/keyring/kek.ts';
import { createKekKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { ADDRESS, chunks, collect, pattern, vectors, type StoredObject } from './object-store.ts';

/** S3's smallest part that is not the last. */
export const MIN = 5_242_880;

export interface MultipartVector {
  readonly name: string;
  readonly seed: string;
  readonly kekVersion: number;
  readonly bucketId: string;
  readonly key: string;
  readonly dataKey: string;
  readonly parts: readonly { readonly number: number; readonly plainSize: number; readonly salt: string }[];
  readonly finalTrailerSalt: string | null;
  readonly layoutTrailerSalt: string | null;
  readonly layoutPartSize: number;
  readonly envelope: string;
  readonly plainSize: number;
  readonly plainSha256: string;
  readonly storedSize: number;
  readonly storedSha256: string;
  readonly listedSize: number | null;
}

export const MULTIPART_VECTORS = vectors('multipart') as readonly MultipartVector[];

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** A cipher that seals a vector: its data key, and its salts in the order of parts, the layout part last. */
export function cipherOfMultipart(vector: MultipartVector): ObjectCipher {
  const kek = kekFromSeed(hex(vector.seed), vector.kekVersion).export();
  const versions = new Map([[vector.kekVersion, createSecretKey(kek)]]);
  const salts = vector.parts.map(({ salt }) => hex(salt));
  if (vector.finalTrailerSalt !== null) salts.push(Buffer.concat([salts.pop()!, hex(vector.finalTrailerSalt)]));
  if (vector.layoutTrailerSalt !== null) salts.push(hex(vector.layoutTrailerSalt));
  return createObjectCipher(
    createKekKeyring({ current: vector.kekVersion, versions }, () => hex(vector.dataKey)),
    (sizeBytes) => {
      const next = salts.shift();
      assert.equal(next?.length, sizeBytes);
      return next;
    },
  );
}

/** One upload in progress, at its client and at its store. */
export class UploadInMemory {
  readonly slots = new Map<number, Buffer>();
  /** By slot: they are the hashes of whole parts, and are asked for again and again. */
  readonly #etags = new Map<number, string>();
  readonly named = new Map<number, NamedPart>();
  readonly envelope: string;
  readonly upload: SealedUpload;

  constructor(envelope: string, upload: SealedUpload) {
    this.envelope = envelope;
    this.upload = upload;
  }

  static async begin(cipher: ObjectCipher, address: ObjectAddress = ADDRESS): Promise<UploadInMemory> {
    const { envelope, sealedId } = await cipher.newUpload(address);
    return new UploadInMemory(envelope, await cipher.openSealedId(address, sealedId('the-store.id/2~+=')));
  }

  /** Uploads a part; a part of the same number is replaced. */
  async put(number: number, plain: Buffer, streamed = false): Promise<Buffer> {
    const part = this.upload.sealPart(number, plain.length, undefined);
    const body = streamed ? await collect(part.body(chunks(plain, 100_000))) : part.whole(plain);
    assert.equal(body.length, part.storedSizeBytes);
    const etag = createHash('md5').update(body).digest('hex');
    this.slots.set(part.slot, body);
    this.#etags.set(part.slot, etag);
    this.named.set(number, { number, etag });
    return body;
  }

  list(): StoredPart[] {
    return [...this.slots]
      .sort(([a], [b]) => a - b)
      .map(([slot, body]) => ({ slot, etag: `"${this.#etags.get(slot)}"`, sizeBytes: body.length }));
  }

  /** Names these parts, or all that were put, in ascending order. */
  async complete(numbers = [...this.named.keys()]): Promise<StoredObject & { completion: Completion }> {
    const named = numbers.sort((a, b) => a - b).map((number) => this.named.get(number)!);
    const completion = this.upload.complete(named, this.list());
    const pieces = new Map(completion.parts.map(({ slot }) => [slot, this.slots.get(slot)!]));
    const { layoutPart } = completion;
    if (layoutPart !== undefined) {
      assert.equal(pieces.has(layoutPart.slot), false);
      const body = await collect(layoutPart.body());
      assert.equal(body.length, layoutPart.storedSizeBytes);
      pieces.set(layoutPart.slot, body);
    }
    const ordered = [...pieces].sort(([a], [b]) => a - b).map(([, body]) => body);
    // What a store asks of every part but the last.
    assert.ok(ordered.slice(0, -1).every(({ length }) => length >= MIN));
    const body = Buffer.concat(ordered);
    assert.equal(body.length, completion.storedSizeBytes);
    return { envelope: this.envelope, body, completion };
  }
}

/** Uploads and completes parts of these numbers and sizes, filled with the pattern one after the other. */
export async function uploaded(
  cipher: ObjectCipher,
  parts: readonly (readonly [number: number, size: number])[],
  address = ADDRESS,
): Promise<{ plain: Buffer; stored: StoredObject; upload: UploadInMemory; completion: Completion }> {
  const upload = await UploadInMemory.begin(cipher, address);
  const plain = pattern(parts.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [number, size] of parts) {
    await upload.put(number, plain.subarray(at, at + size));
    at += size;
  }
  const { completion, ...stored } = await upload.complete();
  assert.equal(completion.plainSizeBytes, plain.length);
  return { plain, stored, upload, completion };
}
