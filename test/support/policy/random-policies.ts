/**
 * Random policies, identities, accesses and facts, in all that the language can say: every condition, variable, set, group of
 * verbs, subject and scope. Alphabets are small, so that they meet.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RequestFacts } from '../../../src/contracts/authorizer.ts';
import type { ClaimValue, Principal } from '../../../src/contracts/principal.ts';
import { policySchema, setsSchema, type Scope, type Selector } from '../../../src/policy/policy-schema.ts';
import { resolveSets } from '../../../src/policy/resolve-sets.ts';
import { VERBS, type Verb } from '../../../src/s3/operations/verb.ts';

/** A Tuesday. */
export const NOON = Date.UTC(2026, 11, 15, 12);
// Small alphabets, so that keys, prefixes, groups and buckets meet often; `all` and `manage` mean something to CASL.
const AGENTS = new Map([['demo', new Set(['ann'])]]);
export const BUCKETS: ReadonlySet<string> = new Set(['reports', 'all']);
const bucket = fc.constantFrom('reports', 'all', 'manage');
const group = fc.constantFrom('g1', 'g2', 'g3');
const issuer = fc.constantFrom('demo', 'partner');
const person = fc.constantFrom('ann', 'ben');
const piece = fc.constantFrom('a', 'b', '/', 'a/', 'é', 'e\u0301', '.', '..', '*', '$', '__proto__');
export const key = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
const prefix = fc.oneof(fc.constant(''), key);
const GROUPS: Readonly<Record<string, readonly Verb[]>> = {
  read: ['GET', 'GET_TAGS'],
  write: ['PUT', 'PUT_TAGS'],
  list: ['LIST'],
  delete: ['DELETE'],
  versions: ['GET_VERSION', 'LIST_VERSIONS'],
};
/** The verbs that verbs and groups stand for. */
export const expanded = (list: readonly string[]): readonly string[] =>
  list.flatMap((each): readonly string[] => GROUPS[each] ?? [each]);
const anyVerbs = fc
  .uniqueArray(fc.constantFrom<string>(...VERBS, ...Object.keys(GROUPS)), { minLength: 1 })
  .filter((list) => new Set(expanded(list)).size === expanded(list).length);
const verbs = fc.oneof(
  { weight: 4, arbitrary: anyVerbs },
  { weight: 1, arbitrary: fc.constantFrom<string[]>(['LIST'], ['LIST', 'LIST_VERSIONS']) },
);

const OF_STORED = ['size', 'contentTypes', 'tags', 'createOnly'] as const;
const LISTINGS: readonly string[] = ['LIST', 'LIST_VERSIONS'];

/** A rule as a file has it, but for its id; what it takes from sets is written out. */
export interface RandomRule {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly bucket?: string;
  readonly buckets?: 'all' | readonly string[];
  readonly prefix?: string;
  readonly prefixes?: readonly string[];
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly everything?: true;
  readonly each?: string;
  readonly when?: RandomConditions;
  readonly listing?: 'filtered';
}
export interface RandomPolicy {
  readonly subjects: readonly Selector[];
  readonly rules: readonly RandomRule[];
  readonly listing?: 'filtered' | undefined;
}

/** What of a rule can be a reference to a set. */
type WrittenRule = Omit<RandomRule, 'buckets' | 'prefixes' | 'keys'> & {
  readonly buckets?: 'all' | readonly string[] | SetReference;
  readonly prefixes?: readonly string[] | SetReference;
  readonly keys?: readonly string[] | SetReference;
};
interface SetReference {
  readonly set: string;
}

/** Conditions as a file has them. */
export interface RandomConditions {
  readonly from?: string;
  readonly until?: string;
  readonly hours?: { readonly days?: readonly string[]; from: string; to: string; readonly timeZone: string };
  readonly networks?: readonly string[];
  readonly acr?: readonly string[];
  readonly amr?: readonly string[];
  readonly authenticatedWithin?: string;
  readonly tokenKind?: readonly string[];
  readonly wayIn?: readonly string[];
  readonly via?: 'agent';
  readonly size?: { readonly min?: number; readonly max?: number };
  readonly contentTypes?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly createOnly?: true;
}

const optional: { requiredKeys: [] } = { requiredKeys: [] };
const ofSome = <T>(...all: readonly T[]) => fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 2 });
const hours = fc
  .tuple(
    fc.constantFrom('00:00', '09:30'),
    fc.constantFrom('12:00', '24:00', '24:00'),
    ofSome('mon', 'tue', 'sat'),
    fc.boolean(),
  )
  .map(([from, to, days, isEveryDay]) => ({ from, to, timeZone: 'Asia/Kolkata', ...(isEveryDay ? {} : { days }) }));
