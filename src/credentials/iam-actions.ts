/**
 * Verbs of policy in; the IAM actions that stand for them out. An action that needs two verbs is given where both are,
 * and denied where either is: never is an action given for a verb that the table does not name it for.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
import { OPERATIONS, type BucketReadName } from '../s3/operations/operations.ts';
import type { Verb } from '../s3/operations/verb.ts';

interface ActionRow {
  readonly action: string;
  /** All of these must be granted. */
  readonly verbs: readonly Verb[];
}

/** Actions on objects. A store checks no action of its own for `PUT_STORAGE_CLASS`, `PUT_SSE`: these are policy's alone. */
const OBJECT_ACTIONS: readonly ActionRow[] = [
  { action: 's3:GetObject', verbs: ['GET'] },
  { action: 's3:GetObjectAttributes', verbs: ['GET'] },
  { action: 's3:PutObject', verbs: ['PUT'] },
  { action: 's3:AbortMultipartUpload', verbs: ['PUT'] },
  { action: 's3:ListMultipartUploadParts', verbs: ['PUT'] },
  { action: 's3:DeleteObject', verbs: ['DELETE'] },
  { action: 's3:GetObjectVersion', verbs: ['GET_VERSION'] },
  { action: 's3:GetObjectVersionAttributes', verbs: ['GET_VERSION'] },
  { action: 's3:DeleteObjectVersion', verbs: ['DELETE_VERSION'] },
  { action: 's3:GetObjectTagging', verbs: ['GET_TAGS'] },
  { action: 's3:GetObjectVersionTagging', verbs: ['GET_TAGS', 'GET_VERSION'] },
  { action: 's3:PutObjectTagging', verbs: ['PUT_TAGS'] },
  { action: 's3:DeleteObjectTagging', verbs: ['PUT_TAGS'] },
  { action: 's3:PutObjectVersionTagging', verbs: ['PUT_TAGS', 'GET_VERSION'] },
  { action: 's3:DeleteObjectVersionTagging', verbs: ['PUT_TAGS', 'GET_VERSION'] },
  { action: 's3:GetObjectAcl', verbs: ['GET_ACL'] },
  { action: 's3:GetObjectVersionAcl', verbs: ['GET_ACL', 'GET_VERSION'] },
  { action: 's3:PutObjectAcl', verbs: ['PUT_ACL'] },
  { action: 's3:GetObjectRetention', verbs: ['GET_LOCK'] },
  { action: 's3:GetObjectLegalHold', verbs: ['GET_LOCK'] },
  { action: 's3:PutObjectRetention', verbs: ['PUT_LOCK'] },
  { action: 's3:PutObjectLegalHold', verbs: ['PUT_LOCK'] },
  // Only together with the header, which policy decides by the verb.
  { action: 's3:BypassGovernanceRetention', verbs: ['PUT_LOCK'] },
];

/** Actions on the bucket itself, for `ADMIN`. */
export const ADMIN_ACTIONS: readonly string[] = [
  's3:CreateBucket',
  's3:DeleteBucket',
  's3:GetBucketVersioning',
  's3:PutBucketVersioning',
  's3:GetBucketTagging',
  's3:PutBucketTagging',
  // To make a bucket with object lock.
  's3:PutBucketObjectLockConfiguration',
];

/** Stands where a store's IAM knows none of the actions: a policy must name one. Shows nothing that its caller does not know. */
export const HARMLESS_ACTION = 's3:GetBucketLocation';

/** The action that reads one document of a bucket. */
export const bucketReadAction = (operation: BucketReadName): string => OPERATIONS[operation].iamAction;

/** Of the store itself; takes no resource but all. */
export const LIST_BUCKETS_ACTION = 's3:ListAllMyBuckets';

export type ListingVerb = 'LIST' | 'LIST_VERSIONS';

/** The action that a listing verb stands for; it takes a condition on the prefix. */
export const LISTING_ACTIONS: Readonly<Record<ListingVerb, string>> = {
  LIST: 's3:ListBucket',
  LIST_VERSIONS: 's3:ListBucketVersions',
};

/** Belongs to `LIST`, but takes no condition on the prefix: who has it sees the uploads of the whole bucket. */
export const LIST_UPLOADS_ACTION = 's3:ListBucketMultipartUploads';

/** The object actions of whoever has all of these verbs on one object. */
export function actionsNeedingOnly(verbs: readonly Verb[]): readonly string[] {
  return OBJECT_ACTIONS.filter((row) => row.verbs.every((verb) => verbs.includes(verb))).map(({ action }) => action);
}

/** The object actions that are nobody's who lacks one of these verbs on an object. */
export function actionsNeedingAny(verbs: readonly Verb[]): readonly string[] {
  return OBJECT_ACTIONS.filter((row) => row.verbs.some((verb) => verbs.includes(verb))).map(({ action }) => action);
}
