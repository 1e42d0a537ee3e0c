import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { AuditTrail } from '../../src/audit/audit-trail.ts';
import { readAudit } from '../../src/audit/read-audit.ts';
import type { AuditedOperation } from '../../src/contracts/audit-sink.ts';
import { WAYS_IN, type Access, type RequestFacts } from '../../src/contracts/authorizer.ts';
import { decideTarget } from '../../src/policy/decide-target.ts';
import type { ClaimValue, Principal } from '../../src/contracts/principal.ts';
import { redecideBy, replayOf } from '../../src/policy/analysis/replay.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { VERBS, type Verb } from '../../src/s3/operations/verb.ts';
import { setOf, written } from '../unit/policy/fixture.ts';

const NOON = Date.UTC(2026, 11, 15, 12);
const text = fc.oneof(
  fc.constantFrom('a', 'a/', 'b/c', '__proto__', 'a=b', 'a%3D', '%', 'é', '\u2028', '\n"', '\ud800', ''),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const place = fc.oneof(fc.constantFrom('a/x', 'home/ann/y', 'teams/red/z', 'b'), text);
const claim: fc.Arbitrary<ClaimValue> = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 }));
const optional: { requiredKeys: [] } = { requiredKeys: [] };

const principal: fc.Arbitrary<Principal> = fc.record(
  {
    ...{ issuerName: fc.constantFrom('demo', 'partner'), issuer: fc.constant('https://idp.example') },
    subject: fc.oneof(fc.constantFrom('ann', 'ben'), text),
    groups: fc.uniqueArray(fc.oneof(fc.constantFrom('g1', 'g2'), text), { maxLength: 3 }),
    claims: fc.dictionary(
      fc.constantFrom('team', 'acr', 'amr', 'azp', '__proto__', 'x'),
      fc.oneof(fc.constantFrom('red', 'gold', 'mfa', 'robot'), claim),
    ),
    ...{ tokenIdHash: fc.constant('00'), expiresAtMs: fc.constant(Infinity) },
    actor: fc.record(
      { subject: fc.constantFrom('bot', 'a'), issuer: fc.constant('https://bots') },
      { requiredKeys: ['subject'] },
    ),
    binding: fc.constantFrom('p', 'q'),
    accessKeyId: fc.constant('SPLY'),
  },
  { requiredKeys: ['issuerName', 'issuer', 'subject', 'groups', 'claims', 'tokenIdHash', 'expiresAtMs'] },
);

const stored = fc.record(
  {
    sizeBytes: fc.constantFrom(0, 5, 99),
    contentType: fc.oneof(fc.constantFrom('image/png', 'text/html; charset=x'), text),
    tags: fc
      .array(fc.tuple(fc.oneof(fc.constantFrom('a', 'a=1', '%', 'a%3D1'), text), text), { maxLength: 3 })
      .map((tags) => new Map(tags)),
    createsOnly: fc.boolean(),
  },
  optional,
);
const facts: fc.Arbitrary<RequestFacts> = fc.record(
  {
    nowMs: fc.constantFrom(NOON, NOON + 1, NOON + 86_400_000),
    clientAddress: fc.constantFrom('10.1.2.3', '::ffff:192.168.7.1', 'edge', ''),
    wayIn: fc.constantFrom(...WAYS_IN, undefined),
    stored,
  },
  { requiredKeys: ['nowMs', 'clientAddress', 'wayIn'] },
);

interface RandomTarget {
  readonly bucket: string;
  readonly key: string;
  readonly accesses: readonly Access[];
}
const LISTINGS: readonly Verb[] = ['LIST', 'LIST_VERSIONS'];
const objectVerb = fc.constantFrom(...VERBS.filter((verb) => verb !== 'ADMIN' && !LISTINGS.includes(verb)));
const bucket = fc.constantFrom('reports', 'other');
const target: fc.Arbitrary<RandomTarget> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        bucket,
        fc.oneof(place, fc.constant('.sallyport/x')),
        fc.uniqueArray(objectVerb, { minLength: 1, maxLength: 3 }),
      )
      .map(([name, key, verbs]): RandomTarget => ({
        ...{ bucket: name, key },
        accesses: verbs.map((verb): Access => ({ kind: 'object', verb, bucket: name, key })),
      })),
  },
  fc
    .tuple(
      bucket,
      fc.oneof(place, fc.constantFrom('', 'a/', 'home/')),
      fc.array(place, { maxLength: 2 }),
      fc.constantFrom('LIST' as const, 'LIST_VERSIONS' as const),
    )
    .map(([name, prefix, after, verb]): RandomTarget => ({
      ...{ bucket: name, key: prefix },
      accesses: [{ kind: 'listing', verb, bucket: name, prefix, after }],
    })),
  bucket.map((name): RandomTarget => ({
    bucket: name,
    key: '',
    accesses: [{ kind: 'admin', verb: 'ADMIN', bucket: name }],
  })),
  bucket.map((name): RandomTarget => ({ bucket: name, key: '', accesses: [{ kind: 'bucket', bucket: name }] })),
  fc.constant({ bucket: '', key: '', accesses: [] }),
);

