import assert from 'node:assert/strict';
import { idOf, isSound, readEntry, supersedes, writeEntry, type Revoked } from '../../../src/revocation/entry.ts';
import { entryOf, ISSUER, NOW_MS, OTHER, subject } from './fixture.ts';

const KINDS: readonly Revoked[] = [
  { kind: 'token', tokenIdHash: 'b'.repeat(32) },
  { kind: 'token', tokenIdHash: 'b'.repeat(32), issuer: ISSUER },
  { kind: 'session', accessKeyId: 'SPLYAAAAAAAAAAAAAAAA' },
  { kind: 'login', issuer: ISSUER, sessionId: 'sid "1" \\' },
  { kind: 'subject', issuer: ISSUER, subject: 'auth0|älice' },
  { kind: 'address', network: '198.51.100.7/32' },
  { kind: 'address', network: '2001:db8::/48' },
  { kind: 'issued-before', beforeMs: NOW_MS },
  { kind: 'issued-before', beforeMs: NOW_MS, issuer: ISSUER },
  { kind: 'issued-before', beforeMs: NOW_MS, issuer: ISSUER, subject: 'alice' },
];

describe('an entry of the list of revocations', () => {
  it('comes back from its line as it was, of every kind', () => {
    for (const revoked of KINDS) {
      const entry = entryOf(revoked, { reason: 'why', expiresAtMs: NOW_MS + 1 });
      assert.deepEqual(readEntry(writeEntry(entry)), entry);
    }
  });

  it('has an id of its own for every scope: no issuer, one issuer, another', () => {
    const all = [...KINDS, subject('alice'), subject('alice', OTHER), subject('älice')];
    assert.equal(new Set(all.map(idOf)).size, all.length);
  });

  it('is one entry for an issued-before time of one scope, whatever the time', () => {
    assert.equal(idOf({ kind: 'issued-before', beforeMs: 1 }), idOf({ kind: 'issued-before', beforeMs: 2 }));
  });

  it('is read only in the one form in which it is written', () => {
    const line = writeEntry(entryOf(subject('alice')));
    const spoiled = [
      line.replace('{', '{ '),
      line.replace('"v":1', '"v":2'),
      line.replace('{"v":1', '{"v":1,"v":1'),
      line.replace('"subject":"alice"', '"subject":"bob"'),
      line.replace('"subject":"alice"', '"subject":["alice"]'),
      line.replace('"subject":"alice",', ''),
      line.replace('"kind":"subject"', '"kind":"__proto__"'),
      line.replace('.000Z', 'Z'),
      line.replace('alice', '\\u0061lice'),
      line.replace('"by":"operator"', '"by":""'),
      line.replace('}', ',"lifted":false}'),
      line.replace('}', ',"extra":1}'),
      `${line} `,
      line.slice(0, -1),
      'null',
      '[]',
      '',
    ];
    for (const text of spoiled) assert.equal(readEntry(text), undefined, text);
  });

  it('holds no text that could forge a line or hide in one', () => {
    for (const text of ['', 'a\nb', 'a\u202eb', 'a\u0000b', 'a\ud800', 'x'.repeat(1025)]) {
      assert.equal(isSound(subject(text)), false, JSON.stringify(text));
    }
    assert.equal(isSound({ kind: 'issued-before', beforeMs: NOW_MS, subject: 'alice' }), false);
    assert.equal(isSound({ kind: 'issued-before', beforeMs: NaN }), false);
    for (const network of [
      '198.51.100.7',
      '198.51.100.7/33',
      '2001:db8::/129',
      '1.2.3/8',
      '1.2.3.4/08',
      '1.2.3.4/8\n',
      'x/1',
    ]) {
      assert.equal(isSound({ kind: 'address', network }), false, network);
    }
  });

  it('gives way to a later one, and at the same instant to the one that revokes', () => {
    const revokes = entryOf(subject('alice'));
    const lifts = entryOf(subject('alice'), { lifted: true });
    assert.equal(supersedes(revokes, lifts), true);
    assert.equal(supersedes(lifts, revokes), false);
    assert.equal(supersedes({ ...lifts, atMs: NOW_MS + 1 }, revokes), true);
  });
});
