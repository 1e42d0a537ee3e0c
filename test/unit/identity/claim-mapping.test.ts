import assert from 'node:assert/strict';
import fc from 'fast-check';
import { claimReader } from '../../../src/identity/claim-path.ts';
import { resolveIssuerOptions, type IssuerOptions } from '../../../src/identity/issuer-options.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('the path of a claim', () => {
  const token = {
    groups: 'top',
    'https://example.com/groups': 'namespaced',
    'a/b': { 'c~d': 'escaped' },
    realm: { roles: ['r'], '': 'empty' },
    list: [{ a: 1 }],
  };
  const at = (path: string) => claimReader(path)(token);

  it('is a name at the top, whatever it holds, or leads down from a slash', () => {
    assert.equal(at('groups'), 'top');
    assert.equal(at('https://example.com/groups'), 'namespaced');
    assert.equal(at('/groups'), 'top');
    assert.equal(at('/a~1b/c~0d'), 'escaped');
    assert.deepEqual(at('/realm/roles'), ['r']);
  });

  it('never leads through lists, texts or what every object has', () => {
    for (const path of ['/list/0', '/list/0/a', '/list/length', '/groups/length', '/realm/toString', '/__proto__/x']) {
      assert.equal(at(path), undefined, path);
    }
    assert.equal(at('constructor'), undefined);
  });

  it('is refused when it is none', () => {
    for (const path of ['', '/', '//', '/a/', '/a//b', '/~', '/~2', `/${'a/'.repeat(8)}a`, 'x'.repeat(513)]) {
      assert.throws(() => claimReader(path), TypeError, path);
    }
  });

  it('finds any member by its escaped name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), (name) => {
        const step = name.replaceAll('~', '~0').replaceAll('/', '~1');
        const object = Object.fromEntries([[name, { inner: 7 }]]);
        assert.equal(claimReader(`/${step}/inner`)(object), 7);
      }),
    );
  });
});

