import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lint } from '../../src/policy/analysis/lint.ts';
import { tryMutants } from '../../src/policy/analysis/mutants.ts';
import { loadPolicies } from '../../src/policy/load-policies.ts';
import { checkPolicyTests, loadPolicyTests } from '../../src/policy/policy-tests.ts';
import { policyJsonSchema } from '../../src/policy/policy-schema.ts';
import { VERB_GROUPS } from '../../src/policy/verb-groups.ts';

const policies = fileURLToPath(new URL('../../policies/', import.meta.url));

describe('the policies of the demo', () => {
  it('decide every case beside them as written there, by the rule that is named', async () => {
    const set = await loadPolicies(policies, { issuers: new Map([['demo', []]]), buckets: ['reports', 'artifacts'] });
    const report = checkPolicyTests(set, await loadPolicyTests(`${policies}tests`));
    assert.deepEqual(report.failures, []);
    assert.ok(report.passed > 30);
  });

  it('have no rule that decides no case', async () => {
    const report = checkPolicyTests(await loadPolicies(policies), await loadPolicyTests(`${policies}tests`));
    assert.deepEqual(report.unproven, []);
  });

  it('have cases that notice every mutant of them', async () => {
    const { survivors, tried } = tryMutants(await loadPolicies(policies), await loadPolicyTests(`${policies}tests`));
    assert.deepEqual(survivors, []);
    assert.ok(tried > 30);
  });

  it('have nothing to lint', async () => {
    assert.deepEqual(lint(await loadPolicies(policies), Date.now()), []);
  });

  it('are described by a schema that is the one in force', async () => {
    const written: unknown = JSON.parse(await readFile(`${policies}schema.json`, 'utf8'));
    assert.deepEqual(written, JSON.parse(JSON.stringify(policyJsonSchema())));
  });

  it('are explained with every group of verbs, and with what it stands for', async () => {
    const readme = await readFile(`${policies}README.md`, 'utf8');
    for (const [group, verbs] of Object.entries(VERB_GROUPS)) {
      assert.ok(readme.includes(`| \`${group}\` | ${verbs.map((verb) => `\`${verb}\``).join(', ')} |`), group);
    }
  });
});
