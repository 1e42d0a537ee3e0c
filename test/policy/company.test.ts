import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lint } from '../../src/policy/analysis/lint.ts';
import { tryMutants } from '../../src/policy/analysis/mutants.ts';
import { loadPolicies, type KnownNames, type PolicySet } from '../../src/policy/load-policies.ts';
import { checkPolicyTests, loadPolicyTests } from '../../src/policy/policy-tests.ts';

const company = fileURLToPath(new URL('../../examples/company/', import.meta.url));

/** What its README names in the configuration, with what the preset of GitHub adds. */
const KNOWN: KnownNames = {
  issuers: new Map([
    ['corp', ['azp', 'teams', 'acr', 'auth_time']],
    ['github', ['repository', 'repository_id', 'repository_owner_id', 'ref', 'environment', 'runner_environment']],
  ]),
  buckets: ['people', 'teams', 'reports', 'website', 'artifacts', 'bucket-of-tomorrow'],
  agents: new Map([['corp', new Set(['assistant'])]]),
};

describe('the policies of a company', () => {
  let set: PolicySet;
  let tests: Awaited<ReturnType<typeof loadPolicyTests>>;
  before(async () => {
    set = await loadPolicies(company, KNOWN);
    tests = await loadPolicyTests(`${company}tests`);
  });

  it('decide every case by the rule that is named, with a configuration and without, and each rule decides one', async () => {
    for (const each of [set, await loadPolicies(company)]) {
      const { failures, unproven } = checkPolicyTests(each, tests);
      assert.deepEqual([failures, unproven], [[], []]);
    }
  });

  it('have cases that notice every mutant of them', () => {
    const { survivors, tried } = tryMutants(set, tests);
    assert.deepEqual(survivors, []);
    assert.ok(tried > 100);
  });

  it('have nothing to lint', () => {
    const people = tests.map(({ principal }) => principal);
    assert.deepEqual(lint(set, Date.UTC(2026, 11, 3), people), []);
  });

  it('are twelve files', async () => {
    const entries = await readdir(company, { recursive: true, withFileTypes: true });
    assert.ok(entries.filter((entry) => entry.isFile()).length <= 12);
  });
});
