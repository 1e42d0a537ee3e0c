/** Listings of objects, versions and uploads in progress. How each is requested stands in listing-query.ts. */
import { readObjects } from '../documents/list-objects.ts';
import { readVersions } from '../documents/list-versions.ts';
import { NO_HEADERS, NONE_IGNORED, OPTIONAL_ATTRIBUTES } from './headers.ts';
import { list, upload } from './constructors.ts';
import { nameOnly, valued, type Operation } from './operation.ts';

/** What a page is requested by; what the store gets of it is said by listing-query.ts. */
const page = (...others: readonly string[]): { readonly read: readonly string[]; readonly passed: [] } => ({
  read: ['prefix', 'delimiter', 'encoding-type', ...others],
  passed: [],
});

export const LISTINGS = {
  ListObjects: list({
    subresource: undefined,
    parameters: page('marker', 'max-keys'),
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST',
    listing: 'ListObjects',
    readPage: readObjects,
  }),
  ListObjectsV2: list({
    subresource: valued('list-type', /^2$/),
    parameters: page('start-after', 'continuation-token', 'max-keys', 'fetch-owner'),
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST',
    listing: 'ListObjectsV2',
    readPage: readObjects,
  }),
  ListObjectVersions: list({
    subresource: nameOnly('versions'),
    parameters: page('key-marker', 'version-id-marker', 'max-keys'),
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST_VERSIONS',
    listing: 'ListObjectVersions',
    readPage: readVersions,
  }),
  ListMultipartUploads: upload({
    method: 'GET',
    level: 'bucket',
    subresource: nameOnly('uploads'),
    headers: NO_HEADERS,
    ignored: NONE_IGNORED,
    parameters: page('key-marker', 'upload-id-marker', 'max-uploads'),
    verb: 'LIST',
    listing: 'ListMultipartUploads',
    keepsHeaders: false,
    conditions: 'none',
    objectChecksum: undefined,
    writeDocument: undefined,
    // Its page is written by pipeline/list-uploads.ts, which counts what is left out.
    render: undefined,
    shownHeaders: [],
    tellsEncryption: false,
    mayAnswerEarly: false,
  }),
} satisfies Readonly<Record<string, Operation>>;
