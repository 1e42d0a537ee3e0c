/** Lists and principals at random: what is read is what was written, and only what is meant is hit. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../../src/contracts/principal.ts';
import { createDenyIndex } from '../../src/revocation/deny-index.ts';
import {
  idOf,
  isSound,
  readEntry,
  supersedes,
  writeEntry,
  type Entry,
  type Revoked,
} from '../../src/revocation/entry.ts';

const NOW_MS = Date.UTC(2026, 4, 1);
/** Few of each, so that they meet. */
const issuer = fc.constantFrom('https://a.test', 'https://b.test');
const name = fc.constantFrom('alice', 'bob', '__proto__', 'constructor', 'https://a.test');
const tokenIdHash = fc.constantFrom('a'.repeat(32), 'b'.repeat(32));
const accessKeyId = fc.constantFrom('SPLYAAAAAAAAAAAAAAAA', 'SPLYBBBBBBBBBBBBBBBB');
const timeMs = fc.integer({ min: NOW_MS - 3, max: NOW_MS + 3 });

const optional = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((input) => (input === undefined ? {} : { [key]: input }));
const revoked: fc.Arbitrary<Revoked> = fc.oneof(
  fc
    .tuple(tokenIdHash, optional('issuer', issuer))
    .map(([hash, of]): Revoked => ({ kind: 'token', tokenIdHash: hash, ...of })),
  accessKeyId.map((id): Revoked => ({ kind: 'session', accessKeyId: id })),
  fc.tuple(issuer, name).map(([iss, sid]): Revoked => ({ kind: 'login', issuer: iss, sessionId: sid })),
  fc.tuple(issuer, name).map(([iss, sub]): Revoked => ({ kind: 'subject', issuer: iss, subject: sub })),
  fc
    .tuple(timeMs, optional('issuer', issuer), optional('subject', name))
    .map(([beforeMs, of, whose]): Revoked => ({ kind: 'issued-before', beforeMs, ...of, ...whose }))
    .filter(isSound),
);
const principal = fc
  .tuple(
    issuer,
    name,
    tokenIdHash,
    optional('issuedAtMs', timeMs),
    optional('sessionId', name),
    optional('accessKeyId', accessKeyId),
  )
  .map(([iss, subject, hash, ...more]): Principal => ({
    ...{ issuerName: 'x', issuer: iss, subject, groups: [], claims: {}, tokenIdHash: hash, expiresAtMs: NOW_MS },
    ...Object.assign({}, ...more),
  }));

/** What the words of the documentation say, without an index. */
function isMeant(what: Revoked, caller: Principal): boolean {
  switch (what.kind) {
    case 'token':
      return what.tokenIdHash === caller.tokenIdHash && (what.issuer ?? caller.issuer) === caller.issuer;
    case 'session':
      return what.accessKeyId === caller.accessKeyId;
    case 'login':
      return what.issuer === caller.issuer && what.sessionId === caller.sessionId;
    case 'subject':
      return what.issuer === caller.issuer && what.subject === caller.subject;
    case 'address':
      return false;
    case 'issued-before':
      return (
        (caller.issuedAtMs ?? -Infinity) < what.beforeMs &&
        (what.issuer ?? caller.issuer) === caller.issuer &&
        (what.subject ?? caller.subject) === caller.subject
      );
  }
}

describe('revocations at random', () => {
  it('hit those who are meant, and nobody else', () => {
    fc.assert(
      fc.property(fc.array(revoked, { maxLength: 12 }), principal, (all, caller) => {
        const list = new Map<string, Entry>();
        for (const what of all) {
          const entry: Entry = { id: idOf(what), revoked: what, atMs: NOW_MS, by: 'operator' };
          if (!list.has(entry.id)) list.set(entry.id, entry);
        }
        const meant = [...list.values()].some((entry) => isMeant(entry.revoked, caller));
        assert.equal(createDenyIndex(list, NOW_MS).find(caller, NOW_MS) !== undefined, meant);
      }),
      { numRuns: 2000 },
    );
  });

  it('come back from their lines as they were, and from no line that was changed', () => {
    const entry = fc
      .tuple(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }), timeMs)
      .map(([subject, reason, atMs]): Entry => {
        const what: Revoked = { kind: 'subject', issuer: 'https://a.test', subject };
        return { id: idOf(what), revoked: what, atMs, by: 'operator', reason };
      });
    fc.assert(
      fc.property(entry, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (input, at, character) => {
        const line = writeEntry(input);
        const read = readEntry(line);
        if (read !== undefined) assert.deepEqual(read, input);
        const index = at % line.length;
        const spoiled = line.slice(0, index) + character + line.slice(index + 1);
        const other = readEntry(spoiled);
        // A changed reason or operator is another entry of the same kind; what is revoked can never change.
        if (other !== undefined) assert.deepEqual(other.revoked, input.revoked);
      }),
      { numRuns: 500 },
    );
  });

  it('are never read out of noise', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => readEntry(text) === undefined));
  });

  it('are merged to the same list in any order', () => {
    const versions = fc.array(fc.tuple(timeMs, fc.boolean()), { minLength: 1, maxLength: 6 });
    const last = (entries: readonly Entry[]) =>
      entries.reduce((held, entry) => (supersedes(entry, held) ? entry : held));
    fc.assert(
      fc.property(versions, (drawn) => {
        const what: Revoked = { kind: 'subject', issuer: 'https://a.test', subject: 'alice' };
        const entries = drawn.map(([atMs, lifted]): Entry => ({
          ...{ id: idOf(what), revoked: what, atMs, by: 'operator' },
          ...(lifted ? { lifted: true } : {}),
        }));
        assert.deepEqual(last(entries), last(entries.toReversed()));
      }),
    );
  });
});
