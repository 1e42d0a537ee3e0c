/**
 * What an operation is, in one value: how it is requested, what policy must grant, what its store gets and what comes back.
 * A constructor for each class asks for all that the class needs; nothing of it can be left out. Detection, checks of headers,
 * documentation and the comparison with the model of AWS's SDKs are derived from these values.
 */
import type { Addressed } from '../request/addressed.ts';
import type { BucketDocument } from '../documents/bucket-documents.ts';
import type { Listing } from '../documents/listing-document.ts';
import type { AttributesView } from '../documents/object-attributes.ts';
import type { ListingKind, ListingQuery } from '../request/listing-query.ts';
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
import type { Verb } from './verb.ts';

/** The query parameter that tells an operation from others of its method and level. */
export interface Subresource {
  readonly name: string;
  readonly values: RegExp;
  /** Whether it is a name and nothing more. */
  readonly isNameOnly: boolean;
}

/** A subresource that is a name and nothing more, such as `?tagging`. */
export const nameOnly = (name: string): Subresource => ({ name, values: /^$/, isNameOnly: true });

/** A subresource that has a value, such as `?uploadId=…`; it is read by whoever needs it. */
export const valued = (name: string, values = /^/): Subresource => ({ name, values, isNameOnly: false });

/** How the stored facts of an answer look to the client: ETags, sizes in bytes, whether the store's checksums are the object's. */
export type AnswerView = AttributesView;

/** Writes the client's document from the store's. @throws GatewayError InternalError; the error that the document holds */
export type Render = (document: Uint8Array, view: AnswerView, request: Addressed) => string;

export interface DocumentContext {
  /** The store's region, which CreateBucket may name. */
  readonly region: string;
  /** Whether the store keeps the checksums of parts. */
  readonly keepsChecksums: boolean;
}

/** Writes the store's document from the client's; `undefined`: the store gets none. @throws GatewayError MalformedXML, and what else is refused of a document */
export type WriteDocument = (document: Uint8Array, context: DocumentContext) => string | undefined;

/** What an operation's checksum headers say of an object, where they say nothing of its own body. */
export interface ObjectChecksum {
  /** @throws GatewayError InvalidArgument, InvalidRequest, InvalidDigest */
  readonly check: (headers: ReadonlyMap<string, string>) => void;
  /** The header that asks for a checksum which not every store keeps; `undefined`: none does. */
  readonly unkept: (headers: ReadonlyMap<string, string>) => string | undefined;
}

/**
 * `object`: a stream that is stored; `document`: XML, read whole up to `maxBytes`; `form`: multipart/form-data; `none`: a
 * body is refused.
 */
export type Body =
  | { readonly kind: 'none' | 'object' | 'form' }
  | { readonly kind: 'document'; readonly maxBytes: number; readonly mayBeAbsent: boolean };

/** Which `If-*` an operation puts to the store: those of a read; those of a write; `*` at the beginning of an upload; If-Match. */
export type Conditions = 'none' | 'read' | 'write' | 'begin' | 'delete';

/**
 * Operations of one class take the same route through `pipeline/routes.ts`. LOCAL is answered without a store; COPY has a
 * source; FORM is a write whose fields say what and by whom; BATCH carries in its body what is to be decided; DOCUMENT has
 * small documents at most, in and out; UPLOAD is what multipart uploads take beside their parts; ATTRIBUTES tells of an
 * object what its trailer knows.
 */
export type OperationClass =
  'READ' | 'WRITE' | 'FORM' | 'LIST' | 'DELETE' | 'LOCAL' | 'COPY' | 'BATCH' | 'DOCUMENT' | 'UPLOAD' | 'ATTRIBUTES';

