import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { AuditEntry, AuditIntent } from '../../../../src/contracts/audit-sink.ts';
import { keepSet } from '../../../../src/policy/kept-sets.ts';
import { loadPolicies } from '../../../../src/policy/load-policies.ts';
import { runCommand } from '../../../support/client/run-command.ts';
import { denial, intent, itemDenial, outcome, request } from '../../audit/entries.ts';
import { auditLine } from '../../audit/lines.ts';

const shipped = fileURLToPath(new URL('../../../../policies/', import.meta.url));

describe('sallyport policy, of recorded accesses', () => {
  let cwd: string;
  let policyVersion: string;
  let lines: AuditEntry[];

  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'policy-'));
    await cp(shipped, join(cwd, 'new'), { recursive: true });
    await mkdir(join(cwd, 'audit/policies'), { recursive: true });
    const set = await loadPolicies(shipped);
    policyVersion = set.version;
    await keepSet(join(cwd, 'audit/policies'), set.files);
    const allowed: Partial<Omit<AuditIntent, 'entry'>> = {
      ...{ policyVersion, operation: 'PutObject', verbs: ['PUT'], key: '2026/x', rule: 'analytics/work-on-2026' },
      wayIn: 'bearer',
    };
    const never = { ...allowed, operation: 'DeleteObject', verbs: ['DELETE'], rule: 'analytics/never-delete' } as const;
    lines = [
      intent('ALLOWED', allowed),
      outcome('ALLOWED'),
      denial('DENIED', { ...never, reason: '' }),
      intent('LIES', { ...allowed, rule: 'admins/all-reports' }),
      intent('GRANTED', { ...allowed, rule: 'grant/0a1b' }),
      intent('GONE', { ...allowed, policyVersion: '0123456789ab' }),
      intent('OLD', { policyVersion }),
      intent('STS', { operation: 'WhoAmI', bucket: '', key: '', rule: 'own-identity', policyVersion }),
      request('BATCH', 2, { wayIn: 'bearer' }),
      { ...itemDenial('BATCH', 0, '2026/a'), policyVersion, verbs: ['DELETE'], rule: 'analytics/never-delete' },
      { ...itemDenial('BATCH', 1, 'other'), policyVersion, verbs: ['DELETE'], rule: 'analytics/never-delete' },
    ];
    await write();
  });
  afterEach(() => rm(cwd, { recursive: true }));

  const write = () => writeFile(join(cwd, 'audit/access-1.jsonl'), `${lines.map(auditLine).join('')}{"v":1,"torn`);
  const run = (...args: readonly string[]) => runCommand(['policy', ...args], { cwd });
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args, '--json');
    assert.equal(stderr, '');
    return { code, answer: JSON.parse(stdout) as Record<string, unknown> };
  };
  const explain = (id: string) => json('explain', '--request-id', id, '--audit', 'audit');
  const edit = async (from: string, to: string) => {
    const path = join(cwd, 'new/analytics.yaml');
    const text = await readFile(path, 'utf8');
    assert.ok(text.includes(from));
    await writeFile(path, text.replace(from, to));
  };

  it('explain decides a request anew, agrees, and exits as it was decided', async () => {
    const allowed = await explain('ALLOWED');
    assert.equal(allowed.code, 0);
    const [access] = allowed.answer['accesses'] as Record<string, unknown>[];
    assert.deepEqual([access?.['agrees'], access?.['subject']], [true, 'alice']);
    const rules = access?.['rules'] as { rule: string; applies: boolean; failed?: { condition: string } }[];
    assert.equal(rules.find(({ rule }) => rule === 'analytics/work-on-2026')?.applies, true);
    assert.equal(rules.find(({ rule }) => rule === 'analytics/never-delete')?.failed?.condition, 'verb');
    assert.equal(rules.find(({ rule }) => rule === 'admins/all-reports')?.failed?.condition, 'subjects');
    assert.equal((await explain('DENIED')).code, 3);
    const batch = await explain('BATCH');
    assert.deepEqual([batch.code, (batch.answer['accesses'] as unknown[]).length], [3, 2]);
    const text = await run('explain', '--request-id', 'DENIED', '--audit', 'audit');
    assert.match(text.stdout, /\nthe record agrees\n {2}/);
  });

  it('explain cannot tell with 4: what disagrees, was granted, is kept no more, lacks a fact, is of no policy or not there', async () => {
    for (const [id, why] of [
      ['LIES', /does not decide as the record says/],
      ['GRANTED', /the record lacks grant\/0a1b/],
      ['GONE', /set 0123456789ab of policies is not kept/],
      ['OLD', /the record lacks verbs/],
      ['STS', /WhoAmI is no operation of S3/],
      ['NONE', /no access of this request/],
    ] as const) {
      const { code, stdout } = await run('explain', '--request-id', id, '--audit', 'audit');
      assert.equal(code, 4, id);
      assert.match(stdout, why);
    }
  });

  it('explain lets no key forge a line of its answer', async () => {
    lines.push(denial('FORGED', { policyVersion, verbs: ['GET'], key: 'x\nthe record agrees', rule: 'p/q' }));
    await write();
    const { stdout } = await run('explain', '--request-id', 'FORGED', '--audit', 'audit');
    assert.doesNotMatch(stdout, /^the record agrees$/m);
  });

  it('explain refuses with 2 what it cannot be asked', async () => {
    for (const args of [
      ['--request-id', 'R'],
      ['--request-id', 'R', '--audit', 'nowhere'],
      ['--request-id', 'R', '--policies', 'new', '--audit', 'audit'],
      ['--policies', 'new'],
      ['GET', 's3://reports/x', '--policies', 'new'],
    ]) {
      assert.equal((await run('explain', ...args)).code, 2, args.join(' '));
    }
  });

  it('simulate says what would change, and what cannot be told', async () => {
    lines = lines.filter(({ requestId }) => ['ALLOWED', 'DENIED', 'STS', 'BATCH'].includes(requestId));
    await write();
    const same = await json('simulate', '--from', 'audit', 'new');
    assert.equal(same.code, 0);
    assert.deepEqual(same.answer, {
      ...{ accesses: 4, unchanged: 4, changed: 0, changes: [], notReplayable: 0, missing: [], isCut: false },
    });
    await edit('prefix: 2026/', 'prefix: 2027/');
    const changed = await run('simulate', '--from', 'audit', 'new');
    assert.equal(changed.code, 3);
    assert.match(
      changed.stdout,
      /alice of demo: PUT in reports: allow by analytics\/work-on-2026, now deny by default-deny/,
    );
    assert.match(changed.stdout, /4 accesses: 3 unchanged, 1 changed, 0 not replayable/);
  });

  it('simulate exits with 4 where nothing changes that can be told', async () => {
    const { code, answer } = await json('simulate', '--from', 'audit', 'new');
    assert.equal(code, 4);
    assert.equal(answer['notReplayable'], 2);
    assert.equal((await run('simulate', '--from', 'audit', 'nowhere')).code, 2);
    await writeFile(join(cwd, 'new/bad.yaml'), 'id: bad');
    assert.equal((await run('simulate', '--from', 'audit', 'new')).code, 1);
  });

  it('suggest gives a policy that allows what was done, and says when rules were used last', async () => {
    const { code, answer } = await json('suggest', '--from', 'audit', '--subject', 'alice');
    assert.equal(code, 0);
    const [text = ''] = answer['policies'] as string[];
    const { subjects, rules } = parse(text) as { subjects: unknown; rules: unknown };
    assert.deepEqual(subjects, [{ issuer: 'demo', subject: 'alice' }]);
    assert.deepEqual(rules, [{ id: 'rule-1', allow: ['PUT'], bucket: 'reports', prefixes: ['2026/'] }]);
    assert.ok((answer['uses'] as { rule: string }[]).some(({ rule }) => rule === 'analytics/work-on-2026'));
    const printed = await run('suggest', '--from', 'audit', '--group', 'analytics', '--depth', '0');
    assert.match(printed.stdout, /everything: true/);
    assert.equal((await run('suggest', '--from', 'audit', '--subject', 'nobody')).code, 3);
    assert.equal((await run('suggest', '--from', 'audit', '--depth', 'deep')).code, 2);
    assert.equal((await run('suggest', '--from', 'audit', '--subject', 'a', '--group', 'b')).code, 2);
  });

  it('changes nothing in the audit', async () => {
    const before = await readFile(join(cwd, 'audit/access-1.jsonl'), 'utf8');
    await run('suggest', '--from', 'audit');
    await run('simulate', '--from', 'audit', 'new');
    assert.equal(await readFile(join(cwd, 'audit/access-1.jsonl'), 'utf8'), before);
  });
});
