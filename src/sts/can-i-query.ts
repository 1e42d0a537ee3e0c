/**
 * The query of `/-/can-i` in; the access that it asks about, and what the request would store, out. Each name once, each value
 * decoded once: what could be read in two ways is refused, since the answer would be about something else.
 */
import type { Access, StoredFacts } from '../contracts/authorizer.ts';
import { VERBS, type Verb } from '../s3/operations/verb.ts';
import { refused } from './identify.ts';

/** What is asked about. */
export interface Question {
  readonly verb: Verb;
  readonly bucket: string;
  /** The key of an object, the prefix of a listing, or nothing for the bucket itself. */
  readonly key: string;
  /** What a real request for it would need, all of it. */
  readonly accesses: readonly Access[];
  /** Of a PUT. */
  readonly stored: StoredFacts | undefined;
}

const NAMES = ['verb', 'resource', 'size', 'contentType', 'tags', 'createOnly'] as const;
type Name = (typeof NAMES)[number];

const MAX_QUERY_LENGTH = 8192;
const MAX_KEY_BYTES = 1024;
const MAX_VALUE_LENGTH = 4096;
const MAX_TAGS = 10;
const RESOURCE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;

/** Reads the target of a request. @throws GatewayError InvalidRequest */
export function readQuestion(target: string): Question {
  const values = valuesOf(target.slice(target.indexOf('?') + 1 || target.length));
  const verb = VERBS.find((each) => each === values.get('verb'));
  const [, bucket, key = ''] = RESOURCE.exec(values.get('resource') ?? '') ?? [];
  if (verb === undefined) throw refused('the verb');
  if (bucket === undefined || Buffer.byteLength(key) > MAX_KEY_BYTES || key.includes('\0')) {
    throw refused('the resource');
  }
  const stored = storedOf(values);
  if (stored !== undefined && verb !== 'PUT') throw refused('what is stored, of something else than a PUT');
  return { verb, bucket, key, stored, accesses: accessesOf(verb, bucket, key, stored) };
}

function valuesOf(query: string): ReadonlyMap<Name, string> {
  if (query.length > MAX_QUERY_LENGTH) throw refused('a query that is too long');
  const values = new Map<Name, string>();
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = NAMES.find((each) => each === pair.slice(0, Math.max(at, 0)));
    if (name === undefined || values.has(name)) throw refused('a name of the query, or one twice');
    const value = decoded(pair.slice(at + 1));
    if (value === undefined || value.length > MAX_VALUE_LENGTH) throw refused(`the value of ${name}`);
    values.set(name, value);
  }
  return values;
}

/** A plus is a space to some, and itself to others. */
function decoded(text: string): string | undefined {
  if (text.includes('+')) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function accessesOf(verb: Verb, bucket: string, key: string, stored: StoredFacts | undefined): readonly Access[] {
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') return [{ kind: 'listing', verb, bucket, prefix: key, after: [] }];
  if ((verb === 'ADMIN') !== (key === '')) throw refused('a key where none belongs, or none');
  if (verb === 'ADMIN') return [{ kind: 'admin', verb, bucket }];
  const verbs: readonly Verb[] = (stored?.tags?.size ?? 0) > 0 ? [verb, 'PUT_TAGS'] : [verb];
  return verbs.map((each) => ({ kind: 'object', verb: each, bucket, key }));
}

function storedOf(values: ReadonlyMap<Name, string>): StoredFacts | undefined {
  const [size, contentType, tags, createOnly] = [
    ...(['size', 'contentType', 'tags', 'createOnly'] as const).map((name) => values.get(name)),
  ];
  if (size === undefined && contentType === undefined && tags === undefined && createOnly === undefined) {
    return undefined;
  }
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw refused('the size');
  if (createOnly !== undefined && createOnly !== 'true' && createOnly !== 'false') throw refused('createOnly');
  return {
    ...(size !== undefined && { sizeBytes: Number(size) }),
    ...(contentType !== undefined && { contentType }),
    ...(tags !== undefined && { tags: tagsOf(tags) }),
    ...(createOnly !== undefined && { createsOnly: createOnly === 'true' }),
  };
}

/** As the header `x-amz-tagging` has them. */
function tagsOf(text: string): ReadonlyMap<string, string> {
  const pairs = [...new URLSearchParams(text)];
  const tags = new Map(pairs);
  if (tags.size !== pairs.length || tags.size > MAX_TAGS) throw refused('the tags');
  return tags;
}