const ofCaller = fc.record(
  {
    ...{ from: fc.constantFrom('2026-12-01T00:00:00Z'), until: fc.constantFrom('2026-12-31T18:00:00+01:00') },
    hours,
    networks: ofSome('10.0.0.0/8', '192.168.7.0/24', '2001:db8::/32', '0.0.0.0/0'),
    acr: ofSome('gold', 'silver'),
    amr: ofSome('mfa', 'pwd'),
    authenticatedWithin: fc.constantFrom('15m', '1d'),
    tokenKind: ofSome('access_token', 'id_token', 'workload_identity'),
    wayIn: ofSome('bearer', 'session', 'presigned'),
    via: fc.constant('agent' as const),
  },
  optional,
);
const ofStored = fc.record(
  {
    size: fc.constantFrom({ max: 10 }, { min: 5 }, { min: 5, max: 10 }),
    contentTypes: ofSome('image/png', 'image/*', 'text/html'),
    tags: fc.constantFrom({ a: '1' }, { a: '1', b: '2' }),
    createOnly: fc.constant(true as const),
  },
  optional,
);
/** One condition, or two: what has to meet in many ways hardly ever does. */
const fewOf = <T extends object>(all: fc.Arbitrary<T>) =>
  fc.tuple(all, fc.nat(), fc.boolean()).map(([found, at, isSole]) => {
    const entries = Object.entries(found);
    const first = entries[at % entries.length];
    return Object.fromEntries(isSole && first !== undefined ? [first] : entries.slice(0, 2));
  });
const conditions = fc
  .tuple(fewOf(ofCaller), fewOf(ofStored), fc.constantFrom(0, 1, 2))
  .map(([caller, stored, which]): RandomConditions => {
    return which === 0 ? caller : which === 1 ? stored : { ...caller, ...stored };
  });

const several = <T>(each: fc.Arbitrary<T>) => fc.uniqueArray(each, { minLength: 1, maxLength: 3 });
// At most one variable in a segment, as the language has it.
const VARIABLES = ['${sub}', '${issuer}', '${groups}', '${claims.team}', '${claims.azp}'] as const;
const variable = fc
  .tuple(fc.constantFrom('', 'a', '.'), fc.constantFrom(...VARIABLES), fc.constantFrom('', '', 'b'))
  .map((parts) => parts.join(''));
