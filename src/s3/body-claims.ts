/**
 * Enters: the digest headers of an upload. Leaves: decoded digests of exactly the right length.
 * A digest that cannot be decoded is refused, never dropped: the client believes that it will be verified.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { BodyClaims, ChecksumAlgorithm } from './request.ts';

interface ChecksumKind {
  readonly algorithm: ChecksumAlgorithm;
  readonly sizeBytes: number;
}

/** The checksum headers that are verified, by header name. */
export const CHECKSUM_HEADERS: ReadonlyMap<string, ChecksumKind> = new Map([
  ['x-amz-checksum-crc32', { algorithm: 'CRC32', sizeBytes: 4 }],
  ['x-amz-checksum-crc32c', { algorithm: 'CRC32C', sizeBytes: 4 }],
  ['x-amz-checksum-crc64nvme', { algorithm: 'CRC64NVME', sizeBytes: 8 }],
  ['x-amz-checksum-sha1', { algorithm: 'SHA1', sizeBytes: 20 }],
  ['x-amz-checksum-sha256', { algorithm: 'SHA256', sizeBytes: 32 }],
]);

export const NO_CLAIMS: BodyClaims = Object.freeze({});

const ALGORITHM_HEADERS = ['x-amz-sdk-checksum-algorithm', 'x-amz-checksum-algorithm'] as const;
const SHA256_HEX = /^[0-9a-f]{64}$/i;

/**
 * Reads Content-MD5, `x-amz-checksum-*` and `x-amz-content-sha256` of a body; `trailer`: the checksum that follows it.
 * @throws GatewayError InvalidDigest, InvalidRequest (several checksums, or another one than announced)
 * @see Amazon S3 User Guide, "Checking object integrity"
 */
export function parseBodyClaims(
  headers: ReadonlyMap<string, string>,
  trailer: ChecksumAlgorithm | undefined,
): BodyClaims {
  const md5 = headers.get('content-md5');
  const sha256 = headers.get('x-amz-content-sha256');
  const checksum = parseChecksum(headers, trailer);
  return {
    ...(md5 !== undefined && { md5: decodeDigest(md5, 16) }),
    ...(checksum !== undefined && { checksum }),
    ...(sha256 !== undefined && SHA256_HEX.test(sha256) && { sha256: Buffer.from(sha256, 'hex') }),
  };
}

function parseChecksum(
  headers: ReadonlyMap<string, string>,
  trailer: ChecksumAlgorithm | undefined,
): BodyClaims['checksum'] {
  let checksum: BodyClaims['checksum'];
  for (const [name, kind] of CHECKSUM_HEADERS) {
    const value = headers.get(name);
    if (value === undefined) continue;
    if (checksum !== undefined || trailer !== undefined) {
      throw new GatewayError('InvalidRequest', 'receive', { detail: 'several checksums' });
    }
    checksum = { algorithm: kind.algorithm, value: decodeDigest(value, kind.sizeBytes) };
  }
  for (const name of ALGORITHM_HEADERS) {
    const announced = headers.get(name);
    // Announced without a value: the client expects a verification that could not be made.
    if (announced !== undefined && announced.toUpperCase() !== (checksum?.algorithm ?? trailer)) {
      throw new GatewayError('InvalidRequest', 'receive', { clientFields: { Header: name } });
    }
  }
  return checksum;
}

function decodeDigest(text: string, sizeBytes: number): Buffer {
  const digest = Buffer.from(text, 'base64');
  // Buffer skips what is not base64: only a text that encodes back to itself was understood.
  if (digest.length === sizeBytes && digest.toString('base64') === text) return digest;
  throw new GatewayError('InvalidDigest', 'receive');
}
