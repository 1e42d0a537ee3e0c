import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { grantFormat, problemOf, stateOf, type GrantEntry, type GrantTerms } from '../../../src/grants/entry.ts';
import { approval, ending, lapse, newGrant } from '../../../src/grants/changes.ts';
import { FORMAT, grantOf, HOUR_MS, KEY, NOW_MS, TERMS } from './fixture.ts';

const ORDER = { nowMs: NOW_MS, by: 'olivia' };
const read = (entry: GrantEntry) => FORMAT.read(FORMAT.write(entry));

const macOf = (body: string): string =>
  createHmac('sha256', KEY).update('sallyport grant\0').update(body).digest('hex');

/** A line as somebody would write it who has the key, and no scruples. */
function forged(change: (members: Record<string, unknown>) => void): GrantEntry | undefined {
  const line = FORMAT.write(grantOf());
  const members = JSON.parse(line) as Record<string, unknown>;
  change(members);
  const text = JSON.stringify({ ...members, mac: undefined });
  return FORMAT.read(`${text.slice(0, -1)},"mac":"${macOf(text)}"}`);
}

describe('a grant as a line', () => {
  it('comes back as it was, in each of its states', () => {
    const pending = newGrant('00000000000000aa', { ...TERMS, approvers: ['bob', 'carol'] }, ORDER);
    const active = approval(pending, { nowMs: NOW_MS + 1000, by: 'carol' });
    const states = [
      pending,
      active,
      ending(active, ORDER, 'done'),
      lapse(pending, ORDER),
      grantOf(),
      grantOf({ verbs: ['GET'], scope: { key: '2026/\u00fc "x".csv' } }),
      grantOf({ verbs: ['ADMIN'], scope: { prefix: '' } }),
    ];
    for (const entry of states) assert.deepEqual(read(entry), entry);
  });

  it('is none where it was made or changed without the key', () => {
    const line = FORMAT.write(grantOf());
    assert.equal(grantFormat(Buffer.alloc(32, 8)).read(line), undefined);
    const changes: readonly (readonly [string, string])[] = [
      ['"alice"', '"mallory"'],
      ['"2026/"', '""'],
      ['["GET","LIST"]', '["GET","PUT","LIST"]'],
      ['"seconds":3600', '"seconds":9999'],
      ['"reason":"INC-1"', '"reason":"INC-2"'],
    ];
    for (const [from, to] of changes) {
      assert.ok(line.includes(from), from);
      assert.equal(FORMAT.read(line.replace(from, to)), undefined, to);
    }
    assert.equal(FORMAT.read(line.replace(/,"mac":"[^"]+"/, '')), undefined);
    assert.equal(FORMAT.read(line.replace(/"mac":"[^"]+"/, '"mac":""')), undefined);
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        const spoiled = line.slice(0, at) + character + line.slice(at + 1);
        assert.equal(FORMAT.read(spoiled) !== undefined, spoiled === line);
      }),
    );
  });

  it('is none in any other form, also with the right code', () => {
    assert.notEqual(
      forged(() => undefined),
      undefined,
    );
    const wrong: readonly ((members: Record<string, unknown>) => void)[] = [
      (members) => (members['v'] = 2),
      (members) => (members['id'] = '../../etc/passwd'),
      (members) => (members['id'] = 'A'.repeat(16)),
      (members) => (members['subject'] = '*\n'),
      (members) => (members['subject'] = ''),
      (members) => (members['subject'] = ['alice', 'bob']),
      (members) => (members['issuer'] = undefined),
      (members) => (members['verbs'] = ['LIST', 'GET']),
      (members) => (members['verbs'] = ['GET', 'GET']),
      (members) => (members['verbs'] = []),
      (members) => (members['verbs'] = ['*']),
      (members) => (members['verbs'] = ['GET', 'ADMIN']),
      (members) => (members['bucket'] = '*'),
      (members) => (members['bucket'] = '../reports'),
      (members) => (members['prefix'] = undefined),
      (members) => (members['prefix'] = '2026'),
      (members) => (members['prefix'] = '2026/../'),
      (members) => (members['prefix'] = './'),
      (members) => (members['prefix'] = 'a\u0000/'),
      (members) => (members['prefix'] = 'a\u202e/'),
      (members) => (members['prefix'] = `${'x'.repeat(1100)}/`),
      (members) => (members['seconds'] = 0),
      (members) => (members['seconds'] = 1.5),
      (members) => (members['seconds'] = 1e9),
      (members) => (members['seconds'] = '3600'),
      (members) => (members['reason'] = 'a\nb'),
      (members) => (members['reason'] = 'x'.repeat(257)),
      (members) => (members['requested'] = 'yesterday'),
      (members) => (members['requestedBy'] = 'x'.repeat(65)),
      // Approved by somebody where nobody was named, and by who requested it.
      (members) => (members['approvedBy'] = 'mallory'),
      (members) => (members['approvers'] = ['olivia']),
      (members) => (members['more'] = true),
      (members) => (members['how'] = 'ended'),
    ];
    for (const [at, change] of wrong.entries()) assert.equal(forged(change), undefined, `change ${at}`);
    assert.equal(FORMAT.read('x'.repeat(20_000)), undefined);
    for (const text of ['', '{}', '[]', 'null', '\u0000']) assert.equal(FORMAT.read(text), undefined);
  });

  it('is none where who approved it may not, also sealed with the key', () => {
    const [alone, approved] = [grantOf(), grantOf({ approvers: ['bob'] })];
    assert.deepEqual(read(approved), approved);
    const step = (by: string) => ({ atMs: NOW_MS, by });
    const wrong: readonly GrantEntry[] = [
      { ...alone, approvers: ['olivia'] },
      { ...alone, approvers: ['bob'] },
      { ...alone, approvers: ['bob', 'olivia'] },
      { ...alone, approved: step('mallory') },
      { ...approved, approved: step('mallory') },
      { ...approved, requested: step('bob') },
      { ...approved, approvers: ['bob', 'bob'] },
      { ...approved, closed: { ...step('x'), how: 'reopened' as never } },
      { ...approved, closed: { ...step('x'), how: 'ended', reason: 'a\nb' } },
    ];
    for (const [at, entry] of wrong.entries()) assert.equal(read(entry), undefined, `entry ${at}`);
  });

  it('says in one clause what it cannot be', () => {
    const wrong: readonly (readonly [Partial<GrantTerms>, RegExp])[] = [
      [{ subject: '' }, /subject/],
      [{ verbs: [] }, /verbs/],
      [{ verbs: ['LIST'], scope: { key: 'a' } }, /LIST/],
      [{ verbs: ['ADMIN'] }, /ADMIN/],
      [{ scope: { prefix: 'a' } }, /must end in/],
      [{ scope: { key: 'a/' }, verbs: ['GET'] }, /must end in/],
      [{ scope: { prefix: 'a/../b/' } }, /`\.\.`/],
      [{ seconds: 0 }, /last/],
      [{ reason: '' }, /reason/],
      [{ approvers: ['bob', 'bob'] }, /each once/],
      [{ approvers: [''] }, /approver/],
      [{ bucket: 'Reports' }, /bucket/],
      [{ issuer: '' }, /issuer/],
    ];
    for (const [change, expected] of wrong) assert.match(problemOf({ ...TERMS, ...change }) ?? '', expected);
    assert.equal(problemOf(TERMS), undefined);
  });

  it('is over by its time whatever nobody noted', () => {
    const pending = newGrant('00000000000000aa', { ...TERMS, approvers: ['bob'] }, ORDER);
    assert.equal(stateOf(pending, NOW_MS + HOUR_MS - 1), 'pending');
    assert.equal(stateOf(pending, NOW_MS + HOUR_MS), 'lapsed');
    const active = approval(pending, { nowMs: NOW_MS + 60_000, by: 'bob' });
    // The time begins when it is approved, not when it is requested.
    assert.equal(stateOf(active, NOW_MS + HOUR_MS + 59_999), 'active');
    assert.equal(stateOf(active, NOW_MS + HOUR_MS + 60_000), 'lapsed');
  });
});
