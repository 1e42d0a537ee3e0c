import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse } from 'yaml';
import { replayOf, redecideBy, type RecordedAccess } from '../../../src/policy/analysis/replay.ts';
import { suggestFor, type Suggestion } from '../../../src/policy/analysis/suggest.ts';
import type { Verb } from '../../../src/s3/operations/verb.ts';
import { setOf } from './fixture.ts';
import { recorded, without } from './recorded.ts';

const object = (verb: Verb, key: string, changes: Partial<RecordedAccess> = {}) =>
  recorded({ verbs: [verb], key, ...changes });
const list = (prefix: string, after?: readonly string[]) =>
  recorded({ operation: 'ListObjectsV2', verbs: ['LIST'], key: prefix, ...(after === undefined ? {} : { after }) });

function suggested(records: readonly RecordedAccess[], depth = 1, who = {}): Suggestion {
  const gathered = suggestFor(who, depth);
  for (const record of records) gathered.add(record);
  return gathered.finish();
}

const rulesOf = ({ policies }: Suggestion): unknown[] =>
  policies.flatMap((text) =>
    (parse(text) as { rules: Record<string, unknown>[] }).rules.map((rule) => without(rule, 'id')),
  );

describe('suggested rules', () => {
  it('take folders together, name what lies in none, and merge what has the same verbs', () => {
    const report = suggested([
      object('GET', '2026/a/x'),
      object('PUT', '2026/y'),
      object('GET', '2027/z'),
      object('PUT', '2027/z'),
      object('GET', 'readme'),
      object('GET', '2026/a/x', { bucket: 'other' }),
    ]);
    assert.deepEqual(rulesOf(report), [
      { allow: ['GET'], bucket: 'other', prefixes: ['2026/'] },
      { allow: ['GET', 'PUT'], bucket: 'reports', prefixes: ['2026/', '2027/'] },
      { allow: ['GET'], bucket: 'reports', keys: ['readme'] },
    ]);
    assert.equal(report.covered, 6);
    assert.deepEqual(report.notCovered, []);
  });

  it('give the folder of a listing with its markers, and leave out what a wider rule gives', () => {
    assert.deepEqual(rulesOf(suggested([list('2026/q'), list('2026/', ['2026/b'])])), [
      { allow: ['LIST'], bucket: 'reports', prefixes: ['2026/'] },
    ]);
    assert.deepEqual(rulesOf(suggested([list('2026/', ['2027/'])])), [
      { allow: ['LIST'], bucket: 'reports', everything: true },
    ]);
    assert.deepEqual(rulesOf(suggested([object('GET', 'a/b/x'), object('GET', 'a/y')], 2)), [
      { allow: ['GET'], bucket: 'reports', prefixes: ['a/'] },
    ]);
    // A folder without a name has none above it.
    assert.deepEqual(rulesOf(suggested([list('/', ['0'])])), [
      { allow: ['LIST'], bucket: 'reports', everything: true },
    ]);
    assert.deepEqual(rulesOf(suggested([object('GET', 'a/${sub}'), object('GET', '${sub}/a')], 1)), [
      { allow: ['GET'], bucket: 'reports', prefixes: ['$${sub}/', 'a/'] },
    ]);
    assert.match(suggested([], 0).generalisation, /^Whole buckets/);
  });

  it('are for whom they are asked', () => {
    const records = [object('GET', 'a/x'), object('GET', 'b/x', { subject: 'ben', groups: ['g'] })];
    const subjects = (who: object) =>
      suggested(records, 1, who).policies.map((text) => (parse(text) as { subjects: unknown }).subjects);
    assert.deepEqual(subjects({ subject: 'ann' }), [[{ issuer: 'demo', subject: 'ann' }]]);
    assert.deepEqual(subjects({ group: 'g' }), [[{ issuer: 'demo', group: 'g' }]]);
    assert.deepEqual(subjects({}), [[{ issuer: 'demo', everybody: true }]]);
    assert.deepEqual(subjects({ issuer: 'partner' }), []);
    const acted = suggested([object('GET', 'a/x', { actor: 'bot' })], 1, { subject: 'ann' });
    assert.match(acted.policies[0] ?? '', /actor: bot/);
  });

  it('are none for what was denied, granted for a time, shown in parts or cannot be said', () => {
    const report = suggested([
      object('GET', 'a/x', { decision: 'deny' }),
      object('GET', 'a/x', { rule: 'grant/0a' }),
      { ...list('a/'), filtered: true },
      object('GET', 'a\nb'),
      recorded({ operation: 'HeadBucket', verbs: [], key: '' }),
      recorded({ operation: 'ListBuckets', verbs: [], key: '', bucket: '', rule: 'own-buckets' }),
    ]);
    assert.deepEqual(report.policies, []);
    assert.deepEqual(
      report.notCovered.map(({ count }) => count),
      [1, 1, 1, 1],
    );
  });

  it('tell when each rule was used last, by verb and binding', () => {
    const late = '2026-12-16T00:00:00.000Z';
    const { uses } = suggested([
      object('GET', 'a/x', { time: late }),
      object('GET', 'a/x'),
      object('GET', 'a/x', { binding: 'p' }),
    ]);
    assert.deepEqual(uses, [
      { rule: 'p/r0', verb: 'GET', count: 2, last: late },
      { rule: 'p/r0', verb: 'GET', binding: 'p', count: 1, last: '2026-12-15T12:00:00.000Z' },
    ]);
  });

  it('stay within what a set may hold, and say that they are wider', () => {
    const many = suggested(
      Array.from({ length: 3000 }, (_, index) => object('GET', `a/${index}/x`)),
      2,
    );
    assert.deepEqual(rulesOf(many), [{ allow: ['GET'], bucket: 'reports', prefixes: ['a/'] }]);
    assert.match(many.generalisation, /not 2/);
    const keys = suggested(Array.from({ length: 100 }, (_, index) => object('GET', `k${index}`)));
    assert.ok(rulesOf(keys).some((rule) => (rule as { everything?: true }).everything));
  });

  it('allow whatever they say they cover, and are valid', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', '', '${sub}', '$', 'é', '.'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'));
    const access = fc.oneof(
      fc
        .tuple(fc.constantFrom<Verb>('GET', 'PUT', 'DELETE'), path, fc.constantFrom('reports', 'other'))
        .map(([verb, key, bucket]) => object(verb, key === '' ? 'k' : key, { bucket })),
      fc.tuple(path, fc.array(path, { maxLength: 2 })).map(([prefix, after]) => list(prefix, after)),
    );
    fc.assert(
      fc.property(fc.array(access, { maxLength: 60 }), fc.nat(3), (records, depth) => {
        const report = suggested(records, depth, { subject: 'ann' });
        assert.equal(report.covered, records.length);
        if (records.length === 0) return;
        const set = setOf(...report.policies.map((text) => parse(text) as unknown));
        const redecide = redecideBy(set);
        for (const record of records) {
          const replay = replayOf(record);
          assert.ok(!('missing' in replay));
          const decision = redecide(replay, set);
          assert.ok(!('missing' in decision) && decision.effect === 'allow', JSON.stringify([record, report]));
        }
      }),
      { numRuns: 300 },
    );
  });
});
