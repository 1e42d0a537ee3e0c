import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { runCommand } from '../../../support/client/run-command.ts';
import { changed, Sample } from '../../config/sample.ts';

const shipped = fileURLToPath(new URL('../../../../policies/', import.meta.url));
const ALICE = { issuer: 'demo', subject: 'alice', groups: ['analytics'] };

describe('sallyport policy', () => {
  let cwd: string;
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'policy-'));
    for (const name of ['old', 'new']) await cp(shipped, join(cwd, name), { recursive: true });
  });
  afterEach(() => rm(cwd, { recursive: true }));

  const run = (...args: readonly string[]) => runCommand(['policy', ...args], { cwd });
  const json = async (...args: readonly string[]) => {
    const { code, stdout } = await run(...args, '--json');
    assert.equal(stdout.split('\n').length, 2);
    return { code, answer: JSON.parse(stdout) as Record<string, unknown> };
  };
  const edit = async (file: string, from: string, to: string) => {
    const text = await readFile(join(cwd, file), 'utf8');
    assert.ok(text.includes(from));
    await writeFile(join(cwd, file), text.replace(from, to));
  };

  it('test passes the shipped policies, mutants and all, and says it', async () => {
    const { code, answer } = await json('test', '--policies', 'new', '--mutants');
    assert.equal(code, 0);
    assert.deepEqual(Object.keys(answer), ['ok', 'passed', 'failures', 'unproven', 'mutants']);
    assert.equal(answer['ok'], true);
  });

  it('test fails with 3 where a case fails, and where a mutant survives with a case that kills it', async () => {
    await edit('new/tests/ci.yaml', 'expect: allow', 'expect: deny');
    const failed = await run('test', '--policies', 'new');
    assert.equal(failed.code, 3);
    assert.match(failed.stdout, /ci\.yaml: cases\[0\].*expected deny/);
    await edit('old/admins.yaml', 'GET_ACL]', 'GET_ACL, GET_LOCK]');
    const mutated = await run('test', '--policies', 'old', '--mutants');
    assert.equal(mutated.code, 3);
    assert.match(mutated.stdout, /admins\/all-reports: no case notices it without GET_LOCK/);
    const [, cases = ''] = mutated.stdout.split('# cases that would notice\n');
    await writeFile(join(cwd, 'old/tests/more.yaml'), cases);
    assert.equal((await run('test', '--policies', 'old', '--mutants')).code, 0);
  });

  it('lint finds with 3 what decides nothing', async () => {
    assert.deepEqual(await json('lint', '--policies', 'new'), { code: 0, answer: { ok: true, findings: [] } });
    await edit(
      'new/analytics.yaml',
      'deny: [DELETE, DELETE_VERSION]',
      'deny: [GET, PUT, LIST, DELETE, DELETE_VERSION]',
    );
    const { code, answer } = await json('lint', '--policies', 'new');
    assert.equal(code, 3);
    const [{ kind, rule } = {}] = answer['findings'] as { kind?: string; rule?: string }[];
    assert.deepEqual([kind, rule], ['unreachable', 'analytics/work-on-2026']);
  });

  it('explain takes an identity inline, from a file and from stdin, and exits as the decision is', async () => {
    const args = ['explain', '--policies', 'new', 'PUT', 's3://reports/2026/x'];
    await writeFile(join(cwd, 'alice.json'), JSON.stringify(ALICE));
    for (const as of [JSON.stringify(ALICE), 'alice.json', '-']) {
      const stdin = () => Readable.from([Buffer.from(JSON.stringify(ALICE))]);
      const { code, stdout } = await runCommand(['policy', ...args, '--as', as], { cwd, stdin });
      assert.equal(code, 0);
      assert.match(stdout, /^allow by analytics\/work-on-2026: /);
    }
    const denied = await json('explain', '--policies', 'new', '--as', 'alice.json', 'DELETE', 's3://reports/x');
    assert.equal(denied.code, 3);
    assert.deepEqual(Object.keys(denied.answer), ['decision', 'rules', 'undecided']);
    for (const wrong of ['{"issuer":"demo"}', '{"issuer":"demo","subject":"a","sub":"b"}']) {
      assert.equal((await run(...args, '--as', wrong)).code, 1);
    }
    assert.equal((await run('explain', '--policies', 'new', '--as', 'alice.json', 'GET', 's3://reports')).code, 2);
  });

  it('who names subjects, or nobody with 3', async () => {
    const found = await run('who', '--policies', 'new', 's3://reports/2026/x', 'DELETE');
    assert.equal(found.code, 0);
    assert.equal(
      found.stdout,
      'group admins of demo: admins/all-reports\n  not group analytics of demo as well: analytics/never-delete\n',
    );
    assert.deepEqual(await json('who', '--policies', 'new', 's3://reports/x', 'PUT_LOCK'), {
      code: 3,
      answer: { allowed: [] },
    });
  });

  it('diff shows what changed, with a case that the new set passes', async () => {
    assert.deepEqual(await json('diff', 'old', 'new', '--no-new-access'), {
      code: 0,
      answer: { newAccess: false, differences: [], guardrails: [] },
    });
    await edit('new/analytics.yaml', 'prefix: 2026/', 'everything: true');
    assert.equal((await run('diff', 'old', 'new')).code, 0);
    assert.equal((await run('diff', 'new', 'old', '--no-new-access')).code, 0);
    const { code, answer } = await json('diff', 'old', 'new', '--no-new-access');
    assert.equal(code, 3);
    const [{ case: pasted = '' } = {}] = answer['differences'] as { case?: string }[];
    await rm(join(cwd, 'new/tests'), { recursive: true });
    await cp(join(cwd, 'old/tests'), join(cwd, 'new/tests'), {
      recursive: true,
      filter: (path) => path.endsWith('tests'),
    });
    await writeFile(join(cwd, 'new/tests/pasted.yaml'), pasted);
    assert.match((await run('test', '--policies', 'new')).stdout, /1 of 1 cases pass/);
    assert.match((await run('test', '--policies', 'old', '--cases', 'new/tests')).stdout, /0 of 1 cases pass/);
  });

  it('who and diff say conditions, and the case of a difference states its facts', async () => {
    await edit(
      'new/ci.yaml',
      'everything: true',
      'everything: true\n    when: { networks: [10.0.0.0/8], until: 2099-01-01T00:00:00Z }',
    );
    const who = await run('who', '--policies', 'new', 's3://artifacts/x', 'GET');
    assert.match(who.stdout, /subject ci-bot .*, until 2099-01-01T00:00:00Z, from 10\.0\.0\.0\/8: ci\/fetch-artifacts/);
    assert.equal((await run('diff', 'new', 'old', '--no-new-access')).code, 3);
    const { code, answer } = await json('diff', 'old', 'new', '--no-new-access');
    assert.equal(code, 0);
    const [{ change, case: pasted = '' } = {}] = answer['differences'] as { change?: string; case?: string }[];
    assert.equal(change, 'denied');
    assert.match(pasted, /facts: \{ time: /);
    await rm(join(cwd, 'new/tests'), { recursive: true });
    await mkdir(join(cwd, 'new/tests'));
    await writeFile(join(cwd, 'new/tests/pasted.yaml'), pasted);
    assert.match((await run('test', '--policies', 'new')).stdout, /1 of 1 cases pass/);
    assert.match((await run('test', '--policies', 'old', '--cases', 'new/tests')).stdout, /0 of 1 cases pass/);
  });

  it('test names each condition that no case notices, with a case that does', async () => {
    const when = "when: { networks: [10.0.0.0/8], via: agent }\n    reason: 'Robots.'";
    await edit('new/analytics.yaml', 'reason: Reports are kept; ask an administrator.', when);
    await writeFile(join(cwd, 'new/tests/analytics.yaml'), '# none\nidentities: {}\ncases: []');
    assert.equal((await run('test', '--policies', 'new')).code, 1);
    await rm(join(cwd, 'new/tests/analytics.yaml'));
    const { stdout } = await run('test', '--policies', 'new', '--mutants');
    for (const name of ['networks', 'via']) assert.match(stdout, new RegExp(`without the condition ${name}`));
    const [, cases = ''] = stdout.split('# cases that would notice\n');
    await writeFile(join(cwd, 'new/tests/more.yaml'), cases);
    assert.match((await run('test', '--policies', 'new', '--mutants')).stdout, / 0 survive/);
  });

  it('explain takes facts in the words of cases, and cannot tell, with 4, where one is missing that matters', async () => {
    await edit('new/ci.yaml', 'everything: true', 'everything: true\n    when: { networks: [10.0.0.0/8] }');
    const as = JSON.stringify({ issuer: 'demo', subject: 'ci-bot', client: 'ci-bot' });
    const ask = (...facts: readonly string[]) =>
      json('explain', '--policies', 'new', '--as', as, ...facts, 'GET', 's3://artifacts/x');
    const { code, answer } = await ask();
    assert.deepEqual([code, answer['undecided']], [4, ['ci/fetch-artifacts']]);
    assert.equal((await ask('--facts', '{ clientAddress: 10.0.0.7 }')).code, 0);
    const outside = await ask('--facts', '{ clientAddress: 192.0.2.1 }');
    assert.equal(outside.code, 3);
    const [failed] = (outside.answer['rules'] as { rule: string; failed?: object }[]).flatMap((each) =>
      each.rule === 'ci/fetch-artifacts' ? each.failed : [],
    );
    assert.deepEqual(failed, { condition: 'when', wants: 'from 10.0.0.0/8', saw: '"192.0.2.1"' });
    const wrong = await run(
      'explain',
      '--policies',
      'new',
      '--as',
      as,
      '--facts',
      '{ adress: x }',
      'GET',
      's3://a-b/x',
    );
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /the facts:1: has unknown "adress"/);
  });

  it('lint finds with 3 what has ended, and groups that no identity of the cases has', async () => {
    await edit('new/ci.yaml', 'everything: true', 'everything: true\n    when: { until: 2020-01-01T00:00:00Z }');
    await edit('new/analytics.yaml', 'group: analytics', 'group: analytcs');
    const { code, answer } = await json('lint', '--policies', 'new');
    assert.equal(code, 3);
    const kinds = (answer['findings'] as { kind: string; rule: string }[]).map(({ kind, rule }) => `${kind} ${rule}`);
    assert.deepEqual(kinds, ['unknown-group analytics', 'ended ci/fetch-artifacts']);
  });

  it('refuses a set with a mistake in it, with the line', async () => {
    await edit('new/ci.yaml', 'allow: [GET]', 'allow: [GTE]');
    for (const args of [['test'], ['lint'], ['who', 's3://reports/x', 'GET']]) {
      const { code, stderr } = await run(...args, '--policies', 'new');
      assert.equal(code, 1);
      assert.match(stderr, /ci\.yaml:\d+: rules\[0\]\.allow/);
    }
  });
});

