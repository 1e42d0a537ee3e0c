/** Makes operations: a constructor for each class asks for all that the class needs, and nothing of it can be left out. */
import { LARGE_DOCUMENT_BYTES, SMALL_DOCUMENT_BYTES } from '../limits.ts';
import {
  BODY,
  EVERYWHERE,
  EXPECTED_OWNER,
  IGNORED_EVERYWHERE,
  IGNORED_OF_COPY,
  IGNORED_OF_READ,
  NO_HEADERS,
  NONE_IGNORED,
  type Accepted,
  type AcceptedHeader,
  type Harmless,
  type Ignored,
} from './headers.ts';
import { listingParameters, type ListingKind } from '../request/listing-query.ts';
import type { Verb } from './verb.ts';
import {
  exactly,
  type Described,
  type Subresource,
  type Render,
  type WriteDocument,
  type Body,
  type OperationClass,
  type ReadOperation,
  type FormOperation,
  type DeleteOperation,
  type LocalOperation,
  type AttributesOperation,
  type BatchOperation,
  type OperationNamed,
  type UploadOperation,
  type UploadListOperation,
  type WriteOperation,
  type CopyOperation,
  type ListOperation,
  type DocumentOperation,
  type BucketReadOperation,
} from './operation.ts';

/** No query parameters beside the subresource. */
export const NO_PARAMETERS: RequestFacts['parameters'] = { read: [], passed: [] };
/** A `versionId`, which asks for verbs of its own (verbs.ts). */
export const OF_VERSION: RequestFacts['parameters'] = { read: ['versionId'], passed: [] };

/** How a request is told from others, and what it may say. */
interface RequestFacts {
  readonly subresource: Subresource | undefined;
  /** Query parameters beside the subresource: those that their readers here make something of, and those that the store gets. */
  readonly parameters: { readonly read: readonly string[]; readonly passed: readonly string[] };
  /** Headers beside those that all operations of the class take. */
  readonly headers: Accepted;
}

type Own<Class extends OperationClass> = Pick<Described<Class>, 'operationClass' | 'method' | 'level' | 'verb'> &
  RequestFacts & { readonly ignored?: Ignored; readonly makesBucket?: boolean } & Partial<
    Omit<Described<Class>, 'parameters' | 'passedParameters' | 'acceptedHeaders' | 'ignoredHeaders'>
  >;

/** Puts together what a class says of its operation and what is so of all where no class says otherwise. */
function described<Class extends OperationClass>(own: Own<Class>): Described<Class> {
  const { parameters, headers, ignored = NONE_IGNORED, makesBucket = false, ...others } = own;
  const { method, level, subresource, body = NO_BODY } = own;
  const isRead = method === 'GET' || method === 'HEAD';
  const names = new Set([
    ...(subresource === undefined ? [] : [subresource.name]),
    ...parameters.read,
    ...parameters.passed,
  ]);
  return {
    requiredParameters: [],
    requiredHeaders: [],
    keepsHeaders: false,
    listing: undefined,
    conditions: 'none',
    objectChecksum: undefined,
    writeDocument: undefined,
    render: undefined,
    shownHeaders: [],
    tellsEncryption: false,
    mayAnswerEarly: false,
    ...others,
    body,
    parameters: names,
    passedParameters: parameters.passed,
    acceptedHeaders: mapOf<AcceptedHeader>({
      ...EVERYWHERE,
      ...(body.kind === 'object' || body.kind === 'document' ? BODY : NO_HEADERS),
      // Of a bucket that there is: who lists or makes buckets expects nothing of one.
      ...(level === 'service' || makesBucket ? NO_HEADERS : EXPECTED_OWNER),
      ...headers,
    }),
    ignoredHeaders: mapOf<Harmless>({
      ...IGNORED_EVERYWHERE,
      ...(isRead ? IGNORED_OF_READ : NONE_IGNORED),
      ...ignored,
    }),
  };
}

