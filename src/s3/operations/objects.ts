/** Objects in one piece: reading, writing, copying and deleting them. */
import { renderAttributes } from '../documents/object-attributes.ts';
import { OVERRIDE_PARAMETERS } from '../request/response-overrides.ts';
import {
  BYPASS,
  CHECKSUM_ALGORITHM,
  CONDITIONAL_WRITE,
  NEW_OBJECT,
  NO_HEADERS,
  READ,
  SOURCE,
  ofCopy,
  passed,
  readHere,
} from './headers.ts';
import { attributes, batch, copy, deletion, form, NO_PARAMETERS, OF_VERSION, read, write } from './constructors.ts';
import { nameOnly, type ObjectChecksum, type Operation } from './operation.ts';

const READING = {
  subresource: undefined,
  parameters: { read: ['versionId', ...OVERRIDE_PARAMETERS], passed: ['partNumber'] },
  headers: READ,
};

/** The checksum that a copy is to have. */
const OF_COPY: ObjectChecksum = {
  check: () => undefined,
  unkept: (headers) => (headers.has('x-amz-checksum-algorithm') ? 'x-amz-checksum-algorithm' : undefined),
};

export const OBJECTS = {
  GetObject: read({ method: 'GET', ...READING }),
  HeadObject: read({ method: 'HEAD', ...READING }),
  GetObjectAttributes: attributes({
    subresource: nameOnly('attributes'),
    parameters: OF_VERSION,
    headers: {
      'x-amz-object-attributes': passed(/^(?:(?:ETag|Checksum|ObjectParts|StorageClass|ObjectSize)(?:, ?|$))+$/),
      'x-amz-max-parts': passed(/^\d{1,10}$/),
      'x-amz-part-number-marker': passed(/^\d{1,10}$/),
    },
    requiredHeaders: ['x-amz-object-attributes'],
    shownHeaders: ['last-modified'],
    render: renderAttributes,
  }),
  PutObject: write({
    subresource: undefined,
    parameters: NO_PARAMETERS,
    puts: 'object',
    headers: {
      ...NEW_OBJECT,
      ...CONDITIONAL_WRITE,
      ...CHECKSUM_ALGORITHM,
      // An object that comes in one piece has no other.
      'x-amz-checksum-type': readHere(/^FULL_OBJECT$/i),
    },
  }),
  PostObject: form({ subresource: undefined, parameters: NO_PARAMETERS, headers: NO_HEADERS }),
  DeleteObject: deletion({
    subresource: undefined,
    parameters: OF_VERSION,
    headers: { ...BYPASS, 'if-match': readHere(true) },
  }),
  DeleteObjects: batch({ subresource: nameOnly('delete'), parameters: NO_PARAMETERS, headers: BYPASS, verb: 'DELETE' }),
  CopyObject: copy({
    subresource: undefined,
    parameters: NO_PARAMETERS,
    puts: 'object',
    objectChecksum: OF_COPY,
    headers: {
      ...NEW_OBJECT,
      ...CONDITIONAL_WRITE,
      ...SOURCE,
      ...CHECKSUM_ALGORITHM,
      'x-amz-metadata-directive': ofCopy(/^(?:COPY|REPLACE)$/),
      'x-amz-tagging-directive': ofCopy(/^(?:COPY|REPLACE)$/),
    },
  }),
} satisfies Readonly<Record<string, Operation>>;
