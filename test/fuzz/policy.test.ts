/**
 * Policies at random. SALLYPORT_TEST_TRIPLES says of how many triples of policies, identity and request the first property is
 * tried, and has it say what it met.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Access, Grant } from '../../src/contracts/authorizer.ts';
import type { Principal } from '../../src/contracts/principal.ts';
import { endOf, type GrantEntry } from '../../src/grants/entry.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { conditionsSchema } from '../../src/policy/condition-schema.ts';
import type { ListedParts } from '../../src/s3/listed-parts.ts';
import { naive } from '../support/policy/naive-policies.ts';
import {
  aim,
  aimed,
  anyAccess,
  facts,
  grantTerms,
  holds,
  key,
  listing,
  namedBy,
  NOON,
  object,
  policySet,
  principal,
  scopeStart,
  start,
  stored,
  type RandomGrant,
  type RandomPolicy,
  type RandomRule,
} from '../support/policy/random-policies.ts';
import { GrantStore, listOf } from '../unit/grants/fixture.ts';

const TRIPLES = Number(process.env['SALLYPORT_TEST_TRIPLES'] ?? 20_000);
/** At least. */
const TRIPLES_OF_A_SET = 36;

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

/** A grant of the list. */
function entryOf({ approvedMs, isEnded, ...terms }: RandomGrant, index: number): GrantEntry {
  const step = { atMs: approvedMs, by: 'olivia' };
  const closed = { atMs: NOON, by: 'olivia', how: 'ended' } as const;
  return {
    ...{ ...terms, id: index.toString(16).padStart(16, '0'), reason: 'INC', approvers: [] },
    ...{ requested: step, approved: step },
    ...(isEnded && { closed }),
  };
}

/** Those of a caller that are in force, in the plainest words. */
function naiveGrants(entries: readonly GrantEntry[], caller: Principal, nowMs: number): readonly GrantEntry[] {
  if (caller.actor !== undefined || caller.binding !== undefined) return [];
  return entries.filter(({ issuer, subject, requested, seconds, closed }) => {
    if (issuer !== caller.issuer || subject !== caller.subject || closed !== undefined) return false;
    return requested.atMs <= nowMs + 300_000 && nowMs < requested.atMs + seconds * 1000;
  });
}

/** An access that a grant would allow. */
function accessTo({ verbs: [verb], bucket, scope }: GrantEntry): readonly Exclude<Access, { kind: 'bucket' }>[] {
  const text = scopeStart(scope);
  if (verb === undefined) return [];
  if (verb === 'ADMIN') return [{ kind: 'admin', verb, bucket }];
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') return [{ kind: 'listing', verb, bucket, prefix: text, after: [] }];
  return [{ kind: 'object', verb, bucket, key: text === '' ? 'a' : text }];
}

const isShown = ({ prefixes, hidden }: ListedParts, one: string): boolean =>
  prefixes.some((prefix) => start(prefix, one)) && !hidden.some((scope) => holds(scope, one));

describe('policies, at random', () => {
  it('are decided by the compiled abilities as by the plainest evaluator, rule for rule', async function () {
    this.timeout(0);
    const hits = { allow: 0, deny: 0, widened: 0, missing: 0, unmet: 0, ofSet: 0, granted: 0, over: 0, parts: 0 };
    const ofConditions = new Map<string, number>();
    let triples = 0;
    const accesses = fc.array(fc.tuple(anyAccess, facts), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        policySet,
        fc.array(grantTerms, { maxLength: 3 }),
        fc.array(principal, { minLength: 3, maxLength: 3 }),
        accesses,
        fc.array(fc.tuple(aim, facts), { minLength: 12, maxLength: 12 }),
        fc.array(key, { minLength: 5, maxLength: 5 }),
        async (set, terms, drawn, requested, aims, rests) => {
          const callers = drawn.map((each, at) =>
            at === 0 ? each : namedBy(set.written, each, aims[at]?.[0] ?? assert.fail()),
          );
          const entries = terms.map((each, index) => entryOf(each, index));
          const { list, clock } = await listOf(new GrantStore(...entries));
          const authorizer = createAuthorizer({ current: () => set }, list);
          for (const [at, caller] of callers.entries()) {
            clock.nowMs = NOON + at * 300_000;
            await list.refresh();
            const own = naiveGrants(entries, caller, clock.nowMs);
            const ofRules = aims.flatMap(([each, known]) => {
              const access = aimed(set.written, caller, each);
              return access === undefined ? [] : [[access, known] as const];
            });
            const ofGrants = entries.flatMap((entry) => accessTo(entry).map((access) => [access, {}] as const));
            for (const [access, known] of [...requested, ...ofRules, ...ofGrants]) {
              const { effect, rule: name, reason, parts } = authorizer.decide(caller, access, known);
              const { text, shows } = naive(set.written, caller, access, known, own);
              assert.equal(`${effect} ${name}`, text);
              triples += 1;
              assert.equal(parts === undefined, shows === undefined);
              if (access.kind === 'listing' && parts !== undefined) {
                hits.parts += 1;
                const starts = ['', ...parts.prefixes, ...parts.hidden.map(scopeStart)];
                for (const one of starts.flatMap((start) => rests.map((rest) => start + rest))) {
                  assert.equal(isShown(parts, one), shows?.(one), one);
                }
              }
              const rule = ruleNamed(set.written, name);
              for (const condition of Object.keys(rule?.when ?? {})) {
                const counted = `${effect} ${condition}`;
                ofConditions.set(counted, (ofConditions.get(counted) ?? 0) + 1);
              }
              if (reason.includes('its condition')) hits.unmet += 1;
              if (hasVariable(set.written, name)) hits[effect] += 1;
              if (set.takesFromSet(name)) hits.ofSet += 1;
              if (reason.includes('It holds for all that')) hits.widened += 1;
              if (reason.includes('does not apply, since')) hits.missing += 1;
              if (name.startsWith('grant/')) hits.granted += 1;
            }
            if (entries.some((entry) => endOf(entry) <= clock.nowMs)) hits.over += 1;
          }
        },
      ),
      { numRuns: Math.ceil(TRIPLES / TRIPLES_OF_A_SET) },
    );
    if (process.env['SALLYPORT_TEST_TRIPLES'] !== undefined) {
      process.stdout.write(`${triples} triples; ${JSON.stringify({ ...hits, ...Object.fromEntries(ofConditions) })}\n`);
    }
    assert.ok(triples >= TRIPLES, `only ${triples} triples`);
    for (const [what, count] of Object.entries(hits)) assert.ok(count > 8, `only ${count} of ${what}`);
    for (const condition of Object.keys(conditionsSchema.shape)) {
      const effects = ['allow', 'deny'].filter((effect) => ofConditions.has(`${effect} ${condition}`));
      assert.ok(effects.length > 0, `nothing was decided by ${condition}`);
    }
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
            if (access.kind !== 'listing') continue;
            const { effect, parts } = authorizer.decide(caller, access, now);
            if (effect === 'deny') continue;
            shown += 1;
            for (const name of [access.prefix, ...(parts?.prefixes ?? [])].flatMap((one) =>
              rests.map((rest) => one + rest),
            )) {
              if (parts !== undefined && !isShown(parts, name)) continue;
              assert.ok(allowedBy(authorizer.grants(caller, access.bucket, now), access.verb, name));
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
