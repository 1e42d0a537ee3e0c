import assert from 'node:assert/strict';
import { schemaOf } from '../../../src/policy/policy-schema.ts';
import { readDocument } from '../../../src/policy/read-document.ts';
import { authorizerOf, principalWith, setOf, written } from './fixture.ts';

const RULES = [{ allow: ['GET'], bucket: 'reports', everything: true }];
const HOURLY = { id: 'hourly', per: 'identity', window: '1h', deletes: 100, written: '10 GiB', whenSpent: 'wait' };

const guarded = (id: string, guardrails: readonly unknown[], subjects?: readonly unknown[]): object => ({
  ...(written(id, RULES, subjects) as object),
  guardrails,
});

function problemsOf(guardrail: object): readonly string[] {
  const document = readDocument('p.yaml', JSON.stringify(guarded('p', [guardrail])), schemaOf);
  return 'issues' in document ? document.issues.map(({ path, message }) => `${path} ${message}`) : [];
}

describe('guardrails of a policy file', () => {
  it('are budgets of one window, with their units', () => {
    const [policy] = setOf(guarded('p', [HOURLY])).policies;
    assert.deepEqual(policy?.guardrails, [
      {
        id: 'hourly',
        per: 'identity',
        windowMs: 3_600_000,
        limits: { deletes: 100, written: 10 * 2 ** 30 },
        whenSpent: 'wait',
      },
    ]);
  });

  it('are refused where one is not exactly a guardrail', () => {
    assert.deepEqual(problemsOf(HOURLY), []);
    for (const wrong of [
      { ...HOURLY, deletes: undefined, written: undefined },
      { ...HOURLY, deletes: 0 },
      { ...HOURLY, deletes: -1 },
      { ...HOURLY, deletes: 1.5 },
      { ...HOURLY, deletes: '100' },
      { ...HOURLY, written: '10 GB' },
      { ...HOURLY, written: 0 },
      { ...HOURLY, keys: 10_001 },
      { ...HOURLY, window: '32d' },
      { ...HOURLY, window: '1w' },
      { ...HOURLY, window: 3600 },
      { ...HOURLY, per: 'group' },
      { ...HOURLY, per: undefined },
      { ...HOURLY, whenSpent: 'warn' },
      { ...HOURLY, whenSpent: undefined },
      { ...HOURLY, puts: 1 },
      { ...HOURLY, id: 'r0' },
    ]) {
      assert.ok(problemsOf(wrong).length > 0, JSON.stringify(wrong));
    }
  });

  it('may open a breaker', () => {
    assert.deepEqual(problemsOf({ ...HOURLY, whenSpent: 'stop' }), []);
  });

  it('bear on those whom the policy names, by the name of the policy, with its owner', () => {
    const authorizer = authorizerOf({ ...guarded('p', [HOURLY]), owner: 'ann' });
    const [bearing, ...others] = authorizer.guardrails(principalWith());
    assert.deepEqual([bearing?.name, bearing?.owner, others.length], ['p/hourly', 'ann', 0]);
    assert.deepEqual(authorizer.guardrails(principalWith({ groups: [] })), []);
  });

  it('bind as denies do: sessions of another policy, and who acts for somebody', () => {
    const authorizer = authorizerOf(guarded('p', [HOURLY]), written('q', RULES));
    for (const changes of [{ binding: 'q' }, { binding: 'gone' }, { actor: { subject: 'bot' } }]) {
      assert.equal(authorizer.guardrails(principalWith(changes)).length, 1);
    }
  });

  it('add up over the policies that name somebody', () => {
    const authorizer = authorizerOf(guarded('p', [HOURLY, { ...HOURLY, id: 'daily' }]), guarded('q', [HOURLY]));
    assert.deepEqual(
      authorizer.guardrails(principalWith()).map(({ name }) => name),
      ['p/hourly', 'p/daily', 'q/hourly'],
    );
  });
});
