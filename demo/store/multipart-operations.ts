/**
 * Multipart uploads: Create, UploadPart, UploadPartCopy, Complete, Abort, ListParts. Never: an object from parts that are
 * not those that the client names, in its order.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 */
import {
  CHECKSUM_ALGORITHMS,
  checksumElement,
  checksumHeader,
  claimedChecksum,
  compositeChecksum,
  parseAlgorithm,
  type Checksum,
} from './checksums.ts';
import { copiedVersionHeader, openCopySource } from './copy-source.ts';
import {
  demandObject,
  integerOf,
  OWNER,
  readDocument,
  sendEmpty,
  sendXml,
  versionHeader,
  type S3Exchange,
} from './exchange.ts';
import { emptyBody, MAX_OBJECT_BYTES } from './object-writes.ts';
import { bodyExpectation } from './receive-body.ts';
import { invalidArgument, invalidRequest, StoreError } from './store-error.ts';
import type { StoredUpload, UploadedPart } from './stored-object.ts';
import { describeWrite, writeCondition } from './write-headers.ts';
import { childText, malformed, onlyChildren, type XmlElement } from './xml-reader.ts';

const MAX_PARTS = 10_000;

export async function createMultipartUpload(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  const { bucket, key, headers } = request;
  demandObject(exchange, 's3:PutObject');
  const description = describeWrite(exchange);
  const checksum = uploadChecksum(headers);
  const upload = await uploads.create(bucket, { key, description, ...(checksum === undefined ? {} : { checksum }) });
  sendXml(
    response,
    'InitiateMultipartUploadResult',
    { Bucket: bucket, Key: key, UploadId: upload.uploadId },
    {
      ...description.encryption,
      ...(checksum === undefined
        ? {}
        : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type }),
    },
  );
}

