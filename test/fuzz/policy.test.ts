import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Access, Grant, RequestFacts } from '../../src/contracts/authorizer.ts';
import type { ClaimValue, Principal } from '../../src/contracts/principal.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import type { Scope, Selector } from '../../src/policy/policy-schema.ts';
import { VERBS, type Verb } from '../../src/s3/operations/verb.ts';
import { setOf } from '../unit/policy/fixture.ts';

/** A Tuesday. */
const NOON = Date.UTC(2026, 11, 15, 12);
// Small alphabets, so that keys, prefixes, groups and buckets meet often; `all` and `manage` mean something to CASL.
const AGENTS = new Map([['demo', new Set(['ann'])]]);
const BUCKETS: ReadonlySet<string> = new Set(['reports', 'all']);
const bucket = fc.constantFrom('reports', 'all', 'manage');
const group = fc.constantFrom('g1', 'g2', 'g3');
const issuer = fc.constantFrom('demo', 'partner');
const person = fc.constantFrom('ann', 'ben');
const piece = fc.constantFrom('a', 'b', '/', 'a/', 'é', 'e\u0301', '.', '..', '*', '$', '__proto__');
const key = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
const prefix = fc.oneof(fc.constant(''), key);
const GROUPS: Readonly<Record<string, readonly Verb[]>> = {
  read: ['GET', 'GET_TAGS'],
  write: ['PUT', 'PUT_TAGS'],
  list: ['LIST'],
  delete: ['DELETE'],
  versions: ['GET_VERSION', 'LIST_VERSIONS'],
};
const expanded = (list: readonly string[]): readonly string[] =>
  list.flatMap((each): readonly string[] => GROUPS[each] ?? [each]);
const verbs = fc
  .uniqueArray(fc.constantFrom<string>(...VERBS, ...Object.keys(GROUPS)), { minLength: 1 })
  .filter((list) => new Set(expanded(list)).size === expanded(list).length);

const OF_STORED = ['size', 'contentTypes', 'tags', 'createOnly'] as const;
const LISTINGS: readonly string[] = ['LIST', 'LIST_VERSIONS'];

/** A rule as a file has it, but for its id. */
interface RandomRule {
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
}
interface RandomPolicy {
  readonly subjects: readonly Selector[];
  readonly rules: readonly RandomRule[];
}

