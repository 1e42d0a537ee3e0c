/**
 * Recorded accesses, one after the other, in; the least rules that allow those that were allowed out, under one stated
 * generalisation: what lies in one folder, so many folders deep, is taken together. It suggests nothing for what was denied, for
 * what a grant with an end allowed, or for what a rule cannot say. What it holds is bounded: it takes wider folders instead.
 */
import { stringify } from 'yaml';
import type { Access } from '../../contracts/authorizer.ts';
import { VERBS, type Verb } from '../../s3/operations/verb.ts';
import type { Scope } from '../policy-schema.ts';
import { objectKey, prefixText } from '../rule-schema.ts';
import { covers } from '../scope.ts';
import { replayOf, type RecordedAccess, type Replay } from './replay.ts';

/** Folders and keys of all buckets together; as many as a set of policies may name. */
const MAX_PLACES = 1000;
/** Objects in no folder that are named one by one, in one bucket. */
const MAX_KEYS = 32;
/** Rules, verbs and bindings that are told apart, and reasons for which nothing is suggested. */
const MAX_USES = 10_000;
/** Names in one list of a rule, and rules in one policy. */
const MAX_NAMES = 256;
const MAX_RULES = 256;

/** Whose accesses count; without a subject or group, everybody's. */
export interface SuggestFor {
  /** The name of an issuer in the configuration. */
  readonly issuer?: string;
  readonly subject?: string;
  readonly group?: string;
}

/** How often a rule decided, and when last. */
export interface Use {
  readonly rule: string;
  readonly verb: Verb;
  /** The policy that the session was bound to. */
  readonly binding?: string;
  readonly count: number;
  readonly last: string;
}

export interface Suggestion {
  /** In words: what the rules allow beyond what was done. */
  readonly generalisation: string;
  /** One file each, ready to be read and then used. */
  readonly policies: readonly string[];
  /** Accesses that they allow. */
  readonly covered: number;
  /** Accesses that were allowed and for which nothing is suggested. */
  readonly notCovered: readonly { readonly why: string; readonly count: number; readonly requestId: string }[];
  readonly uses: readonly Use[];
  /** Whether there are more uses or reasons than are told apart. */
  readonly isCut: boolean;
}

export interface Suggesting {
  readonly add: (access: RecordedAccess) => void;
  /** Gives what came of it, once. */
  readonly finish: () => Suggestion;
}

/** Verbs of one caller or group of them, by bucket and place. */
type Places = Map<string, { readonly scope: Scope; readonly verbs: Set<Verb> }>;
interface Caller {
  readonly issuer: string;
  readonly actor: string | undefined;
  readonly actorIssuer: string | undefined;
  readonly buckets: Map<string, Places>;
  /** Buckets that were only asked about, as a whole. */
  readonly asked: Map<string, { count: number; readonly requestId: string }>;
}

/** Begins to gather; `depth`: how many folders deep, from 0 (whole buckets). */
export function suggestFor(who: SuggestFor, depth: number): Suggesting {
  const callers = new Map<string, Caller>();
  const uses = new Map<string, { readonly use: Omit<Use, 'count' | 'last'>; count: number; last: string }>();
  const notCovered = new Map<string, { count: number; readonly requestId: string }>();
  let [covered, isCut, folders] = [0, false, depth];

  const pass = (why: string, requestId: string, times = 1): void => {
    const known = notCovered.get(why);
    if (known !== undefined) known.count += times;
    else if (notCovered.size < MAX_USES) notCovered.set(why, { count: times, requestId });
    else isCut = true;
  };

  const use = (record: RecordedAccess, verb: Verb): void => {
    const { rule, binding, time } = record;
    const key = JSON.stringify([rule, verb, binding]);
    const known = uses.get(key);
    if (known !== undefined) {
      known.count += 1;
      if (time > known.last) known.last = time;
    } else if (uses.size < MAX_USES) {
      uses.set(key, { use: { rule, verb, ...(binding !== undefined && { binding }) }, count: 1, last: time });
    } else isCut = true;
  };

  const callerOf = ({ principal: { issuerName: issuer, actor } }: Replay): Caller => {
    const key = JSON.stringify([issuer, actor?.subject, actor?.issuer]);
    const known = callers.get(key);
    if (known !== undefined) return known;
    const of = { issuer, actor: actor?.subject, actorIssuer: actor?.issuer };
    const made = {
      ...of,
      buckets: new Map<string, Places>(),
      asked: new Map<string, { count: number; requestId: string }>(),
    };
    callers.set(key, made);
    return made;
  };

  const widen = (): void => {
    while (folders > 0 && countOf(callers) > MAX_PLACES) {
      folders -= 1;
      for (const { buckets } of callers.values()) {
        for (const [bucket, places] of buckets) buckets.set(bucket, regrouped(places, folders));
      }
    }
  };

  return {
    add: (record) => {
      const { requestId, verbs } = record;
      if (record.decision !== 'allow' || record.dryRun === true || !isMeant(who, record)) return;
      for (const verb of verbs ?? []) use(record, verb);
      const replay = replayOf(record);
      if ('missing' in replay) {
        pass(`not replayable: ${replay.missing}`, requestId);
        return;
      }
      if (replay.recorded.filtered) {
        pass('a listing of which parts were shown: write a rule with `listing: filtered`', requestId);
        return;
      }
      const placed = replay.accesses.map((access) => ({ access, scope: scopeFor(access, folders) }));
      if (placed.some(({ scope }) => scope === undefined)) {
        pass('a key that no rule can name', requestId);
        return;
      }
      const caller = callerOf(replay);
      let isNew = false;
      for (const { access, scope } of placed) {
        const { bucket } = access;
        if (access.kind === 'bucket') count(caller.asked, bucket, requestId);
        else if (scope !== undefined) {
          covered += access === placed[0]?.access ? 1 : 0;
          const places = caller.buckets.get(bucket) ?? (new Map() as Places);
          caller.buckets.set(bucket, places);
          isNew = add(places, scope, access.verb) || isNew;
        }
      }
      if (isNew) widen();
    },
    finish: () => {
      for (const { buckets, asked } of callers.values()) {
        for (const [bucket, { count: times, requestId }] of asked) {
          if (buckets.has(bucket)) covered += times;
          else pass('a bucket that was only asked about', requestId, times);
        }
      }
      return {
        generalisation: generalisationOf(folders, depth),
        policies: [...callers.values()].flatMap((caller, index) => policiesOf(caller, who, index)),
        covered,
        notCovered: [...notCovered].map(([why, of]) => ({ why, ...of })),
        uses: [...uses.values()].map(({ use: of, count: times, last }) => ({ ...of, count: times, last })),
        isCut,
      };
    },
  };
}

