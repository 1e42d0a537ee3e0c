import assert from 'node:assert/strict';
import { makeKey, signToken, startTestIssuer, type SigningKey } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const ROUNDS = 20;
const CALLERS = 40;

describe('keys that rotate under load', () => {
  let serial = 0;
  const tokenOf = ({ clock }: Subject, url: string, key: SigningKey) => {
    const now = clock.seconds();
    const claims = { iss: url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 3600, jti: String((serial += 1)) };
    return signToken(key, claims);
  };

  it('refuse nobody, and are fetched once each, however many callers come at once', async () => {
    let key = makeKey('ES256', 'round-0');
    const issuer = await startTestIssuer([key.publicJwk]);
    const subject = authenticatorFor([{ issuer: issuer.url }]);
    const verifyAll = (by: SigningKey) =>
      Promise.all(
        Array.from({ length: CALLERS }, () =>
          subject.authenticator.authenticate(bearer(tokenOf(subject, issuer.url, by))),
        ),
      );
    try {
      await verifyAll(key);
      for (let round = 1; round <= ROUNDS; round += 1) {
        const next = makeKey('ES256', `round-${round}`);
        issuer.keys = [key.publicJwk, next.publicJwk];
        subject.clock.advance(10);
        const principals = (await Promise.all([verifyAll(next), verifyAll(key)])).flat();
        assert.ok(principals.every((principal) => principal?.subject === 'alice'));
        key = next;
      }
      assert.equal(issuer.seen.jwks, ROUNDS + 1);
    } finally {
      await subject.authenticator.close();
      await issuer.stop();
    }
  });

  it('are unavailable while the issuer is away in the middle of it, and serve again without a restart', async () => {
    const [old, fresh] = [makeKey('ES256', 'old'), makeKey('ES256', 'fresh')];
    const issuer = await startTestIssuer([old.publicJwk]);
    const subject = authenticatorFor([{ issuer: issuer.url, fetchTimeoutSeconds: 0.3 }]);
    const verify = (by: SigningKey) => subject.authenticator.authenticate(bearer(tokenOf(subject, issuer.url, by)));
    try {
      assert.ok(await verify(old));
      for (const fault of ['slow', 'garbage', 'down'] as const) {
        issuer.keys = [old.publicJwk, fresh.publicJwk];
        if (fault === 'down') await issuer.stop();
        if (fault === 'slow') issuer.faults.jwks = () => undefined;
        if (fault === 'garbage') issuer.faults.jwks = (_, res) => void res.end('{"keys":7}');
        subject.clock.advance(10);
        const startedAt = performance.now();
        await Promise.all(Array.from({ length: CALLERS }, () => refusedWith('ServiceUnavailable', verify(fresh))));
        assert.ok(performance.now() - startedAt < 3000, fault);
        assert.ok(await verify(old), 'the last good keys serve');
        issuer.faults.jwks = undefined;
        if (fault === 'down') await issuer.restart();
        subject.clock.advance(10);
        assert.ok(await verify(fresh), fault);
        issuer.keys = [old.publicJwk];
        await subject.issuers[0]?.refresh();
        await refusedWith('InvalidToken', verify(fresh));
      }
    } finally {
      await subject.authenticator.close();
      await issuer.stop();
    }
  });
});