/** Conditions as a file has them. */
interface RandomConditions {
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
    fc.constantFrom('12:00', '24:00'),
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
const place: fc.Arbitrary<RandomRule> = fc.oneof(
  fc.record({ prefix: folder }),
  fc.record({ prefixes: several(folder) }),
  fc.record({ key: path }),
  fc.record({ keys: several(path) }),
  fc.constant({ everything: true as const }),
);
const where: fc.Arbitrary<RandomRule> = fc.oneof(
  fc.record({ bucket: bucketName }),
  fc.record({ buckets: several(bucketName) }),
  fc.constant({ buckets: 'all' as const }),
);
const rule = fc
  .tuple(
    ...([fc.boolean(), verbs, where, place, fc.option(fc.constantFrom('groups', 'claims.team'))] as const),
    fc.option(conditions, { freq: 2 }),
  )
  // What is stored is of a PUT alone.
  .map(([deny, list, at, each, every, when]) => {
    const isOfStored = OF_STORED.some((name) => when !== null && name in when);
    return [deny, isOfStored ? ['PUT'] : list, at, each, every, when] as const;
  })
  .filter(([deny, list, , { key: one, keys }]) => {
    return deny || (one ?? keys) === undefined || !expanded(list).some((verb) => LISTINGS.includes(verb));
  })
  .filter(([, list, , { everything }]) => everything === true || !list.includes('ADMIN'))
  .map(([deny, list, at, each, every, when]): RandomRule => ({
    [deny ? 'deny' : 'allow']: list,
    ...at,
    ...each,
    ...(every !== null && { each: every }),
    ...(when !== null && Object.keys(when).length > 0 && { when }),
  }));
const selector = fc
  .record(
    {
      ...{ issuer, group, subject: person, client: person, actor: person },
      claims: fc.record({ email: fc.oneof(person, fc.constantFrom('x', 7)) }),
    },
    { requiredKeys: ['issuer'] },
  )
  .map((each): Selector => (Object.keys(each).length > 1 ? each : { ...each, everybody: true }));
// Half of them name no more than a group: what has to meet in five ways hardly ever does.
const subject = fc.oneof(fc.record({ issuer, group }), selector);
const policy = fc.record({
  subjects: fc.array(subject, { minLength: 1, maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 5 }),
});

/** Policies as they are written, and as they are read. `reports` and `all` are buckets of the configuration. */
const policySet = fc.array(policy, { maxLength: 5 }).map((written: readonly RandomPolicy[]) => {
  const read = setOf(
    ...written.map(({ subjects, rules }, index) => ({
      id: `p${index}`,
      description: 'Random.',
      subjects,
      rules: rules.map((each, number) => ({ id: `r${number}`, ...each })),
    })),
  );
  return { ...read, written, buckets: BUCKETS, agents: AGENTS };
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
const principal = fc
  .record({
    issuerName: issuer,
    subject: person,
    groups: fc.array(fc.oneof(group, fc.constantFrom('unnamed', '__proto__', 'port', '..', 'a/')), { maxLength: 4 }),
    claims: fc
      .tuple(
        fc.dictionary(fc.constantFrom('client_id', 'azp', 'email'), fc.oneof(person, fc.constantFrom('x', 7))),
        fc.record(
          {
            acr: fc.constantFrom<ClaimValue>('gold', 'silver', 'x', 7, ['gold']),
            amr: fc.constantFrom<ClaimValue>('mfa', ['mfa', 'x'], ['pwd'], [], true),
            auth_time: fc.constantFrom<ClaimValue>(NOON / 1000 - 600, NOON / 1000 - 4000, NOON / 1000 + 9999, '0'),
          },
          optional,
        ),
        fc.option(fc.record({ team: fc.oneof(team, fc.array(team, { maxLength: 3 })) })),
      )
      .map(([claims, login, others]) => ({ ...claims, ...login, ...others })),
    tokenKind: fc.option(fc.constantFrom('access_token', 'id_token', 'workload_identity')),
    actor: fc.option(fc.record({ subject: person }), { freq: 2 }),
    binding: fc.option(fc.constantFrom('p0', 'p1', 'p2', 'gone', '', '__proto__'), { freq: 2 }),
  })
  .map(({ tokenKind, actor, binding, ...rest }): Principal => ({
    ...rest,
    ...(tokenKind === null ? {} : { tokenKind }),
    ...(actor === null ? {} : { actor }),
    ...(binding === null ? {} : { binding }),
    issuer: '',
    tokenIdHash: '',
    expiresAtMs: 0,
  }));

const stored = fc.record(
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
const facts: fc.Arbitrary<RequestFacts> = fc.record(
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

const OBJECT_VERBS = VERBS.filter((verb) => verb !== 'ADMIN' && !LISTINGS.includes(verb));
const object = fc
  .tuple(fc.constantFrom(...OBJECT_VERBS), bucket, key)
  .map(([verb, name, each]) => ({ kind: 'object', verb, bucket: name, key: each }) as const);
const listing = fc
  .tuple(fc.constantFrom('LIST', 'LIST_VERSIONS'), bucket, prefix, fc.array(prefix, { maxLength: 2 }))
  .map(([verb, name, each, after]) => ({ kind: 'listing', verb, bucket: name, prefix: each, after }) as const);
const admin = bucket.map((name) => ({ kind: 'admin', verb: 'ADMIN', bucket: name }) as const);
const anyAccess = fc.oneof(object, listing, admin);

/** Which rule an access is aimed at, and how it is made of it. */
const aim = fc.record({
  policy: fc.nat(4),
  rule: fc.nat(4),
  choice: fc.nat(11),
  rest: fc.constantFrom('', 'a', '/a', 'b/'),
});
type Aim = typeof aim extends fc.Arbitrary<infer Value> ? Value : never;

/** An access to what a rule would mean if every value of the caller stood for its variable, whether it may or not. */
function aimed(written: readonly RandomPolicy[], caller: Principal, { policy: at, rule: index, choice, rest }: Aim) {
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
    return { kind: 'listing', verb, bucket: name, prefix: path, after: [] } as const;
  }
  return { kind: 'object', verb, bucket: name, key: path === '' ? 'a' : path } as const;
}

/** What the caller has for a variable, usable or not. */
function valueOf(caller: Principal, name: string): unknown {
  if (name === 'sub') return caller.subject;
  if (name === 'issuer') return caller.issuerName;
  return name === 'groups' ? caller.groups : caller.claims[name.slice('claims.'.length)];
}

const start = (text: string, of: string) => of.slice(0, text.length) === text;
const scopeStart = (each: Scope) => ('key' in each ? each.key : each.prefix);
const holds = (each: Scope, name: string) => ('key' in each ? each.key === name : start(each.prefix, name));

function isRelevant(each: Selector, caller: Principal): boolean {
  if (each.issuer !== caller.issuerName) return false;
  if (each.group !== undefined && !caller.groups.includes(each.group)) return false;
  if (each.subject !== undefined && each.subject !== caller.subject) return false;
  if (each.actor !== undefined && each.actor !== caller.actor?.subject) return false;
  if (each.claims !== undefined && each.claims['email'] !== caller.claims['email']) return false;
  return each.client === undefined || each.client === (caller.claims['client_id'] ?? caller.claims['azp']);
}

/** The rules in the plainest words: who is meant, what matches, deny wins, default deny. */
function naive(
  written: readonly RandomPolicy[],
  caller: Principal,
  access: Exclude<Access, { kind: 'bucket' }>,
  known: RequestFacts,
): string {
  const rules = written.flatMap(({ subjects, rules: own }, index) => {
    const meant = subjects.filter((selector) => isRelevant(selector, caller));
    const isActing = caller.actor !== undefined && !meant.some(({ actor }) => actor !== undefined);
    const isBound = caller.binding !== undefined && caller.binding !== `p${index}`;
    return own.flatMap((each, number) => {
      const isDeny = each.deny !== undefined;
      if (meant.length === 0 || (!isDeny && (isActing || isBound))) return [];
      if (!expanded(each.deny ?? each.allow ?? []).includes(access.verb)) return [];
      const answers = naiveConditions(each.when ?? {}, caller, known);
      if (isDeny ? answers.includes(false) : answers.some((answer) => answer !== true)) return [];
      const { buckets = [each.bucket ?? ''] } = each;
      return (buckets === 'all' ? ['all buckets'] : buckets).flatMap((bucketText) =>
        scopesOf(each).flatMap((at) => {
          const isMeant = (name: string) => (bucketText === 'all buckets' ? BUCKETS.has(name) : bucketText === name);
          const meaning = naiveMeaning(each, bucketText, at, caller) ?? [{ isMeant, at }];
          return meaning
            .filter((one) => one.isMeant(access.bucket))
            .map((one) => ({ isDeny, name: `p${index}/r${number}`, at: one.at }));
        }),
      );
    });
  });
  const deny = rules.find(({ isDeny, at }) => {
    if (!isDeny) return false;
    if (access.kind === 'object') return holds(at, access.key);
    if (access.kind === 'admin') return true;
    return start(access.prefix, scopeStart(at)) || ('prefix' in at && start(at.prefix, access.prefix));
  });
  if (deny !== undefined) return `deny ${deny.name}`;
  const allow = rules.find(({ isDeny, at }) => {
    if (isDeny) return false;
    if (access.kind === 'object') return holds(at, access.key);
    if (access.kind === 'admin') return 'prefix' in at && at.prefix === '';
    const seen = [access.prefix, ...access.after.filter((marker) => marker !== '')];
    return 'prefix' in at && seen.every((each) => start(at.prefix, each));
  });
  return allow === undefined ? 'deny default-deny' : `allow ${allow.name}`;
}

/** What each condition comes to; `undefined`: what it looks at is not known. */
function naiveConditions(when: RandomConditions, caller: Principal, known: RequestFacts): (boolean | undefined)[] {
  const { nowMs, clientAddress = '', wayIn } = known;
  const { sizeBytes, contentType = '', tags, createsOnly } = known.stored ?? {};
  const { acr, amr, auth_time: login } = caller.claims;
  const used = typeof amr === 'string' ? [amr] : Array.isArray(amr) && amr.length > 0 ? (amr as string[]) : undefined;
  const age = typeof login === 'number' && nowMs !== undefined ? nowMs / 1000 - login : undefined;
  const type = /^[^,]+\/[^,]+$/.test(contentType) ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : undefined;
  const client = caller.claims['client_id'] ?? caller.claims['azp'];
  const isAgent = () => {
    if (caller.actor !== undefined) return true;
    if (caller.issuerName !== 'demo') return false;
    return typeof client === 'string' ? client === 'ann' : undefined;
  };
  const of = <T>(wanted: T | undefined, answer: (wanted: T) => boolean | undefined) =>
    wanted === undefined ? [] : [answer(wanted)];
  const from = <T, U>(fact: T | undefined, answer: (fact: T) => U) => (fact === undefined ? undefined : answer(fact));
  return [
    ...of(when.from, (text) => from(nowMs, (now) => now >= Date.parse(text))),
    ...of(when.until, (text) => from(nowMs, (now) => now < Date.parse(text))),
    ...of(when.hours, ({ days, from: begin, to }) =>
      from(nowMs, (now) => {
        // India has one offset all year.
        const local = new Date(now + 5.5 * 3_600_000);
        const time = local.toISOString().slice(11, 16);
        const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][local.getUTCDay()] ?? '';
        return time >= begin && time < to && (days === undefined || days.includes(day));
      }),
    ),
    ...of(when.networks, (networks) => {
      const isOf = (...nets: readonly string[]) => networks.some((net) => nets.includes(net));
      if (clientAddress.endsWith('10.1.2.3')) return isOf('10.0.0.0/8', '0.0.0.0/0');
      if (clientAddress === '192.168.7.9') return isOf('192.168.7.0/24', '0.0.0.0/0');
      if (clientAddress === '192.168.8.9') return isOf('0.0.0.0/0');
      return clientAddress === '2001:db8::1' ? isOf('2001:db8::/32') : undefined;
    }),
    ...of(when.acr, (wanted) => (typeof acr === 'string' ? wanted.includes(acr) : undefined)),
    ...of(when.amr, (wanted) => from(used, (methods) => methods.some((each) => wanted.includes(each)))),
    ...of(when.authenticatedWithin, (text) =>
      from(age, (seconds) => (seconds < -60 ? undefined : seconds <= (text === '15m' ? 900 : 86_400))),
    ),
    ...of(when.tokenKind, (wanted) => from(caller.tokenKind, (kind) => wanted.includes(kind))),
    ...of(when.wayIn, (wanted) => from(wayIn, (way) => wanted.includes(way))),
    ...of(when.via, isAgent),
    ...of(when.size, ({ min = 0, max = Infinity }) => from(sizeBytes, (size) => size >= min && size <= max)),
    ...of(when.contentTypes, (wanted) =>
      from(type, (one) => wanted.some((each) => each === one || (each === 'image/*' && one.startsWith('image/')))),
    ),
    ...of(when.tags, (wanted) =>
      from(tags, (set) => Object.entries(wanted).every(([tagKey, value]) => set.get(tagKey) === value)),
    ),
    ...of(when.createOnly, () => createsOnly),
  ];
}

const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

interface Meaning {
  readonly isMeant: (bucket: string) => boolean;
  readonly at: Scope;
}

/** What a rule means for a caller in one bucket and scope, where it has variables. */
function naiveMeaning(
  written: RandomRule,
  bucketText: string,
  at: Scope,
  caller: Principal,
): readonly Meaning[] | undefined {
  const names = [...`${bucketText} ${scopeStart(at)}`.matchAll(/\$\{([^}]+)\}/g)].map(([, name]) => name ?? '');
  if (names.length === 0) return undefined;
  const isUsable = (value: unknown): value is string =>
    typeof value === 'string' && !['', '.', '..'].includes(value) && !/[/\u0000]/.test(value) && value.isWellFormed();
  const put = (text: string, values: Readonly<Record<string, string>>) =>
    text.replace(/\$\{([^}]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const single: Record<string, string> = {};
  let isWhole = true;
  for (const name of names.filter((each) => each !== written.each)) {
    const value = valueOf(caller, name);
    if (isUsable(value)) single[name] = value;
    else isWhole = false;
  }
  let rows = [single];
  let isComplete = isWhole;
  if (written.each !== undefined && names.includes(written.each)) {
    const every = written.each;
    const list: readonly unknown[] = [valueOf(caller, every)].flat().filter((value) => value !== undefined);
    rows = list.filter(isUsable).map((value) => ({ ...single, [every]: value }));
    isComplete &&= list.length > 0 && rows.length === list.length;
  }
  const good = rows.filter((row) => {
    return !bucketText.includes('$') || BUCKET_NAME.test(put(bucketText, row));
  });
  isComplete &&= good.length === rows.length;
  const literally = (row: Readonly<Record<string, string>>): Meaning => {
    const name = put(bucketText, row);
    const scope = put(scopeStart(at), row);
    const isMeant = (bucket: string) => (name === 'all buckets' ? BUCKETS.has(bucket) : bucket === name);
    return { isMeant, at: 'key' in at ? { key: scope } : { prefix: scope } };
  };
  if (written.allow !== undefined) return isWhole ? good.map(literally) : [];
  if (isComplete) return good.map(literally);
  const fewest = put(scopeStart(at), single).split('${')[0] ?? '';
  const wide = fewest === put(scopeStart(at), single) ? literally(single).at : { prefix: fewest };
  const name = put(bucketText, single);
  const isNamed = name === 'all buckets' || (!name.includes('$') && (name === bucketText || BUCKET_NAME.test(name)));
  if (isNamed) return [{ isMeant: literally(single).isMeant, at: wide }];
  const [before = '', after = ''] = bucketText.split(/\$\{[^}]+\}/);
  return [
    {
      isMeant: (bucket) => {
        const hasRoom = bucket.length > before.length + after.length;
        return BUCKETS.has(bucket) && hasRoom && start(before, bucket) && bucket.endsWith(after);
      },
      at: wide,
    },
  ];
}

function scopesOf({ prefix: one, prefixes = [], key: name, keys = [], everything }: RandomRule): readonly Scope[] {
  if (everything === true) return [{ prefix: '' }];
  const all = [...prefixes, ...(one === undefined ? [] : [one])].map((each) => ({ prefix: each }));
  return [...all, ...[...keys, ...(name === undefined ? [] : [name])].map((each) => ({ key: each }))];
}

const someAims = fc.array(aim, { minLength: 10, maxLength: 10 });

const allowedBy = (grants: readonly Grant[], verb: string, name: string) => {
  const matching = grants.filter((each) => each.verbs.some((own) => own === verb) && holds(each.scope, name));
  return matching.length > 0 && matching.every(({ effect }) => effect === 'allow');
};

/** The rule that a decision rests on. */
function ruleNamed(written: readonly RandomPolicy[], name: string): RandomRule | undefined {
  const [, policyIndex, ruleIndex] = /^p(\d+)\/r(\d+)$/.exec(name) ?? [];
  return written[Number(policyIndex)]?.rules[Number(ruleIndex)];
}

const hasVariable = (written: readonly RandomPolicy[], name: string): boolean =>
  JSON.stringify(ruleNamed(written, name) ?? '').includes('${');

describe('policies, at random', () => {
  it('are decided by the compiled abilities as by the plainest evaluator, rule for rule', () => {
    const hits = { allow: 0, deny: 0, widened: 0, missing: 0, allowWhen: 0, denyWhen: 0, unmet: 0 };
    const accesses = fc.array(fc.tuple(anyAccess, facts), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        policySet,
        fc.array(principal, { minLength: 3, maxLength: 3 }),
        accesses,
        fc.array(fc.tuple(aim, facts), { minLength: 12, maxLength: 12 }),
        (set, callers, requested, aims) => {
          const authorizer = createAuthorizer({ current: () => set });
          for (const caller of callers) {
            const ofRules = aims.flatMap(([each, known]) => {
              const access = aimed(set.written, caller, each);
              return access === undefined ? [] : [[access, known] as const];
            });
            for (const [access, known] of [...requested, ...ofRules]) {
              const { effect, rule: name, reason } = authorizer.decide(caller, access, known);
              assert.equal(`${effect} ${name}`, naive(set.written, caller, access, known));
              if (ruleNamed(set.written, name)?.when !== undefined) hits[`${effect}When`] += 1;
              if (reason.includes('its condition')) hits.unmet += 1;
              if (hasVariable(set.written, name)) hits[effect] += 1;
              if (reason.includes('It holds for all that')) hits.widened += 1;
              if (reason.includes('does not apply, since')) hits.missing += 1;
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    for (const [what, count] of Object.entries(hits)) assert.ok(count > 8, `only ${count} of ${what}`);
  });

  it('give grants that say of an object what a decision says, and no more where what is stored matters', () => {
    let narrowed = 0;
    const someObjects = fc.array(fc.tuple(object, stored), { minLength: 1, maxLength: 5 });
    const storing = fc.array(fc.tuple(aim, stored), { minLength: 15, maxLength: 15 });
    fc.assert(
      fc.property(policySet, principal, facts, someObjects, storing, (set, caller, now, any, aims) => {
        const authorizer = createAuthorizer({ current: () => set });
        const ofRules = aims.flatMap(([each, of]) => {
          const access = aimed(set.written, caller, each);
          return access?.kind === 'object' ? [[access, of] as const] : [];
        });
        const requested = [...any, ...ofRules];
        for (const [access, of] of requested) {
          const known = { ...now, stored: of };
          const { effect } = authorizer.decide(caller, access, known);
          const grants = authorizer.grants(caller, access.bucket, known);
          const granted = allowedBy(grants, access.verb, access.key);
          if (granted) assert.equal(effect, 'allow');
          if (access.verb !== 'PUT') assert.equal(granted, effect === 'allow');
          if (effect === 'deny') continue;
          const own = authorizer.grants(caller, access.bucket, known, [access]);
          assert.ok(allowedBy(own, access.verb, access.key), 'the access at hand');
          if (own !== grants) narrowed += 1;
          for (const [other, ofOther] of requested) {
            if (other.bucket !== access.bucket || other.key === access.key) continue;
            if (!allowedBy(own, other.verb, other.key)) continue;
            assert.equal(authorizer.decide(caller, other, { ...now, stored: ofOther }).effect, 'allow');
          }
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(narrowed > 0, 'none was narrowed');
  });

  it('never allow a listing that shows a key of which its verb is denied or not granted', () => {
    let shown = 0;
    fc.assert(
      fc.property(
        policySet,
        principal,
        listing,
        facts,
        fc.array(key, { maxLength: 20 }),
        someAims,
        (set, caller, any, now, rests, aims) => {
          const authorizer = createAuthorizer({ current: () => set });
          for (const access of [any, ...aims.flatMap((each) => aimed(set.written, caller, each) ?? [])]) {
            if (access.kind !== 'listing' || authorizer.decide(caller, access, now).effect === 'deny') continue;
            shown += 1;
            for (const rest of rests) {
              assert.ok(allowedBy(authorizer.grants(caller, access.bucket, now), access.verb, access.prefix + rest));
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
    assert.ok(shown > 0, `${shown} cases looked at anything`);
  });

  it('show every bucket in which some object or listing is allowed', () => {
    let allowed = 0;
    fc.assert(
      fc.property(policySet, principal, anyAccess, facts, someAims, (set, caller, any, now, aims) => {
        const authorizer = createAuthorizer({ current: () => set });
        for (const access of [any, ...aims.flatMap((each) => aimed(set.written, caller, each) ?? [])]) {
          if (authorizer.decide(caller, access, now).effect === 'deny') continue;
          allowed += 1;
          assert.deepEqual(authorizer.visibleBuckets(caller, [access.bucket], now), [access.bucket]);
          assert.equal(authorizer.decide(caller, { kind: 'bucket', bucket: access.bucket }, now).effect, 'allow');
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(allowed > 0, `${allowed} cases looked at anything`);
  });

  it('decide of a relevant principal exactly what they decide of the whole one', () => {
    const accesses = fc.array(anyAccess, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(policySet, principal, facts, accesses, (set, caller, now, requested) => {
        const authorizer = createAuthorizer({ current: () => set });
        const relevant = authorizer.relevant(caller);
        assert.deepEqual(authorizer.bindings(relevant), authorizer.bindings(caller));
        assert.equal(authorizer.relevant(relevant), relevant);
        for (const access of requested) {
          assert.deepEqual(authorizer.decide(relevant, access, now), authorizer.decide(caller, access, now));
          assert.equal(authorizer.grants(relevant, access.bucket, now), authorizer.grants(caller, access.bucket, now));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never allow a session of one policy what its caller may not do without it', () => {
    const accesses = fc.array(anyAccess, { minLength: 1, maxLength: 20 });
    let allowed = 0;
    fc.assert(
      fc.property(policySet, principal, facts, accesses, someAims, (set, bound, now, any, ofRules) => {
        const authorizer = createAuthorizer({ current: () => set });
        const { binding, ...whole } = bound;
        const requested = [...any, ...ofRules.flatMap((each) => aimed(set.written, bound, each) ?? [])];
        for (const access of requested) {
          if (authorizer.decide(bound, access, now).effect === 'deny') continue;
          allowed += 1;
          assert.equal(authorizer.decide(whole, access, now).effect, 'allow');
          assert.ok(binding === undefined || authorizer.bindings(whole).includes(binding));
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(allowed > 20, `${allowed} cases looked at anything`);
  });
});
