/** Listings of objects, versions and uploads in progress. */
import { readObjects } from '../documents/list-objects.ts';
import { renderUploads } from '../documents/list-uploads.ts';
import { readVersions } from '../documents/list-versions.ts';
import { NO_HEADERS, OPTIONAL_ATTRIBUTES } from './headers.ts';
import { list, uploadList } from './constructors.ts';
import type { Operation } from './operation.ts';

export const LISTINGS = {
  ListObjects: list({
    listing: {
      document: 'ListBucketResult',
      subresource: undefined,
      startAfter: 'marker',
      idMarker: undefined,
      entryId: undefined,
      maxKeys: 'max-keys',
      continuesBy: 'entry',
      showsOwner: 'always',
    },
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST',
    readPage: readObjects,
  }),
  ListObjectsV2: list({
    listing: {
      document: 'ListBucketResult',
      subresource: { name: 'list-type', value: '2' },
      startAfter: 'start-after',
      idMarker: undefined,
      entryId: undefined,
      maxKeys: 'max-keys',
      continuesBy: 'token',
      showsOwner: 'on-request',
    },
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST',
    readPage: readObjects,
  }),
  ListObjectVersions: list({
    listing: {
      document: 'ListVersionsResult',
      subresource: { name: 'versions', value: '' },
      startAfter: 'key-marker',
      idMarker: 'version-id-marker',
      entryId: 'VersionId',
      maxKeys: 'max-keys',
      continuesBy: 'entry',
      showsOwner: 'always',
    },
    headers: OPTIONAL_ATTRIBUTES,
    verb: 'LIST_VERSIONS',
    readPage: readVersions,
  }),
  ListMultipartUploads: uploadList({
    listing: {
      document: 'ListMultipartUploadsResult',
      subresource: { name: 'uploads', value: '' },
      startAfter: 'key-marker',
      idMarker: 'upload-id-marker',
      entryId: 'UploadId',
      maxKeys: 'max-uploads',
      continuesBy: 'entry',
      showsOwner: 'never',
    },
    headers: NO_HEADERS,
    renderPage: renderUploads,
  }),
} satisfies Readonly<Record<string, Operation>>;
