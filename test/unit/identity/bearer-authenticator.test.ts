import assert from 'node:assert/strict';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, requestWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('the bearer authenticator', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  const token = (more: Record<string, unknown> = {}): string => {
    const now = subject.clock.seconds();
    return signToken(key, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 900, ...more });
  };
  const authenticate = (authorization: string | undefined, query?: Record<string, string>) =>
    subject.authenticator.authenticate(requestWith(authorization, query));

  beforeEach(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }]);
  });
  afterEach(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('leaves a request without Authorization, or with another scheme, to others', async () => {
    assert.equal(await authenticate(undefined), undefined);
    for (const other of ['Basic YTpi', 'AWS4-HMAC-SHA256 Credential=…', 'DPoP abc', 'BearerX abc', 'Bear', '']) {
      assert.equal(await authenticate(other), undefined);
    }
  });

  it('never looks for a token in the query', async () => {
    assert.equal(await authenticate(undefined, { access_token: token() }), undefined);
  });

  it('takes the scheme in any case, and any number of spaces after it', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR   ']) {
      assert.equal((await authenticate(`${scheme} ${token()}`))?.subject, 'alice');
    }
  });

  it('refuses anything but exactly one token', async () => {
    const good = token();
    const many = [
      `${good} ${good}`,
      `${good}, Bearer ${good}`,
      `${good},${good}`,
      `"${good}"`,
      `${good} `,
      `\t${good}`,
      '',
      'é.é.é',
    ];
    for (const text of many) await refusedWith('InvalidToken', authenticate(`Bearer ${text}`));
    await refusedWith('InvalidToken', authenticate('Bearer'));
  });

  it('refuses a body of signed chunks, whose first signature follows one that it does not give', async () => {
    const payload = { sizeBytes: 1, declaredHash: undefined, chunked: { signed: true, trailer: undefined } };
    await refusedWith('InvalidRequest', subject.authenticator.authenticate({ ...bearer(token()), payload }));
    const unsigned = { ...payload, chunked: { signed: false, trailer: 'CRC32' } } as const;
    assert.ok(await subject.authenticator.authenticate({ ...bearer(token()), payload: unsigned }));
  });
});
