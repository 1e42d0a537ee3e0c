/**
 * `npm run verify:bypass`: what the store's own enforcement is worth. The session credentials that the gateway holds for
 * alice, got by its own broker from the demo's policy, are used directly against Ceph RGW, past the gateway: 30 calls
 * that her policy forbids must be refused by RGW itself, beside calls that it allows. The owner of the buckets then makes
 * the same 30 calls, so that a refusal is known to be the policy's doing. Then callers whose claims are made to look like
 * somebody else's place, or like a pattern, have a session each by a rule with a variable: RGW must give them their own
 * place and nothing else. Exits 1 at the first untruth.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Access } from '../../src/contracts/authorizer.ts';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import type { Bucket } from '../../src/contracts/bucket.ts';
import type { ClaimValue, Principal } from '../../src/contracts/principal.ts';
import type { StoreCredentials } from '../../src/contracts/credential-broker.ts';
import { fixedSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
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

const OWN_PLACE = `
id: own-place
description: Everybody reads, writes and lists the place of their team.
subjects: [{ issuer: demo, everybody: true }]
rules:
  - { id: work, allow: [read, write, list], bucket: reports, prefix: 'teams/\${claims.team}/' }
  - { id: not-private, deny: [read, list], bucket: reports, prefix: 'teams/\${claims.team}/private/' }
`;

/** Values of a claim, and whether they may be a place at all. */
const TEAMS: readonly (readonly [unknown, boolean])[] = [
  ['red', true],
  ...['*', '?lue', 'b*', '[b]lue', 'b\\lue', '${aws:username}', '${*}', '%2e%2e', 'blue%2F', 'blue ', 'bl\u200bue'].map(
    (team) => [team, true] as const,
  ),
  ...['Blue', 'blu\u0435', 'bluee', 'blu', 'a:b', '"', '...', 'x'.repeat(256)].map((team) => [team, true] as const),
  ...['..', '.', '', '/', 'red/../blue', 'blue/', '/blue', 'a\nb', 'x'.repeat(10_240)].map(
    (team) => [team, false] as const,
  ),
  ...[['blue'], [], 7, true, { team: 'blue' }, null].map((team) => [team, false] as const),
];

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

/** As the gateway would have it: the grants of a caller by the policies of a directory, and a session for one access. */
async function credentialsOf(
  lab: CephLab,
  directory: string,
  caller: Principal,
  access: Access,
): Promise<{ readonly keys: StoreCredentials; readonly policy: string } | undefined> {
  const policies = await loadPolicies(directory);
  const authorizer = createAuthorizer({ current: () => policies });
  if (authorizer.decide(caller, access).effect === 'deny') return undefined;
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
    const planned = broker.plan(caller, [{ bucket, grants: authorizer.grants(caller, 'reports'), accesses: [access] }]);
    return { keys: await broker.credentials(planned), policy: planned.plan.sessionPolicy };
  } catch (error) {
    // The store's IAM cannot say it: refused, which is the other way not to be wider.
    if (error instanceof GatewayError && error.code === 'AccessDenied') return undefined;
    throw error;
  } finally {
    broker.close();
  }
}

/** Sessions by a rule with a variable give each caller the place of its own claim, and nothing else. */
async function verifyVariables(ceph: Ceph): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bypass-'));
  const others = [
    'teams/blue/file',
    'teams/blue /other',
    'teams/file',
    'file',
    'teams//file',
    'teams/red/private/file',
  ];
  try {
    await writeFile(join(directory, 'own-place.yaml'), OWN_PLACE);
    for (const key of others) await ceph.writeStored('reports', key, 'of others');
    let sessions = 0;
    for (const [team, isPlace] of TEAMS) {
      const caller = principal({ subject: 'mallory', claims: { team } as Record<string, ClaimValue> });
      const key = `teams/${String(team)}/own`;
      const own: Access = { kind: 'object', verb: 'GET', bucket: 'reports', key };
      const found = await credentialsOf(ceph.lab, directory, caller, own);
      const shown = JSON.stringify(team).slice(0, 40);
      if (found === undefined) {
        process.stdout.write(`no session          ${shown}\n`);
        continue;
      }
      assert.ok(isPlace, `${shown} has a session`);
      sessions += 1;
      await ceph.writeStored('reports', key, 'hers');
      const of = (request: Partial<CephRequest>): CephRequest => ({ method: 'GET', bucket: 'reports', ...request });
      assert.equal((await ceph.request(found.keys, of({ key }))).status, 200, `${shown}: its own`);
      const foreign = others.filter((each) => !each.startsWith(`teams/${String(team)}/`) || each.includes('private'));
      const listings = ['', 'prefix=', 'prefix=teams%2F', 'prefix=teams%2Fblue%2F'].map((query) => of({ query }));
      for (const request of [...foreign.map((each) => of({ key: each })), ...listings]) {
        const { status, body } = await ceph.request(found.keys, request);
        assert.equal(status, 403, `${shown} ${request.key ?? request.query ?? ''}: ${body.toString()} ${found.policy}`);
      }
      process.stdout.write(`its own place alone ${shown}\n`);
    }
    process.stdout.write(
      `${sessions} of ${TEAMS.length} claims had a session, and none of these was wider than its claim\n`,
    );
    assert.ok(sessions >= 5);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function verify(ceph: Ceph): Promise<void> {
  const stored = ['reports/2026/q3', 'reports/2025/q3', 'reports/2026', 'reports/2026x/q3', 'artifacts/2026/q3'];
  for (const path of stored) {
    const [bucket = '', ...key] = path.split('/');
    await ceph.writeStored(bucket, key.join('/'), 'stored');
  }
  const alice = principal({ issuerName: 'demo', subject: 'alice', groups: ['analytics'] });
  const reads: Access = { kind: 'object', verb: 'GET', bucket: 'reports', key: '2026/q3' };
  const found = await credentialsOf(ceph.lab, POLICIES, alice, reads);
  assert.ok(found !== undefined, 'alice has no session');
  const { keys, policy } = found;
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
  await verifyVariables(ceph);
} finally {
  await ceph.stop();
}
