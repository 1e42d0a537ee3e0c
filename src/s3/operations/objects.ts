/** Objects in one piece: reading, writing, copying and deleting them. */
import { renderAttributes } from '../documents/object-attributes.ts';
import { OVERRIDE_PARAMETERS } from '../response-overrides.ts';
import { BYPASS, CHECKSUM_ALGORITHM, CONDITIONAL_WRITE, NEW_OBJECT, NO_HEADERS, READ, SOURCE } from './headers.ts';
import {
  attributes,
  bare,
  batch,
  copy,
  deletion,
  form,
  read,
  write,
  type ObjectChecksum,
  type Operation,
} from './operation.ts';

const READING = {
  subresource: undefined,
  parameters: ['versionId', 'partNumber', ...OVERRIDE_PARAMETERS],
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
    subresource: bare('attributes'),
    parameters: ['versionId'],
    headers: {
      'x-amz-object-attributes': /^(?:(?:ETag|Checksum|ObjectParts|StorageClass|ObjectSize)(?:, ?|$))+$/,
      'x-amz-max-parts': /^\d{1,10}$/,
      'x-amz-part-number-marker': /^\d{1,10}$/,
    },
    requiredHeaders: ['x-amz-object-attributes'],
    shownHeaders: ['last-modified'],
    render: renderAttributes,
  }),
  PutObject: write({
    subresource: undefined,
    parameters: [],
    puts: 'object',
    headers: {
      ...NEW_OBJECT,
      ...CONDITIONAL_WRITE,
      ...CHECKSUM_ALGORITHM,
      // An object that comes in one piece has no other.
      'x-amz-checksum-type': /^FULL_OBJECT$/i,
    },
  }),
  PostObject: form({ subresource: undefined, parameters: [], headers: NO_HEADERS }),
  DeleteObject: deletion({
    subresource: undefined,
    parameters: ['versionId'],
    headers: { ...BYPASS, 'if-match': true },
  }),
  DeleteObjects: batch({ subresource: bare('delete'), parameters: [], headers: BYPASS, verb: 'DELETE' }),
  CopyObject: copy({
    subresource: undefined,
    parameters: [],
    puts: 'object',
    objectChecksum: OF_COPY,
    headers: {
      ...NEW_OBJECT,
      ...CONDITIONAL_WRITE,
      ...SOURCE,
      ...CHECKSUM_ALGORITHM,
      'x-amz-metadata-directive': /^(?:COPY|REPLACE)$/,
      'x-amz-tagging-directive': /^(?:COPY|REPLACE)$/,
    },
  }),
} satisfies Readonly<Record<string, Operation>>;
