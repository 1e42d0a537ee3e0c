import assert from 'node:assert/strict';
import { auditFiles, readAudit, type AuditAccess } from '../../../src/audit/read-audit.ts';
import { openBreakerEditor, type BreakerEditor, type GuardedConfig } from '../../../src/compose/breaker-editor.ts';
import { guardrailPartsOf } from '../../../src/compose/guardrails.ts';
import type { BreakerList } from '../../../src/guardrails/breaker-list.ts';
import { Sample } from '../config/sample.ts';
import { ALICE, NOW_MS } from '../guardrails/fixture.ts';
import { observe } from '../revocation/fixture.ts';

describe('the editor of breakers', () => {
  let sample: Sample;
  let config: GuardedConfig;
  let list: BreakerList;
  const clock = { now: () => NOW_MS };
  const opened: { readonly close: () => Promise<void> }[] = [];

  beforeEach(async () => {
    sample = await Sample.create();
    const changes = {
      revocation: { file: 'revoked' },
      'policies.guardrails': { keyFile: 'seed' },
      'audit.minFreeBytes': 1,
    };
    config = (await sample.load(changes)) as GuardedConfig;
    const { breakers } = await guardrailPartsOf(config, { clock, ...observe(), own: undefined });
    assert.ok(breakers !== undefined);
    list = breakers;
    opened.push(list);
    list.open('ci/hourly', ALICE, 'more than 2 deletions in 1 h');
    await list.refresh();
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await sample.remove();
  });

  const open = async (writes = true): Promise<BreakerEditor> => {
    const editor = await openBreakerEditor(config, {
      user: 'olivia',
      pid: 1,
      logStream: process.stderr,
      writes,
      clock,
    });
    opened.push(editor);
    return editor;
  };
  const record = async (): Promise<readonly AuditAccess[]> => {
    const all: AuditAccess[] = [];
    for await (const access of readAudit(await auditFiles(config.audit.directory))) all.push(access);
    return all;
  };

  it('shows what gateways opened', async () => {
    const [breaker, ...more] = await (await open(false)).list();
    assert.deepEqual([breaker?.guardrail, breaker?.whose, more.length], ['ci/hourly', ALICE, 0]);
  });

  it('closes one for the gateways that watch, on record with who did it and why', async () => {
    const editor = await open();
    const [breaker] = await editor.list();
    assert.ok(breaker !== undefined);
    const closed = await editor.closeOne(breaker.id.slice(0, 6), 'INC-9');
    assert.deepEqual([closed?.turn, closed?.closed], [2, { atMs: NOW_MS, by: 'olivia', reason: 'INC-9' }]);
    await list.refresh();
    assert.equal(list.of(breaker.id)?.turn, 2);
    const [access] = await record();
    assert.deepEqual(
      [access?.operation, access?.subject, access?.result, access?.reason],
      ['CloseBreaker', 'olivia', 'completed', 'INC-9'],
    );
    assert.match(access?.key ?? '', /^breaker\/[0-9a-f]{16} ci\/hourly of "alice" of https:.* more than 2 deletions/);
  });

  it('closes none that is closed, or that is not there', async () => {
    const editor = await open();
    const [breaker] = await editor.list();
    assert.ok(breaker !== undefined);
    assert.equal(await editor.closeOne('ffffff', undefined), undefined);
    await editor.closeOne(breaker.id, undefined);
    assert.equal(await editor.closeOne(breaker.id, undefined), undefined);
    assert.equal((await record()).length, 1);
  });
});
