import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../../src/contracts/principal.ts';
import type { StoreTokens } from '../../src/contracts/store-tokens.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createStoreTokens } from '../../src/identity/store-tokens.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, recordingObserver, type Subject } from '../unit/identity/fixture.ts';

const AT_STORE = 'https://objects.example';
const STORE = { name: 'asked', endpoint: 'https://objects.example', region: 'us-east-1' };
const key = makeKey('EdDSA', 'k1');

describe('tokens for a store, at random', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  let tokens: StoreTokens;
  let alice: Principal;

  const sign = (claims: Readonly<Record<string, unknown>>): string =>
    signToken(key, { iss: issuer.url, sub: 'alice', exp: subject.clock.seconds() + 300, ...claims });
  /** Whether it would be sent to STS. */
  const isAccepted = async (token: string): Promise<boolean> => {
    try {
      assert.equal((await tokens.verify(STORE, token, alice))?.reveal(), token);
      return true;
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === 'InvalidToken', String(error));
      return false;
    }
  };
  const isAcceptedHere = (token: string): Promise<boolean> =>
    subject.authenticator.authenticate(bearer(token)).then(
      (principal) => principal !== undefined,
      () => false,
    );

  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }]);
    alice = (await subject.authenticator.authenticate(bearer(sign({ aud: AUDIENCE }))))!;
    tokens = createStoreTokens({
      issuers: subject.issuers,
      audiences: new Map([[STORE.name, [AT_STORE]]]),
      accepted: new Set([AUDIENCE, 'second']),
      revocations: { check: () => undefined },
      clock: subject.clock,
      observer: recordingObserver().observer,
    });
  });
  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('are sent to no store where this gateway would accept them, whatever their audiences and subject are', async () => {
    const name = fc.oneof(
      fc.constantFrom(AT_STORE, AUDIENCE, 'second', `${AUDIENCE} `, AT_STORE.toUpperCase(), '__proto__', ''),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    const aud = fc.oneof(
      name,
      fc.constantFrom(AT_STORE, [AT_STORE], [AT_STORE, 'another'], [AT_STORE, AUDIENCE]),
      fc.array(fc.oneof(name, fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 }),
      fc.jsonValue(),
    );
    const sub = fc.constantFrom('alice', 'alice', 'bob', ' alice', 'Alice');
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(aud, sub, async (audiences, who) => {
        const token = sign({ aud: audiences, sub: who });
        if (!(await isAccepted(token))) return;
        accepted += 1;
        const named: readonly unknown[] = Array.isArray(audiences) ? audiences : [audiences];
        assert.ok(who === 'alice' && named.includes(AT_STORE) && named.every((each) => typeof each === 'string'));
        assert.ok(!named.includes(AUDIENCE) && !named.includes('second'));
        assert.equal(await isAcceptedHere(token), false);
      }),
      { numRuns: 1000 },
    );
    assert.ok(accepted > 50, `only ${accepted} were taken`);
  });

  it('are refused with any one character replaced, removed or added', async () => {
    const token = sign({ aud: AT_STORE });
    assert.ok(await isAccepted(token));
    const change = fc.record({
      at: fc.nat({ max: token.length - 1 }),
      removed: fc.constantFrom(0, 1),
      added: fc.string({ unit: 'grapheme-ascii', maxLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, removed, added }) => {
        const changed = token.slice(0, at) + added + token.slice(at + removed);
        if (changed !== token) assert.equal(await isAccepted(changed), false);
      }),
      { numRuns: 500 },
    );
  });
});
