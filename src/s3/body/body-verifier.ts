/**
 * Enters: a body, chunk by chunk, as the client sent it. Leaves: nothing, or an error when a claim does not hold.
 * `verify` must be called before the last stored byte is given away; a body that nobody verified was not verified.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { createCrc64Nvme } from './crc64-nvme.ts';
import type { ChecksumAlgorithm } from './checksums.ts';
import type { BodyClaims } from '../request/request.ts';

export interface BodyVerifier {
  readonly update: (chunk: Buffer) => void;
  /** @throws GatewayError BadDigest, ContentSha256Mismatch */
  readonly verify: () => void;
}

export interface Digest {
  readonly update: (chunk: Buffer) => unknown;
  readonly digest: () => Buffer;
}

const DIGESTS: Readonly<Record<ChecksumAlgorithm, () => Digest>> = {
  CRC32: () => crcDigest((chunk, state) => crc32(chunk, state)),
  CRC32C: () => crcDigest((chunk, state) => crc32c(chunk, state)),
  CRC64NVME: () => createCrc64Nvme(),
  SHA1: () => createHash('sha1'),
  SHA256: () => createHash('sha256'),
  SHA512: () => createHash('sha512'),
  MD5: () => createHash('md5'),
};

/** Creates the digest of one kind of checksum. */
export function createDigest(algorithm: ChecksumAlgorithm): Digest {
  return DIGESTS[algorithm]();
}

/** A checksum that is made as a body passes. */
export interface PassingChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly update: (chunk: Buffer) => void;
  /** Of what has passed; nothing may pass after it was requested. */
  readonly value: () => Buffer;
}

export function passingChecksum(algorithm: ChecksumAlgorithm): PassingChecksum {
  const digest = createDigest(algorithm);
  let value: Buffer | undefined;
  // A digest ends once, and is requested as often as the body is sealed.
  return { algorithm, update: (chunk) => void digest.update(chunk), value: () => (value ??= digest.digest()) };
}

/** A checksum that comes behind the body; `value` is requested when the body has ended. */
export interface TrailingChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: () => Buffer;
}

/** Creates the verifier of a body; `undefined` when nothing is claimed of it. */
export function createBodyVerifier(claims: BodyClaims, trailing?: TrailingChecksum): BodyVerifier | undefined {
  const checks: { readonly digest: Digest; readonly expected: () => Buffer; readonly code: ErrorCode }[] = [];
  const { md5, checksum, sha256 } = claims;
  if (md5 !== undefined) checks.push({ digest: createHash('md5'), expected: () => md5, code: 'BadDigest' });
  if (checksum !== undefined) {
    checks.push({ digest: DIGESTS[checksum.algorithm](), expected: () => checksum.value, code: 'BadDigest' });
  }
  if (trailing !== undefined) {
    checks.push({ digest: DIGESTS[trailing.algorithm](), expected: trailing.value, code: 'BadDigest' });
  }
  if (sha256 !== undefined) {
    checks.push({ digest: createHash('sha256'), expected: () => sha256, code: 'ContentSha256Mismatch' });
  }
  if (checks.length === 0) return undefined;
  return {
    update: (chunk) => {
      for (const { digest } of checks) digest.update(chunk);
    },
    verify: () => {
      for (const { digest, expected, code } of checks) {
        if (!expected().equals(digest.digest())) throw new GatewayError(code);
      }
    },
  };
}

function crcDigest(step: (chunk: Buffer, state: number) => number): Digest {
  let state = 0;
  return {
    update: (chunk) => {
      state = step(chunk, state);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(state);
      return bytes;
    },
  };
}