const path = fc
  .array(fc.oneof({ weight: 3, arbitrary: key }, { weight: 1, arbitrary: variable }), { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join('/'));
const folder = path.map((each) => `${each}/`);
const bucketName = fc.oneof(
  { weight: 6, arbitrary: bucket },
  { weight: 1, arbitrary: fc.constantFrom('${claims.team}', 're${claims.team}', 're${groups}s', 'a${sub}') },
);
/** Lists that rules take by name, one of each kind. */
const sets = fc.record({
  places: fc.record({ buckets: several(bucketName) }),
  folders: fc.record({ prefixes: several(folder) }),
  files: fc.record({ keys: several(path) }),
});
type RandomSets = typeof sets extends fc.Arbitrary<infer Value> ? Value : never;
const place: fc.Arbitrary<WrittenRule> = fc.oneof(
  fc.record({ prefix: folder }),
  fc.record({ prefixes: several(folder) }),
  fc.record({ key: path }),
  fc.record({ keys: several(path) }),
  fc.constantFrom({ everything: true as const }, { prefixes: { set: 'folders' } }, { keys: { set: 'files' } }),
);
const where: fc.Arbitrary<WrittenRule> = fc.oneof(
  fc.record({ bucket: bucketName }),
  fc.record({ buckets: several(bucketName) }),
  fc.constantFrom({ buckets: 'all' as const }, { buckets: { set: 'places' } }),
);
const rule = fc
  .tuple(
    ...([fc.boolean(), verbs, where, place, fc.option(fc.constantFrom('groups', 'claims.team'))] as const),
    ...([fc.option(conditions, { freq: 2 }), fc.boolean()] as const),
  )
  // What is stored is of a PUT alone.
  .map(([deny, list, at, each, every, when, isFiltered]) => {
    const isOfStored = OF_STORED.some((name) => when !== null && name in when);
    return [deny, isOfStored ? ['PUT'] : list, at, each, every, when, isFiltered] as const;
  })
  .filter(([deny, list, , { key: one, keys }]) => {
    return deny || (one ?? keys) === undefined || !expanded(list).some((verb) => LISTINGS.includes(verb));
  })
  .filter(([, list, , { everything }]) => everything === true || !list.includes('ADMIN'))
  .map(([deny, list, at, each, every, when, isFiltered]): WrittenRule => ({
    [deny ? 'deny' : 'allow']: list,
    ...at,
    ...each,
    ...(every !== null && { each: every }),
    ...(when !== null && Object.keys(when).length > 0 && { when }),
    ...(isFiltered && !deny && expanded(list).some((verb) => LISTINGS.includes(verb)) && { listing: 'filtered' }),
  }));
const issuerUrl = (name: string) => `https://${name}.test`;
const selector = fc
  .record(
    {
      ...{ issuer, group, subject: person, client: person, actor: person },
      claims: fc.record({ email: fc.oneof(person, fc.constantFrom('x', 7)) }),
      actorIssuer: issuer.map(issuerUrl),
    },
    { requiredKeys: ['issuer'] },
  )
  .map(({ actorIssuer, ...each }) => ({
    ...each,
    ...(each.actor === undefined || actorIssuer === undefined ? {} : { actorIssuer }),
  }))
  .map((each): Selector => (Object.keys(each).length > 1 ? each : { ...each, everybody: true }));
// Half of them name no more than a group: what has to meet in five ways hardly ever does.
const subject = fc.oneof(fc.record({ issuer, group }), selector);
const policy = fc.record({
  subjects: fc.array(subject, { minLength: 1, maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 5 }),
  listing: fc.option(fc.constant('filtered' as const), { freq: 4, nil: undefined }),
});

/** A rule with its lists in place of their names. */
function writtenOut({ buckets, prefixes, keys, ...others }: WrittenRule, named: RandomSets): RandomRule {
  const { places, folders, files } = named;
  return {
    ...others,
    ...(buckets !== undefined && { buckets: isReference(buckets) ? places.buckets : buckets }),
    ...(prefixes !== undefined && { prefixes: isReference(prefixes) ? folders.prefixes : prefixes }),
    ...(keys !== undefined && { keys: isReference(keys) ? files.keys : keys }),
  };
}

const isReference = (list: unknown): list is SetReference => typeof list === 'object' && !Array.isArray(list);

/** Policies as they are written, and as they are read. `reports` and `all` are buckets of the configuration. */
export const policySet = fc.tuple(fc.array(policy, { maxLength: 5 }), sets).map(([policies, named]) => {
  const lists = new Map(Object.entries(setsSchema.parse({ sets: named }).sets));
  const read = policies.map(({ subjects, rules, listing: ofAll }, index) => {
    const file = {
      ...{ id: `p${index}`, description: 'Random.', subjects },
      rules: rules.map((each, number) => ({ id: `r${number}`, ...each })),
      ...(ofAll !== undefined && { listing: ofAll }),
    };
    return resolveSets(policySchema.parse(file), lists, (path) => assert.fail(`no set at ${path.join('.')}`));
  });
  const written = policies.map(({ rules, ...others }): RandomPolicy => ({
    ...others,
    rules: rules.map((each) => writtenOut(each, named)),
  }));
  const takesFromSet = (name: string): boolean => {
    const [, policyIndex, ruleIndex] = /^p(\d+)\/r(\d+)$/.exec(name) ?? [];
    const { buckets, prefixes, keys } = policies[Number(policyIndex)]?.rules[Number(ruleIndex)] ?? {};
    return [buckets, prefixes, keys].some(isReference);
  };
  return { version: 'v1', policies: read, written, takesFromSet, buckets: BUCKETS, agents: AGENTS };
});
const team = fc.constantFrom(
  'a',
  'b',
  'é',
  'ports',
  'reports',
  'all',
  '*',
  '$',
  '..',
  '.',
  '',
  'a/b',
  'b\u0000',
  '\ud800',
);
export const principal = fc
  .record({
    issuerName: issuer,
    subject: person,
    groups: fc.array(fc.oneof(group, fc.constantFrom('unnamed', '__proto__', 'port', '..', 'a/')), { maxLength: 4 }),
    claims: fc
      .tuple(
        fc.dictionary(
          fc.constantFrom('client_id', 'azp', 'email'),
          fc.oneof(person, fc.constantFrom<ClaimValue>('x', 7, ['ann', 'x'])),
        ),
        fc.oneof(
          fc.record(
            {
              acr: fc.constantFrom<ClaimValue>('gold', 'silver', 'x', 7, ['gold']),
              amr: fc.constantFrom<ClaimValue>('mfa', ['mfa', 'x'], ['pwd'], [], true),
              auth_time: fc.constantFrom<ClaimValue>(NOON / 1000 - 600, NOON / 1000 - 4000, NOON / 1000 + 9999, '0'),
            },
            optional,
          ),
          fc.constant({ acr: 'gold', amr: ['mfa'], auth_time: NOON / 1000 - 600 }),
        ),
        fc.option(fc.record({ team: fc.oneof(team, fc.array(team, { maxLength: 3 })) })),
      )
      .map(([claims, login, others]) => ({ ...claims, ...login, ...others })),
    tokenKind: fc.option(fc.constantFrom('access_token', 'id_token', 'workload_identity')),
    actor: fc.option(fc.record({ subject: person, issuer: issuer.map(issuerUrl) }, { requiredKeys: ['subject'] }), {
      freq: 2,
    }),
    binding: fc.option(fc.constantFrom('p0', 'p1', 'p2', 'gone', '', '__proto__'), { freq: 2 }),
  })
  .map(({ tokenKind, actor, binding, ...rest }): Principal => ({
    ...rest,
    ...(tokenKind === null ? {} : { tokenKind }),
    ...(actor === null ? {} : { actor }),
    ...(binding === null ? {} : { binding }),
    issuer: issuerUrl(rest.issuerName),
    tokenIdHash: '',
    expiresAtMs: 0,
  }));

export const stored = fc.record(
  {
    sizeBytes: fc.constantFrom(0, 5, 10, 11),
    contentType: fc.constantFrom('image/png', 'Image/PNG; a=b', 'text/html', 'image/png, text/html', ''),
    tags: fc.constantFrom(
      new Map(),
      new Map([['a', '1']]),
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
      new Map([['a', '2']]),
    ),
    createsOnly: fc.boolean(),
  },
  optional,
);
const anyFacts: fc.Arbitrary<RequestFacts> = fc.record(
  {
    nowMs: fc.constantFrom(
      NOON,
      NOON - 86_400_000 * 3,
      Date.UTC(2026, 10, 30),
      Date.UTC(2026, 11, 31, 17),
      NOON - 7 * 3_600_000,
    ),
    clientAddress: fc.constantFrom(
      '10.1.2.3',
      '::ffff:10.1.2.3',
      '192.168.7.9',
      '192.168.8.9',
      '2001:db8::1',
      'edge',
      '1.2.3.4/8',
    ),
    wayIn: fc.constantFrom('bearer', 'session', 'presigned'),
    stored,
  },
  optional,
);

/** Facts that satisfy most conditions. */
const GOOD_FACTS: RequestFacts = {
  ...{ nowMs: NOON, clientAddress: '10.1.2.3', wayIn: 'bearer' },
  stored: {
    ...{ sizeBytes: 5, contentType: 'image/png', createsOnly: true },
    tags: new Map(Object.entries({ a: '1', b: '2' })),
  },
};
export const facts = fc.oneof(anyFacts, fc.constant(GOOD_FACTS));

const OBJECT_VERBS = VERBS.filter((verb) => verb !== 'ADMIN' && !LISTINGS.includes(verb));
export const object = fc
  .tuple(fc.constantFrom(...OBJECT_VERBS), bucket, key)
  .map(([verb, name, each]) => ({ kind: 'object', verb, bucket: name, key: each }) as const);
export const listing = fc
  .tuple(fc.constantFrom('LIST', 'LIST_VERSIONS'), bucket, prefix, fc.array(prefix, { maxLength: 2 }))
  .map(([verb, name, each, after]) => ({ kind: 'listing', verb, bucket: name, prefix: each, after }) as const);
const admin = bucket.map((name) => ({ kind: 'admin', verb: 'ADMIN', bucket: name }) as const);
export const anyAccess = fc.oneof(object, listing, admin);

/** Which rule an access is aimed at, and how it is made of it. */
export const aim = fc.record({
  policy: fc.nat(4),
  rule: fc.nat(4),
  choice: fc.nat(11),
  rest: fc.constantFrom('', 'a', '/a', 'b/'),
  above: fc.constantFrom(undefined, undefined, '', '/'),
});
type Aim = typeof aim extends fc.Arbitrary<infer Value> ? Value : never;

/** An access to what a rule would mean if every value of the caller stood for its variable, whether it may or not. */
export function aimed(
  written: readonly RandomPolicy[],
  caller: Principal,
  { policy: at, rule: index, choice, rest, above }: Aim,
) {
  const rules = written[at % written.length]?.rules ?? [];
  const target = rules[index % rules.length];
  if (target === undefined) return undefined;
  const of = <T>(list: readonly T[]) => list[choice % list.length];
  const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value ?? 'a'));
  const put = (text: string) =>
    text.replace(/\$\{([^}]+)\}/g, (_, name: string) => textOf(of([valueOf(caller, name)].flat())));
  const { buckets = [target.bucket ?? ''] } = target;
  const name = put(of(buckets === 'all' ? [...BUCKETS] : buckets) ?? '');
  const path = put(scopeStart(of(scopesOf(target)) ?? { key: '' })) + rest;
  const verb = of(expanded(target.deny ?? target.allow ?? [])) as Verb;
  if (verb === 'ADMIN') return { kind: 'admin', verb, bucket: name } as const;
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') {
    const prefix = above === undefined ? path : path.slice(0, path.indexOf(above) + above.length);
    return { kind: 'listing', verb, bucket: name, prefix, after: [] } as const;
  }
  return { kind: 'object', verb, bucket: name, key: path === '' ? 'a' : path } as const;
}

