/**
 * Enters: a parsed request. Leaves: everything that it would do, by the object, listing or bucket that it does it to. Pure.
 * All of it must be allowed; each target is a record of its own. What is missing here is done without being decided.
 */
import type { Access } from '../contracts/authorizer.ts';
import type { DeletedItem } from '../s3/documents/delete-objects.ts';
import { isListing, parseListing } from '../s3/documents/listing.ts';
import { isBucketRead } from '../s3/operations/operations.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { S3Request } from '../s3/request/request.ts';
import { extraVerbs, mainVerb, sourceVerb } from '../s3/request/verbs.ts';

/** What a request does to one object, listing or bucket. */
export interface Target {
  readonly bucket: string;
  /** The object's key, or the prefix of a listing; empty for a bucket. */
  readonly key: string;
  readonly versionId: string | undefined;
  /** None for ListBuckets, which asks for nothing in particular. */
  readonly accesses: readonly Access[];
}

/** Gives the targets of a request, its own first and the source of a copy after it; BATCH has `requiredDeletions`. */
export function requiredAccesses(request: S3Request): readonly Target[] {
  const { bucket, key, versionId, copySource } = request;
  const own = { bucket, key: isListing(request.operation) ? parseListing(request).prefix : key, versionId };
  const target = { ...own, accesses: ownAccesses(request) };
  if (copySource === undefined) return [target];
  return [target, { ...copySource, accesses: onObject(copySource, [sourceVerb(copySource)]) }];
}

/** Gives one target for each key of DeleteObjects, in order. */
export function requiredDeletions(request: S3Request, items: readonly DeletedItem[]): readonly Target[] {
  const { bucket } = request;
  const extra = extraVerbs(request);
  return items.map(({ key, versionId }) => {
    const verb = versionId === undefined ? 'DELETE' : 'DELETE_VERSION';
    return { bucket, key, versionId, accesses: onObject({ bucket, key }, [verb, ...extra]) };
  });
}

function ownAccesses(request: S3Request): readonly Access[] {
  const { descriptor, bucket } = request;
  if (descriptor.level === 'service') return [];
  const verb = mainVerb(request);
  const document = isBucketRead(request.operation) ? { document: request.operation } : {};
  if (verb === undefined) return [{ kind: 'bucket', bucket, ...document }];
  if (verb === 'ADMIN') return [{ kind: 'admin', verb, bucket, ...document }];
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') {
    const { prefix, after } = parseListing(request);
    const uploads = descriptor.operationClass === 'UPLOAD' ? { uploads: true as const } : {};
    return [{ kind: 'listing', verb, bucket, prefix, after, ...uploads }];
  }
  return onObject(request, [verb, ...extraVerbs(request)]);
}

function onObject({ bucket, key }: { bucket: string; key: string }, verbs: readonly Verb[]): readonly Access[] {
  return verbs.map((verb) => ({ kind: 'object', verb, bucket, key }));
}