function isMeant({ issuer, subject, group }: SuggestFor, record: RecordedAccess): boolean {
  return (
    (issuer === undefined || issuer === record.issuerName) &&
    (subject === undefined || subject === record.subject) &&
    (group === undefined || record.groups.includes(group))
  );
}

function generalisationOf(folders: number, wanted: number): string {
  const wider = folders === wanted ? '' : ` (not ${wanted}: there are more than ${MAX_PLACES})`;
  return folders === 0
    ? `Whole buckets${wider}.`
    : `All that lies in the same folder, ${folders} deep${wider}; objects in no folder by name, or the whole bucket where they are more than ${MAX_KEYS}.`;
}

/** The smallest folder of the wanted depth, or the key itself; `undefined`: no rule can name it. */
function scopeFor(access: Access, folders: number): Scope | undefined {
  if (access.kind === 'bucket' || access.kind === 'admin') return { prefix: '' };
  const scope =
    access.kind === 'object' ? scopeOfKey(access.key, folders) : { prefix: folderOfListing(access, folders) };
  return isWritable(scope) ? scope : undefined;
}

function scopeOfKey(key: string, folders: number): Scope {
  if (folders === 0) return { prefix: '' };
  return key.includes('/') ? { prefix: folderOf(key, folders) } : { key };
}

/** Its first folders. */
function folderOf(path: string, folders: number): string {
  let end = 0;
  for (let depth = 0; depth < folders; depth += 1) {
    const next = path.indexOf('/', end);
    if (next === -1) break;
    end = next + 1;
  }
  return path.slice(0, end);
}

/** A rule must cover the prefix and all markers. */
function folderOfListing({ prefix, after }: Extract<Access, { kind: 'listing' }>, folders: number): string {
  let folder = folderOf(prefix, folders);
  while (!after.every((marker) => marker === '' || marker.startsWith(folder))) {
    folder = folder.slice(0, folder.slice(0, -1).lastIndexOf('/') + 1);
  }
  return folder;
}

/** What stands in a file: `${` begins a variable there. */
const writtenText = (text: string): string => text.replaceAll('${', () => '$${');

const isWritable = (scope: Scope): boolean =>
  'key' in scope
    ? objectKey.safeParse(writtenText(scope.key)).success
    : scope.prefix === '' || prefixText.safeParse(writtenText(scope.prefix)).success;

/** Adds a verb; tells whether a place is new. */
function add(places: Places, scope: Scope, verb: Verb): boolean {
  const name = JSON.stringify(scope);
  const known = places.get(name);
  if (known !== undefined) {
    known.verbs.add(verb);
    return false;
  }
  const keys = 'key' in scope ? keysOf(places) : [];
  if (keys.length < MAX_KEYS) {
    places.set(name, { scope, verbs: new Set([verb]) });
    return true;
  }
  for (const key of keys) places.delete(JSON.stringify(key.scope));
  for (const each of new Set([verb, ...keys.flatMap(({ verbs }) => [...verbs])])) add(places, { prefix: '' }, each);
  return true;
}