function uploadChecksum(headers: ReadonlyMap<string, string>): StoredUpload['checksum'] {
  const named = headers.get('x-amz-checksum-algorithm');
  const type = headers.get('x-amz-checksum-type');
  if (named === undefined) {
    if (type !== undefined)
      throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
    return undefined;
  }
  const algorithm = parseAlgorithm(named);
  const chosen = type?.toUpperCase() ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  if (chosen !== 'FULL_OBJECT' && chosen !== 'COMPOSITE')
    throw invalidRequest('Value for x-amz-checksum-type header is invalid.');
  const isPossible = chosen === 'FULL_OBJECT' ? algorithm.startsWith('CRC') : algorithm !== 'CRC64NVME';
  if (!isPossible)
    throw invalidRequest(
      `The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  return { algorithm, type: chosen };
}

export async function uploadPart(exchange: S3Exchange): Promise<void> {
  const { request, uploads, incoming, response } = exchange;
  demandObject(exchange, 's3:PutObject');
  const number = partNumberOf(exchange);
  const upload = uploadAddress(exchange);
  const expected = bodyExpectation(request.headers, MAX_OBJECT_BYTES);
  const claimed = expected.checksum?.algorithm ?? expected.trailer ?? expected.wanted;
  if (upload.checksum !== undefined && claimed !== upload.checksum.algorithm)
    throw invalidRequest(
      `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksum.algorithm.toLowerCase()}, actual checksum Type: ${claimed?.toLowerCase() ?? 'null'}`,
    );
  exchange.proceed();
  const body = incoming as AsyncIterable<Buffer>;
  const { etag, checksum } = await uploads.writePart(upload, request.bucket, number, body, expected);
  sendEmpty(response, 200, {
    etag: `"${etag}"`,
    ...upload.description.encryption,
    ...(checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value }),
  });
}

export async function uploadPartCopy(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  demandObject(exchange, 's3:PutObject');
  const number = partNumberOf(exchange);
  const upload = uploadAddress(exchange);
  const { source, opened } = await openCopySource(exchange);
  try {
    const { first, last } = copiedRange(request.headers.get('x-amz-copy-source-range'), opened.sizeBytes);
    const sizeBytes = last - first + 1;
    if (sizeBytes > MAX_OBJECT_BYTES)
      throw invalidRequest('The specified copy source is larger than the maximum allowable size for a copy source');
    const part = await uploads.writePart(
      upload,
      request.bucket,
      number,
      sizeBytes === 0 ? emptyBody() : (opened.stream(first, last) as AsyncIterable<Buffer>),
      { sizeBytes, wanted: upload.checksum?.algorithm },
    );
    sendXml(
      response,
      'CopyPartResult',
      { LastModified: new Date(part.lastModifiedMs).toISOString(), ETag: `"${part.etag}"`, ...shownChecksum(part) },
      { ...upload.description.encryption, ...copiedVersionHeader(exchange, source, opened.version) },
    );
  } finally {
    await opened.close();
  }
}

/** Only `bytes=first-last`, both inside the source. */
function copiedRange(header: string | undefined, sizeBytes: number): { readonly first: number; readonly last: number } {
  if (header === undefined) return { first: 0, last: sizeBytes - 1 };
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? [];
  if (first === undefined || Number(first) > Number(last))
    throw invalidArgument(
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    );
  if (Number(last) >= sizeBytes)
    throw invalidArgument(`Range specified is not valid for source object of size: ${sizeBytes}`);
  return { first: Number(first), last: Number(last) };
}

export async function completeMultipartUpload(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  const { bucket, key, headers } = request;
  demandObject(exchange, 's3:PutObject');
  const upload = uploadAddress(exchange);
  const admit = writeCondition(headers);
  const root = await readDocument(exchange, 'CompleteMultipartUpload');
  const named = parseParts(root);
  const version = await uploads.complete(upload, bucket, (present) => {
    const parts = named.map((part) => chosenPart(part, present, upload));
    const small = parts.slice(0, -1).find(({ sizeBytes }) => sizeBytes < exchange.limits.minPartBytes);
    if (small !== undefined)
      throw new StoreError('EntityTooSmall', 400, 'Your proposed upload is smaller than the minimum allowed size');
    const totalBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const declared = headers.get('x-amz-mp-object-size');
    if (declared !== undefined && declared !== String(totalBytes))
      throw invalidRequest('The provided x-amz-mp-object-size header value does not match what was computed.');
    return { parts, write: { admit, ...wholeChecksum(upload, parts, headers) } };
  });
  sendXml(
    response,
    'CompleteMultipartUploadResult',
    {
      Location: `http://${headers.get('host') ?? ''}${request.target.replace(/\?.*/, '')}`,
      Bucket: bucket,
      Key: key,
      ETag: `"${version.etag}"`,
      ...(version.checksum === undefined
        ? {}
        : { ...checksumElement(version.checksum), ChecksumType: version.checksum.type }),
    },
    { ...versionHeader(exchange, bucket, version), ...version.encryption },
  );
}

interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksums: readonly Checksum[];
}

function parseParts(root: XmlElement): readonly NamedPart[] {
  onlyChildren(root, ['Part']);
  const checksumNames = CHECKSUM_ALGORITHMS.map((algorithm) => `Checksum${algorithm}`);
  const parts = root.children.map((part) => {
    onlyChildren(part, ['PartNumber', 'ETag', ...checksumNames]);
    const number = childText(part, 'PartNumber')?.trim() ?? '';
    const etag = childText(part, 'ETag')?.trim();
    if (!/^\d{1,5}$/.test(number) || etag === undefined) throw malformed();
    const checksums = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
      const value = childText(part, `Checksum${algorithm}`);
      return value === undefined ? [] : [{ algorithm, value }];
    });
    return { number: Number(number), etag: etag.replace(/^"(.*)"$/, '$1'), checksums };
  });
  if (parts.length === 0 || parts.length > MAX_PARTS) throw malformed();
  if (parts.some(({ number }, index) => number <= (parts[index - 1]?.number ?? 0)))
    throw new StoreError('InvalidPartOrder', 400, 'The list of parts was not in ascending order.');
  return parts;
}

