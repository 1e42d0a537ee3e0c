import assert from 'node:assert/strict';
import type { IssuerOptions } from '../../../src/identity/issuer-options.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('what an issuer asks of a token', () => {
  let issuer: TestIssuer;
  const opened: Subject[] = [];
  const subjectWith = (options: Partial<IssuerOptions> = {}): Subject => {
    const subject = authenticatorFor([{ ...options, issuer: issuer.url }]);
    opened.push(subject);
    return subject;
  };
  const tokenFor = ({ clock }: Subject, more: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
    const now = clock.seconds();
    return signToken(key, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300, ...more }, header);
  };
  const accept = async (subject: Subject, more?: Record<string, unknown>, header?: Record<string, unknown>) => {
    const principal = await subject.authenticator.authenticate(bearer(tokenFor(subject, more, header)));
    assert.ok(principal);
    return principal;
  };
  const refuse = (subject: Subject, more?: Record<string, unknown>, header?: Record<string, unknown>) =>
    refusedWith('InvalidToken', subject.authenticator.authenticate(bearer(tokenFor(subject, more, header))));

  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ authenticator }) => authenticator.close()));
  });
  after(() => issuer.stop());

  it('requires exp, as a number that is a time', async () => {
    const subject = subjectWith();
    for (const exp of [undefined, null, '9999999999', 1e300, 0, -1, true]) {
      const attempt = subject.authenticator.authenticate(bearer(tokenFor(subject, { exp })));
      await assert.rejects(attempt, { name: 'GatewayError' });
    }
    await refuse(subject, { exp: undefined });
    await refuse(subject, { exp: 1e300 });
  });

  it('tells an expired token from an invalid one, after the skew and not before', async () => {
    const subject = subjectWith({ clockSkewSeconds: 30 });
    const expired = async (exp: number) =>
      refusedWith('ExpiredToken', subject.authenticator.authenticate(bearer(tokenFor(subject, { exp }))));
    const now = subject.clock.seconds();
    assert.ok(await accept(subject, { exp: now - 29 }));
    await expired(now - 30);
    await expired(now - 3600);
  });

  it('does not say that a token has expired when it is not of this gateway anyway', async () => {
    const subject = subjectWith();
    await refuse(subject, { exp: subject.clock.seconds() - 3600, aud: 'https://elsewhere.test/' });
  });

  it('refuses nbf and iat in the future beyond the skew, and iat of another type', async () => {
    const subject = subjectWith({ clockSkewSeconds: 10 });
    const now = subject.clock.seconds();
    assert.ok(await accept(subject, { nbf: now + 10, iat: now + 10 }));
    await refuse(subject, { nbf: now + 11 });
    await refuse(subject, { iat: now + 12 });
    await refuse(subject, { iat: 'yesterday' });
    await refuse(subject, { nbf: 'tomorrow' });
  });

  it('holds tokens to a maximum age where one is set, in the principal too', async () => {
    const subject = subjectWith({ maxTokenAgeSeconds: 60, clockSkewSeconds: 0 });
    const now = subject.clock.seconds();
    assert.equal((await accept(subject, { iat: now - 50, exp: now + 9000 })).expiresAtMs, (now + 10) * 1000);
    const old = tokenFor(subject, { iat: now - 61, exp: now + 9000 });
    await refusedWith('ExpiredToken', subject.authenticator.authenticate(bearer(old)));
    await refuse(subject, { iat: undefined });
  });

  it('accepts at+jwt, JWT and no typ, in any case, with and without application/', async () => {
    const subject = subjectWith();
    for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT', 'JWT', 'jwt', undefined]) {
      assert.ok(await accept(subject, {}, { typ }));
    }
  });

  it('accepts access tokens only, where configuration says so', async () => {
    const subject = subjectWith({ tokenTypes: ['at+jwt'] });
    assert.ok(await accept(subject, {}, { typ: 'at+jwt' }));
    await refuse(subject, {}, { typ: 'JWT' });
    await refuse(subject, {}, { typ: undefined });
  });

  it('tells the kind of a token by what the token says, then by what configuration says, and else not', async () => {
    const subject = subjectWith();
    const kindOf = async (claims: object, typ: string | undefined, of = subject) =>
      (await accept(of, claims as Record<string, unknown>, { typ })).tokenKind;
    for (const typ of ['at+jwt', 'application/AT+JWT']) assert.equal(await kindOf({}, typ), 'access_token');
    assert.equal(await kindOf({ nonce: 'n' }, 'at+jwt'), 'access_token', 'its header is the issuer’s own word');
    assert.equal(await kindOf({ typ: 'Bearer', nonce: 'n' }, 'JWT'), 'access_token');
    for (const claims of [{ nonce: 'n' }, { at_hash: 'x' }, { c_hash: 'x' }, { typ: 'ID' }]) {
      assert.equal(await kindOf(claims, 'JWT'), 'id_token');
    }
    for (const claims of [{}, { typ: 'bearer' }, { typ: ['Bearer'] }, { tokenKind: 'access_token' }]) {
      assert.equal(await kindOf(claims, 'JWT'), undefined);
    }
    const configured = subjectWith({ tokenKind: 'workload_identity' });
    assert.equal(await kindOf({}, undefined, configured), 'workload_identity');
    assert.equal(await kindOf({ nonce: 'n' }, undefined, configured), 'id_token');
  });

  it('requires a subject that is safe text of bounded length', async () => {
    const subject = subjectWith();
    const unsafe = ['a\nb', 'a\u0000', 'a\u007f', 'a\u202eb', 'a\u200bb', 'a\u2028', '\ud800'];
    for (const sub of [undefined, null, '', 7, ['alice'], {}, 'x'.repeat(1025), ...unsafe])
      await refuse(subject, { sub });
    assert.equal((await accept(subject, { sub: 'x'.repeat(1024) })).subject.length, 1024);
    assert.equal((await accept(subject, { sub: 'Zoë O’Neil|🦉' })).subject, 'Zoë O’Neil|🦉');
  });

  it('takes the subject from another claim where configuration says so, and never falls back to sub', async () => {
    const subject = subjectWith({ subjectClaim: 'oid' });
    assert.equal((await accept(subject, { oid: 'o-1' })).subject, 'o-1');
    await refuse(subject);
    const inherited = subjectWith({ subjectClaim: 'toString' });
    await refuse(inherited);
  });

  it('reads groups as a list or as one name, and holds no group for a token that has none', async () => {
    const subject = subjectWith();
    assert.deepEqual((await accept(subject, { groups: ['a', 'b', 'a'] })).groups, ['a', 'b']);
    assert.deepEqual((await accept(subject, { groups: 'a b,c' })).groups, ['a b,c']);
    assert.deepEqual((await accept(subject)).groups, []);
  });

  it('accepts 300 groups named by UUIDs, signed with RSA', async () => {
    const rsa = makeKey('RS256', 'rsa');
    issuer.keys = [key.publicJwk, rsa.publicJwk];
    const subject = subjectWith();
    const groups = Array.from(
      { length: 300 },
      (_, index) => `6f1c2d3e-0000-4000-8000-${String(index).padStart(12, '0')}`,
    );
    const now = subject.clock.seconds();
    const token = signToken(rsa, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300, groups });
    assert.equal((await subject.authenticator.authenticate(bearer(token)))?.groups.length, 300);
  });

  it('refuses the token, rather than drop a group, when a group is malformed or there are too many', async () => {
    const subject = subjectWith();
    const tooMany = Array.from({ length: 501 }, (_, index) => `g${index}`);
    for (const groups of [
      ['a', 7],
      ['a', ''],
      ['a', null],
      [['a']],
      { a: 1 },
      7,
      '',
      ['x'.repeat(257)],
      ['a\n'],
      tooMany,
    ]) {
      await refuse(subject, { groups });
    }
    assert.equal((await accept(subject, { groups: tooMany.slice(1) })).groups.length, 500);
  });

  it('lets only configured claims into the principal', async () => {
    const subject = subjectWith({ claims: ['department', 'level', 'contractor', 'scp', '__proto__', 'constructor'] });
    const { claims } = await accept(subject, {
      department: 'r&d',
      level: 3,
      contractor: false,
      scp: ['a'],
      email: 'a@b.test',
    });
    assert.deepEqual(claims, { department: 'r&d', level: 3, contractor: false, scp: ['a'] });
    for (const department of [{ a: 1 }, null, ['a', 1], 'a\n', 'x'.repeat(1025)]) await refuse(subject, { department });
  });

  it('pins claims: one value, or one of several', async () => {
    const subject = subjectWith({
      requiredClaims: { repository_owner: 'acme', hd: ['acme.test', 'acme.example'], ok: true },
    });
    const good = { repository_owner: 'acme', hd: 'acme.example', ok: true };
    assert.ok(await accept(subject, good));
    await refuse(subject, { ...good, repository_owner: 'Acme' });
    await refuse(subject, { ...good, repository_owner: ['acme'] });
    await refuse(subject, { ...good, hd: 'evil.test' });
    await refuse(subject, { ...good, hd: ['acme.test'] });
    await refuse(subject, { ...good, ok: 'true' });
    await refuse(subject, { repository_owner: 'acme', hd: 'acme.test' });
  });

  it('gives a principal that nobody can change, which ends with the token and the clock tolerance', async () => {
    const subject = subjectWith({ claims: ['scp'] });
    const exp = subject.clock.seconds() + 300.5;
    const principal = await accept(subject, { exp, scp: ['a'], groups: ['g'] });
    assert.equal(principal.expiresAtMs, (exp + 30) * 1000);
    assert.equal(principal.issuerName, 'issuer-1');
    for (const part of [principal, principal.groups, principal.claims, principal.claims['scp']])
      assert.ok(Object.isFrozen(part));
  });

  it('names a token by its jti, or else by what was signed and not by the signature', async () => {
    const subject = subjectWith();
    const id = async (more: Record<string, unknown>) => (await accept(subject, more)).tokenIdHash;
    assert.equal(await id({ jti: 'token-1' }), await id({ jti: 'token-1', sub: 'bob' }));
    assert.notEqual(await id({ jti: 'token-1' }), await id({ jti: 'token-2' }));
    // ECDSA signs with a nonce: these are two texts with one signed part.
    const [first, second] = [tokenFor(subject), tokenFor(subject)];
    assert.notEqual(first, second);
    const of = async (token: string) => (await subject.authenticator.authenticate(bearer(token)))?.tokenIdHash;
    assert.equal(await of(first), await of(second));
    assert.match((await of(first))!, /^[0-9a-f]{32}$/);
    for (const jti of ['', 7, null, {}]) await refuse(subject, { jti });
  });
});
