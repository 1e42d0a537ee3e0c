/**
 * Enters: a parsed request. Leaves: the verbs that policy must grant for it on the object that it addresses. Each is a
 * decision of its own: who may write an object may not therefore open it to the world or lock it for years.
 */
import type { Verb } from '../operations/verb.ts';
import type { CopySource, S3Request } from './request.ts';

type RequestHeaders = Pick<S3Request, 'headers' | 'descriptor' | 'versionId'>;

/** Gives the verb of the operation itself; a version is requested with a verb of its own. */
export function mainVerb({ descriptor: { verb }, versionId }: RequestHeaders): Verb | undefined {
  if (versionId === undefined) return verb;
  if (verb === 'GET') return 'GET_VERSION';
  return verb === 'DELETE' ? 'DELETE_VERSION' : verb;
}

/** Gives the verbs that are needed beside the operation's own; none for values that are S3's defaults. */
export function extraVerbs(request: RequestHeaders): readonly Verb[] {
  const { headers, descriptor, versionId } = request;
  let verbs = NONE;
  if (versionId !== undefined && descriptor.verb !== 'GET' && descriptor.verb !== 'DELETE') verbs = ['GET_VERSION'];
  for (const [name, value] of headers) {
    const verb = name.startsWith('x-amz-') ? verbOfHeader(name, value) : undefined;
    if (verb !== undefined && verb !== descriptor.verb && !verbs.includes(verb)) verbs = [...verbs, verb];
  }
  return verbs;
}

/** Gives the verb that a copy needs on its source. */
export function sourceVerb(source: CopySource): 'GET' | 'GET_VERSION' {
  return source.versionId === undefined ? 'GET' : 'GET_VERSION';
}

/** Tells whether a canned ACL opens an object to nobody: whoever writes here is the owner of the bucket. */
export function isPrivate(acl: string): boolean {
  return acl === 'private' || acl === 'bucket-owner-full-control';
}

const NONE: readonly Verb[] = [];

function verbOfHeader(name: string, value: string): Verb | undefined {
  switch (name) {
    case 'x-amz-acl':
      return isPrivate(value) ? undefined : 'PUT_ACL';
    case 'x-amz-tagging':
      return value === '' ? undefined : 'PUT_TAGS';
    case 'x-amz-tagging-directive':
      // To replace tags by none is to change them.
      return value === 'REPLACE' ? 'PUT_TAGS' : undefined;
    case 'x-amz-storage-class':
      return value === 'STANDARD' ? undefined : 'PUT_STORAGE_CLASS';
    case 'x-amz-server-side-encryption':
      return value === 'AES256' ? undefined : 'PUT_SSE';
    case 'x-amz-bypass-governance-retention':
      return value === 'false' ? undefined : 'PUT_LOCK';
    default:
      if (name.startsWith('x-amz-server-side-encryption-')) return 'PUT_SSE';
      return name.startsWith('x-amz-object-lock-') ? 'PUT_LOCK' : undefined;
  }
}
