/**
 * Every S3 operation that the gateway performs, family by family; what is not here is NotImplemented. All of them are
 * performed however a key is kept.
 */
import { BUCKET_CONFIGURATION } from './bucket-configuration.ts';
import { BUCKETS } from './buckets.ts';
import { tableOf } from './constructors.ts';
import { LISTINGS } from './listings.ts';
import { MULTIPART } from './multipart.ts';
import { OBJECT_SETTINGS } from './object-settings.ts';
import { OBJECTS } from './objects.ts';
import type {
  BucketReadOperation,
  Operation,
  OperationClass,
  UploadListOperation,
  UploadOperation,
} from './operation.ts';

export const OPERATIONS = tableOf({
  ...BUCKETS,
  ...LISTINGS,
  ...BUCKET_CONFIGURATION,
  ...OBJECTS,
  ...OBJECT_SETTINGS,
  ...MULTIPART,
});

export type OperationName = keyof typeof OPERATIONS;

type NamesOf<Kind> = {
  [Name in OperationName]: (typeof OPERATIONS)[Name] extends Kind ? Name : never;
}[OperationName];

/** The operations of one class. */
export type NamesOfClass<Class extends OperationClass> = NamesOf<{ readonly operationClass: Class }>;

/** The operations that read a document of a bucket. */
export type BucketReadName = NamesOf<BucketReadOperation>;

/** The operations that do something with one upload. */
export type UploadName = NamesOf<UploadOperation>;

/** Gives the description of an operation, as one of any class. */
export const operationOf = (name: OperationName): Operation => OPERATIONS[name];

/** Gives the same name, known to be one of that class. @throws Error for any other: a stage took what it was not made for */
export function nameOfClass<Class extends OperationClass>(
  name: OperationName,
  operationClass: Class,
): NamesOfClass<Class> {
  if (!isOfClass(name, operationClass)) throw new Error(`${name} is not of the class ${operationClass}`);
  return name;
}

function isOfClass<Class extends OperationClass>(
  name: OperationName,
  operationClass: Class,
): name is OperationName & NamesOfClass<Class> {
  return OPERATIONS[name].operationClass === operationClass;
}

/** Tells whether an operation reads a document of a bucket. */
export function isBucketRead(name: OperationName): name is BucketReadName {
  return 'iamAction' in OPERATIONS[name];
}

/** Tells whether an operation lists uploads in progress. */
export function isUploadList(name: OperationName): name is NamesOf<UploadListOperation> {
  return 'renderPage' in OPERATIONS[name];
}
