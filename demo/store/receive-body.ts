/**
 * Takes a body in and verifies everything that was said of it. Enters: bytes as they come. Leaves: a flushed file, or
 * a small document in memory. Never: a body that is longer or shorter than declared, or that differs from a digest.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { unframed } from './chunked-body.ts';
import {
  announcedTrailer,
  startChecksum,
  claimedChecksum,
  wantedChecksum,
  type Checksum,
  type ChecksumAlgorithm,
} from './checksums.ts';
import { notImplemented, StoreError } from './store-error.ts';

/** What a body must turn out to be. */
export interface BodyExpectation {
  readonly sizeBytes: number;
  /** Base64, as in Content-MD5. */
  readonly md5?: string | undefined;
  /** Hex. */
  readonly sha256?: string | undefined;
  readonly checksum?: Checksum | undefined;
  /** Of the checksum that follows the body, which is framed then. */
  readonly trailer?: ChecksumAlgorithm | undefined;
  /** Worked out although nothing is claimed of it. */
  readonly wanted?: ChecksumAlgorithm | undefined;
}

/** What it turned out to be. */
export interface ReceivedBody {
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
  readonly checksum: Checksum | undefined;
}

/** What the headers say of the body. @throws StoreError MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest, NotImplemented */
export function bodyExpectation(headers: ReadonlyMap<string, string>, maxBytes: number): BodyExpectation {
  const sha256 = headers.get('x-amz-content-sha256') ?? '';
  const isFramed = sha256 === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const length = headers.get(isFramed ? 'x-amz-decoded-content-length' : 'content-length');
  if (length === undefined)
    throw new StoreError('MissingContentLength', 411, 'You must provide the Content-Length header.');
  if (Number(length) > maxBytes)
    throw new StoreError('EntityTooLarge', 400, 'Your proposed upload exceeds the maximum allowed size.');
  const md5 = headers.get('content-md5');
  if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5))
    throw new StoreError('InvalidDigest', 400, 'The Content-MD5 you specified was invalid.');
  if (!isFramed && sha256 !== 'UNSIGNED-PAYLOAD' && !/^[0-9a-f]{64}$/.test(sha256))
    throw notImplemented('this kind of x-amz-content-sha256');
  return {
    sizeBytes: Number(length),
    md5,
    sha256: isFramed || sha256 === 'UNSIGNED-PAYLOAD' ? undefined : sha256,
    checksum: claimedChecksum(headers),
    trailer: isFramed ? announcedTrailer(headers) : undefined,
    wanted: wantedChecksum(headers),
  };
}

/**
 * Writes the body to a new file, flushed, or only reads it where no path is given. The file of a refused body is left to the caller.
 * @throws StoreError IncompleteBody, BadDigest, XAmzContentSHA256Mismatch
 */
export async function receiveFile(
  path: string | undefined,
  body: AsyncIterable<Buffer>,
  expected: BodyExpectation,
): Promise<ReceivedBody> {
  const verifier = startVerifier(expected);
  const { trailer } = expected;
  const data = trailer === undefined ? body : unframed(body, trailer, verifier.claim);
  const file = path === undefined ? undefined : await open(path, 'wx', 0o600);
  try {
    for await (const chunk of data) {
      verifier.update(chunk);
      await file?.writeFile(chunk);
    }
    await file?.sync();
  } finally {
    await file?.close();
  }
  return verifier.end();
}

/** Reads a small body into memory. @throws StoreError as receiveFile */
export async function receiveDocument(body: AsyncIterable<Buffer>, expected: BodyExpectation): Promise<Buffer> {
  const verifier = startVerifier(expected);
  const chunks: Buffer[] = [];
  for await (const chunk of body) {
    verifier.update(chunk);
    chunks.push(chunk);
  }
  verifier.end();
  return Buffer.concat(chunks);
}

function startVerifier(expected: BodyExpectation): {
  readonly update: (chunk: Buffer) => void;
  /** Takes the checksum that came behind the body. */
  readonly claim: (value: string) => void;
  readonly end: () => ReceivedBody;
} {
  const md5 = createHash('md5');
  const sha256 = expected.sha256 === undefined ? undefined : createHash('sha256');
  const algorithm = expected.checksum?.algorithm ?? expected.trailer ?? expected.wanted;
  let claimed = expected.checksum?.value;
  const running = algorithm === undefined ? undefined : startChecksum(algorithm);
  let sizeBytes = 0;
  return {
    update: (chunk) => {
      sizeBytes += chunk.length;
      if (sizeBytes > expected.sizeBytes) throw incomplete();
      md5.update(chunk);
      sha256?.update(chunk);
      running?.update(chunk);
    },
    claim: (value) => {
      claimed = value;
    },
    end: () => {
      if (sizeBytes !== expected.sizeBytes) throw incomplete();
      const digest = md5.digest();
      if (expected.md5 !== undefined && expected.md5 !== digest.toString('base64'))
        throw badDigest('The Content-MD5 you specified did not match what we received.');
      if (sha256 !== undefined && sha256.digest('hex') !== expected.sha256)
        throw new StoreError(
          'XAmzContentSHA256Mismatch',
          400,
          "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
      const value = running?.digest().toString('base64');
      if (claimed !== undefined && claimed !== value)
        throw badDigest(`The ${algorithm ?? ''} you specified did not match the calculated checksum.`);
      return {
        sizeBytes,
        md5: digest.toString('hex'),
        checksum: algorithm === undefined || value === undefined ? undefined : { algorithm, value },
      };
    },
  };
}

const incomplete = () => new StoreError('IncompleteBody', 400, 'The body is not as long as Content-Length said.');
const badDigest = (message: string) => new StoreError('BadDigest', 400, message);
