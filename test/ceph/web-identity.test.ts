/**
 * A real store that is asked with a token of the caller's own: RGW verifies the token by the keys of its issuer, and holds
 * the session to the policy that was sent with it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import type { Bucket } from '../../src/contracts/bucket.ts';
import type { StoreCredentials } from '../../src/contracts/credential-broker.ts';
import type { StoreToken } from '../../src/contracts/store-tokens.ts';
import type { BaseSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { startCeph, type Ceph } from '../support/store/ceph.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer, type SigningKey } from '../support/identity/issuer.ts';
import { allow, bucket, object, principal, rememberingObserver, scope } from '../unit/credentials/fixture.ts';

const run = promisify(execFile);
/** The lab may have run before. */
const ROLE = `sallyport-web-${Date.now()}`;
const AUDIENCE = 'objects';
const untouchable: BaseSource = {
  current: () => assert.fail('base credentials were requested'),
  renew: () => assert.fail('base credentials were requested'),
};

describe('AssumeRoleWithWebIdentity at a real store', function () {
  this.timeout(60_000);
  const key = makeKey('RS256', 'k1');
  let ceph: Ceph;
  let issuer: TestIssuer;
  let reports: Bucket;
  let broker: ReturnType<typeof createCredentialBroker>;

  const credentialsFor = async (jwt: string): Promise<StoreCredentials> => {
    const storeToken: StoreToken = {
      ...{ digest: jwt, tokenIdHash: '0'.repeat(32), expiresAtMs: Date.now() + 600_000 },
      reveal: () => jwt,
    };
    const grants = [allow(['GET', 'PUT'], { prefix: '2026/' })];
    const plan = broker.plan(principal(), [scope(reports, grants, object('GET', '2026/q3'))], storeToken);
    return broker.credentials(plan);
  };
  const tokenFor = (claims: Readonly<Record<string, unknown>> = {}, by = key): string => {
    const now = Math.floor(Date.now() / 1000);
    return signToken(by, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 600, ...claims });
  };
  before(async () => {
    ceph = await startCeph();
    // RGW takes the key out of a certificate; 20 asks for its thumbprint too.
    const certificate = await certificateOf(key);
    issuer = await startTestIssuer([{ ...key.publicJwk, x5c: [certificate] }]);
    const provider = issuer.url.replace('http://', '');
    await ceph.iam({
      Action: 'CreateOpenIDConnectProvider',
      Url: issuer.url,
      'ClientIDList.member.1': AUDIENCE,
      'ThumbprintList.member.1': hash('sha1', Buffer.from(certificate, 'base64')).toUpperCase(),
    });
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: [`arn:aws:iam:::oidc-provider/${provider}`] },
          Action: ['sts:AssumeRoleWithWebIdentity'],
          Condition: { StringEquals: { [`${provider}:app_id`]: AUDIENCE } },
        },
      ],
    };
    await ceph.iam({
      Action: 'CreateRole',
      RoleName: ROLE,
      Path: '/',
      AssumeRolePolicyDocument: JSON.stringify(trust),
    });
    const everything = {
      Effect: 'Allow',
      Action: ['s3:*'],
      Resource: ['arn:aws:s3:::reports', 'arn:aws:s3:::reports/*'],
    };
    await ceph.iam({
      Action: 'PutRolePolicy',
      RoleName: ROLE,
      PolicyName: 'reports',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [everything] }),
    });
    for (const name of ['2026/q3', '2025/q3']) await ceph.writeStored('reports', name, 'stored');
    reports = bucket({ store: { ...bucket().store, name: 'ceph' }, roleArn: `arn:aws:iam:::role/${ROLE}` });
    broker = createCredentialBroker({
      stores: [
        {
          ...{ name: 'ceph', method: 'web-identity', endpoint: ceph.lab.endpoint, region: ceph.lab.region },
          ...{ base: untouchable, iamEscapes: false, unknownActions: UNKNOWN_TO_CEPH },
          sourceIdentity: false,
          sessionSeconds: 900,
        },
      ],
      clock: { now: () => Date.now() },
      observer: rememberingObserver(),
    });
  });
  after(async () => {
    broker.close();
    await issuer.stop();
    await ceph.stop();
  });

  it('gives a session that reaches what the policy says and nothing beside it', async () => {
    const keys = await credentialsFor(tokenFor());
    const status = async (method: 'GET' | 'PUT' | 'DELETE', name: string, at = 'reports'): Promise<number> =>
      (await ceph.request(keys, { method, bucket: at, key: name, ...(method === 'PUT' ? { body: 'x' } : {}) })).status;
    assert.equal(await status('GET', '2026/q3'), 200);
    assert.equal(await status('PUT', '2026/new'), 200);
    assert.equal(await status('DELETE', '2026/new'), 403);
    assert.equal(await status('GET', '2025/q3'), 403);
    assert.equal(await status('GET', '2026/q3', 'artifacts'), 403);
  });

  const bad: readonly (readonly [string, string, () => string])[] = [
    ['for another audience', 'AccessDeniedByStore', () => tokenFor({ aud: 'elsewhere' })],
    ['signed by somebody else', 'AccessDeniedByStore', () => tokenFor({}, makeKey('RS256', 'k1'))],
    ['that is over', 'AccessDeniedByStore', () => tokenFor({ exp: 1 })],
    ['of an issuer that it does not know', 'AccessDeniedByStore', () => tokenFor({ iss: 'https://other.example' })],
  ];
  for (const [what, code, make] of bad) {
    it(`gives none for a token ${what}`, async () => {
      await assert.rejects(credentialsFor(make()), { code });
    });
  }
});

/** A certificate of its own for a key: DER in base64. */
async function certificateOf({ privateKey }: SigningKey): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-issuer-'));
  try {
    const file = join(folder, 'key.pem');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const made = await run('openssl', ['req', '-x509', '-new', '-key', file, '-subj', '/CN=issuer', '-days', '2']);
    return made.stdout.replace(/-----[^-]+-----|\s/g, '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
