/**
 * The checksums of S3, but for the XXHASH kinds: running over bytes, claimed in headers, kept with an object and given back.
 * Never: an implementation taken from the gateway, whose checksums this store is there to verify.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { StoreError } from './store-error.ts';

export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256', 'SHA512', 'MD5'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64, big-endian; of a composite one `-<number of parts>` follows. */
  readonly value: string;
}

export type StoredChecksum = Checksum & { readonly type: ChecksumType };

export interface RunningChecksum {
  readonly update: (chunk: Buffer) => void;
  readonly digest: () => Buffer;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'CRC32':
      return startCrc((chunk, state) => crc32(chunk, state));
    case 'CRC32C':
      return startCrc((chunk, state) => crc32c(chunk, state));
    case 'CRC64NVME':
      return startCrc64Nvme();
    case 'SHA1':
    case 'SHA256':
    case 'SHA512':
    case 'MD5': {
      const hash = createHash(algorithm);
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
    }
  }
}

/** The names of the headers and of the elements of answers: `x-amz-checksum-crc32`, `ChecksumCRC32`. */
export const checksumHeader = (algorithm: ChecksumAlgorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`;
export const checksumElement = ({ algorithm, value }: Checksum): Readonly<Record<string, string>> => ({
  [`Checksum${algorithm}`]: value,
});

export function checksumHeaders(checksum: StoredChecksum | undefined): Readonly<Record<string, string>> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** What the headers claim of a body. @throws StoreError InvalidRequest */
export function claimedChecksum(headers: ReadonlyMap<string, string>): Checksum | undefined {
  const claims = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = headers.get(checksumHeader(algorithm));
    return value === undefined ? [] : [{ algorithm, value }];
  });
  const [claim] = claims;
  if (claims.length > 1)
    throw invalid('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  const named = headers.get('x-amz-sdk-checksum-algorithm');
  if (named !== undefined) parseAlgorithm(named);
  if (claim === undefined) return undefined;
  const bytes = startChecksum(claim.algorithm).digest().length;
  const decoded = Buffer.from(claim.value, 'base64');
  if (decoded.length !== bytes || decoded.toString('base64') !== claim.value)
    throw invalid(`Value for ${checksumHeader(claim.algorithm)} header is invalid.`);
  if (named !== undefined && parseAlgorithm(named) !== claim.algorithm)
    throw invalid('Value for x-amz-sdk-checksum-algorithm header is invalid.');
  return claim;
}

/** The algorithm that a PUT names without a value: the store makes that checksum. @throws StoreError InvalidRequest */
export function wantedChecksum(headers: ReadonlyMap<string, string>): ChecksumAlgorithm | undefined {
  const named = headers.get('x-amz-checksum-algorithm');
  if (named === undefined) return undefined;
  const algorithm = parseAlgorithm(named);
  const claimed = claimedChecksum(headers)?.algorithm;
  if (claimed !== undefined && claimed !== algorithm)
    throw invalid('Value for x-amz-checksum-algorithm header is invalid.');
  return algorithm;
}

/** The checksum that follows a framed body. @throws StoreError InvalidRequest */
export function announcedTrailer(headers: ReadonlyMap<string, string>): ChecksumAlgorithm {
  const name = headers.get('x-amz-trailer') ?? '';
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => checksumHeader(known) === name.toLowerCase());
  if (algorithm === undefined || claimedChecksum(headers) !== undefined)
    throw invalid('The value specified in the x-amz-trailer header is not supported');
  return algorithm;
}

/** @throws StoreError InvalidRequest */
export function parseAlgorithm(text: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === text.toUpperCase());
  if (algorithm === undefined) throw invalid('Checksum algorithm provided is unsupported.');
  return algorithm;
}

/** The checksum over the checksums of the parts. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): StoredChecksum {
  const running = startChecksum(algorithm);
  for (const part of parts) running.update(Buffer.from(part, 'base64'));
  return { algorithm, value: `${running.digest().toString('base64')}-${parts.length}`, type: 'COMPOSITE' };
}

function startCrc(next: (chunk: Buffer, state: number) => number): RunningChecksum {
  let state = 0;
  return {
    update: (chunk) => (state = next(chunk, state)),
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(state >>> 0);
      return bytes;
    },
  };
}

/** One entry a byte: high and low half of the 64 bits. @see NVM Express, "64b CRC" (reflected 9A6C9329AC4BC9B5) */
const CRC64 = Uint32Array.from({ length: 512 }, (_, index) => {
  let value = BigInt(index >> 1);
  for (let bit = 0; bit < 8; bit += 1) value = (value >> 1n) ^ ((value & 1n) * 0x9a6c9329ac4bc9b5n);
  return Number(index % 2 === 0 ? value >> 32n : value & 0xffffffffn);
});

function startCrc64Nvme(): RunningChecksum {
  let [high, low] = [-1, -1];
  return {
    update: (chunk) => {
      for (const byte of chunk) {
        const entry = ((low ^ byte) & 255) * 2;
        low = ((low >>> 8) | (high << 24)) ^ (CRC64[entry + 1] ?? 0);
        high = (high >>> 8) ^ (CRC64[entry] ?? 0);
      }
    },
    digest: () => {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(~high, 0);
      bytes.writeInt32BE(~low, 4);
      return bytes;
    },
  };
}

function invalid(message: string): StoreError {
  return new StoreError('InvalidRequest', 400, message);
}
