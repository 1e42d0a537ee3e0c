/**
 * Enters: a request's `If-*` headers. Leaves: the conditions to put to the store, in the store's own ETags.
 * The store decides them, in one step with the access. A condition that cannot be carried over is refused: dropping it
 * would make an unconditional access of a conditional one.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { storeEtag } from '../response/etag.ts';
import type { S3Request } from './request.ts';

type ConditionalRequest = Pick<S3Request, 'headers' | 'descriptor'>;

export const SOURCE_PREFIX = 'x-amz-copy-source-';

const ENTITY_TAG = '(?:(?:W/)?"[!#-~]*")';
const ENTITY_TAGS = new RegExp(`^${ENTITY_TAG}(?:[ \\t]*,[ \\t]*${ENTITY_TAG})*$`);
const EACH_ENTITY_TAG = new RegExp(ENTITY_TAG, 'g');
/** Many S3 clients send the ETag without its quotes, and S3 takes it. */
const UNQUOTED_TAG = /^[\w.-]+$/;
const QUOTED_TAG = /^"(.*)"$/;
const HTTP_DATE = /^[\w ,:+-]{1,64}$/;

/**
 * Gives the conditions on what the request addresses; `encrypted` says that clients see mapped ETags of it (etag.ts).
 * @throws GatewayError InvalidArgument (malformed), NotImplemented (not to be had for this operation)
 * @see RFC 9110 section 13.1; Amazon S3 User Guide, "Conditional requests"
 */
export function storeConditions(request: ConditionalRequest, encrypted: boolean): Readonly<Record<string, string>> {
  let conditions: Record<string, string> | undefined;
  for (const [name, value] of request.headers) {
    // If-Range is decided here, by what the store gives (if-range.ts): some stores pass over it.
    if (name.startsWith('if-') && name !== 'if-range') {
      (conditions ??= {})[name] = storeCondition(request, name, value, encrypted);
    }
  }
  return conditions === undefined ? NONE : effective(conditions);
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Gives the conditions on the source of a copy, as those of a read of it; `encrypted` as above, of the source.
 * @throws GatewayError InvalidArgument (malformed)
 */
export function sourceConditions({ headers }: Pick<S3Request, 'headers'>, encrypted: boolean): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (!name.startsWith(`${SOURCE_PREFIX}if-`)) continue;
    const condition = name.slice(SOURCE_PREFIX.length);
    conditions[condition] = readCondition(condition, value, encrypted);
  }
  return effective(conditions);
}

/** If-Match goes before If-Unmodified-Since (RFC 9110 section 13.1.4); some stores (moto, S3Proxy) heed both. */
function effective({
  'if-unmodified-since': unmodifiedSince,
  ...others
}: Record<string, string>): Record<string, string> {
  if (unmodifiedSince === undefined || others['if-match'] !== undefined) return others;
  return { ...others, 'if-unmodified-since': unmodifiedSince };
}

function storeCondition(
  { descriptor: { conditions } }: ConditionalRequest,
  name: string,
  value: string,
  encrypted: boolean,
): string {
  if (conditions === 'read') return readCondition(name, value, encrypted);
  // Some clients say it when they begin an upload, and not when they complete it.
  if (conditions === 'begin' && name === 'if-none-match' && value === '*') return value;
  if (conditions === 'write') {
    // S3 knows two conditions on a write: "nothing there yet", and "still this one entity".
    if (name === 'if-none-match' && value === '*') return value;
    // Bare: Ceph compares what stands here with a bare ETag; AWS takes both forms.
    if (name === 'if-match' && value !== '*' && !value.includes(',')) {
      return storeTags(value, encrypted).replace(QUOTED_TAG, '$1');
    }
  }
  // Where the store can; elsewhere the request is refused (plan.ts).
  if (conditions === 'delete' && name === 'if-match' && !value.includes(',')) {
    return value === '*' ? value : storeTags(value, encrypted).replace(QUOTED_TAG, '$1');
  }
  throw refuse('NotImplemented', name);
}

/** Gives the store's form of the ETag that an entry of DeleteObjects names. @throws GatewayError InvalidArgument */
export function storeEtagOf(shown: string, encrypted: boolean): string {
  return shown === '*' ? shown : storeTags(shown.trim(), encrypted).replace(QUOTED_TAG, '$1');
}

function readCondition(name: string, value: string, encrypted: boolean): string {
  if (name === 'if-match' || name === 'if-none-match') return value === '*' ? value : storeTags(value, encrypted);
  if (name === 'if-modified-since' || name === 'if-unmodified-since') {
    if (!HTTP_DATE.test(value)) throw refuse('InvalidArgument', name);
    return value;
  }
  throw refuse('NotImplemented', name);
}

function storeTags(value: string, encrypted: boolean): string {
  if (UNQUOTED_TAG.test(value)) return encrypted ? storeEtag(value) : value;
  if (!ENTITY_TAGS.test(value)) throw refuse('InvalidArgument', 'an entity tag');
  return encrypted ? value.replace(EACH_ENTITY_TAG, storeEtag) : value;
}

function refuse(code: 'InvalidArgument' | 'NotImplemented', detail: string): GatewayError {
  return new GatewayError(code, { detail });
}
