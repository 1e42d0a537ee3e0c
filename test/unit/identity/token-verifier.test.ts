import assert from 'node:assert/strict';
import { createTokenVerifier } from '../../../src/identity/token-verifier.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, refusedWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('the token verifier', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  const token = (more: Record<string, unknown> = {}): string => {
    const now = subject.clock.seconds();
    return signToken(key, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 900, ...more });
  };
  const verify = async (text: string) => subject.tokens.verify(text);
  const tokenEvents = (): string[] => subject.events.splice(0).filter((event) => event.startsWith('token '));

  beforeEach(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }]);
  });
  afterEach(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('refuses a token over the accepted length, without looking at it', async () => {
    const small = authenticatorFor([{ issuer: issuer.url }], { maxTokenLength: 100 });
    await refusedWith(
      'InvalidToken',
      Promise.resolve().then(() => small.tokens.verify(token())),
    );
    assert.deepEqual(small.events, []);
    await small.tokens.close();
  });

  it('verifies a token once and then knows it', async () => {
    const good = token();
    const first = await verify(good);
    assert.equal(await verify(good), first);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
  });

  it('verifies a token once for many requests that come together', async () => {
    const good = token();
    const principals = await Promise.all(Array.from({ length: 50 }, () => verify(good)));
    assert.equal(new Set(principals).size, 1);
    assert.equal(
      subject.events.filter((event) => event.startsWith('jwks hit') || event.startsWith('jwks miss')).length,
      1,
    );
  });

  it('never keeps a refusal, nor takes a changed signature for a token that it knows', async () => {
    const good = token();
    await verify(good);
    const [header, payload] = good.split('.');
    const forged = `${header}.${payload}.${Buffer.alloc(64, 1).toString('base64url')}`;
    await refusedWith('InvalidToken', verify(forged));
    await refusedWith('InvalidToken', verify(forged));
    assert.deepEqual(tokenEvents(), ['token miss', 'token miss', 'token miss']);
  });

  it('forgets a token at its end', async () => {
    const good = token({ exp: subject.clock.seconds() + 60 });
    await verify(good);
    subject.clock.advance(61);
    assert.ok(await verify(good)); // within the clock tolerance
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
    subject.clock.advance(30);
    await refusedWith('ExpiredToken', verify(good));
  });

  it('verifies a long-lived token again after five minutes', async () => {
    const good = token();
    await verify(good);
    subject.clock.advance(299);
    await verify(good);
    subject.clock.advance(1);
    await verify(good);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit', 'token miss']);
  });

  it('keeps no more tokens than it was given room for', async () => {
    const small = authenticatorFor([{ issuer: issuer.url }], { cacheEntries: 2 });
    const tokens = ['a', 'b', 'c'].map((sub) => token({ sub }));
    for (const text of [...tokens, tokens[2]!, tokens[0]!]) await small.tokens.verify(text);
    const seen = small.events.filter((event) => event.startsWith('token '));
    assert.deepEqual(seen, ['token miss', 'token miss', 'token miss', 'token hit', 'token miss']);
    await small.authenticator.close();
  });

  it('refuses a known token once its key is gone from the issuer', async () => {
    const good = token();
    assert.ok(await verify(good));
    issuer.keys = [makeKey('ES256', 'k2').publicJwk];
    await subject.issuers[0]!.refresh();
    await refusedWith('InvalidToken', verify(good));
  });

  it('refuses a known token once a different key has taken the name of its key', async () => {
    const good = token();
    assert.ok(await verify(good));
    issuer.keys = [makeKey('ES256', 'k1').publicJwk];
    await subject.issuers[0]!.refresh();
    await refusedWith('InvalidToken', verify(good));
  });

  it('still knows a token after the same keys were fetched again', async () => {
    const good = token();
    await verify(good);
    await subject.issuers[0]!.refresh();
    await verify(good);
    assert.deepEqual(tokenEvents(), ['token miss', 'token hit']);
  });

  it('will not be made with two issuers of one name or one URL', async () => {
    const [first] = subject.issuers;
    const { clock, observer } = subject;
    assert.throws(() => createTokenVerifier([first!, first!], { clock, observer }), TypeError);
    const twin = authenticatorFor([{ issuer: `${issuer.url}/other`, name: 'issuer-1' }]);
    assert.throws(() => createTokenVerifier([first!, twin.issuers[0]!], { clock, observer }), TypeError);
    await twin.authenticator.close();
  });
});