const conditions: fc.Arbitrary<{ readonly when?: object }> = fc.oneof(
  fc.constant({}),
  ...[
    { until: '2026-12-15T12:00:00Z' },
    { from: '2026-12-15T12:00:01Z' },
    { hours: { from: '09:00', to: '12:00', timeZone: 'UTC' } },
    ...[{ networks: ['10.0.0.0/8'] }, { acr: ['gold'] }, { amr: ['mfa'] }, { wayIn: ['session'] }, { via: 'agent' }],
    ...[
      { size: { max: 5 } },
      { contentTypes: ['image/*'] },
      { tags: { a: '1' } },
      { tags: { 'a=1': '' } },
      { createOnly: true },
    ],
  ].map((when) => fc.constant({ when })),
);
const rule = fc
  .tuple(
    fc.constantFrom('allow', 'deny'),
    fc.oneof(
      fc.constant(['PUT']),
      fc.uniqueArray(fc.constantFrom('GET', 'PUT', 'LIST', 'DELETE', 'PUT_TAGS', 'GET_VERSION'), { minLength: 1 }),
    ),
    fc.constantFrom('a/', 'home/${sub}/', 'teams/${claims.team}/', '${groups}/', ''),
    conditions,
    fc.boolean(),
  )
  .map(([effect, verbs, prefix, when, isFiltered]) => {
    const isOfStored = ['size', 'contentTypes', 'tags', 'createOnly'].some((each) => each in (when.when ?? {}));
    const own: readonly string[] = isOfStored ? ['PUT'] : verbs;
    return {
      ...{ [effect]: own, buckets: 'all', ...when },
      ...(prefix === '' ? { everything: true } : { prefix }),
      ...(prefix.includes('groups') ? { each: 'groups' } : {}),
      ...(isFiltered && effect === 'allow' && own.includes('LIST') ? { listing: 'filtered' } : {}),
    };
  });
const subjects = fc.constantFrom(
  [{ issuer: 'demo', everybody: true }],
  [
    { issuer: 'demo', group: 'g1' },
    { issuer: 'partner', subject: 'ann' },
  ],
  [{ issuer: 'demo', client: 'robot' }],
  [{ issuer: 'demo', claims: { team: 'red' } }],
  [{ issuer: 'demo', actor: 'bot' }],
);
const set = fc
  .tuple(
    ...['p', 'q', 'r'].map((id) => fc.tuple(fc.constant(id), fc.array(rule, { minLength: 1, maxLength: 4 }), subjects)),
  )
  .map((policies) => ({
    ...setOf(...policies.map(([id, rules, who]) => written(id, rules, who))),
    ...{ buckets: new Set(['reports']), agents: new Map([['demo', new Set(['robot'])]]) },
  }));

const request = fc.record({
  principal,
  facts,
  targets: fc.oneof(fc.array(target, { minLength: 1, maxLength: 2 }), fc.array(target, { minLength: 3, maxLength: 5 })),
  isDelete: fc.boolean(),
});

describe('a record that is replayed', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'replay-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('is decided as it was, whoever asked for whatever', async () => {
    let [replayed, denied] = [0, 0];
    await fc.assert(
      fc.asyncProperty(set, fc.array(request, { minLength: 1, maxLength: 8 }), async (policies, requests) => {
        const authorizer = createAuthorizer({ current: () => policies });
        const lines: string[] = [];
        const sink = {
          record: (line: string) => Promise.resolve(void lines.push(line)),
          refuse: () => undefined,
        };
        const expected = new Map<string, object>();
        for (const [index, each] of requests.entries()) {
          const operation: AuditedOperation = each.isDelete ? 'DeleteObjects' : 'GetObject';
          const requestId = `R${index}`;
          const trail = new AuditTrail(
            sink,
            { now: () => NOON },
            { requestId, clientAddress: each.facts.clientAddress ?? '' },
          );
          trail.identified(operation, each.principal);
          const targets = each.targets.map((one) => ({
            ...{ ...one, versionId: undefined },
            decision: decideTarget(authorizer, each.principal, each.facts, one.accesses),
          }));
          trail.decided(targets, each.facts);
          if (targets.every(({ decision }) => decision.effect === 'allow')) await trail.intent(undefined);
          await trail.end({ result: 'completed', status: 200 });
          targets.forEach(({ decision }, item) => {
            const isNumbered = targets.length > 1 || each.isDelete;
            expected.set(`${requestId} ${isNumbered ? item : 'sole'}`, decision);
          });
        }
        const file = join(directory, 'access-1.jsonl');
        await writeFile(file, lines.join(''));
        const redecide = redecideBy(policies);
        for await (const record of readAudit([file])) {
          const replay = replayOf(record);
          const id = `${record.requestId} ${record.item ?? 'sole'}`;
          assert.ok(!('missing' in replay), JSON.stringify(replay));
          const decision = redecide(replay, policies);
          assert.deepEqual(decision, expected.get(id));
          expected.delete(id);
          replayed += 1;
          if (replay.recorded.effect === 'deny') denied += 1;
        }
        assert.equal(expected.size, 0);
      }),
      { numRuns: 300 },
    );
    assert.ok(denied > replayed / 10 && denied < replayed, `${denied} of ${replayed} denied`);
  });
});
