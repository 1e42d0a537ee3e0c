/**
 * One segment: salt[12] || AES-256-GCM ciphertext || tag[16], under a key that belongs to one upload attempt of one part
 * of one length. The nonce is the segment's position, so a segment opens only where it was sealed; the last one is marked,
 * so that nothing can be cut off or put behind. No (key, nonce) pair is used twice as long as salts do not repeat.
 * @see docs/spec/object-format.md, "Segments"
 */
import { createCipheriv, createDecipheriv, createSecretKey, type CipherGCM, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { releaseMemory } from '../../s3/body/release-memory.ts';
import type { Derive } from './derived-keys.ts';
import { SALT_BYTES, SEGMENT_BYTES, TAG_BYTES } from '../../contracts/object-format.ts';
import type { PartRole } from './sizes.ts';

const CIPHER = 'aes-256-gcm';
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };
const KEY_LABEL = Buffer.from('sallyport/1/seg\0');
const ALGORITHM = 1;

export interface Part {
  readonly role: PartRole;
  /** The client's part number; 0 for a single PUT. */
  readonly number: number;
  readonly plainSizeBytes: number;
}

/** The position of a segment in its part. */
export interface SegmentPosition {
  readonly index: number;
  readonly isLast: boolean;
}

/** Derives the key of all segments of one part. */
export function segmentKey(dataKey: KeyObject, salt: Buffer, part: Part, derived: Derive): KeyObject {
  const info = Buffer.alloc(32);
  KEY_LABEL.copy(info);
  info.writeUInt8(ALGORITHM, 16);
  info.writeUInt8(part.role, 17);
  info.writeUInt16BE(part.number, 18);
  info.writeUInt32BE(SEGMENT_BYTES, 20);
  info.writeBigUInt64BE(BigInt(part.plainSizeBytes), 24);
  return derived(dataKey, salt, info, 32, createSecretKey);
}

/** Seals one segment piece by piece into a buffer of exactly its stored size. */
export class SegmentSealer {
  readonly #cell: Buffer;
  readonly #cipher: CipherGCM;
  #filled = SALT_BYTES;

  constructor(key: KeyObject, salt: Buffer, position: SegmentPosition, cell: Buffer) {
    this.#cell = cell;
    this.#cipher = createCipheriv(CIPHER, key, nonce(position), CIPHER_OPTIONS);
    salt.copy(cell);
  }

  /** Plaintext bytes that the segment still needs. */
  get missingBytes(): number {
    return this.#cell.length - TAG_BYTES - this.#filled;
  }

  /** Takes at most `missingBytes`. */
  update(plain: Buffer): void {
    const sealed = this.#cipher.update(plain);
    this.#filled += sealed.copy(this.#cell, this.#filled);
    releaseMemory(sealed);
  }

  /** Completes the cell; the plaintext must have been given whole. */
  finish(): void {
    this.#cipher.final();
    this.#cipher.getAuthTag().copy(this.#cell, this.#filled);
  }
}

/** Verified: gives the plaintext of one stored segment in fresh memory. @throws GatewayError IntegrityFailure */
export function openSegment(key: KeyObject, position: SegmentPosition, cell: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce(position), CIPHER_OPTIONS);
  decipher.setAuthTag(cell.subarray(-TAG_BYTES));
  const plain = decipher.update(cell.subarray(SALT_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw new GatewayError('IntegrityFailure', { detail: `segment ${position.index} is not authentic` });
  }
  return plain;
}

function nonce({ index, isLast }: SegmentPosition): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt8(isLast ? 1 : 0, 7);
  bytes.writeUInt32BE(index, 8);
  return bytes;
}
