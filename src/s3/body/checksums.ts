/**
 * The vocabulary of S3's additional checksums. Enters: names, headers and elements of clients and stores. Leaves: which
 * algorithm and type is meant, and how a checksum is written. What an algorithm that is not here asks for is
 * NotImplemented, by whichever header it is named: its verification is expected and could not be made.
 * @see Amazon S3 User Guide, "Checking object integrity in Amazon S3"
 */
import { createHash } from 'node:crypto';
import type { ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { textElement } from '../documents/xml.ts';
import { textOf, type XmlElement } from '../documents/xml-reader.ts';

/** The algorithms that are verified, with the length of their values in bytes. XXHASH64, XXHASH3 and XXHASH128 are not. */
const SIZES_BYTES = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
  SHA512: 64,
  MD5: 16,
} as const;

export type ChecksumAlgorithm = keyof typeof SIZES_BYTES;

/** FULL_OBJECT: of all bytes. COMPOSITE: of the checksums of the parts, in order. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: Buffer;
}

/** How the checksum of an upload in parts is made. */
export interface MultipartChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
}

/** A checksum as it stands in a document or a header. */
export interface ShownChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; of a COMPOSITE one `-<number of parts>` follows. */
  readonly text: string;
  /** Absent of a part, whose checksum is always of all its bytes. */
  readonly type?: ChecksumType;
}

interface ChecksumKind {
  readonly algorithm: ChecksumAlgorithm;
  readonly sizeBytes: number;
}

export const CHECKSUM_ALGORITHMS = Object.keys(SIZES_BYTES) as readonly ChecksumAlgorithm[];

/** The checksum headers that are verified, by header name. */
export const CHECKSUM_HEADERS: ReadonlyMap<string, ChecksumKind> = new Map(
  CHECKSUM_ALGORITHMS.map((algorithm) => [checksumHeader(algorithm), { algorithm, sizeBytes: SIZES_BYTES[algorithm] }]),
);

/** The checksums of no byte, by header name: what is signed where there is no body yet. */
const OF_NOTHING: ReadonlyMap<string, string> = new Map(
  CHECKSUM_ALGORITHMS.map((algorithm) => [
    checksumHeader(algorithm),
    algorithm.startsWith('CRC')
      ? Buffer.alloc(SIZES_BYTES[algorithm]).toString('base64')
      : createHash(algorithm).digest('base64'),
  ]),
);

export const isChecksumOfNothing = (header: string, value: string): boolean => OF_NOTHING.get(header) === value;

/** The elements of documents that carry a checksum. */
export const CHECKSUM_ELEMENTS = CHECKSUM_ALGORITHMS.map(checksumElement);

/** A CRC of the whole follows from those of its parts and their lengths; a hash does not. */
const COMBINES: ReadonlySet<ChecksumAlgorithm> = new Set(['CRC32', 'CRC32C', 'CRC64NVME']);

const TYPES: readonly ChecksumType[] = ['FULL_OBJECT', 'COMPOSITE'];
const SHOWN = /^[A-Za-z0-9+/]{4,88}={0,2}(?:-\d{1,5})?$/;

/** Gives the header of a checksum. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** Gives the element of a checksum. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

/** Reads the name of an algorithm, in any case. @throws GatewayError NotImplemented */
export function parseChecksumAlgorithm(name: string, header: string): ChecksumAlgorithm {
  const known = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name.toUpperCase());
  if (known === undefined) throw refuse('NotImplemented', header);
  return known;
}

/** Reads the type of a checksum, in any case; `undefined` where none is named. @throws GatewayError InvalidArgument */
export function parseChecksumType(headers: ReadonlyMap<string, string>): ChecksumType | undefined {
  const name = headers.get('x-amz-checksum-type');
  if (name === undefined) return undefined;
  const known = TYPES.find((type) => type === name.toUpperCase());
  if (known === undefined) throw refuse('InvalidArgument', 'x-amz-checksum-type');
  return known;
}

/** Decodes a value; `undefined` where it is none of this algorithm. */
export function decodeChecksum(text: string, algorithm: ChecksumAlgorithm): Buffer | undefined {
  const value = Buffer.from(text, 'base64');
  // Buffer skips what is not base64: only a text that encodes back to itself was understood.
  return value.length === SIZES_BYTES[algorithm] && value.toString('base64') === text ? value : undefined;
}

/**
 * Reads what CreateMultipartUpload says of its checksum; `undefined`: nothing.
 * @throws GatewayError NotImplemented, InvalidArgument, InvalidRequest (a type without an algorithm, or not of it)
 */
