import assert from 'node:assert/strict';
import { breakerFormat, breakerId, closing, isOpen } from '../../../src/guardrails/breaker.ts';
import { ALICE, breakerOf, FORMAT, NOW_MS } from './fixture.ts';

const CLOSED = { atMs: NOW_MS + 1000, by: 'olivia', reason: 'INC-9' };

describe('the line of a breaker', () => {
  it('is read as it was written: open and closed, of an identity, of an agent, and of a policy', () => {
    const agent = { ...ALICE, actor: 'bot', actorIssuer: 'https://other.invalid' };
    const { guardrail, turn, openedAtMs, why } = breakerOf();
    for (const breaker of [
      breakerOf(),
      breakerOf({ whose: agent }),
      breakerOf({ turn: 7 }),
      { id: breakerId(guardrail, undefined), guardrail, turn, openedAtMs, why },
      closing(breakerOf(), CLOSED),
      closing(breakerOf(), { atMs: NOW_MS, by: 'olivia' }),
    ]) {
      assert.deepEqual(FORMAT.read(FORMAT.write(breaker)), breaker);
    }
  });

  it('is none where it is forged, altered, cut, or of another list', () => {
    const line = FORMAT.write(breakerOf());
    for (const wrong of [
      breakerFormat(Buffer.alloc(32, 8)).write(breakerOf()),
      line.replace('"turn":1', '"turn":3'),
      line.replace('alice', 'mallory'),
      line.slice(0, -1),
      ` ${line}`,
      `${line} `,
      line.replace('{', '{"v":1,'),
      line.replace(/,"mac":.*$/, '}'),
      '',
      '{}',
    ]) {
      assert.equal(FORMAT.read(wrong), undefined, wrong);
    }
  });

  it('is none where what is sealed in it is not a breaker', () => {
    for (const wrong of [
      breakerOf({ turn: 2 }),
      breakerOf({ turn: 0 }),
      breakerOf({ turn: 1.5 }),
      breakerOf({ closed: CLOSED }),
      breakerOf({ id: 'f'.repeat(16) }),
      breakerOf({ why: '' }),
      breakerOf({ why: 'a\nb' }),
      breakerOf({ whose: { ...ALICE, subject: 'a\u202eb' } }),
      breakerOf({ openedAtMs: NOW_MS, guardrail: 'x'.repeat(200) }),
      closing(breakerOf(), { ...CLOSED, by: '' }),
      closing(breakerOf(), { ...CLOSED, reason: 'x'.repeat(300) }),
    ]) {
      assert.equal(FORMAT.read(FORMAT.write(wrong)), undefined, JSON.stringify(wrong));
    }
  });

  it('is apart for each budget, identity and agent', () => {
    const ids = [
      breakerId('a/b', undefined),
      breakerId('a/c', undefined),
      breakerId('a/b', ALICE),
      breakerId('a/b', { ...ALICE, subject: 'bob' }),
      breakerId('a/b', { ...ALICE, actor: 'bob' }),
      breakerId('a/b', { ...ALICE, actor: 'bob', actorIssuer: 'https://other.invalid' }),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });

  it('goes by turns: a later one holds, whatever clocks say', () => {
    const [open, closed] = [breakerOf(), closing(breakerOf(), { ...CLOSED, atMs: 0 })];
    const again = breakerOf({ turn: 3 });
    assert.deepEqual([open, closed, again].map(isOpen), [true, false, true]);
    assert.ok(FORMAT.supersedes(closed, open) && !FORMAT.supersedes(open, closed) && FORMAT.supersedes(again, closed));
    assert.ok(!FORMAT.supersedes(open, open));
  });

  it('is thrown away a month after it was closed, and never while it is open', () => {
    const month = 32 * 86_400_000;
    const closed = closing(breakerOf(), CLOSED);
    assert.ok(!FORMAT.isOver(breakerOf(), NOW_MS + 100 * month));
    assert.ok(!FORMAT.isOver(closed, CLOSED.atMs + month - 1) && FORMAT.isOver(closed, CLOSED.atMs + month));
  });
});