const mapOf = <Value>(entries: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> =>
  new Map(Object.entries(entries));

const NO_BODY: Body = { kind: 'none' };
const OBJECT_BODY: Body = { kind: 'object' };

/** Describes a READ: the object as its reader sees it. */
export function read(facts: RequestFacts & { readonly method: 'GET' | 'HEAD' }): ReadOperation {
  return described({ operationClass: 'READ', level: 'object', verb: 'GET', conditions: 'read', ...facts });
}

/** Describes an ATTRIBUTES. */
export function attributes(
  facts: RequestFacts & Pick<AttributesOperation, 'requiredHeaders' | 'shownHeaders'> & { readonly render: Render },
): AttributesOperation {
  return described({ operationClass: 'ATTRIBUTES', method: 'GET', level: 'object', verb: 'GET', ...facts });
}

/** Describes a WRITE: a body that is sealed on its way. */
export function write(facts: RequestFacts & Pick<WriteOperation, 'puts'>): WriteOperation {
  const { puts, ...requested } = facts;
  const own = {
    operationClass: 'WRITE',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    body: OBJECT_BODY,
    shownHeaders: ['etag'],
    tellsEncryption: true,
  } as const;
  return { ...described({ ...own, ...ofPut(puts), ...requested }), puts };
}

/** Describes a COPY: a request that names its source. */
export function copy(
  facts: RequestFacts & Pick<CopyOperation, 'puts'> & Pick<CopyOperation, 'objectChecksum'>,
): CopyOperation {
  const { puts, ...requested } = facts;
  const own = {
    operationClass: 'COPY',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    requiredHeaders: ['x-amz-copy-source'],
    ignored: IGNORED_OF_COPY,
    tellsEncryption: true,
    mayAnswerEarly: true,
  } as const;
  return { ...described({ ...own, ...ofPut(puts), ...requested }), puts };
}

function ofPut(
  puts: 'object' | 'part',
): Pick<Described<'WRITE'>, 'keepsHeaders' | 'conditions' | 'requiredParameters'> {
  return puts === 'object'
    ? { keepsHeaders: true, conditions: 'write', requiredParameters: [] }
    : { keepsHeaders: false, conditions: 'none', requiredParameters: ['uploadId'] };
}

/** Describes a FORM: it becomes another operation as soon as its fields are read (post-object.ts). */
export function form(facts: RequestFacts): FormOperation {
  return described({
    operationClass: 'FORM',
    method: 'POST',
    level: 'bucket',
    verb: 'PUT',
    body: { kind: 'form' },
    ...facts,
  });
}

/** What else is said of a listing: how it is requested says its kind. */
type ListingFacts = Pick<RequestFacts, 'headers'> & { readonly listing: ListingKind };

/** Describes a LIST. */
export function list(
  facts: ListingFacts & Pick<ListOperation, 'readPage'> & { readonly verb: 'LIST' | 'LIST_VERSIONS' },
): ListOperation {
  const { readPage, listing, ...requested } = facts;
  return { ...described({ operationClass: 'LIST', ...ofListing(listing), ...requested }), listing, readPage };
}

function ofListing(
  listing: ListingKind,
): Pick<Own<'LIST'>, 'method' | 'level' | 'subresource' | 'parameters' | 'listing'> {
  return {
    method: 'GET',
    level: 'bucket',
    subresource: listing.subresource && exactly(listing.subresource),
    // What the store gets of them is said by listing-query.ts.
    parameters: { read: listingParameters(listing), passed: [] },
    listing,
  };
}

/** Describes a DELETE. */
export function deletion(facts: RequestFacts): DeleteOperation {
  return described({
    operationClass: 'DELETE',
    method: 'DELETE',
    level: 'object',
    verb: 'DELETE',
    conditions: 'delete',
    ...facts,
  });
}

/** Describes a LOCAL; who may use the bucket in any way may ask, and at the service everybody. */
export function local(
  facts: RequestFacts & { readonly method: 'GET' | 'HEAD'; readonly level: 'service' | 'bucket' },
): LocalOperation {
  return described({ operationClass: 'LOCAL', verb: undefined, ...facts });
}

/** Describes a BATCH: a document of keys, each decided as an access of its own. */
export function batch(facts: RequestFacts & { readonly verb: Verb }): BatchOperation {
  const body = { kind: 'document', maxBytes: LARGE_DOCUMENT_BYTES, mayBeAbsent: false } as const;
  return described({ operationClass: 'BATCH', method: 'POST', level: 'bucket', body, ...facts });
}

type DocumentFacts = RequestFacts & { readonly verb: Verb } & (
    | { readonly method: 'GET'; readonly level: 'object'; readonly render: Render }
    | {
        readonly method: 'PUT';
        readonly level: 'bucket' | 'object';
        readonly writeDocument: WriteDocument;
        readonly changes: 'document' | 'bucket';
      }
    | { readonly method: 'DELETE'; readonly level: 'bucket' | 'object'; readonly changes: 'document' | 'bucket' }
  );

/** Describes a DOCUMENT; one that reads a document of a bucket is a `bucketRead`. */
export function document(facts: DocumentFacts): DocumentOperation {
  if (facts.method === 'GET') {
    return { ...described({ operationClass: 'DOCUMENT', ...facts }), changes: 'nothing', absent: undefined };
  }
  const { changes, ...requested } = facts;
  const makesBucket = changes === 'bucket' && facts.method === 'PUT';
  const body: Body =
    facts.method === 'PUT'
      ? // A bucket can be made without a document.
        { kind: 'document', maxBytes: SMALL_DOCUMENT_BYTES, mayBeAbsent: makesBucket }
      : NO_BODY;
  return { ...described({ operationClass: 'DOCUMENT', body, makesBucket, ...requested }), changes, absent: undefined };
}

/** Describes a DOCUMENT that reads a document of a bucket. */
export function bucketRead(
  facts: Pick<BucketReadOperation, 'absent' | 'iamAction'> & {
    readonly subresource: Subresource;
    readonly verb: 'ADMIN' | undefined;
    readonly render: Render;
  },
): BucketReadOperation {
  const { absent, iamAction, ...requested } = facts;
  const own = {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    parameters: NO_PARAMETERS,
    headers: NO_HEADERS,
  } as const;
  return { ...described({ ...own, ...requested }), changes: 'nothing', absent, iamAction };
}

type UploadFacts = RequestFacts &
  (
    | { readonly method: 'DELETE' }
    | { readonly method: 'GET'; readonly render: Render }
    | (Pick<
        UploadOperation,
        | 'keepsHeaders'
        | 'conditions'
        | 'objectChecksum'
        | 'writeDocument'
        | 'shownHeaders'
        | 'tellsEncryption'
        | 'mayAnswerEarly'
      > & { readonly method: 'POST'; readonly render: Render; readonly ignored: Ignored })
  );

/** Describes an UPLOAD of one upload: its sequence of requests stands in pipeline/upload.ts. */
export function upload(facts: UploadFacts): UploadOperation {
  const body: Body =
    facts.method === 'POST' && facts.writeDocument !== undefined
      ? { kind: 'document', maxBytes: LARGE_DOCUMENT_BYTES, mayBeAbsent: false }
      : NO_BODY;
  const own = { operationClass: 'UPLOAD', level: 'object', verb: 'PUT', body } as const;
  return { ...described({ ...own, ...facts }), listing: undefined };
}

/** Describes an UPLOAD that lists those in progress. */
export function uploadList(facts: ListingFacts & Pick<UploadListOperation, 'renderPage'>): UploadListOperation {
  const { renderPage, listing, ...requested } = facts;
  const own = { operationClass: 'UPLOAD', verb: 'LIST' } as const;
  return { ...described({ ...own, ...ofListing(listing), ...requested }), listing, renderPage };
}

/** Gives a table of operations as it stands; a second one of a class whose stages are written for one does not compile. */
export const tableOf = <Table extends { readonly [Name in keyof Table]: OperationNamed<Name> }>(table: Table): Table =>
  table;
