import assert from 'node:assert/strict';
import type { Principal } from '../../../src/contracts/principal.ts';
import { createDenyIndex } from '../../../src/revocation/deny-index.ts';
import type { Revoked } from '../../../src/revocation/entry.ts';
import { entriesOf, entryOf, ISSUER, NOW_MS, OTHER, PRINCIPAL, subject } from './fixture.ts';

const isRevoked = (revoked: Revoked, principal: Partial<Principal> = {}): boolean =>
  createDenyIndex(entriesOf(entryOf(revoked)), NOW_MS).find({ ...PRINCIPAL, ...principal }, NOW_MS) !== undefined;
const issuedBefore = (beforeMs: number, more: { issuer?: string; subject?: string } = {}): Revoked => ({
  ...{ kind: 'issued-before', beforeMs },
  ...more,
});

describe('the index of revocations', () => {
  it('finds a token, at its issuer or everywhere, and the session that was issued for it', () => {
    const { tokenIdHash } = PRINCIPAL;
    assert.equal(isRevoked({ kind: 'token', tokenIdHash }), true);
    assert.equal(isRevoked({ kind: 'token', tokenIdHash, issuer: ISSUER }), true);
    assert.equal(isRevoked({ kind: 'token', tokenIdHash }, { accessKeyId: 'SPLYAAAAAAAAAAAAAAAA' }), true);
    assert.equal(isRevoked({ kind: 'token', tokenIdHash: 'b'.repeat(32) }), false);
  });

  it('never hits the same token id, subject or login of another issuer', () => {
    const elsewhere = { issuer: OTHER };
    assert.equal(isRevoked({ kind: 'token', tokenIdHash: PRINCIPAL.tokenIdHash, issuer: ISSUER }, elsewhere), false);
    assert.equal(isRevoked(subject('alice'), elsewhere), false);
    assert.equal(isRevoked({ kind: 'login', issuer: ISSUER, sessionId: 'login-1' }, elsewhere), false);
    assert.equal(isRevoked(issuedBefore(NOW_MS, { issuer: ISSUER }), elsewhere), false);
    assert.equal(isRevoked(issuedBefore(NOW_MS, { issuer: ISSUER, subject: 'alice' }), elsewhere), false);
  });

  it('finds a session by its access key id, and not the token behind it', () => {
    const session: Revoked = { kind: 'session', accessKeyId: 'SPLYAAAAAAAAAAAAAAAA' };
    assert.equal(isRevoked(session, { accessKeyId: 'SPLYAAAAAAAAAAAAAAAA' }), true);
    assert.equal(isRevoked(session, { accessKeyId: 'SPLYBBBBBBBBBBBBBBBB' }), false);
    assert.equal(isRevoked(session), false);
  });

  it('finds a login and a subject exactly, letter by letter', () => {
    assert.equal(isRevoked({ kind: 'login', issuer: ISSUER, sessionId: 'login-1' }), true);
    assert.equal(isRevoked({ kind: 'login', issuer: ISSUER, sessionId: 'login-1 ' }), false);
    assert.equal(isRevoked(subject('alice')), true);
    for (const name of ['Alice', 'alic', 'alice ', '__proto__']) assert.equal(isRevoked(subject(name)), false);
  });

  it('finds what was issued before, and what does not say when, in each scope', () => {
    for (const scope of [{}, { issuer: ISSUER }, { issuer: ISSUER, subject: 'alice' }]) {
      const { issuedAtMs = 0, ...unsaid } = PRINCIPAL;
      assert.equal(isRevoked(issuedBefore(issuedAtMs + 1, scope)), true);
      assert.equal(isRevoked(issuedBefore(issuedAtMs, scope)), false);
      const index = createDenyIndex(entriesOf(entryOf(issuedBefore(1, scope))), NOW_MS);
      assert.notEqual(index.find(unsaid, NOW_MS), undefined);
    }
  });

  it('finds an address and a network, of whoever comes from there, and of nobody else', () => {
    const entries = ['198.51.100.0/24', '2001:db8::/48', '192.0.2.7/32'].map((network) =>
      entryOf({ kind: 'address', network }),
    );
    const index = createDenyIndex(entriesOf(...entries), NOW_MS);
    for (const [address, denied] of [
      ['198.51.100.9', true],
      ['::ffff:198.51.100.9', true],
      ['198.51.101.9', false],
      ['2001:db8:0:5::1', true],
      ['2001:db8:1::1', false],
      ['192.0.2.7', true],
      ['192.0.2.8', false],
      ['edge', false],
      [undefined, false],
    ] as const)
      assert.equal(index.find(PRINCIPAL, NOW_MS, address) !== undefined, denied, address);
    const ends = entryOf({ kind: 'address', network: '192.0.2.7/32' }, { expiresAtMs: NOW_MS + 1 });
    const ending = createDenyIndex(entriesOf(ends), NOW_MS);
    assert.notEqual(ending.find(PRINCIPAL, NOW_MS, '192.0.2.7'), undefined);
    assert.equal(ending.find(PRINCIPAL, NOW_MS + 3_600_000, '192.0.2.7'), undefined);
  });

  it('finds who acts in the name of another, at the issuer of the actor', () => {
    const agent = { actor: { subject: 'agent' } };
    assert.equal(isRevoked(subject('agent'), agent), true);
    assert.equal(isRevoked(subject('agent', OTHER), agent), false);
    assert.equal(isRevoked(subject('agent', OTHER), { actor: { issuer: OTHER, subject: 'agent' } }), true);
    assert.equal(isRevoked(subject('agent'), { actor: { issuer: OTHER, subject: 'agent' } }), false);
  });

  it('obeys an entry until minutes after its end, since clocks differ, and then no more', () => {
    const entry = entryOf(subject('alice'), { expiresAtMs: NOW_MS });
    const index = createDenyIndex(entriesOf(entry), NOW_MS);
    assert.notEqual(index.find(PRINCIPAL, NOW_MS + 299_999), undefined);
    assert.equal(index.find(PRINCIPAL, NOW_MS + 300_000), undefined);
  });

  it('does not count what was lifted', () => {
    const index = createDenyIndex(entriesOf(entryOf(subject('alice'), { lifted: true })), NOW_MS);
    assert.equal(index.size, 0);
    assert.equal(index.find(PRINCIPAL, NOW_MS), undefined);
  });
});