describe('claims of a token', () => {
  let issuer: TestIssuer;
  const opened: Subject[] = [];
  const subjectWith = (options: Partial<IssuerOptions>): Subject => {
    const subject = authenticatorFor([{ ...options, issuer: issuer.url }]);
    opened.push(subject);
    return subject;
  };
  const attempt = ({ clock, authenticator }: Subject, more: Record<string, unknown>) => {
    const now = clock.seconds();
    const claims = { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300, ...more };
    return authenticator.authenticate(bearer(signToken(key, claims)));
  };
  const refuse = (subject: Subject, more: Record<string, unknown>) =>
    refusedWith('InvalidToken', attempt(subject, more));

  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ authenticator }) => authenticator.close()));
  });
  after(() => issuer.stop());

  it('give subject, groups and required values from below', async () => {
    const subject = subjectWith({
      subjectClaim: '/person/id',
      groupsClaim: '/realm_access/roles',
      requiredClaims: { '/org/id': ['o-1', 'o-2'] },
    });
    const claims = { person: { id: 'p-1' }, realm_access: { roles: ['r1', 'r2'] }, org: { id: 'o-2' } };
    const principal = await attempt(subject, claims);
    assert.equal(principal?.subject, 'p-1');
    assert.deepEqual(principal.groups, ['r1', 'r2']);
    await refuse(subject, { ...claims, person: {} });
    await refuse(subject, { ...claims, person: undefined });
    await refuse(subject, { ...claims, realm_access: { roles: [7] } });
    await refuse(subject, { ...claims, realm_access: { roles: { a: 'b' } } });
    for (const org of [undefined, {}, { id: 'o-3' }, { id: ['o-1'] }, [{ id: 'o-1' }]]) {
      await refuse(subject, { ...claims, org });
    }
    await refuse(subject, { ...claims, org: { id: 'o-3' }, '/org/id': 'o-1' });
  });

  it('of an object come one by one, by names that nothing else can have', async () => {
    const subject = subjectWith({ claims: ['tags'], claimPaths: { tag: '/tags' } });
    await refuse(subject, { tags: { a: 'x' } });
    const one = subjectWith({ claimPaths: { tag: '/tags' } });
    const principal = await attempt(one, { tags: { team: 'red', n: 3, list: ['a'] }, 'tag.team': 'blue' });
    assert.deepEqual(principal?.claims, { 'tag.team': 'red', 'tag.n': 3, 'tag.list': ['a'] });
    for (const tags of [{ a: {} }, { a: null }, { '': 'x' }, { 'a\u202e': 'x' }, { a: 'x\n' }, { a: [1] }]) {
      await refuse(one, { tags });
    }
    await refuse(one, { tags: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`t${index}`, 'x'])) });
    for (const claims of [['tag'], ['tag.team'], ['tag.']]) {
      const options = { name: 'x', issuer: 'https://x.example', audiences: ['a'], algorithms: ['RS256' as const] };
      assert.throws(() => resolveIssuerOptions({ ...options, claims, claimPaths: { tag: '/tags' } }), TypeError);
    }
  });

  it('never put the name of a tag into a log', async () => {
    const error = await refuse(subjectWith({ claimPaths: { tag: '/tags' } }), { tags: { 'secret-name': {} } });
    assert.ok(!JSON.stringify([error.detail, error.stack]).includes('secret-name'));
  });

  it('give scopes as a list, whether they are one or a text', async () => {
    const subject = subjectWith({ scopesClaim: 'scope' });
    const scopesOf = async (scope: unknown) => (await attempt(subject, { scope }))?.claims['scopes'];
    assert.deepEqual(await scopesOf('read write read'), ['read', 'write']);
    assert.deepEqual(await scopesOf(['read', 'write']), ['read', 'write']);
    assert.deepEqual(await scopesOf(''), []);
    assert.equal(await scopesOf(undefined), undefined);
    for (const scope of [7, null, {}, [7], ['a b\n'], 'a\tb']) await refuse(subject, { scope });
  });

  it('must have all scopes that are requested: a token without one is good, and not good for this', async () => {
    const subject = subjectWith({ scopesClaim: 'scope', requiredScopes: ['s3', 'files:read'] });
    for (const scope of ['s3 files:read', 'files:read other s3', ['s3', 'files:read']]) {
      assert.ok(await attempt(subject, { scope }));
    }
    for (const scope of [
      undefined,
      '',
      's3',
      'S3 files:read',
      ['s3 files:read'],
      's3,files:read',
      's3 files:read:all',
    ]) {
      const error = await refusedWith('InsufficientScope', attempt(subject, { scope }));
      assert.deepEqual([error.row.status, error.row.s3Code], [403, 'AccessDenied']);
      assert.equal(
        error.clientHeaders['www-authenticate'],
        'Bearer realm="sallyport", error="insufficient_scope", scope="s3 files:read"',
      );
    }
    // What is wrong besides makes it a bad token: to say what it lacks would say that it is one of this issuer.
    for (const scope of [7, {}, null]) await refuse(subject, { scope });
    await refuse(subject, { cnf: { jkt: 'x' } });
  });

  it('cannot be requested scopes that stand nowhere, or that would break out of the quotes of a header', () => {
    assert.throws(() => subjectWith({ requiredScopes: ['s3'] }), TypeError);
    for (const scope of ['', 'a b', 'a"', 'a\\', 'a\r\nset-cookie: x', '\u00e9']) {
      assert.throws(() => subjectWith({ scopesClaim: 'scope', requiredScopes: [scope] }), TypeError, scope);
    }
  });

  it('must name allowed clients only, wherever they name one', async () => {
    const subject = subjectWith({ allowedClients: ['app', 'cli'] });
    for (const named of [
      { azp: 'app' },
      { client_id: 'cli' },
      { cid: 'app' },
      { appid: 'app' },
      { azp: 'app', cid: 'cli' },
    ]) {
      assert.ok(await attempt(subject, named));
    }
    for (const named of [
      {},
      { azp: 'other' },
      { azp: ['app'] },
      { azp: null },
      { azp: 'app', client_id: 'other' },
      { AZP: 'app' },
    ]) {
      await refuse(subject, named);
    }
  });

  it('that stand elsewhere refuse the token: a deny may look for one of them', async () => {
    const subject = subjectWith({});
    const elsewhere = {
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: 'https://graph.example' } },
    };
    assert.equal((await refuse(subject, elsewhere)).detail, 'the groups are not in the token');
    await refuse(subject, { hasgroups: true });
    assert.ok(await attempt(subject, { _claim_names: { other: 'src1' } }));
  });

  it("say why a token of Okta's organization server cannot be verified", async () => {
    const subject = subjectWith({ unverifiable: { 'https://corp.okta.com': 'a token of the organization server' } });
    const error = await refuse(subject, { iss: 'https://corp.okta.com' });
    assert.equal(error.detail, 'a token of the organization server');
    assert.deepEqual(error.clientFields, {});
  });
});
