/**
 * `npm run verify:bypass`: what the store's own enforcement is worth. The session credentials that the gateway holds for
 * alice, got by its own broker from the demo's policy, are used directly against Ceph RGW, past the gateway: 30 calls
 * that her policy forbids must be refused by RGW itself, beside calls that it allows. The owner of the buckets then makes
 * the same 30 calls, so that a refusal is known to be the policy's doing. Exits 1 at the first untruth.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Access } from '../../src/contracts/authorizer.ts';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import type { Bucket } from '../../src/contracts/bucket.ts';
import type { StoreCredentials } from '../../src/contracts/credential-broker.ts';
import { fixedSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { loadPolicies } from '../../src/policy/load-policies.ts';
import { startCeph, type Ceph, type CephLab, type CephRequest } from '../support/store/ceph.ts';
import { principal, rememberingObserver } from '../unit/credentials/fixture.ts';

const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url));
const DELETION = '<Delete><Object><Key>2026/q3</Key></Object></Delete>';
const TAGGING = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
const VERSIONING = '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>';
const OPEN_TO_ALL = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::reports/*' }],
});

type Method = CephRequest['method'];

/** Method, bucket and key, query, and what else it takes. */
type Call = readonly [Method, string, (string | undefined)?, Partial<CephRequest>?];

const ALLOWED: readonly Call[] = [
  ['GET', 'reports/2026/q3'],
  ['HEAD', 'reports/2026/q3'],
  ['PUT', 'reports/2026/by-alice', undefined, { body: 'hers' }],
  ['GET', 'reports', 'list-type=2&prefix=2026%2F'],
  ['GET', 'reports', 'list-type=2&prefix=2026%2Fdeep%2F&delimiter=%2F'],
  ['PUT', 'reports/2026/copy', undefined, { headers: { 'x-amz-copy-source': '/reports/2026/q3' } }],
  ['POST', 'reports/2026/big', 'uploads', { body: '' }],
];

/** In an order in which the owner can make them all. */
const FORBIDDEN: readonly Call[] = [
  ['GET', 'reports/2025/q3'],
  ['HEAD', 'reports/2025/q3'],
  ['GET', 'reports/2026'],
  ['GET', 'reports/2026x/q3'],
  ['GET', 'artifacts/2026/q3'],
  ['PUT', 'reports/2025/new', undefined, { body: 'x' }],
  ['PUT', 'reports/2026', undefined, { body: 'x' }],
  ['PUT', 'artifacts/2026/new', undefined, { body: 'x' }],
  ['PUT', 'reports/2026/stolen', undefined, { headers: { 'x-amz-copy-source': '/reports/2025/q3' } }],
  ['PUT', 'reports/2026/stolen', undefined, { headers: { 'x-amz-copy-source': '/artifacts/2026/q3' } }],
  ['PUT', 'artifacts/2026/smuggled', undefined, { headers: { 'x-amz-copy-source': '/reports/2026/q3' } }],
  ['POST', 'reports/2025/big', 'uploads', { body: '' }],
  ['GET', 'reports', 'list-type=2'],
  ['GET', 'reports', 'list-type=2&prefix=2025%2F'],
  ['GET', 'reports', 'prefix=2026'],
  ['GET', 'reports', 'delimiter=%2F'],
  ['GET', 'artifacts', 'list-type=2&prefix=2026%2F'],
  ['GET', 'reports', 'versions&prefix=2026%2F'],
  ['GET', 'reports', 'uploads'],
  ['GET', 'reports/2026/q3', 'acl'],
  ['PUT', 'reports/2026/q3', 'acl', { headers: { 'x-amz-acl': 'public-read' } }],
  ['PUT', 'reports/2026/q3', 'tagging', { body: TAGGING }],
  ['GET', 'reports/2026/q3', 'tagging'],
  ['GET', 'reports', 'acl'],
  ['PUT', 'reports', 'policy', { body: OPEN_TO_ALL }],
  ['GET', 'reports', 'policy'],
  ['PUT', 'reports', 'versioning', { body: VERSIONING }],
  ['POST', 'reports', 'delete', { body: DELETION, headers: { 'content-md5': md5Of(DELETION) } }],
  ['DELETE', 'reports/2026/q3'],
  ['DELETE', 'artifacts/2026/q3'],
];

