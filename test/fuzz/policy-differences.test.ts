import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Decision, RequestFacts } from '../../src/contracts/authorizer.ts';
import { TOKEN_KINDS, type Principal } from '../../src/contracts/principal.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import type { DecidedAccess } from '../../src/policy/analysis/accesses.ts';
import { differencesOf } from '../../src/policy/analysis/differences.ts';
import { CannotTell } from '../../src/policy/analysis/situations.ts';
import { explain } from '../../src/policy/analysis/explain.ts';
import type { PolicySet } from '../../src/policy/load-policies.ts';
import type { Verb } from '../../src/s3/operations/verb.ts';
import { setOf } from '../unit/policy/fixture.ts';

// Few of everything, so that rules, identities and accesses meet.
const BUCKETS: ReadonlySet<string> = new Set(['reports', 'team-red', 'all']);
const bucket = fc.constantFrom(...BUCKETS);
const VERBS = ['GET', 'PUT', 'LIST', 'ADMIN'] as const;
const segment = fc.constantFrom('a', 'b', 'ann', 'red', 'x', 'r', 'xred', '');
const SEGMENTS = [
  'a',
  'b',
  'ann',
  'red',
  'xred',
  '${sub}',
  '${issuer}',
  '${claims.team}',
  'x${claims.team}',
  '${groups}',
];
const path = fc
  .array(fc.oneof({ weight: 5, arbitrary: segment }, { weight: 1, arbitrary: fc.constantFrom(...SEGMENTS) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((segments) => segments.join('/'))
  .filter((text) => text !== '');
const place = fc.oneof(
  path.map((text) => ({ prefix: `${text}/` })),
  path.map((text) => ({ key: text })),
  fc.constant({ everything: true as const }),
);
const where = fc.oneof(
  { weight: 4, arbitrary: bucket.map((name) => ({ bucket: name })) },
  { weight: 1, arbitrary: fc.constantFrom({ bucket: 'team-${claims.team}' }, { buckets: 'all' }) },
);
const STORED: ReadonlySet<string> = new Set(['size', 'contentTypes', 'tags', 'createOnly']);
const when = fc
  .record(
    {
      from: fc.constantFrom('2026-01-01T00:00:00Z', '2026-06-01T00:00:00Z'),
      until: fc.constantFrom('2026-06-01T12:00:00Z', '2026-12-31T00:00:00Z'),
      hours: fc.constantFrom(
        { days: ['mon', 'sun'], from: '08:00', to: '18:00', timeZone: 'Europe/Zurich' },
        { from: '02:30', to: '12:00', timeZone: 'Europe/Zurich' },
        { from: '11:00', to: '24:00', timeZone: 'America/New_York' },
      ),
      networks: fc.constantFrom(['10.0.0.0/8'], ['10.1.0.0/16', '2001:db8::/32'], ['0.0.0.0/0']),
      acr: fc.constantFrom(['gold'], ['gold', 'silver']),
      amr: fc.constantFrom(['mfa'], ['mfa', 'otp'], ['pwd', 'otp']),
      authenticatedWithin: fc.constantFrom('15m', '8h'),
      tokenKind: fc.constantFrom(['access_token'], ['id_token', 'workload_identity']),
      wayIn: fc.constantFrom(['session'], ['bearer', 'presigned']),
      via: fc.constant('agent'),
      size: fc.constantFrom({ max: 10 }, { min: 10 }, { min: 5, max: 20 }),
      contentTypes: fc.constantFrom(['image/*'], ['image/png', 'text/csv']),
      tags: fc.constantFrom({ a: '1' }, { a: '1', b: '2' }, { a: '2' }),
      createOnly: fc.constant(true),
    },
    { requiredKeys: [] },
  )
  // Few at once, or hardly a request meets them all.
  .chain((all) => fc.subarray(Object.entries(all), { maxLength: 2 }))
  .map((entries) => Object.fromEntries(entries));
const whenOf = fc.option(when, { freq: 2, nil: undefined });
const rule = fc
  .tuple(
    fc.boolean(),
    fc.uniqueArray(fc.constantFrom<Verb>(...VERBS), { minLength: 1 }),
    where,
    place,
    fc.boolean(),
    whenOf,
    fc.nat(3).map((number) => number > 0),
  )
  .filter(([deny, verbs, , at]) => deny || !('key' in at) || !verbs.includes('LIST'))
  .filter(([, verbs, , at]) => 'everything' in at || !verbs.includes('ADMIN'))
  .map(([deny, verbs, at, each, every, when, isFiltered]) => {
    const text = JSON.stringify([at, each]);
    const list = text.includes('${groups}')
      ? 'groups'
      : text.includes('${claims.team}') && every
        ? 'claims.team'
        : undefined;
    const conditions = Object.entries(when ?? {}).filter(([name]) => !STORED.has(name) || String(verbs) === 'PUT');
    return {
      ...{ [deny ? 'deny' : 'allow']: verbs, ...at, ...each, ...(list !== undefined && { each: list }) },
      ...(conditions.length > 0 && { when: Object.fromEntries(conditions) }),
      ...(isFiltered && !deny && verbs.includes('LIST') && { listing: 'filtered' }),
    };
  });
const group = fc.constantFrom('a', 'red');
const selector = fc
  .oneof(
    fc.record({ issuer: fc.constantFrom('demo', 'b'), group }),
    fc.record(
      {
        ...{ issuer: fc.constantFrom('demo', 'b'), group, subject: fc.constantFrom('ann', 'a') },
        client: fc.constantFrom('red', 'cli'),
        claims: fc.record({ team: fc.constantFrom('red', 'b') }),
        actor: fc.constant('bot'),
      },
      { requiredKeys: ['issuer'] },
    ),
  )
  .map((each) => (Object.keys(each).length > 1 ? each : { ...each, everybody: true as const }));
const policy = fc.record({
  subjects: fc.array(selector, { minLength: 1, maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});
const policies = fc.array(policy, { maxLength: 3 });
type Written = typeof policies extends fc.Arbitrary<infer Value> ? Value : never;

const read = (written: Written): PolicySet => ({
  ...setOf(
    ...written.map(({ subjects, rules }, index) => ({
      ...{ id: `p${index}`, description: 'Random.', subjects },
      rules: rules.map((each, number) => ({ id: `r${number}`, ...each })),
    })),
  ),
  buckets: BUCKETS,
});
/** Two sets: of nothing in common, or all but one policy. */
const pair = fc.tuple(policies, policies, fc.boolean()).map(([one, two, isEdit]): readonly [PolicySet, PolicySet] => {
  const edited = [...one.slice(0, -1), ...two.slice(0, 1)];
  return [read(one), read(isEdit ? edited : two)];
});

const listingRule = fc
  .tuple(fc.nat(3), place, fc.option(when, { freq: 6, nil: undefined }))
  .filter(([kind, at]) => kind === 0 || !('key' in at))
  .map(([kind, at, conditions]) => {
    const held = Object.entries(conditions ?? {}).filter(([name]) => !STORED.has(name));
    return {
      ...{ [kind === 0 ? 'deny' : 'allow']: ['LIST'], bucket: 'reports', ...at },
      ...(kind > 1 && { listing: 'filtered' }),
      ...(held.length > 0 && { when: Object.fromEntries(held) }),
    };
  })
  .filter((each) => !JSON.stringify(each).includes('${groups}'));
const listingSet = fc
  .array(listingRule, { minLength: 1, maxLength: 4 })
  .map((rules) => read([{ subjects: [{ issuer: 'demo', everybody: true }], rules }] as unknown as Written));
const listings = fc.tuple(listingSet, listingSet).map((sets): readonly [PolicySet, PolicySet] => sets);

/** Rules about one place, which differ by little but their conditions. */
const factRule = fc.tuple(fc.nat(3), when).map(([kind, conditions]) => ({
  ...{ [kind === 0 ? 'deny' : 'allow']: ['PUT'], bucket: 'reports', everything: true },
  ...(Object.keys(conditions).length > 0 && { when: conditions }),
}));
const factSet = fc
  .array(factRule, { minLength: 1, maxLength: 2 })
  .map((rules) => read([{ subjects: [{ issuer: 'demo', everybody: true }], rules }] as unknown as Written));
const byFact = fc.tuple(factSet, factSet).map((sets): readonly [PolicySet, PolicySet] => sets);
const put = fc.constant<DecidedAccess>({ kind: 'object', verb: 'PUT', bucket: 'reports', key: 'x' });
/** Sets with more combinations of values than are looked at are refused, and are not what is tried here. */
function found(before: PolicySet, after: PolicySet) {
  try {
    return differencesOf(before, after);
  } catch (error) {
    assert.ok(error instanceof CannotTell);
    fc.pre(false);
    throw error;
  }
}

/** `SALLYPORT_TEST_DIFFERENCES`: how many pairs of sets are compared. */
const RUNS = Number(process.env['SALLYPORT_TEST_DIFFERENCES'] ?? 60);
const MINUTES = 60_000;
const TIMES = ['2025-12-31T23:59', '2026-01-05T08:00', '2026-03-29T00:30', '2026-03-29T01:30', '2026-06-01T11:59']
  .concat(['2026-06-01T12:00', '2026-07-05T10:00', '2026-07-06T17:00', '2026-10-26T17:30', '2027-01-04T07:30'])
  .map((text) => Date.parse(`${text}:00Z`));
const absent = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined, freq: 4 });
const facts: fc.Arbitrary<RequestFacts> = fc
  .record({
    nowMs: fc
      .tuple(fc.constantFrom(...TIMES), fc.integer({ min: -600, max: 600 }))
      .map(([ms, by]) => ms + by * MINUTES),
    clientAddress: absent(
      fc.constantFrom('10.1.2.3', '10.9.0.1', '192.0.2.1', '::ffff:10.1.0.0', '2001:db8::9', '::1'),
    ),
    wayIn: fc.constantFrom('bearer', 'session', 'presigned'),
    stored: absent(
      fc.record({
        sizeBytes: absent(fc.constantFrom(0, 4, 5, 10, 11, 21)),
        contentType: absent(fc.constantFrom('image/png', 'image/gif; a=b', 'text/csv', 'TEXT/plain', 'odd')),
        tags: absent(
          fc.constantFrom(
            new Map(),
            new Map([['a', '1']]),
            new Map([
              ['a', '1'],
              ['b', '2'],
            ]),
            new Map([['a', '2']]),
          ),
        ),
        createsOnly: absent(fc.boolean()),
      }),
    ),
  })
  .map(({ clientAddress, ...rest }) => ({ ...rest, ...(clientAddress !== undefined && { clientAddress }) }));
/** What a configuration may say; the differences were found without one. */
const agentsOf = fc.constantFrom(['robot'], ['robot', 'red'], ['cli'], []).map((clients) => {
  return new Map(['demo', 'b'].map((issuer) => [issuer, new Set(clients)]));
});

const value = fc.constantFrom('a', 'b', 'red', 'ann', 'zed', 'xx', '..', 'x/y', '', 7 as const);
const principal = fc
  .record({
    issuerName: fc.constantFrom('demo', 'b'),
    subject: fc.constantFrom('ann', 'a', 'zed', 'a/b'),
    groups: fc.uniqueArray(fc.constantFrom('a', 'red', 'zed', 'x/'), { maxLength: 3 }),
    claims: fc.record(
      {
        team: fc.oneof(
          value,
          fc.array(
            value.filter((each) => typeof each === 'string'),
            { maxLength: 3 },
          ),
        ),
        client_id: fc.constantFrom('red', 'cli', 'zed', 'robot'),
        azp: fc.constantFrom('red', 'cli'),
        acr: fc.constantFrom('gold', 'silver', 'tin', 7),
        amr: fc.oneof(fc.subarray(['mfa', 'otp', 'pwd', 'sms']), fc.constantFrom('mfa', 'sms')),
        auth_time: fc.constantFrom(...TIMES.map((ms) => ms / 1000 - 600), 0, 'never'),
      },
      { requiredKeys: [] },
    ),
    actor: fc.option(fc.constantFrom({ subject: 'bot' }, { subject: 'other' }), { nil: undefined, freq: 3 }),
    tokenKind: fc.option(fc.constantFrom(...TOKEN_KINDS), { nil: undefined, freq: 3 }),
    binding: fc.option(fc.constantFrom('p0', 'p1', 'p2'), { nil: undefined, freq: 3 }),
  })
  .map(({ actor, binding, tokenKind, ...rest }): Principal => ({
    ...{ ...rest, issuer: rest.issuerName, tokenIdHash: '', expiresAtMs: 0 },
    ...(actor !== undefined && { actor }),
    ...(binding !== undefined && { binding }),
    ...(tokenKind !== undefined && { tokenKind }),
  }));
const text = fc
  .array(fc.oneof(segment, fc.constantFrom('zed', 'xx', 'b')), { maxLength: 4 })
  .map((parts) => parts.join('/'));
const access: fc.Arbitrary<DecidedAccess> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('GET', 'PUT'),
      bucket,
      text.filter((key) => key !== ''),
    )
    .map(([verb, name, key]): DecidedAccess => ({ kind: 'object', verb, bucket: name, key })),
  fc
    .tuple(bucket, fc.oneof(text, fc.constant('')), fc.array(text, { maxLength: 1 }))
    .map(([name, prefix, after]): DecidedAccess => ({ kind: 'listing', verb: 'LIST', bucket: name, prefix, after })),
  bucket.map((name): DecidedAccess => ({ kind: 'admin', verb: 'ADMIN', bucket: name })),
);

/** Whom rules about everybody allow something. */
const ofDemo = principal.map(({ subject, groups, claims, tokenKind }): Principal => ({
  ...{ issuerName: 'demo', issuer: 'demo', subject, groups, claims, tokenIdHash: '', expiresAtMs: 0 },
  ...(tokenKind !== undefined && { tokenKind }),
}));

const conditionalRules = ({ policies }: PolicySet) =>
  policies.flatMap(({ id, rules }) => rules.flatMap((each) => (each.when === undefined ? [] : `${id}/${each.id}`)));

/** What a listing that is allowed in parts shows is compared by a name; other requests are by what is decided. */
function changeOf(was: Decision, is: Decision, name: string): 'allowed' | 'denied' | undefined {
  const [before, after] = [was, is].map(({ effect, parts }) => {
    if (effect === 'deny') return 0;
    if (parts === undefined) return 2;
    const isShown =
      parts.prefixes.some((prefix) => name.startsWith(prefix)) &&
      !parts.hidden.some((deny) => ('key' in deny ? deny.key === name : name.startsWith(deny.prefix)));
    return isShown ? 2 : 1;
  }) as [number, number];
  return before === after ? undefined : after > before ? 'allowed' : 'denied';
}

describe('differences of random sets of policies', () => {
  /** Compares random requests with what was found; gives how many were decided differently, in each way. */
  const compare = (
    pairs: typeof pair,
    callers: fc.Arbitrary<Principal>,
    accesses: fc.Arbitrary<DecidedAccess>,
    runs = RUNS,
  ) => {
    const met = { allowed: 0, denied: 0, inParts: 0, byFacts: 0 };
    fc.assert(
      fc.property(
        pairs,
        fc.array(callers, { minLength: 12, maxLength: 12 }),
        fc.array(fc.tuple(accesses, facts, text), { minLength: 40, maxLength: 40 }),
        agentsOf,
        ([before, after], principals, requests, agents) => {
          const differences = found(before, after);
          const [old, now] = [before, after].map((set) => createAuthorizer({ current: () => ({ ...set, agents }) }));
          assert.ok(old !== undefined && now !== undefined);
          const conditional = new Set([before, after].flatMap(conditionalRules));
          for (const caller of principals) {
            for (const [each, known, name] of requests) {
              const [was, is] = [old.decide(caller, each, known), now.decide(caller, each, known)];
              const isInParts = was.parts !== undefined || is.parts !== undefined;
              const change = changeOf(was, is, (each.kind === 'listing' ? each.prefix : '') + name);
              if (change === undefined) continue;
              met[isInParts ? 'inParts' : change] += 1;
              if (conditional.has(was.rule) || conditional.has(is.rule)) met.byFacts += 1;
              const [allow, deny] = change === 'allowed' ? [is, was] : [was, is];
              const covering = differences.find(
                (one) =>
                  one.change === change &&
                  (isInParts || (one.allowedBy === allow.rule && one.deniedBy === deny.rule)) &&
                  one.where.get(each.verb)?.has(each.bucket) === true,
              );
              assert.ok(
                covering,
                `missed: ${JSON.stringify([change, allow.rule, deny.rule, caller, each, known, [...(agents.get('demo') ?? [])]])}\n${JSON.stringify([before.policies, after.policies])}`,
              );
            }
          }
        },
      ),
      { numRuns: runs },
    );
    return met;
  };

  it('hold whatever a random request is decided differently by: rules, verb and bucket', () => {
    const { allowed, denied, byFacts } = compare(pair, principal, access);
    assert.ok(
      allowed > 0 && denied > 0 && byFacts > 0,
      `${allowed} were allowed, ${denied} denied, ${byFacts} by facts`,
    );
  });

  it('hold whatever is decided differently by facts alone', () => {
    assert.ok(compare(byFact, ofDemo, put, 2 * RUNS).byFacts > 0);
  });

  it('hold whatever name a listing in parts shows in one set only', () => {
    const { inParts } = compare(
      listings,
      principal,
      access.filter(({ kind }) => kind === 'listing'),
    );
    assert.ok(inParts > 0);
  });

  it('are true: each witness is decided as it says', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        for (const { change, witness } of found(before, after)) {
          const [was, is] = [before, after].map((set) => {
            const held = { ...set, ...(witness.agents && { agents: witness.agents }) };
            return createAuthorizer({ current: () => held }).decide(witness.principal, witness.access, witness.facts);
          });
          assert.ok(was !== undefined && is !== undefined);
          assert.equal(changeOf(was, is, witness.name ?? ''), change);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are none between a set and itself', () => {
    fc.assert(
      fc.property(pair, ([set]) => assert.deepEqual(differencesOf(set, set), [])),
      { numRuns: 50 },
    );
  });
});

describe('explanations of random requests', () => {
  it('agree with the decision: of the rules that apply, the first deny decides, else the first allow', () => {
    const decided = new Set<string>();
    fc.assert(
      fc.property(
        policies.map(read),
        principal,
        fc.array(access, { minLength: 20, maxLength: 20 }),
        (set, caller, accesses) => {
          for (const each of accesses) {
            const { decision, rules } = explain(set, caller, each);
            const applying = rules.filter(({ applies }) => applies);
            const first = applying.find(({ effect }) => effect === 'deny') ?? applying[0];
            assert.equal(decision.rule, first?.rule ?? 'default-deny');
            assert.equal(decision.effect, first?.effect ?? 'deny');
            decided.add(first?.effect ?? 'none');
            assert.ok(rules.every(({ applies, failed }) => applies === (failed === undefined)));
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.equal(decided.size, 3);
  });
});
