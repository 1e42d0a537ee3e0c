import assert from 'node:assert/strict';
import type { IssuerConfig } from '../../../../src/config/issuers/assemble.ts';
import { Sample } from '../sample.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const AWS_URL = 'https://a1b2c3d4-0000.tokens.sts.global.api.aws';
const EKS_URL = 'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF';
const ACCOUNT = '/https:~1~1sts.amazonaws.com~1/aws_account';
const ORGANIZATION = '/https:~1~1sts.amazonaws.com~1/org_id';
const audiences = ['sallyport'];
const CLIENT_FILES = { clientIdFile: 'id', clientSecretFile: 'secret' };

type Entry = Readonly<Record<string, unknown>>;

/** Each accepted as it stands. */
const RIGHT: Readonly<Record<string, Entry>> = {
  okta: { preset: 'okta', issuer: 'https://corp.okta.com/oauth2/default' },
  aws: { preset: 'aws', issuer: AWS_URL, awsAccounts: ['123456789012'] },
  eks: { preset: 'eks', issuer: EKS_URL },
  github: { preset: 'github', requiredClaims: { repository_owner_id: '65' } },
  keycloak: { preset: 'keycloak', issuer: 'https://idp.example/realms/other' },
  entra: { preset: 'entra', tenant: TENANT },
  google: { preset: 'google', requiredClaims: { hd: 'example.com' } },
  generic: { issuer: 'https://idp.example/' },
};

