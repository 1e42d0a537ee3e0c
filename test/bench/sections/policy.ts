/**
 * What one decision, what a previewed set adds to it, and a comparison cost with 1,000 rules over 200 bindings, in this
 * process: no request, no store.
 */
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { differencesOf } from '../../../src/policy/analysis/differences.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import type { Policy, Rule } from '../../../src/policy/policy-schema.ts';
import { createPreview } from '../../../src/policy/preview.ts';
import type { Bench } from '../bench.ts';
import { median } from '../measure.ts';

const BINDINGS = 200;
const RULES_EACH = 5;
const GOAL_US = 20;
const DIFF_GOAL_S = 5;
const DECISIONS = 200;
const BATCHES = 200;

/** Shows it, of whom one policy names and of whom all name. */
export function showPolicy({ own, report, judge }: Bench): Promise<void> {
  const authorizer = createAuthorizer({ current: () => SET });
  for (const [who, groups] of [
    ['named by one policy', ['g7']],
    ['named by all of them', ALL_GROUPS],
  ] as const) {
    const caller = callerOf(groups);
    for (const [what, bucket] of [
      ['rules in one bucket', 'shared'],
      ['rules in many buckets', 'b7'],
    ] as const) {
      const us = median(Array.from({ length: BATCHES }, () => microseconds(authorizer, caller, bucket)));
      report.show(
        { what: `decision, caller ${who}, ${what}`, unit: 'us', digits: 2, goals: [{ bound: GOAL_US }] },
        new Map([[own, [us]]]),
      );
      judge(us <= GOAL_US);
    }
  }
  for (const [what, other] of [
    ['the same rules', SET],
    ['all rules are moved', MOVED],
  ] as const) {
    const authorizer = createAuthorizer({ current: () => SET });
    // Nothing is previewed of a set that is the one in force.
    const next = { ...other, version: 'next' };
    const preview = createPreview({ current: () => SET }, { current: () => next }, { of: () => [] }, () => undefined);
    const caller = callerOf(ALL_GROUPS);
    const us = median(Array.from({ length: BATCHES }, () => previewMicroseconds(authorizer, preview, caller)));
    report.show(
      { what: `preview, added to a decision, ${what}`, unit: 'us', digits: 2, goals: [{ bound: GOAL_US }] },
      new Map([[own, [us]]]),
    );
    judge(us <= GOAL_US);
  }
  for (const [what, other] of [
    ['one rule is wider', setWith((binding, index) => ruleOf(binding, index, binding + index === 0 ? '' : undefined))],
    ['all rules are moved', MOVED],
  ] as const) {
    const started = performance.now();
    differencesOf(SET, other);
    const seconds = (performance.now() - started) / 1000;
    report.show(
      { what: `policy diff, ${what}`, unit: 's', digits: 2, goals: [{ bound: DIFF_GOAL_S }] },
      new Map([[own, [seconds]]]),
    );
    judge(seconds <= DIFF_GOAL_S);
  }
  return Promise.resolve();
}

/** Of one decision, as the mean of a batch. */
function microseconds({ decide }: ReturnType<typeof createAuthorizer>, caller: Principal, bucket: string): number {
  const accesses = accessesIn(bucket);
  const started = performance.now();
  for (const access of accesses) decide(caller, access);
  return ((performance.now() - started) / DECISIONS) * 1000;
}

/** What a preview takes beside one decision that is made already, as the mean of a batch. */
function previewMicroseconds(
  { decide }: ReturnType<typeof createAuthorizer>,
  preview: ReturnType<typeof createPreview>,
  caller: Principal,
): number {
  const decided = accessesIn('shared').map((access) => ({ accesses: [access], decision: decide(caller, access) }));
  const started = performance.now();
  for (const { accesses, decision } of decided) preview.otherwise(caller, accesses, {}, decision);
  return ((performance.now() - started) / DECISIONS) * 1000;
}

const accessesIn = (bucket: string): readonly Access[] =>
  Array.from({ length: DECISIONS }, (_, index): Access => ({
    ...{ kind: 'object', verb: 'GET', bucket },
    key: `p${index % BINDINGS}/r${index % RULES_EACH}/file`,
  }));

const ALL_GROUPS = Array.from({ length: BINDINGS }, (_, index) => `g${index}`);

const callerOf = (groups: readonly string[]): Principal =>
  Object.freeze({
    ...{ issuerName: 'demo', issuer: 'https://idp.example', subject: 'alice', groups, claims: { team: 'red' } },
    ...{ tokenIdHash: '', expiresAtMs: Infinity },
  });

/** A third of the rules have a variable, a fifth deny; half of them are in a bucket that all share. */
function ruleOf(
  binding: number,
  index: number,
  prefix = index % 3 === 2 ? `p${binding}/\${claims.team}/` : `p${binding}/r${index}/`,
): Rule {
  return {
    ...{ id: `r${index}`, effect: index === 4 ? 'deny' : 'allow', verbs: ['GET', 'PUT', 'LIST'], reason: undefined },
    ...{
      buckets: [index % 2 === 0 ? 'shared' : `b${binding % BINDINGS}`],
      scopes: [{ prefix }],
      each: undefined,
      isFiltered: false,
    },
  };
}

const setWith = (rule: (binding: number, index: number) => Rule) => ({
  version: 'bench',
  policies: Array.from({ length: BINDINGS }, (_, binding): Policy => ({
    ...{ id: `p${binding}`, description: 'Of the benchmark.', subjects: [{ issuer: 'demo', group: `g${binding}` }] },
    rules: Array.from({ length: RULES_EACH }, (__, index) => rule(binding, index)),
  })),
});

const SET = setWith((binding, index) => ruleOf(binding, index));
const MOVED = setWith((binding, index) => ruleOf(binding + BINDINGS, index));