function md5Of(body: string): string {
  return createHash('md5').update(body).digest('base64');
}

function requestOf([method, path, query, more]: Call): CephRequest {
  const [bucket = '', ...key] = path.split('/');
  return {
    ...{ method, bucket },
    ...(key.length === 0 ? {} : { key: key.join('/') }),
    ...(query === undefined ? {} : { query }),
    ...more,
  };
}

const lineOf = ([method, path, query, more]: Call): string =>
  [method, `/${path}${query === undefined ? '' : `?${query}`}`, more?.headers?.['x-amz-copy-source'] ?? ''].join(' ');

/** As the gateway would have it: her grants by the demo's policies, and a session for one read. */
async function credentialsOfAlice(lab: CephLab): Promise<{ readonly keys: StoreCredentials; readonly policy: string }> {
  const policies = await loadPolicies(POLICIES);
  const authorizer = createAuthorizer({ current: () => policies });
  const alice = principal({ issuerName: 'demo', subject: 'alice', groups: ['analytics'] });
  const access: Access = { kind: 'object', verb: 'GET', bucket: 'reports', key: '2026/q3' };
  assert.equal(authorizer.decide(alice, access).effect, 'allow');
  const bucket: Bucket = {
    ...{ name: 'reports', id: 'reports', storeBucket: 'reports', style: 'path', roleArn: lab.roleArn },
    store: { name: 'ceph', endpoint: lab.endpoint, region: lab.region },
    ...{ encryption: 'required', prefixes: [] },
  };
  const broker = createCredentialBroker({
    stores: [
      {
        ...{ name: 'ceph', endpoint: lab.endpoint, region: lab.region, base: fixedSource(lab.gateway) },
        iamEscapes: false,
        unknownActions: UNKNOWN_TO_CEPH,
        sourceIdentity: false,
        sessionSeconds: 900,
      },
    ],
    clock: { now: () => Date.now() },
    observer: rememberingObserver(),
  });
  try {
    const plan = broker.plan(alice, [{ bucket, grants: authorizer.grants(alice, 'reports'), accesses: [access] }]);
    return { keys: await broker.credentials(plan), policy: plan.sessionPolicy };
  } finally {
    broker.close();
  }
}

async function verify(ceph: Ceph): Promise<void> {
  const stored = ['reports/2026/q3', 'reports/2025/q3', 'reports/2026', 'reports/2026x/q3', 'artifacts/2026/q3'];
  for (const path of stored) {
    const [bucket = '', ...key] = path.split('/');
    await ceph.writeStored(bucket, key.join('/'), 'stored');
  }
  const { keys, policy } = await credentialsOfAlice(ceph.lab);
  process.stdout.write(`the session policy: ${policy}\n\n`);

  for (const call of ALLOWED) {
    const { status, body } = await ceph.request(keys, requestOf(call));
    assert.equal(status, 200, `${lineOf(call)}: ${body.toString()}`);
    process.stdout.write(`allowed   ${status}  ${lineOf(call)}\n`);
  }
  assert.equal(FORBIDDEN.length, 30);
  for (const call of FORBIDDEN) {
    const { status, body } = await ceph.request(keys, requestOf(call));
    assert.equal(status, 403, `${lineOf(call)}: ${body.toString()}`);
    // An answer to HEAD has no body.
    if (call[0] !== 'HEAD') assert.match(body.toString(), /<Code>AccessDenied<\/Code>/, lineOf(call));
    process.stdout.write(`refused   ${status}  ${lineOf(call)}\n`);
  }
  for (const path of stored) {
    const [bucket = '', ...key] = path.split('/');
    assert.equal((await ceph.readStored(bucket, key.join('/'))).body.toString(), 'stored', `${path} is untouched`);
  }
  for (const call of FORBIDDEN) {
    const { status, body } = await ceph.request(ceph.lab.owner, requestOf(call));
    assert.ok(status >= 200 && status < 300, `the owner: ${lineOf(call)}: ${status} ${body.toString()}`);
  }
  process.stdout.write(
    `\n${ALLOWED.length} allowed calls succeeded, ${FORBIDDEN.length} of ${FORBIDDEN.length} forbidden ones were refused by RGW itself, and none of these was refused to the owner\n`,
  );
}

const ceph = await startCeph();
try {
  await verify(ceph);
} finally {
  await ceph.stop();
}
