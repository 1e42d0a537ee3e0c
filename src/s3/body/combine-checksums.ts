/**
 * The checksum of a whole out of those of its parts. Enters: checksums of consecutive parts, with their lengths. Leaves: the
 * checksum that the parts together have: of all bytes for a CRC, of the parts' checksums for S3's COMPOSITE type. Pure, and
 * cheap enough for 10,000 parts of any lengths within one turn of the event loop.
 * @see zlib, crc32_combine: a CRC is a remainder, and n bytes behind it multiply it by x^8n
 */
import { createDigest } from './body-verifier.ts';
import type { ChecksumAlgorithm, MultipartChecksum } from './checksums.ts';

export interface PartChecksum {
  readonly value: Buffer;
  /** In bytes, below 2^48. */
  readonly sizeBytes: number;
}

/** Combines the checksums of consecutive parts; a hash has no FULL_OBJECT one (`createdChecksum` refuses it). */
export function combineChecksums({ algorithm, type }: MultipartChecksum, parts: readonly PartChecksum[]): Buffer {
  if (type === 'COMPOSITE') return compositeChecksum(algorithm, parts);
  const field = fieldOf(algorithm);
  let [high, low] = [0, 0];
  for (const { value, sizeBytes } of parts) {
    [high, low] = field.behind(high, low, sizeBytes);
    high ^= value.readInt32BE(0);
    if (field.bytes === 8) low ^= value.readInt32BE(4);
  }
  const combined = Buffer.alloc(8);
  combined.writeInt32BE(high, 0);
  combined.writeInt32BE(low, 4);
  return combined.subarray(0, field.bytes);
}

function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): Buffer {
  const digest = createDigest(algorithm);
  for (const { value } of parts) digest.update(value);
  return digest.digest();
}

/** Polynomials modulo that of a CRC, in its reflected bit order: the first bit of `high` is x^0. 32 bits leave `low` alone. */
interface Field {
  readonly bytes: 4 | 8;
  /** Multiplies by x^8n: what a CRC becomes by n further zero bytes. */
  readonly behind: (high: number, low: number, sizeBytes: number) => [number, number];
}

const LENGTH_BYTES = 6;
const fields = new Map<ChecksumAlgorithm, Field>();

function fieldOf(algorithm: ChecksumAlgorithm): Field {
  let field = fields.get(algorithm);
  if (field === undefined) {
    field = createField(algorithm);
    fields.set(algorithm, field);
  }
  return field;
}

function createField(algorithm: ChecksumAlgorithm): Field {
  switch (algorithm) {
    case 'CRC32':
      return powersOf(4, 0xedb88320, 0);
    case 'CRC32C':
      return powersOf(4, 0x82f63b78, 0);
    case 'CRC64NVME':
      return powersOf(8, 0x9a6c9329, 0xac4bc9b5);
    case 'SHA1':
    case 'SHA256':
    case 'SHA512':
    case 'MD5':
      throw new Error(`${algorithm} of a whole does not follow from its parts`);
  }
}

function powersOf(bytes: 4 | 8, polynomialHigh: number, polynomialLow: number): Field {
  const times = (aHigh: number, aLow: number, bHigh: number, bLow: number): [number, number] => {
    let [high, low] = [0, 0];
    for (let bit = 0; bit < bytes * 8; bit += 1) {
      const isSet = bit < 32 ? (aHigh >>> (31 - bit)) & 1 : (aLow >>> (63 - bit)) & 1;
      if (isSet === 1) {
        high ^= bHigh;
        low ^= bLow;
      }
      const isOut = ((bytes === 4 ? bHigh : bLow) & 1) === 1;
      if (bytes === 8) bLow = (bLow >>> 1) | (bHigh << 31);
      bHigh >>>= 1;
      if (isOut) {
        bHigh ^= polynomialHigh;
        bLow ^= polynomialLow;
      }
    }
    return [high, low];
  };

  // Entry `256 * k + byte` is x^(8 * byte * 256^k): a length is the product of one entry for each of its bytes.
  const highs = new Int32Array(256 * LENGTH_BYTES);
  const lows = new Int32Array(256 * LENGTH_BYTES);
  let [baseHigh, baseLow] = [1 << 23, 0];
  for (let index = 0; index < LENGTH_BYTES; index += 1) {
    let [high, low] = [1 << 31, 0];
    for (let byte = 0; byte < 256; byte += 1) {
      highs[256 * index + byte] = high;
      lows[256 * index + byte] = low;
      [high, low] = times(high, low, baseHigh, baseLow);
    }
    [baseHigh, baseLow] = [high, low];
  }

  return {
    bytes,
    behind: (high, low, sizeBytes) => {
      let [h, l] = [high, low];
      let rest = sizeBytes;
      for (let index = 0; rest > 0; index += 1) {
        const at = 256 * index + (rest % 256);
        if (rest % 256 !== 0) [h, l] = times(h, l, highs[at] ?? 0, lows[at] ?? 0);
        rest = Math.floor(rest / 256);
      }
      return [h, l];
    },
  };
}