function chosenPart(named: NamedPart, present: readonly UploadedPart[], upload: StoredUpload): UploadedPart {
  const part = present.find(({ number }) => number === named.number);
  const isRight = ({ algorithm, value }: Checksum) =>
    part?.checksum?.algorithm === algorithm && part.checksum.value === value;
  if (part?.etag !== named.etag || !named.checksums.every(isRight))
    throw new StoreError(
      'InvalidPart',
      400,
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    );
  if (upload.checksum?.type === 'COMPOSITE' && named.checksums.length === 0)
    throw invalidRequest(
      `The upload was created using a ${upload.checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${named.number} in the request.`,
    );
  return part;
}

/** The object's checksum: made of those of the parts, or worked out (and then compared) while they are put together. */
function wholeChecksum(upload: StoredUpload, parts: readonly UploadedPart[], headers: ReadonlyMap<string, string>) {
  const claimed = claimedChecksum(new Map([...headers].map(([name, value]) => [name, value.replace(/-\d+$/, '')])));
  if (claimed !== undefined && claimed.algorithm !== upload.checksum?.algorithm)
    throw invalidRequest('The checksum of the request is not of the algorithm of the upload.');
  const type = headers.get('x-amz-checksum-type')?.toUpperCase();
  if (type !== undefined && type !== upload.checksum?.type)
    throw invalidRequest('The upload was created using another checksum type.');
  if (upload.checksum?.type !== 'COMPOSITE')
    return { expected: { checksum: claimed, wanted: upload.checksum?.algorithm }, checksum: undefined };
  const values = parts.map(({ checksum }) => checksum?.value ?? '');
  const checksum = compositeChecksum(upload.checksum.algorithm, values);
  if (claimed !== undefined && claimed.value !== checksum.value.replace(/-\d+$/, ''))
    throw new StoreError('BadDigest', 400, 'The checksum you specified did not match the calculated checksum.');
  return { expected: {}, checksum };
}

export async function abortMultipartUpload(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  demandObject(exchange, 's3:AbortMultipartUpload');
  await uploads.abort(request.bucket, request.key, request.query.get('uploadId') ?? '');
  sendEmpty(response, 204);
}

export function listParts(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  const { bucket, key } = request;
  demandObject(exchange, 's3:ListMultipartUploadParts');
  const maxParts = Math.min(integerOf(request, 'max-parts', 0, 2 ** 31 - 1) ?? 1000, 1000);
  const marker = integerOf(request, 'part-number-marker', 0, 2 ** 31 - 1) ?? 0;
  const upload = uploadAddress(exchange);
  const rest = uploads.parts(bucket, key, upload.uploadId).filter(({ number }) => number > marker);
  const page = rest.slice(0, maxParts);
  const isTruncated = page.length < rest.length && maxParts > 0;
  sendXml(response, 'ListPartsResult', {
    Bucket: bucket,
    Key: key,
    UploadId: upload.uploadId,
    Initiator: OWNER,
    Owner: OWNER,
    StorageClass: upload.description.storageClass,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: isTruncated,
    ChecksumAlgorithm: upload.checksum?.algorithm,
    ChecksumType: upload.checksum?.type,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.lastModifiedMs).toISOString(),
      ETag: `"${part.etag}"`,
      Size: part.sizeBytes,
      ...shownChecksum(part),
    })),
  });
  return Promise.resolve();
}

const shownChecksum = ({ checksum }: UploadedPart) => (checksum === undefined ? {} : checksumElement(checksum));

function uploadAddress({ request, uploads }: S3Exchange): StoredUpload {
  return uploads.find(request.bucket, request.key, request.query.get('uploadId') ?? '');
}

function partNumberOf({ request }: S3Exchange): number {
  const number = integerOf(request, 'partNumber', 1, MAX_PARTS);
  if (number === undefined) throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive');
  return number;
}
