import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../../src/contracts/principal.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { alice, deploymentWith, refused, sealBySpec, sessionKey } from '../unit/identity/sessions-fixture.ts';

const [k1, k2, k3] = [sessionKey('k1'), sessionKey('k2'), sessionKey('k3')];
const { sessions, clock } = deploymentWith();
const { sessionToken } = sessions.issue(alice(clock), undefined);
const bits = Buffer.from(sessionToken, 'base64url').length * 8;

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const claim = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.array(text, { maxLength: 5 }),
);
const identity: fc.Arbitrary<Partial<Principal>> = fc.record(
  {
    issuerName: text,
    issuer: text,
    subject: text,
    groups: fc.array(text, { maxLength: 8 }),
    claims: fc.dictionary(text, claim, { maxKeys: 5, noNullPrototype: true }),
    tokenIdHash: fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: 32, maxLength: 32 }),
    binding: text,
    issuedAtMs: fc.nat(),
    sessionId: text,
    actor: fc.record({ issuer: text, subject: text }, { requiredKeys: ['subject'], noNullPrototype: true }),
  },
  { requiredKeys: [] },
);

describe('session tokens under random attack', () => {
  const isInvalid = (token: string): void => void refused('InvalidSession', () => sessions.open(token, clock.now()));

  it('are refused with any one bit flipped', () => {
    const bytes = Buffer.from(sessionToken, 'base64url');
    for (let bit = 0; bit < bits; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      isInvalid(flipped.toString('base64url'));
    }
  });

  it('are refused with any one character replaced, removed or added', () => {
    const change = fc.record({
      at: fc.nat({ max: sessionToken.length }),
      removed: fc.constantFrom(0, 1),
      added: fc.string({ unit: 'binary-ascii', maxLength: 1 }),
    });
    fc.assert(
      fc.property(change, ({ at, removed, added }) => {
        const changed = sessionToken.slice(0, at) + added + sessionToken.slice(at + removed);
        if (changed !== sessionToken) isInvalid(changed);
      }),
      { numRuns: 1000 },
    );
  });

  it('are refused when they are made of anything at all', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.of(1, ...bytes).toString('base64url')),
      fc
        .uint8Array({ maxLength: 200 })
        .map((bytes) => Buffer.concat([Buffer.from('\x01\x02k1'), bytes]).toString('base64url')),
    );
    fc.assert(fc.property(anything, isInvalid), { numRuns: 1000 });
  });

  it('give any identity back as it was, or are not issued', () => {
    fc.assert(
      fc.property(identity, (more) => {
        const principal = alice(clock, more);
        let credentials;
        try {
          credentials = sessions.issue(principal, undefined);
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'SessionTooLarge');
          return;
        }
        const { accessKeyId, expiresAtMs } = credentials;
        assert.ok(credentials.sessionToken.length < 3200);
        const { sessions: opening } = deploymentWith({ issuers: new Map([[principal.issuerName, principal.issuer]]) });
        assert.deepEqual(opening.open(credentials.sessionToken, clock.now()).principal, {
          ...principal,
          accessKeyId,
          expiresAtMs,
        });
      }),
    );
  });

  it('never outlive the token, whatever was requested', () => {
    const nowMs = clock.now();
    fc.assert(
      fc.property(fc.double(), fc.double({ min: -1e6, max: 1e9, noNaN: true }), (seconds, tokenMs) => {
        const principal = alice(clock, { expiresAtMs: nowMs + tokenMs });
        try {
          const { expiresAtMs } = sessions.issue(principal, seconds);
          assert.ok(expiresAtMs > nowMs && expiresAtMs <= principal.expiresAtMs && expiresAtMs <= nowMs + 43_200_000);
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'ExpiredToken');
        }
      }),
    );
  });

  it('open in their own deployment only, and only with a key that it was given', () => {
    const key = fc.constantFrom(k1, k2, k3);
    const keys = fc
      .tuple(key, fc.option(key, { nil: undefined }))
      .filter(([current, previous]) => current !== previous)
      .map(([current, previous]) => ({ current, ...(previous && { previous }) }));
    const deployment = fc.record({ keys, deploymentId: fc.constantFrom('staging', 'production', 'k1', 'x') });
    fc.assert(
      fc.property(deployment, deployment, (from, to) => {
        const { sessionToken: token } = deploymentWith(from).sessions.issue(alice(clock), undefined);
        const open = () => deploymentWith(to).sessions.open(token, clock.now());
        const isKnown = [to.keys.current, to.keys.previous].includes(from.keys.current);
        if (isKnown && from.deploymentId === to.deploymentId)
          assert.equal(open().principal.subject, alice(clock).subject);
        else refused('InvalidSession', open);
      }),
    );
  });

  it('hold nothing but an identity, even for who has the key', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), (plaintext) => {
        isInvalid(sealBySpec(k1, 'production', plaintext));
      }),
    );
  });
});
