/**
 * What an operation is, in one value: how it is asked for, what policy must grant, what its store gets and what comes back.
 * Detection, checks of headers, documentation and the comparison with the model of AWS's SDKs are derived from these values;
 * constructors.ts makes them.
 */
import type { Addressed } from '../request/addressed.ts';
import type { BucketDocument } from '../documents/bucket-documents.ts';
import type { Listing, StorePage } from '../documents/listing-document.ts';
import type { AttributesView } from '../documents/object-attributes.ts';
import type { ListingKind, ListingQuery } from '../request/listing-query.ts';
import { type AcceptedHeader, type Harmless } from './headers.ts';
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

/** A subresource that has one value; '' is a name and nothing more. */
export const exactly = ({ name, value }: { readonly name: string; readonly value: string }): Subresource =>
  value === '' ? nameOnly(name) : valued(name, new RegExp(`^${value}$`));

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

export interface Described<Class extends OperationClass> {
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

export interface WriteOperation extends Described<'WRITE'> {
  /** Whether it puts an object in place, or a part of an upload. */
  readonly puts: 'object' | 'part';
}

export interface CopyOperation extends Described<'COPY'> {
  readonly puts: 'object' | 'part';
}

export interface ListOperation extends Described<'LIST'> {
  readonly listing: ListingKind;
  /** Reads a page; its `write` makes the client's of it. @throws GatewayError InternalError */
  readonly readPage: (page: StorePage, query: ListingQuery) => Listing;
}

/** Does something with one upload. */
export interface UploadOperation extends Described<'UPLOAD'> {
  readonly listing: undefined;
}

/** Lists uploads in progress. */
export interface UploadListOperation extends Described<'UPLOAD'> {
  readonly listing: ListingKind;
  /** Writes the client's page, under its own name of the bucket. @throws GatewayError InternalError */
  readonly renderPage: (page: StorePage, query: ListingQuery, bucket: string) => string;
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
  | UploadListOperation
  | AttributesOperation;

/** Operations that are the only ones of their classes: stages of the pipeline are written for each of them. */
interface OnlyOperations {
  readonly GetObjectAttributes: AttributesOperation;
  readonly PostObject: FormOperation;
  readonly DeleteObject: DeleteOperation;
  readonly DeleteObjects: BatchOperation;
}

/** What an operation of this name can be. */
export type OperationNamed<Name> = Name extends keyof OnlyOperations
  ? OnlyOperations[Name]
  : Exclude<Operation, OnlyOperations[keyof OnlyOperations]>;

/** Tells whether an operation makes a bucket (`PUT`) or takes one away (`DELETE`). */
export function changesBucket(operation: Operation, method: 'PUT' | 'DELETE'): boolean {
  return operation.operationClass === 'DOCUMENT' && operation.changes === 'bucket' && operation.method === method;
}

/** Tells whether an operation puts a whole object in place, by a body or by a copy. */
export function putsObject(operation: Operation): boolean {
  const { operationClass } = operation;
  return (operationClass === 'WRITE' || operationClass === 'COPY') && operation.puts === 'object';
}