export function createdChecksum(headers: ReadonlyMap<string, string>): MultipartChecksum | undefined {
  const name = headers.get('x-amz-checksum-algorithm');
  const named = parseChecksumType(headers);
  if (name === undefined) {
    if (named !== undefined) throw refuse('InvalidRequest', 'x-amz-checksum-type');
    return undefined;
  }
  const algorithm = parseChecksumAlgorithm(name, 'x-amz-checksum-algorithm');
  const type = named ?? defaultType(algorithm);
  if (!isPossible(algorithm, type)) throw refuse('InvalidRequest', 'x-amz-checksum-type');
  return { algorithm, type };
}

/** What CompleteMultipartUpload claims of the whole object. */
export interface CompletedChecksum extends Checksum {
  /** As it was named; `undefined`: that of the upload. */
  readonly type: ChecksumType | undefined;
  /** Of a COMPOSITE one, where it stands behind the value. */
  readonly partsCount: number | undefined;
}

/**
 * Reads what CompleteMultipartUpload claims of the whole object; `undefined`: nothing.
 * @throws GatewayError NotImplemented, InvalidArgument, InvalidDigest, InvalidRequest (several, or a type that is not of it)
 */
export function completedChecksum(headers: ReadonlyMap<string, string>): CompletedChecksum | undefined {
  const named = parseChecksumType(headers);
  let found: CompletedChecksum | undefined;
  for (const [header, { algorithm }] of CHECKSUM_HEADERS) {
    const text = headers.get(header);
    if (text === undefined) continue;
    if (found !== undefined) throw refuse('InvalidRequest', header);
    const [, base64 = text, count] = /^(.*)-(\d{1,5})$/.exec(text) ?? [];
    const value = decodeChecksum(base64, algorithm);
    if (value === undefined) throw refuse('InvalidDigest', header);
    const type = named ?? (count === undefined ? undefined : 'COMPOSITE');
    const isCounted = count === undefined || type === 'COMPOSITE';
    if (!isCounted || (type !== undefined && !isPossible(algorithm, type))) throw refuse('InvalidRequest', header);
    found = { algorithm, value, type, partsCount: count === undefined ? undefined : Number(count) };
  }
  return found;
}

/** Tells whether S3 makes a checksum of this type by this algorithm of an upload in parts. */
function isPossible(algorithm: ChecksumAlgorithm, type: ChecksumType): boolean {
  return type === 'FULL_OBJECT' ? COMBINES.has(algorithm) : algorithm !== 'CRC64NVME';
}

function defaultType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
}

/** Gives a checksum as it is shown; `partsCount`: of how many parts a COMPOSITE one is. */
export function shownChecksum({ algorithm, value }: Checksum, type?: ChecksumType, partsCount = 0): ShownChecksum {
  const text = value.toString('base64');
  return {
    algorithm,
    text: type === 'COMPOSITE' ? `${text}-${partsCount}` : text,
    ...(type === undefined ? {} : { type }),
  };
}

/** Gives the headers that show a checksum. */
export function checksumHeaders({ algorithm, text, type }: ShownChecksum): Record<string, string> {
  return { [checksumHeader(algorithm)]: text, ...(type === undefined ? {} : { 'x-amz-checksum-type': type }) };
}

/** Leaves the checksums of an object out of its headers. */
export function withoutChecksums(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-checksum-')));
}

/** Gives the headers in which CreateMultipartUpload tells how the checksum will be made. */
export function multipartChecksumHeaders(checksum: MultipartChecksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type };
}

/** Writes the elements that show a checksum; none where there is none. */
export function writeChecksum(checksum: ShownChecksum | undefined): string {
  if (checksum === undefined) return '';
  const { algorithm, text, type } = checksum;
  return textElement(checksumElement(algorithm), text) + (type === undefined ? '' : textElement('ChecksumType', type));
}

/** Reads the checksum that a store shows in a document; `undefined` where it shows none that is understood. */
export function readShownChecksum(element: XmlElement): ShownChecksum | undefined {
  const type = TYPES.find((known) => known === textOf(element, 'ChecksumType'));
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const text = textOf(element, checksumElement(algorithm));
    if (text !== undefined && SHOWN.test(text)) return { algorithm, text, ...(type === undefined ? {} : { type }) };
  }
  return undefined;
}

/** The name only: a value may be anything. */
function refuse(code: ErrorCode, header: string): GatewayError {
  return new GatewayError(code, { detail: header, clientFields: { Header: header } });
}
