/**
 * The operation table: one row per S3 operation that the gateway performs. What is not here is NotImplemented.
 * A row says which pipeline an operation takes (`operationClass`), which verb policy must grant, and what it addresses.
 */

/** What a policy grants. `GET` covers HeadObject; `LIST` covers both listings. */
export const VERBS = ['GET', 'PUT', 'DELETE', 'LIST'] as const;
export type Verb = (typeof VERBS)[number];

/** Operations of one class take the same way through `pipeline/stages.ts`. LOCAL is answered without a store. */
export type OperationClass = 'READ' | 'WRITE' | 'LIST' | 'DELETE' | 'LOCAL';

export interface OperationRow {
  readonly operationClass: OperationClass;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly level: 'service' | 'bucket' | 'object';
  /** The verb that policy must grant; `undefined`: any grant in the bucket will do (or, for ListBuckets, none). */
  readonly verb: Verb | undefined;
}

export const OPERATIONS = {
  ListBuckets: { operationClass: 'LOCAL', method: 'GET', level: 'service', verb: undefined },
  HeadBucket: { operationClass: 'LOCAL', method: 'HEAD', level: 'bucket', verb: undefined },
  GetBucketLocation: { operationClass: 'LOCAL', method: 'GET', level: 'bucket', verb: undefined },
  ListObjects: { operationClass: 'LIST', method: 'GET', level: 'bucket', verb: 'LIST' },
  ListObjectsV2: { operationClass: 'LIST', method: 'GET', level: 'bucket', verb: 'LIST' },
  GetObject: { operationClass: 'READ', method: 'GET', level: 'object', verb: 'GET' },
  HeadObject: { operationClass: 'READ', method: 'HEAD', level: 'object', verb: 'GET' },
  PutObject: { operationClass: 'WRITE', method: 'PUT', level: 'object', verb: 'PUT' },
  DeleteObject: { operationClass: 'DELETE', method: 'DELETE', level: 'object', verb: 'DELETE' },
} as const satisfies Record<string, OperationRow>;

export type OperationName = keyof typeof OPERATIONS;
