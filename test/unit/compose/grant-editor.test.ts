import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { auditFiles, readAudit, type AuditAccess } from '../../../src/audit/read-audit.ts';
import { openGrantEditor, type GrantEditor, type GrantingConfig } from '../../../src/compose/grant-editor.ts';
import { Sample } from '../config/sample.ts';
import { Clock, HOUR_MS, NOW_MS, TERMS } from '../grants/fixture.ts';

describe('the editor of grants', () => {
  let sample: Sample;
  let config: GrantingConfig;
  let pid = 1;
  const clock = new Clock();
  const opened: GrantEditor[] = [];

  beforeEach(async () => {
    sample = await Sample.create();
    clock.nowMs = NOW_MS;
    const changes = {
      revocation: { file: 'revoked' },
      'policies.grants': { keyFile: 'seed' },
      'audit.minFreeBytes': 1,
    };
    config = (await sample.load(changes)) as GrantingConfig;
  });
  afterEach(async () => {
    for (const editor of opened.splice(0)) await editor.close();
    await sample.remove();
  });

  const open = async (user: string, writes = true): Promise<GrantEditor> => {
    pid += 1;
    const editor = await openGrantEditor(config, { user, pid, logStream: process.stderr, writes, clock });
    opened.push(editor);
    return editor;
  };
  const record = async (): Promise<readonly (readonly [string, string, string | undefined])[]> => {
    const all: AuditAccess[] = [];
    for await (const access of readAudit(await auditFiles(config.audit.directory))) all.push(access);
    return all.map(({ operation, subject, result }) => [operation, subject, result]);
  };

  it('notes what lapsed before the next step, once, with who noted it', async () => {
    const olivia = await open('olivia');
    const pending = await olivia.request({ ...TERMS, approvers: ['bob'] });
    const short = await olivia.request({ ...TERMS, seconds: 60 });
    clock.nowMs += HOUR_MS;
    const bob = await open('bob');
    await assert.rejects(bob.take('approve', pending.id, undefined), { name: 'GrantRefused', message: /lapsed/ });
    await assert.rejects(bob.take('end', short.id, undefined), {
      name: 'GrantRefused',
      message: /over already: lapsed/,
    });
    assert.deepEqual(await record(), [
      ['RequestGrant', 'olivia', 'completed'],
      ['CreateGrant', 'olivia', 'completed'],
      ['LapseGrant', 'bob', 'completed'],
      ['LapseGrant', 'bob', 'completed'],
      ['ApproveGrant', 'bob', 'failed'],
      ['EndGrant', 'bob', 'failed'],
    ]);
    assert.deepEqual(
      (await bob.list()).map(({ closed }) => closed?.how),
      ['lapsed', 'lapsed'],
    );
  });

  it('lets of two who decide at once one be the first', async () => {
    const olivia = await open('olivia');
    const { id } = await olivia.request({ ...TERMS, approvers: ['bob', 'carol'] });
    const [bob, carol] = [await open('bob'), await open('carol')];
    const results = await Promise.allSettled([bob.take('approve', id, undefined), carol.take('refuse', id, 'no')]);
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  it('keeps grants in a file of its own that nobody else may write, and touches no other', async () => {
    const olivia = await open('olivia');
    await olivia.request(TERMS);
    const path = sample.file('revoked.grants');
    assert.equal((await stat(path)).mode & 0o777, 0o640);
    await assert.rejects(stat(sample.file('revoked')), { code: 'ENOENT' });
    const good = await readFile(path, 'utf8');
    await writeFile(path, good.replace('"alice"', '"mallory"'));
    await assert.rejects(olivia.request(TERMS), { name: 'ListStoreError' });
    await assert.rejects((await open('bob', false)).list(), { name: 'ListStoreError' });
    assert.equal(await readFile(path, 'utf8'), good.replace('"alice"', '"mallory"'));
  });
});
