/**
 * Enters: the digest headers of an upload. Leaves: decoded digests of exactly the right length.
 * A digest that cannot be decoded is refused, never dropped: the client believes that it will be verified.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { CHECKSUM_HEADERS, decodeChecksum, parseChecksumAlgorithm, type ChecksumAlgorithm } from './checksums.ts';
import type { BodyClaims } from '../request/request.ts';

export const NO_CLAIMS: BodyClaims = Object.freeze({});

const SHA256_HEX = /^[0-9a-f]{64}$/i;

/**
 * Reads Content-MD5, `x-amz-checksum-*` and `x-amz-content-sha256` of a body; `trailer`: the checksum that follows it.
 * @throws GatewayError InvalidDigest, NotImplemented, InvalidRequest (several checksums, or another one than announced)
 * @see Amazon S3 User Guide, "Checking object integrity"
 */
export function parseBodyClaims(
  headers: ReadonlyMap<string, string>,
  trailer: ChecksumAlgorithm | undefined,
): BodyClaims {
  const md5 = headers.get('content-md5');
  const sha256 = headers.get('x-amz-content-sha256');
  const checksum = parseChecksum(headers, trailer);
  const wanted = parseWanted(headers, checksum?.algorithm ?? trailer);
  return {
    ...(md5 !== undefined && { md5: decodeDigest(md5, 'MD5') }),
    ...(checksum !== undefined && { checksum }),
    ...(wanted !== undefined && { wanted }),
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
      throw new GatewayError('InvalidRequest', { detail: 'several checksums' });
    }
    checksum = { algorithm: kind.algorithm, value: decodeDigest(value, kind.algorithm) };
  }
  return checksum;
}

/** The algorithm that is named without a value: one for us to make, where S3 makes it. */
function parseWanted(
  headers: ReadonlyMap<string, string>,
  claimed: ChecksumAlgorithm | undefined,
): ChecksumAlgorithm | undefined {
  const announced = algorithmIn(headers, 'x-amz-sdk-checksum-algorithm');
  // Announced without a value: the client expects a verification that could not be made.
  if (announced !== undefined && announced !== claimed) throw contradiction('x-amz-sdk-checksum-algorithm');
  const named = algorithmIn(headers, 'x-amz-checksum-algorithm');
  if (named !== undefined && claimed !== undefined && named !== claimed)
    throw contradiction('x-amz-checksum-algorithm');
  return claimed === undefined ? named : undefined;
}

function algorithmIn(headers: ReadonlyMap<string, string>, header: string): ChecksumAlgorithm | undefined {
  const name = headers.get(header);
  return name === undefined ? undefined : parseChecksumAlgorithm(name, header);
}

function contradiction(header: string): GatewayError {
  return new GatewayError('InvalidRequest', { detail: header, clientFields: { Header: header } });
}

function decodeDigest(text: string, algorithm: ChecksumAlgorithm): Buffer {
  const digest = decodeChecksum(text, algorithm);
  if (digest === undefined) throw new GatewayError('InvalidDigest');
  return digest;
}
