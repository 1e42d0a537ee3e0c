/** JWTs that their issuer is introspected as well: of Keycloak's all are JWTs, and its lightweight ones say neither whose nor for whom. */
import assert from 'node:assert/strict';
import { parseCompactToken } from '../../../src/identity/compact-token.ts';
import {
  CLIENT,
  startIntrospectingIssuer,
  type IntrospectingIssuer,
} from '../../support/identity/introspecting-issuer.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const CACHE_SECONDS = 10;

describe('a JWT that its issuer is introspected', () => {
  const key = makeKey('ES256', 'k1');
  let keys: TestIssuer;
  let requested: IntrospectingIssuer;
  let subject: Subject;
  let lightweight: string;

  const open = async (jwts: boolean): Promise<Subject> => {
    const introspection = {
      clientId: CLIENT.id,
      clientSecret: { reveal: () => CLIENT.secret },
      authentication: 'client_secret_basic',
      endpoint: `${requested.url}/introspect`,
      cacheSeconds: CACHE_SECONDS,
      sessionSeconds: 120,
      prefix: undefined,
      jwts,
    } as const;
    const opened = authenticatorFor([{ issuer: keys.url, introspection }]);
    await Promise.all(opened.issuers.map((issuer) => issuer.refresh()));
    return opened;
  };
  const present = (token: string) => subject.authenticator.authenticate(bearer(token));
  const signed = (more: object = {}, by = key) =>
    signToken(by, { iss: keys.url, exp: subject.clock.seconds() + 300, jti: 'one', ...more });
  const answered = (more: object = {}) => ({
    ...{ iss: keys.url, sub: 'alice', aud: AUDIENCE, groups: ['/staff'], jti: 'one' },
    ...{ exp: subject.clock.seconds() + 300, token_type: 'Bearer', typ: 'Bearer' },
    ...more,
  });

  beforeEach(async () => {
    [keys, requested] = await Promise.all([startTestIssuer([key.publicJwk]), startIntrospectingIssuer()]);
    subject = await open(true);
    lightweight = signed();
    requested.tokens.set(lightweight, answered());
  });
  afterEach(async () => {
    await subject.authenticator.close();
    await Promise.all([keys.stop(), requested.stop()]);
  });

  it('is who the issuer says, where it says neither whose nor for whom it is', async () => {
    const principal = await present(lightweight);
    assert.deepEqual([principal?.subject, principal?.groups], ['alice', ['/staff']]);
    assert.equal(principal?.sessionsEndAtMs, subject.clock.now() + 120_000);
  });

  it('is refused once it was ended there, and the last answer has been kept for its time', async () => {
    await present(lightweight);
    requested.tokens.clear();
    subject.clock.advance(CACHE_SECONDS - 1);
    assert.equal((await present(lightweight))?.subject, 'alice');
    subject.clock.advance(2);
    await refusedWith('InvalidToken', present(lightweight));
    assert.equal(requested.requested.length, 2);
  });

  it('is introspected only when a key of the issuer has signed it, and before its end', async () => {
    const forged = signed({ sub: 'alice', aud: AUDIENCE }, makeKey('ES256', 'k1'));
    const over = signed({ sub: 'alice', aud: AUDIENCE, exp: subject.clock.seconds() - 60 });
    for (const token of [forged, over]) requested.tokens.set(token, answered());
    await refusedWith('InvalidToken', present(forged));
    await refusedWith('ExpiredToken', present(over));
    assert.equal(requested.requested.length, 0);
  });

  it('is held to the audience that the issuer says, not to the one that it names', async () => {
    const other = signed({ sub: 'alice', aud: AUDIENCE });
    requested.tokens.set(other, answered({ aud: 'another' }));
    await refusedWith('InvalidToken', present(other));
  });

  it('cannot be judged while the issuer does not answer, and no sooner than the last answer is over', async () => {
    await present(lightweight);
    requested.fault = (_, response) => void response.writeHead(500).end();
    assert.equal((await present(lightweight))?.subject, 'alice');
    subject.clock.advance(CACHE_SECONDS + 1);
    await refusedWith('ServiceUnavailable', present(lightweight));
    requested.fault = undefined;
    assert.equal((await present(lightweight))?.subject, 'alice');
  });

  it('is one token whichever way its signature is written, where it has no id', async () => {
    const claims = { iss: keys.url, exp: subject.clock.seconds() + 300 };
    const [one, other] = [signToken(key, claims), signToken(key, claims)];
    assert.notEqual(one, other);
    for (const token of [one, other]) requested.tokens.set(token, answered({ jti: undefined }));
    assert.equal((await present(one))?.tokenIdHash, (await present(other))?.tokenIdHash);
  });

  it('speaks for itself where it is meant for a store', async () => {
    const [issuer] = subject.issuers;
    const forStore = parseCompactToken(signed({ sub: 'alice', aud: 'store' }));
    assert.equal((await issuer?.verify(forStore, ['store']))?.principal.subject, 'alice');
    assert.equal(requested.requested.length, 0);
  });

  it('is never introspected where configuration does not say so', async () => {
    await subject.authenticator.close();
    subject = await open(false);
    await refusedWith('InvalidToken', present(lightweight));
    assert.equal((await present(signed({ sub: 'alice', aud: AUDIENCE })))?.subject, 'alice');
    assert.equal(requested.requested.length, 0);
  });
});