describe('presets of issuers', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());
  const load = async (entry: Entry) => {
    const { issuers } = await sample.load({ issuers: { one: { audiences, ...entry } } });
    assert.ok(issuers[0]);
    return issuers[0];
  };
  const wrong = (entry: Entry) => sample.wrongKeys({ issuers: { one: { audiences, ...entry } } });

  it('accept an entry of a few keys, and fill in the others', async () => {
    const issuers: Record<string, IssuerConfig> = {};
    for (const [name, entry] of Object.entries(RIGHT)) issuers[name] = await load(entry);
    assert.equal(issuers['github']?.issuer, 'https://token.actions.githubusercontent.com');
    assert.equal(issuers['google']?.issuer, 'https://accounts.google.com');
    assert.equal(issuers['entra']?.issuer, `https://login.microsoftonline.com/${TENANT}/v2.0`);
    assert.deepEqual(issuers['aws']?.algorithms, ['RS256', 'ES384']);
    assert.equal(issuers['aws'].maxTokenAgeSeconds, 3600);
    assert.equal(issuers['entra'].subjectClaim, 'oid');
    assert.equal(issuers['keycloak']?.groupsClaim, '/realm_access/roles');
    assert.deepEqual(issuers['generic']?.algorithms, ['RS256', 'ES256']);
    assert.ok(issuers['okta']?.carried.includes('scopes'));
  });

  it('pin what their tokens must be held to', async () => {
    assert.deepEqual((await load(RIGHT['keycloak']!)).requiredClaims, { typ: 'Bearer' });
    assert.deepEqual((await load(RIGHT['entra']!)).requiredClaims, { tid: TENANT });
    const aws = await load({ ...RIGHT['aws'], awsOrganizations: ['o-a1b2c3d4e5'] });
    assert.deepEqual(aws.requiredClaims, { [ACCOUNT]: ['123456789012'], [ORGANIZATION]: ['o-a1b2c3d4e5'] });
    const google = await load({ ...RIGHT['google'], requiredClaims: { email: 'a@example.com' } });
    assert.deepEqual(google.requiredClaims, { email: 'a@example.com', email_verified: true });
  });

  it('let keys replace their defaults, and add claims to theirs', async () => {
    const issuer = await load({
      ...RIGHT['keycloak'],
      algorithms: ['ES256'],
      groupsClaim: '/resource_access/sallyport/roles',
      claims: ['department'],
      claimPaths: { city: '/address/locality' },
      requiredClaims: { department: 'finance' },
    });
    assert.deepEqual(issuer.algorithms, ['ES256']);
    assert.equal(issuer.groupsClaim, '/resource_access/sallyport/roles');
    assert.deepEqual(issuer.claims, ['azp', 'department']);
    assert.deepEqual(issuer.claimPaths, { city: '/address/locality' });
    assert.deepEqual(issuer.requiredClaims, { department: 'finance', typ: 'Bearer' });
  });

  const unpinned: Readonly<Record<string, readonly [entry: Entry, keys: readonly string[]]>> = {
    'AWS without account and organization': [{ preset: 'aws', issuer: AWS_URL }, ['awsAccounts']],
    'AWS without them, as generic': [{ issuer: AWS_URL, requiredClaims: { sub: 'x' } }, ['awsAccounts']],
    'AWS with an account that is no text': [
      { ...RIGHT['aws'], awsAccounts: [123456789012] },
      ['awsAccounts', 'awsAccounts.0'],
    ],
    'AWS with no account in the list': [{ ...RIGHT['aws'], awsAccounts: [] }, ['awsAccounts']],
    'AWS with an organization of another form': [{ ...RIGHT['aws'], awsOrganizations: ['*'] }, ['awsOrganizations.0']],
    'GitHub without an owner': [{ preset: 'github' }, ['requiredClaims']],
    'GitHub pinned by what its users choose': [
      { preset: 'github', requiredClaims: { workflow: 'publish' } },
      ['requiredClaims'],
    ],
    'Google without a domain': [{ preset: 'google' }, ['requiredClaims']],
    'Entra ID without a tenant': [{ preset: 'entra' }, ['tenant']],
    'Entra ID with the name of a domain for a tenant': [{ preset: 'entra', tenant: 'contoso.com' }, ['tenant']],
    'Entra ID for every tenant': [
      { preset: 'entra', tenant: TENANT, issuer: 'https://login.microsoftonline.com/common/v2.0' },
      ['issuer', 'issuer'],
    ],
    'Entra ID with the issuer of another tenant': [
      { preset: 'entra', tenant: TENANT, issuer: `https://login.microsoftonline.com/${TENANT.replace('1', '9')}/v2.0` },
      ['issuer'],
    ],
  };
  for (const [title, [entry, keys]] of Object.entries(unpinned)) {
    it(`refuse to start: ${title}`, async () => {
      const found = [...new Set(await wrong(entry))].sort();
      assert.deepEqual(found, [...new Set(keys.map((key) => `issuers.one.${key}`))].sort());
    });
  }

  it('never let a key take a pin away', async () => {
    const attempts: readonly [string, Entry][] = [
      [`requiredClaims.typ`, { ...RIGHT['keycloak'], requiredClaims: { typ: ['Bearer', 'ID'] } }],
      [`requiredClaims.tid`, { ...RIGHT['entra'], requiredClaims: { tid: 'other' } }],
      [`requiredClaims.${ACCOUNT}`, { ...RIGHT['aws'], requiredClaims: { [ACCOUNT]: '210987654321' } }],
      [
        'requiredClaims.email_verified',
        { ...RIGHT['google'], requiredClaims: { email: 'a@b.c', email_verified: false } },
      ],
    ];
    for (const [key, entry] of attempts) assert.deepEqual(await wrong(entry), [`issuers.one.${key}`], key);
  });

  it('refuse pins that pin nothing, because they belong to another preset', async () => {
    assert.deepEqual(await wrong({ ...RIGHT['okta'], tenant: TENANT }), ['issuers.one.tenant']);
    assert.deepEqual(await wrong({ ...RIGHT['eks'], awsAccounts: ['123456789012'] }), ['issuers.one.awsAccounts']);
    assert.deepEqual(await wrong({ ...RIGHT['generic'], awsOrganizations: ['o-a1b2c3d4e5'] }), [
      'issuers.one.awsOrganizations',
    ]);
  });

  it("say why tokens of Okta's organization server cannot be verified", async () => {
    const [problem, ...more] = await sample.problems({
      issuers: { one: { audiences, preset: 'okta', issuer: 'https://corp.okta.com' } },
    });
    assert.deepEqual(more, []);
    assert.equal(problem?.key, 'issuers.one.issuer');
    assert.match(problem.message, /organization server.*nobody but Okta.*\/oauth2\/default/);
    const { unverifiable } = await load(RIGHT['okta']!);
    assert.match(unverifiable['https://corp.okta.com'] ?? '', /organization server/);
  });

  const misshapen: readonly Entry[] = [
    { preset: 'okta', issuer: 'https://corp.okta.com/oauth2' },
    { preset: 'okta', issuer: 'https://corp.okta.com/oauth2/default/v1' },
    { preset: 'aws', awsAccounts: ['123456789012'], issuer: 'https://tokens.sts.global.api.aws.evil.example' },
    { preset: 'aws', awsAccounts: ['123456789012'], issuer: 'https://x.tokens.sts.global.api.aws.evil.example' },
    { preset: 'aws', awsAccounts: ['123456789012'] },
    { preset: 'eks', issuer: 'https://oidc.eks.eu-central-1.amazonaws.com' },
    { preset: 'eks', issuer: EKS_URL.replace('amazonaws.com', 'amazonaws.com.evil.example') },
    { preset: 'github', issuer: 'https://github.example/_services/token', requiredClaims: { sub: 'x' } },
    { preset: 'keycloak', issuer: 'https://idp.example/' },
    { preset: 'google', issuer: 'https://accounts.google.com.evil.example', requiredClaims: { hd: 'x' } },
    { preset: 'generic' },
  ];
  for (const entry of misshapen) {
    it(`refuse an issuer that is not of their kind: ${String(entry['preset'])} ${String(entry['issuer'])}`, async () => {
      assert.deepEqual(await wrong(entry), ['issuers.one.issuer']);
    });
  }

  it('take two issuers that differ by a slash or by case for one', async () => {
    for (const twin of ['https://idp.example', 'https://IDP.example/', 'https://idp.example//']) {
      const issuers = { one: { audiences, issuer: 'https://idp.example/' }, two: { audiences, issuer: twin } };
      assert.deepEqual(await sample.wrongKeys({ issuers }), ['issuers.two.issuer'], twin);
    }
    const github = { audiences, ...RIGHT['github'] };
    assert.deepEqual(await sample.wrongKeys({ issuers: { one: github, two: github } }), ['issuers.two.issuer']);
  });

  it('refuse two claims of one name, of which a caller could choose one', async () => {
    assert.deepEqual(await wrong({ ...RIGHT['aws'], claims: ['request_tags.team'] }), ['issuers.one.claims']);
    assert.deepEqual(await wrong({ ...RIGHT['okta'], claims: ['scopes'] }), ['issuers.one.claims']);
    assert.deepEqual(await wrong({ ...RIGHT['okta'], claimPaths: { scopes: '/x' } }), [
      'issuers.one.claimPaths.scopes',
    ]);
  });

  it('refuse paths that lead nowhere', async () => {
    for (const path of ['', '/', '/a//b', '/a/', '/~2', '/a~', '/a/b/c/d/e/f/g/h/i', `/${'x'.repeat(512)}`]) {
      assert.deepEqual(await wrong({ ...RIGHT['generic'], groupsClaim: path }), ['issuers.one.groupsClaim'], path);
    }
  });

  it('ask for both files of an introspection, over https', async () => {
    const entry = RIGHT['generic']!;
    const { introspection } = await load({ ...entry, introspection: CLIENT_FILES });
    assert.equal(introspection?.clientId, 'AKIAEXAMPLE');
    assert.ok(!JSON.stringify(introspection).includes(introspection.clientSecret.reveal()));
    assert.equal(introspection.cacheSeconds, 5);
    const at = 'issuers.one.introspection';
    assert.deepEqual(await wrong({ ...entry, introspection: {} }), [`${at}.clientIdFile`, `${at}.clientSecretFile`]);
    const endpoint = 'http://idp.example/introspect';
    assert.deepEqual(await wrong({ ...entry, introspection: { ...CLIENT_FILES, endpoint } }), [`${at}.endpoint`]);
    const cacheSeconds = 301;
    assert.deepEqual(await wrong({ ...entry, introspection: { ...CLIENT_FILES, cacheSeconds } }), [
      `${at}.cacheSeconds`,
    ]);
    assert.equal(introspection.sessionSeconds, 900);
    for (const sessionSeconds of [59, 43_201]) {
      assert.deepEqual(await wrong({ ...entry, introspection: { ...CLIENT_FILES, sessionSeconds } }), [
        `${at}.sessionSeconds`,
      ]);
    }
  });

  it('ask for scopes only where there is a claim that has them', async () => {
    const requiredScopes = ['s3'];
    assert.deepEqual((await load({ ...RIGHT['okta'], requiredScopes })).requiredScopes, requiredScopes);
    assert.deepEqual((await load({ ...RIGHT['generic'], requiredScopes, scopesClaim: 'scope' })).scopesClaim, 'scope');
    assert.deepEqual(await wrong({ ...RIGHT['generic'], requiredScopes }), ['issuers.one.requiredScopes']);
    assert.deepEqual(await wrong({ ...RIGHT['okta'], requiredScopes: ['a"b'] }), ['issuers.one.requiredScopes.0']);
  });

  it('let no more than four issuers see each opaque token', async () => {
    const issuers = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e'].map((name) => [
        name,
        { audiences, issuer: `https://${name}.example`, introspection: CLIENT_FILES },
      ]),
    );
    assert.deepEqual(await sample.wrongKeys({ issuers }), ['issuers.e.introspection']);
  });
});