/** The same caller, but for what makes it one of those whom a policy names; nobody acts for it, unless that is named. */
export function namedBy(written: readonly RandomPolicy[], caller: Principal, { policy: at, choice }: Aim): Principal {
  const subjects = written[at % written.length]?.subjects ?? [];
  const target = subjects[choice % subjects.length];
  if (target === undefined) return caller;
  const { tokenIdHash, expiresAtMs, tokenKind } = caller;
  return {
    ...{ tokenIdHash, expiresAtMs, ...(tokenKind !== undefined && { tokenKind }) },
    ...{ issuerName: target.issuer, issuer: issuerUrl(target.issuer), subject: target.subject ?? caller.subject },
    groups: [...caller.groups, ...(target.group === undefined ? [] : [target.group])],
    claims: {
      ...caller.claims,
      ...target.claims,
      ...(target.client !== undefined && { client_id: target.client }),
    },
    ...(target.actor !== undefined && {
      actor: { subject: target.actor, ...(target.actorIssuer !== undefined && { issuer: target.actorIssuer }) },
    }),
  };
}

/** What the caller has for a variable, usable or not. */
export function valueOf(caller: Principal, name: string): unknown {
  if (name === 'sub') return caller.subject;
  if (name === 'issuer') return caller.issuerName;
  return name === 'groups' ? caller.groups : caller.claims[name.slice('claims.'.length)];
}

