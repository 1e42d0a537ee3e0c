import assert from 'node:assert/strict';
import type { Decision } from '../../../src/contracts/authorizer.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { NO_SET, type PolicySet } from '../../../src/policy/load-policies.ts';
import { createPreview } from '../../../src/policy/preview.ts';
import { listing, on, principalWith, setOf, written } from './fixture.ts';

const get = { allow: ['GET'], bucket: 'reports', prefix: '2026/' };
const named = (version: string, ...policies: readonly unknown[]): PolicySet => ({ ...setOf(...policies), version });
const NO_GRANTS = { of: () => [] };

describe('previewed policies', () => {
  const live = named('live', written('p', [get, { allow: ['LIST'], bucket: 'reports', prefix: '2026/' }]));
  let counted: string[];
  beforeEach(() => {
    counted = [];
  });

  const previewing = (sets: { set: PolicySet }, grants: Parameters<typeof createPreview>[2] = NO_GRANTS) =>
    createPreview({ current: () => live }, { current: () => sets.set }, grants, (was, would) =>
      counted.push(`${was} ${would}`),
    );
  const decided = (access: Parameters<ReturnType<typeof createAuthorizer>['decide']>[1], principal = principalWith()) =>
    [principal, [access], {}, createAuthorizer({ current: () => live }).decide(principal, access)] as const;

  it('are noted where they would decide otherwise, and nowhere else', () => {
    const sets = { set: named('next', written('p', [{ ...get, prefix: '2027/' }])) };
    const preview = previewing(sets);
    const other = { decision: 'deny', rule: 'default-deny', policyVersion: 'next' };
    assert.deepEqual(preview.otherwise(...decided(on('GET', '2026/x'))), other);
    assert.equal(preview.otherwise(...decided(on('GET', '2025/x'))), undefined);
    assert.deepEqual(counted, ['allow deny']);
    sets.set = named('newer', written('p', [get]));
    assert.equal(preview.otherwise(...decided(on('GET', '2026/x'))), undefined);
  });

  it('see that a listing would be shown in parts', () => {
    const list = { allow: ['LIST'], bucket: 'reports', prefix: '2026/', listing: 'filtered' };
    const preview = previewing({ set: named('next', written('p', [list])) });
    assert.equal(preview.otherwise(...decided(listing('')))?.decision, 'filtered');
    assert.deepEqual(counted, ['deny filtered']);
  });

  it('cost nothing where there are none, or the same', () => {
    const broken = { of: () => assert.fail('it was decided') };
    assert.equal(previewing({ set: NO_SET }, broken).otherwise(...decided(on('GET', '2026/x'))), undefined);
    assert.equal(previewing({ set: live }, broken).otherwise(...decided(on('GET', '2026/x'))), undefined);
    const own: Decision = { effect: 'allow', rule: 'own-buckets', reason: '', policyVersion: 'live' };
    assert.equal(previewing({ set: named('next') }).otherwise(principalWith(), [], {}, own), undefined);
    assert.deepEqual(counted, []);
  });

  it('never fail a request', () => {
    const broken = {
      of: () => {
        throw new RangeError('broken');
      },
    };
    const preview = previewing({ set: named('next', written('p', [get])) }, broken);
    assert.equal(preview.otherwise(...decided(on('GET', '2026/x'))), undefined);
    assert.deepEqual(counted, ['allow failed']);
  });

  it('are not guessed of a session that may have lost a group', () => {
    const more = written(
      'q',
      [{ deny: ['GET'], bucket: 'reports', prefix: '2026/' }],
      [{ issuer: 'demo', group: 'new' }],
    );
    const preview = previewing({ set: named('next', written('p', [get]), more) });
    const session = principalWith({ accessKeyId: 'SPLY' });
    assert.equal(preview.otherwise(...decided(on('GET', '2026/x'), session)), undefined);
    assert.deepEqual(counted, ['allow unknown']);
    assert.equal(preview.otherwise(...decided(on('GET', '2026/x'))), undefined);
    assert.deepEqual(counted, ['allow unknown']);
  });

  it('hold grants with an end as well', () => {
    const scope = { prefix: '' };
    const grant = { id: '0a', verbs: ['GET'], bucket: 'reports', scope, reason: '' };
    const preview = previewing(
      { set: named('next', written('p', [{ ...get, prefix: '2027/' }])) },
      { of: () => [grant] as never },
    );
    assert.equal(preview.otherwise(...decided(on('GET', '2026/x'))), undefined);
  });
});
