import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../support/client/run-command.ts';

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
      answer: { newAccess: false, differences: [] },
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

  it('cannot tell, with 4, of rules with conditions what it does not look at', async () => {
    await edit('new/ci.yaml', 'everything: true', 'everything: true\n    when: { networks: [10.0.0.0/8] }');
    const as = JSON.stringify({ issuer: 'demo', subject: 'ci-bot' });
    assert.equal((await run('diff', 'old', 'new')).code, 4);
    assert.equal((await run('lint', '--policies', 'new')).code, 4);
    assert.equal((await run('who', '--policies', 'new', 's3://artifacts/x', 'GET')).code, 4);
    const { code, answer } = await json('explain', '--policies', 'new', '--as', as, 'GET', 's3://artifacts/x');
    assert.deepEqual([code, answer['undecided']], [4, ['ci/fetch-artifacts']]);
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
