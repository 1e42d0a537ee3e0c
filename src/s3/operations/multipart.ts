/** Uploads in parts, from their beginning to their end; the listing of uploads is among the listings. */
import { CHECKSUM_HEADERS, completedChecksum, createdChecksum, parseChecksumType } from '../body/checksums.ts';
import { readCompleteUpload, writeCompleteUpload } from '../documents/complete-upload.ts';
import { readParts, renderComplete, renderInitiate, writeParts } from '../documents/multipart.ts';
import {
  CHECKSUM_ALGORITHM,
  CHECKSUM_TYPE,
  CONDITIONAL_WRITE,
  IGNORED_OF_BEGINNING,
  IGNORED_OF_END,
  NEW_OBJECT,
  NO_HEADERS,
  SOURCE,
  ofCopy,
  passed,
  readHere,
} from './headers.ts';
import { copy, NO_PARAMETERS, upload, write } from './constructors.ts';
import { nameOnly, valued, type ObjectChecksum, type Operation, type WriteDocument } from './operation.ts';

/** The checksum that an upload is begun with. */
const NAMED: ObjectChecksum = {
  check: createdChecksum,
  // Refused before the parts are sent: a verification of the whole is expected at the end.
  unkept: (headers) => (parseChecksumType(headers) === 'FULL_OBJECT' ? 'x-amz-checksum-type' : undefined),
};

/** The checksum that an upload is claimed to end with. */
const CLAIMED: ObjectChecksum = {
  check: completedChecksum,
  unkept: (headers) => [...headers.keys()].find((name) => CHECKSUM_HEADERS.has(name)),
};

const partsForStore: WriteDocument = (document, { keepsChecksums }) => {
  const parts = readCompleteUpload(document);
  // Each was verified as it arrived, and its ETag pins what was verified.
  return writeCompleteUpload(keepsChecksums ? parts : parts.map(({ number, etag }) => ({ number, etag })));
};

const PART = {
  subresource: valued('partNumber'),
  parameters: { read: [], passed: ['uploadId'] },
  puts: 'part',
} as const;
const OF_UPLOAD = { subresource: valued('uploadId'), parameters: NO_PARAMETERS, headers: NO_HEADERS };

export const MULTIPART = {
  CreateMultipartUpload: upload({
    method: 'POST',
    subresource: nameOnly('uploads'),
    parameters: NO_PARAMETERS,
    headers: { ...NEW_OBJECT, ...CHECKSUM_TYPE, ...CHECKSUM_ALGORITHM, 'if-none-match': readHere(/^\*$/) },
    ignored: IGNORED_OF_BEGINNING,
    keepsHeaders: true,
    conditions: 'begin',
    objectChecksum: NAMED,
    writeDocument: undefined,
    render: (stored, _, request) => renderInitiate(stored, request),
    shownHeaders: ['x-amz-checksum-algorithm', 'x-amz-checksum-type'],
    tellsEncryption: true,
    mayAnswerEarly: false,
  }),
  UploadPart: write({ ...PART, headers: CHECKSUM_ALGORITHM }),
  UploadPartCopy: copy({
    ...PART,
    objectChecksum: undefined,
    headers: { ...SOURCE, 'x-amz-copy-source-range': ofCopy(/^bytes=\d{1,15}-\d{1,15}$/) },
  }),
  CompleteMultipartUpload: upload({
    ...OF_UPLOAD,
    method: 'POST',
    headers: { ...CONDITIONAL_WRITE, ...CHECKSUM_TYPE, 'x-amz-mp-object-size': passed(/^\d{1,15}$/) },
    ignored: IGNORED_OF_END,
    keepsHeaders: false,
    conditions: 'write',
    objectChecksum: CLAIMED,
    writeDocument: partsForStore,
    render: (stored, { etag }, request) => renderComplete(stored, request, etag),
    shownHeaders: [],
    tellsEncryption: true,
    mayAnswerEarly: true,
  }),
  AbortMultipartUpload: upload({ ...OF_UPLOAD, method: 'DELETE' }),
  ListParts: upload({
    ...OF_UPLOAD,
    method: 'GET',
    parameters: { read: [], passed: ['max-parts', 'part-number-marker'] },
    render: (stored, _, request) => writeParts(request, readParts(stored)),
  }),
} satisfies Readonly<Record<string, Operation>>;