const keysOf = (places: Places) => [...places.values()].filter(({ scope }) => 'key' in scope);

const countOf = (callers: ReadonlyMap<string, Caller>): number =>
  [...callers.values()].reduce(
    (sum, { buckets }) => sum + [...buckets.values()].reduce((some, places) => some + places.size, 0),
    0,
  );

function regrouped(places: Places, folders: number): Places {
  const wider: Places = new Map();
  for (const { scope, verbs } of places.values()) {
    const folder = 'key' in scope ? scopeOfKey(scope.key, folders) : { prefix: folderOf(scope.prefix, folders) };
    for (const verb of verbs) add(wider, folder, verb);
  }
  return wider;
}

function count(known: Caller['asked'], name: string, requestId: string): void {
  const found = known.get(name);
  if (found !== undefined) found.count += 1;
  else known.set(name, { count: 1, requestId });
}

/** What a file says in one rule: the same verbs, in the same kind of places. */
interface SuggestedRule {
  readonly allow: readonly Verb[];
  readonly buckets: readonly string[];
  readonly scopes: readonly Scope[];
}

function policiesOf(caller: Caller, { subject, group }: SuggestFor, index: number): readonly string[] {
  const { issuer, actor, actorIssuer } = caller;
  const named = {
    ...(subject !== undefined && { subject }),
    ...(group !== undefined && { group }),
    ...(actor !== undefined && { actor }),
    ...(actorIssuer !== undefined && { actorIssuer }),
  };
  const who = Object.keys(named).length === 0 ? { everybody: true } : named;
  return parts(rulesOf(caller.buckets), MAX_RULES).map((rules, part) => {
    const policy = {
      id: `suggested-${index + 1}${part === 0 ? '' : `-${part + 1}`}`,
      description: 'Suggested from recorded accesses: read it before it is used.',
      subjects: [{ issuer, ...who }],
      rules: rules.map((rule, number) => ({ id: `rule-${number + 1}`, ...writtenRule(rule) })),
    };
    return stringify(policy, { lineWidth: 0, version: '1.2' });
  });
}

function parts<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, part) => list.slice(part * size, (part + 1) * size));
}

function rulesOf(buckets: ReadonlyMap<string, Places>): readonly SuggestedRule[] {
  // Of each bucket, places with the same verbs; of all buckets, those with the same places and verbs.
  const merged = new Map<string, { allow: readonly Verb[]; buckets: string[]; scopes: readonly Scope[] }>();
  for (const [bucket, places] of [...buckets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const byVerbs = new Map<string, { allow: readonly Verb[]; scopes: Scope[] }>();
    for (const { scope, verbs } of leastOf(places)) {
      const allow = VERBS.filter((verb) => verbs.has(verb));
      const name = `${'key' in scope ? 'key' : scope.prefix === '' ? 'everything' : 'prefix'} ${allow.join()}`;
      const same = byVerbs.get(name) ?? { allow, scopes: [] };
      same.scopes.push(scope);
      byVerbs.set(name, same);
    }
    for (const { allow, scopes } of byVerbs.values()) {
      const sorted = [...scopes].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      for (const part of parts(sorted, MAX_NAMES)) {
        const name = JSON.stringify([allow, part]);
        const same = merged.get(name) ?? { allow, buckets: [], scopes: part };
        same.buckets.push(bucket);
        merged.set(name, same);
      }
    }
  }
  return [...merged.values()].flatMap((rule) =>
    parts(rule.buckets, MAX_NAMES).map((part) => ({ ...rule, buckets: part })),
  );
}

/** The places without the verbs that a wider one gives. */
function leastOf(places: Places): readonly PlaceVerbs[] {
  const all = [...places.values()];
  return all.flatMap((place) => {
    const wider = all.filter((other) => other !== place && covers(other.scope, place.scope));
    const verbs = new Set([...place.verbs].filter((verb) => !wider.some((other) => other.verbs.has(verb))));
    return verbs.size === 0 ? [] : [{ scope: place.scope, verbs }];
  });
}

interface PlaceVerbs {
  readonly scope: Scope;
  readonly verbs: ReadonlySet<Verb>;
}

function writtenRule({ allow, buckets, scopes }: SuggestedRule): object {
  const [bucket] = buckets;
  const keys = scopes.flatMap((scope) => ('key' in scope ? writtenText(scope.key) : []));
  const prefixes = scopes.flatMap((scope) => ('prefix' in scope ? writtenText(scope.prefix) : []));
  return {
    allow,
    ...(buckets.length === 1 ? { bucket } : { buckets }),
    ...(keys.length > 0 ? { keys } : prefixes[0] === '' ? { everything: true } : { prefixes }),
  };
}
