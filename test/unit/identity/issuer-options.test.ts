import assert from 'node:assert/strict';
import { mayFetch, resolveIssuerOptions, type IssuerOptions } from '../../../src/identity/issuer-options.ts';

const SOUND: IssuerOptions = {
  name: 'corp',
  issuer: 'https://id.corp.test/realms/main',
  audiences: ['sallyport'],
  algorithms: ['RS256'],
};

describe('the options of an issuer', () => {
  it('are strict by default', () => {
    const resolved = resolveIssuerOptions(SOUND);
    assert.equal(resolved.allowHttp, false);
    assert.equal(resolved.clockSkewSeconds, 30);
    assert.deepEqual(resolved.claims, []);
  });

  const unsound: Record<string, Partial<Record<keyof IssuerOptions, unknown>>> = {
    'plain http': { issuer: 'http://id.corp.test' },
    'plain http to another machine, although http is allowed': { issuer: 'http://id.corp.test', allowHttp: true },
    'plain http to a name that only begins like loopback': { issuer: 'http://127.0.0.1.evil.test', allowHttp: true },
    'a query in the issuer': { issuer: 'https://id.corp.test/?a=1' },
    'a fragment in the issuer': { issuer: 'https://id.corp.test/#a' },
    'credentials in the issuer': { issuer: 'https://user:word@id.corp.test/' },
    'no URL at all': { issuer: 'corp' },
    'a name that cannot be a label': { name: 'the corp' },
    'no audience': { audiences: [] },
    'an empty audience': { audiences: ['a', ''] },
    'no algorithm': { algorithms: [] },
    'the algorithm none': { algorithms: ['none'] },
    'an HMAC': { algorithms: ['RS256', 'HS256'] },
    'an algorithm for encryption': { algorithms: ['RSA-OAEP'] },
    'a generous skew': { clockSkewSeconds: 61 },
    'a negative skew': { clockSkewSeconds: -1 },
    'a skew that is no number': { clockSkewSeconds: NaN },
    'no cooldown': { jwksCooldownSeconds: 0 },
    'no end to staleness': { jwksMaxStaleSeconds: Infinity },
    'no refresh': { jwksRefreshSeconds: 0 },
    'no time limit': { fetchTimeoutSeconds: Infinity },
    'an empty subject claim': { subjectClaim: '' },
    'no token type': { tokenTypes: [] },
    'a maximum age of nothing': { maxTokenAgeSeconds: 0 },
  };
  for (const [what, change] of Object.entries(unsound)) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => resolveIssuerOptions({ ...SOUND, ...change } as IssuerOptions), TypeError);
    });
  }

  it('must pin a claim of an issuer that serves everybody', () => {
    const github: IssuerOptions = { ...SOUND, issuer: 'https://token.actions.githubusercontent.com' };
    assert.throws(() => resolveIssuerOptions(github), TypeError);
    assert.ok(resolveIssuerOptions({ ...github, requiredClaims: { repository_owner: 'corp' } }));
    const account: IssuerOptions = { ...SOUND, issuer: 'https://mistyped.tokens.sts.global.api.aws' };
    assert.throws(() => resolveIssuerOptions(account), TypeError);
  });

  it('take every time limit that configuration takes', () => {
    assert.ok(resolveIssuerOptions({ ...SOUND, fetchTimeoutSeconds: 3600 }));
  });

  it('allow http to loopback only, and only when told to', () => {
    for (const host of ['127.0.0.1:1', '127.0.0.2:1', '[::1]:1', 'localhost:1']) {
      assert.ok(mayFetch(new URL(`http://${host}/`), true));
      assert.ok(!mayFetch(new URL(`http://${host}/`), false));
    }
    assert.ok(!mayFetch(new URL('http://localhost.evil.test/'), true));
    assert.ok(!mayFetch(new URL('file:///etc/passwd'), true));
  });
});