interface Described<Class extends OperationClass> {
  readonly operationClass: Class;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly level: 'service' | 'bucket' | 'object';
  readonly subresource: Subresource | undefined;
  /** The query parameters that it takes, its subresource among them. */
  readonly parameters: ReadonlySet<string>;
  /** Those of them that the store is asked with as they came. */
  readonly passedParameters: readonly string[];
  /** Those of them that it cannot do without, beside its subresource. */
  readonly requiredParameters: readonly string[];
  readonly requiredHeaders: readonly string[];
  /** Of the headers that change the meaning of a request (accepted-headers.ts): those that it takes, by lower-case name. */
  readonly acceptedHeaders: ReadonlyMap<string, AcceptedHeader>;
  /** Taken out before any step gives one a meaning (ignored-headers.ts). */
  readonly ignoredHeaders: ReadonlyMap<string, Harmless>;
  /** Whether headers are kept beside an object (stored-headers.ts). */
  readonly keepsHeaders: boolean;
  readonly body: Body;
  /** The verb that policy must grant; `undefined`: any grant in the bucket will do (or, for ListBuckets, none). */
  readonly verb: Verb | undefined;
  /** How it lists, where it does. */
  readonly listing: ListingKind | undefined;
  readonly conditions: Conditions;
  readonly objectChecksum: ObjectChecksum | undefined;
  /** `undefined`: the store gets no document, or one that its stage writes. */
  readonly writeDocument: WriteDocument | undefined;
  /** `undefined`: the answer has no document, or one that its stage writes. */
  readonly render: Render | undefined;
  /** Of the headers of a store's answer: what the client sees beside what it sees of all (answer.ts). */
  readonly shownHeaders: readonly string[];
  /** Whether the answer says how the object is encrypted at rest (encryption-headers.ts). */
  readonly tellsEncryption: boolean;
  /** Clients of S3 look for an error in the 200 of these, and of no others. */
  readonly mayAnswerEarly: boolean;
}

export type ReadOperation = Described<'READ'>;
export type FormOperation = Described<'FORM'>;
export type DeleteOperation = Described<'DELETE'>;
export type LocalOperation = Described<'LOCAL'>;
export type AttributesOperation = Described<'ATTRIBUTES'>;
export type BatchOperation = Described<'BATCH'>;
export type UploadOperation = Described<'UPLOAD'>;

export interface WriteOperation extends Described<'WRITE'> {
  /** Whether it puts an object in place, or a part of an upload. */
  readonly puts: 'object' | 'part';
}

export interface CopyOperation extends Described<'COPY'> {
  readonly puts: 'object' | 'part';
}

export interface ListOperation extends Described<'LIST'> {
  readonly listing: ListingKind;
  /** Reads a page of the store's; its `write` makes the client's of it. @throws GatewayError InternalError */
  readonly readPage: (document: Uint8Array, query: ListingQuery) => Listing;
}

export interface DocumentOperation extends Described<'DOCUMENT'> {
  /** What is another one after a success: a document of a bucket or an object, or the bucket itself. */
  readonly changes: 'nothing' | 'document' | 'bucket';
  /** What stands for the refusal of a store that does not have such documents; `undefined`: the refusal is one. */
  readonly absent: BucketDocument | undefined;
}

/** Reads a document of a bucket. */
export interface BucketReadOperation extends DocumentOperation {
  /** The action of IAM that a session must have for it. */
  readonly iamAction: string;
}

export type Operation =
  | ReadOperation
  | WriteOperation
  | FormOperation
  | ListOperation
  | DeleteOperation
  | LocalOperation
  | CopyOperation
  | BatchOperation
  | DocumentOperation
  | UploadOperation
  | AttributesOperation;

/** Tells whether an operation makes a bucket (`PUT`) or takes one away (`DELETE`). */
export function changesBucket(operation: Operation, method: 'PUT' | 'DELETE'): boolean {
  return operation.operationClass === 'DOCUMENT' && operation.changes === 'bucket' && operation.method === method;
}

/** Tells whether an operation puts a whole object in place, by a body or by a copy. */
export function putsObject(operation: Operation): boolean {
  const { operationClass } = operation;
  return (operationClass === 'WRITE' || operationClass === 'COPY') && operation.puts === 'object';
}

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

/** Describes a LIST. */
export function list(
  facts: RequestFacts & Pick<ListOperation, 'listing' | 'readPage'> & { readonly verb: 'LIST' | 'LIST_VERSIONS' },
): ListOperation {
  const { readPage, listing, ...requested } = facts;
  const own = { operationClass: 'LIST', method: 'GET', level: 'bucket', listing } as const;
  return { ...described({ ...own, ...requested }), listing, readPage };
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

/** Describes an UPLOAD: its sequence of requests stands in pipeline/upload.ts. */
export function upload(
  facts: RequestFacts &
    Pick<
      UploadOperation,
      | 'method'
      | 'level'
      | 'listing'
      | 'keepsHeaders'
      | 'conditions'
      | 'objectChecksum'
      | 'writeDocument'
      | 'render'
      | 'shownHeaders'
      | 'tellsEncryption'
      | 'mayAnswerEarly'
    > & { readonly verb: Verb; readonly ignored: Ignored },
): UploadOperation {
  const body: Body =
    facts.writeDocument === undefined
      ? NO_BODY
      : { kind: 'document', maxBytes: LARGE_DOCUMENT_BYTES, mayBeAbsent: false };
  return described({ operationClass: 'UPLOAD', body, ...facts });
}
