/**
 * The rules of one identity in one bucket in; an access for each part of the bucket that they can tell apart out. What lies
 * in one part is met by the same rules, so whatever holds for its access holds for all of it.
 */
import type { Access, Grant } from '../../contracts/authorizer.ts';
import type { Verb } from '../../s3/operations/verb.ts';

type Scoped = Pick<Grant, 'effect' | 'verbs' | 'scope'>;
export type DecidedAccess = Exclude<Access, { kind: 'bucket' }>;

/** Lists the accesses of one verb; `grants` are literal. */
export function accessesOf(verb: Verb, bucket: string, grants: readonly Scoped[]): readonly DecidedAccess[] {
  if (verb === 'ADMIN') return [{ kind: 'admin', verb, bucket }];
  const own = grants.filter(({ verbs }) => verbs.includes(verb));
  const texts = textsOf(own);
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') {
    const prefixes = own.flatMap(({ effect, scope }) => (effect === 'allow' && 'prefix' in scope ? scope.prefix : []));
    return listings(new Set([...texts, '']), [...new Set(prefixes)]).map(({ prefix, after }) => ({
      ...{ kind: 'listing', verb, bucket, prefix, after },
    }));
  }
  return namesOf(own).map((key) => ({ kind: 'object', verb, bucket, key }));
}

/** A name in each part of the bucket; a prefix is a name as well. */
export function namesOf(grants: readonly Scoped[], below = ''): readonly string[] {
  const texts = textsOf(grants);
  const keys = grants.flatMap(({ scope }) => ('key' in scope ? scope.key : []));
  const prefixes = grants.flatMap(({ scope }) => ('prefix' in scope ? scope.prefix : []));
  const names = [...keys, ...['', below, ...prefixes].map((prefix) => beside(prefix, texts))];
  return [...new Set(names)].filter((name) => name.startsWith(below));
}

const textsOf = (grants: readonly Scoped[]): ReadonlySet<string> =>
  new Set(grants.map(({ scope }) => ('key' in scope ? scope.key : scope.prefix)));

interface Listing {
  readonly prefix: string;
  readonly after: readonly string[];
}

/** Where prefixes of listings part: at each text, one character before it, beside what lies below it, and where two fork. */
function listings(texts: ReadonlySet<string>, allowed: readonly string[]): readonly Listing[] {
  const sorted = [...texts].sort();
  const points = new Set<string>();
  sorted.forEach((text, index) => {
    points.add(text);
    points.add(text.slice(0, -1));
    points.add(beside(text, texts));
    points.add(common(text, sorted[index + 1] ?? ''));
  });
  return [...points].flatMap((prefix) => {
    const covering = allowed.filter((each) => prefix.startsWith(each));
    // A marker that lies within one prefix and outside of the next longer one.
    return [[], ...covering.map((each) => [beside(each, texts)])].map((after) => ({ prefix, after }));
  });
}

/** A text below the prefix that goes another way than every longer one, from its first character on. */
function beside(prefix: string, texts: ReadonlySet<string>): string {
  const taken = new Set<string | undefined>();
  for (const text of texts) if (text.startsWith(prefix)) taken.add(text[prefix.length]);
  let character = NAMES.find((each) => !taken.has(each));
  for (let code = 0x100; character === undefined; code += 1) {
    if (!taken.has(String.fromCharCode(code))) character = String.fromCharCode(code);
  }
  return prefix + character;
}

const NAMES: readonly string[] = Array.from('xyzabcdefghijklmnopqrstuvw');

function common(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}