/** Whether a text begins with another one. */
export const start = (text: string, of: string) => of.slice(0, text.length) === text;
/** The key, or the prefix. */
export const scopeStart = (each: Scope) => ('key' in each ? each.key : each.prefix);
/** Whether a key lies in a scope. */
export const holds = (each: Scope, name: string) => ('key' in each ? each.key === name : start(each.prefix, name));

/** Where a rule stands in a bucket. */
export function scopesOf({
  prefix: one,
  prefixes = [],
  key: name,
  keys = [],
  everything,
}: RandomRule): readonly Scope[] {
  if (everything === true) return [{ prefix: '' }];
  const all = [...prefixes, ...(one === undefined ? [] : [one])].map((each) => ({ prefix: each }));
  return [...all, ...[...keys, ...(name === undefined ? [] : [name])].map((each) => ({ key: each }))];
}

/** A grant with an end, but for its id: of whom, and when it was approved. */
export const grantTerms = fc.record({
  issuer: issuer.map(issuerUrl),
  subject: person,
  verbs: fc.uniqueArray(fc.constantFrom(...VERBS), { minLength: 1, maxLength: 6 }),
  bucket,
  scope: fc.oneof(
    prefix.map((text): Scope => ({ prefix: text })),
    key.map((text): Scope => ({ key: text })),
  ),
  seconds: fc.constantFrom(1, 600, 3600),
  approvedMs: fc.constantFrom(NOON - 3_600_000, NOON - 600_000, NOON, NOON + 60_000, NOON + 600_000),
  isEnded: fc.constantFrom(false, false, false, true),
});
export type RandomGrant = typeof grantTerms extends fc.Arbitrary<infer Value> ? Value : never;