describe('sallyport policy with a configuration', () => {
  let sample: Sample;
  const policy = (more: object = {}) =>
    stringify({
      ...{ id: 'robots', description: 'Robots read.', subjects: [{ issuer: 'corp', everybody: true }] },
      rules: [{ id: 'read', allow: ['GET'], bucket: 'reports', everything: true, ...more }],
    });
  before(async () => {
    sample = await Sample.create();
    const issuer = { 'issuers.corp.claims': ['client_id'], 'issuers.corp.agentClients': ['robot'] };
    await sample.write('sallyport.yaml', stringify(changed(issuer)));
    for (const name of ['old', 'wrong']) await mkdir(sample.file(name));
    await sample.write('policies/robots.yaml', policy({ when: { via: 'agent' } }));
    await sample.write('old/robots.yaml', policy());
    await sample.write('wrong/robots.yaml', policy({ bucket: 'reprots' }));
  });
  after(() => sample.remove());
  const run = (...args: readonly string[]) =>
    runCommand(['policy', ...args, '--config', sample.file('sallyport.yaml')]);

  it('knows which clients are agents, and which buckets there are', async () => {
    const explained = async (client: string) => {
      const as = JSON.stringify({ issuer: 'corp', subject: 'a', client });
      return (await run('explain', '--as', as, 'GET', 's3://reports/x')).code;
    };
    assert.deepEqual([await explained('robot'), await explained('other')], [0, 3]);
    const lost = await run('diff', sample.file('old'), sample.file('policies'), '--no-new-access');
    assert.equal(lost.code, 0);
    assert.match(lost.stdout, /^newly denied to everybody of corp: GET in reports/);
    const gained = await run('diff', sample.file('policies'), sample.file('old'), '--no-new-access');
    assert.equal(gained.code, 3);
    assert.match(gained.stdout, /agentClients: \{ corp: \[ robot \] \}/);
    assert.equal((await run('diff', sample.file('old'), sample.file('wrong'))).code, 1);
  });
});
