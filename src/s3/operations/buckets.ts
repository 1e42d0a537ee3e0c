/** Operations on buckets themselves: which there are, where they are, making and deleting them. */
import { createBucketForStore } from '../documents/bucket-configuration.ts';
import { NEW_BUCKET, NO_HEADERS } from './headers.ts';
import { document, local, NO_PARAMETERS } from './constructors.ts';
import { nameOnly, type Operation } from './operation.ts';

export const BUCKETS = {
  ListBuckets: local({
    method: 'GET',
    level: 'service',
    subresource: undefined,
    headers: NO_HEADERS,
    parameters: { read: ['max-buckets', 'continuation-token', 'prefix', 'bucket-region'], passed: [] },
  }),
  HeadBucket: local({
    method: 'HEAD',
    level: 'bucket',
    subresource: undefined,
    parameters: NO_PARAMETERS,
    headers: NO_HEADERS,
  }),
  GetBucketLocation: local({
    method: 'GET',
    level: 'bucket',
    subresource: nameOnly('location'),
    parameters: NO_PARAMETERS,
    headers: NO_HEADERS,
  }),
  CreateBucket: document({
    method: 'PUT',
    level: 'bucket',
    subresource: undefined,
    parameters: NO_PARAMETERS,
    headers: NEW_BUCKET,
    verb: 'ADMIN',
    changes: 'bucket',
    writeDocument: (body, { region }) => createBucketForStore(body, region),
  }),
  DeleteBucket: document({
    method: 'DELETE',
    level: 'bucket',
    subresource: undefined,
    parameters: NO_PARAMETERS,
    headers: NO_HEADERS,
    verb: 'ADMIN',
    changes: 'bucket',
  }),
} satisfies Readonly<Record<string, Operation>>;
