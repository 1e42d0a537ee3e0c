import assert from 'node:assert/strict';
import { createBearerAuthenticator } from '../../../src/identity/bearer-authenticator.ts';
import { makeKey, signToken, startBareIssuer, type BareIssuer } from '../../support/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, requestWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('the bearer authenticator', () => {
  let issuer: BareIssuer;
  let subject: Subject;
  const token = (more: Record<string, unknown> = {}): string => {
    const now = subject.clock.seconds();
    return signToken(key, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 900, ...more });
  };
  const authenticate = (authorization: string | undefined, query?: Record<string, string>) =>
    subject.authenticator.authenticate(requestWith(authorization, query));
  const tokenEvents = (): string[] => subject.events.splice(0).filter((event) => event.startsWith('token '));

  beforeEach(async () => {
    issuer = await startBareIssuer([key.publicJwk]);
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

  it('verifies a token once and then knows it', async () => {
    const good = token();
    const first = await authenticate(`Bearer ${good}`);
    assert.equal(await authenticate(`Bearer ${good}`), first);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
  });

  it('verifies a token once for many requests that come together', async () => {
    const good = token();
    const principals = await Promise.all(Array.from({ length: 50 }, () => authenticate(`Bearer ${good}`)));
    assert.equal(new Set(principals).size, 1);
    assert.equal(
      subject.events.filter((event) => event.startsWith('jwks hit') || event.startsWith('jwks miss')).length,
      1,
    );
  });

  it('never keeps a refusal, nor takes a changed signature for a token that it knows', async () => {
    const good = token();
    await authenticate(`Bearer ${good}`);
    const [header, payload] = good.split('.');
    const forged = `${header}.${payload}.${Buffer.alloc(64, 1).toString('base64url')}`;
    await refusedWith('InvalidToken', authenticate(`Bearer ${forged}`));
    await refusedWith('InvalidToken', authenticate(`Bearer ${forged}`));
    assert.deepEqual(tokenEvents(), ['token miss', 'token miss', 'token miss']);
  });

  it('forgets a token at its end', async () => {
    const good = token({ exp: subject.clock.seconds() + 60 });
    await authenticate(`Bearer ${good}`);
    subject.clock.advance(61);
    assert.ok(await authenticate(`Bearer ${good}`)); // within the clock tolerance
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
    subject.clock.advance(30);
    await refusedWith('ExpiredToken', authenticate(`Bearer ${good}`));
  });

  it('verifies a long-lived token again after five minutes', async () => {
    const good = token();
    await authenticate(`Bearer ${good}`);
    subject.clock.advance(299);
    await authenticate(`Bearer ${good}`);
    subject.clock.advance(1);
    await authenticate(`Bearer ${good}`);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit', 'token miss']);
  });

  it('keeps no more tokens than it was given room for', async () => {
    const small = authenticatorFor([{ issuer: issuer.url }], { cacheEntries: 2 });
    const tokens = ['a', 'b', 'c'].map((sub) => bearer(token({ sub })));
    for (const request of [...tokens, tokens[2]!, tokens[0]!]) await small.authenticator.authenticate(request);
    const seen = small.events.filter((event) => event.startsWith('token '));
    assert.deepEqual(seen, ['token miss', 'token miss', 'token miss', 'token hit', 'token miss']);
    await small.authenticator.close();
  });

  it('refuses a known token once its key is gone from the issuer', async () => {
    const good = token();
    assert.ok(await authenticate(`Bearer ${good}`));
    issuer.keys = [makeKey('ES256', 'k2').publicJwk];
    await subject.issuers[0]!.refresh();
    await refusedWith('InvalidToken', authenticate(`Bearer ${good}`));
  });

  it('refuses a known token once a different key has taken the name of its key', async () => {
    const good = token();
    assert.ok(await authenticate(`Bearer ${good}`));
    issuer.keys = [makeKey('ES256', 'k1').publicJwk];
    await subject.issuers[0]!.refresh();
    await refusedWith('InvalidToken', authenticate(`Bearer ${good}`));
  });

  it('still knows a token after the same keys were fetched again', async () => {
    const good = token();
    await authenticate(`Bearer ${good}`);
    await subject.issuers[0]!.refresh();
    await authenticate(`Bearer ${good}`);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
  });

  it('will not be made with two issuers of one name or one URL', async () => {
    const [first] = subject.issuers;
    const { clock, observer } = subject;
    assert.throws(() => createBearerAuthenticator([first!, first!], { clock, observer }), TypeError);
    const twin = authenticatorFor([{ issuer: `${issuer.url}/other`, name: 'issuer-1' }]);
    assert.throws(() => createBearerAuthenticator([first!, twin.issuers[0]!], { clock, observer }), TypeError);
    await twin.authenticator.close();
  });
});
