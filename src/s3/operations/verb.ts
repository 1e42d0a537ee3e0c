/**
 * What a policy grants. `GET` covers HeadObject and GetObjectAttributes; `LIST` covers both listings and
 * ListMultipartUploads; `PUT` covers a multipart upload from its creation to its end. A `versionId` asks for the
 * `_VERSION` verb instead of the plain one. `ADMIN` (the bucket itself) is granted only where it is named.
 */
export const VERBS = [
  'GET',
  'PUT',
  'DELETE',
  'LIST',
  'GET_VERSION',
  'DELETE_VERSION',
  'LIST_VERSIONS',
  'GET_TAGS',
  'PUT_TAGS',
  'GET_ACL',
  'PUT_ACL',
  'GET_LOCK',
  'PUT_LOCK',
  'PUT_STORAGE_CLASS',
  'PUT_SSE',
  'ADMIN',
] as const;
export type Verb = (typeof VERBS)[number];
