/**
 * `npm run verify:bypass`: what the store's own enforcement is worth. The session credentials that the gateway holds for
 * alice, got by its own broker from the demo's policy, are used directly against Ceph RGW, past the gateway: 30 calls
 * that her policy forbids must be refused by RGW itself, beside calls that it allows. The owner of the buckets then makes
 * the same 30 calls, so that a refusal is known to be the policy's doing. Then callers whose claims are made to look like
 * somebody else's place, or like a pattern, have a session each by a rule with a variable: RGW must give them their own
 * place and nothing else. Then sessions by rules with conditions, grants with an end and listings in parts: what policy
 * denies is refused by its decision and by RGW alone. Exits 1 at the first untruth.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Access, Authorizer, RequestFacts } from '../../src/contracts/authorizer.ts';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import type { Bucket } from '../../src/contracts/bucket.ts';
import type { ClaimValue, Principal } from '../../src/contracts/principal.ts';
import type { TemporaryGrant } from '../../src/contracts/temporary-grants.ts';
import type { StoreCredentials } from '../../src/contracts/credential-broker.ts';
import { fixedSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { loadPolicies } from '../../src/policy/load-policies.ts';
import { askedPrefixes } from '../../src/s3/listed-parts.ts';
import type { ListingQuery } from '../../src/s3/request/listing-query.ts';
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

/** Whoever asks does so from 192.168.7.9 on a day of 2026, unless a session says otherwise. */
const CONDITIONS = `
id: conditions
description: What contractors may, and from where.
subjects: [{ issuer: demo, group: contractors }]
rules:
  - { id: open, allow: [read, write, list], bucket: reports, prefix: 'when/open/' }
  - { id: over, allow: [read, list], bucket: reports, prefix: 'when/over/', when: { until: '2020-01-01T00:00:00Z' } }
  - { id: later, allow: [read, list], bucket: reports, prefix: 'when/later/', when: { from: '2090-01-01T00:00:00Z' } }
  - { id: office, allow: [read, list], bucket: reports, prefix: 'when/office/', when: { networks: [10.0.0.0/8] } }
  - { id: strong, allow: [read, list], bucket: reports, prefix: 'when/strong/', when: { acr: [gold] } }
  - { id: agents, allow: [read], bucket: reports, prefix: 'when/agents/', when: { via: agent } }
  - { id: small, allow: [PUT], bucket: reports, prefix: 'when/small/', when: { size: { max: 10 } } }
  - { id: outside, deny: [read, list], bucket: reports, prefix: 'when/open/inside/', when: { networks: [192.168.0.0/16] } }
  - { id: weak, deny: [read, list], bucket: reports, prefix: 'when/open/strong/', when: { acr: [silver] } }
  - { id: large, deny: [PUT], bucket: reports, prefix: 'when/open/kept/', when: { createOnly: true } }
`;
const PARTS = `
id: parts
description: People walk down to their own place.
subjects: [{ issuer: demo, group: walkers }]
rules:
  - { id: see, allow: [LIST], bucket: reports, prefixes: [walk/ann/, walk/shared/], listing: filtered }
  - { id: read, allow: [read], bucket: reports, prefix: walk/ann/ }
  - { id: board, deny: [read, list], bucket: reports, prefix: walk/shared/board/ }
`;

const AT: RequestFacts = { nowMs: Date.UTC(2026, 5, 2, 12), clientAddress: '192.168.7.9', wayIn: 'bearer' };

/** One session, what it has to allow, and what policy and RGW have to refuse, each by itself. */
interface Case {
  readonly what: string;
  readonly group: string;
  readonly claims?: Readonly<Record<string, ClaimValue>>;
  readonly facts?: RequestFacts;
  readonly grants?: readonly TemporaryGrant[];
  readonly access: Access;
  readonly allowed: readonly Call[];
  readonly refused: readonly Call[];
}

const read = (key: string): Access => ({ kind: 'object', verb: 'GET', bucket: 'reports', key });
const list = (prefix: string): Call => ['GET', 'reports', `list-type=2&prefix=${encodeURIComponent(prefix)}`];
const getOf = (...keys: readonly string[]): readonly Call[] => keys.map((each) => ['GET', `reports/${each}`]);
const putOf = (...keys: readonly string[]): readonly Call[] =>
  keys.map((each) => ['PUT', `reports/${each}`, undefined, { body: 'x' }]);
const REPORTS_ALL: readonly Call[] = [
  ['GET', 'reports', 'list-type=2'],
  ['GET', 'reports', 'versions'],
  ['GET', 'reports', 'uploads'],
];

const CASES: readonly Case[] = [
  {
    ...{ what: 'conditions that are not met', group: 'contractors', access: read('when/open/a') },
    allowed: [...getOf('when/open/a'), ...putOf('when/open/new')],
    refused: [
      ...getOf('when/over/a', 'when/later/a', 'when/office/a', 'when/strong/a', 'when/agents/a'),
      ...getOf('when/open/inside/a', 'when/open/strong/a', 'when/small/a', 'when/a'),
      ...['when/over/', 'when/later/', 'when/office/', 'when/strong/', 'when/open/inside/', 'when/open/strong/'].map(
        list,
      ),
      ...putOf('when/small/a', 'when/office/a', 'when/open/kept/a', 'when/over/a'),
      ...[list('when/'), list('when/open/'), ...REPORTS_ALL],
    ],
  },
  {
    ...{
      what: 'conditions that are met',
      group: 'contractors',
      access: read('when/office/a'),
      claims: { acr: 'gold' },
    },
    facts: { ...AT, clientAddress: '10.1.2.3' },
    allowed: [
      ...getOf('when/office/a', 'when/strong/a', 'when/open/inside/a'),
      list('when/office/'),
      list('when/strong/'),
    ],
    refused: [...getOf('when/over/a', 'when/later/a', 'when/agents/a', 'when/small/a'), list('when/'), ...REPORTS_ALL],
  },
  {
    ...{ what: 'a condition on what is stored', group: 'contractors' },
    access: { kind: 'object', verb: 'PUT', bucket: 'reports', key: 'when/small/mine' },
    facts: { ...AT, stored: { sizeBytes: 1 } },
    allowed: putOf('when/small/mine'),
    refused: [
      ...putOf('when/small/a', 'when/small/', 'when/small/mine2', 'when/a'),
      ...getOf('when/small/mine'),
      list('when/small/'),
    ],
  },
  {
    ...{ what: 'a grant with an end', group: 'contractors', access: read('granted/a') },
    grants: [{ id: 'g', verbs: ['GET', 'LIST'], bucket: 'reports', scope: { prefix: 'granted/' }, reason: 'INC-1' }],
    allowed: [...getOf('granted/a', 'when/open/a'), list('granted/')],
    refused: [
      ...[...getOf('granted', 'granted2/a', 'when/office/a'), ...putOf('granted/a'), list(''), list('granted')],
      ...[['DELETE', 'reports/granted/a'] as const, ...REPORTS_ALL],
    ],
  },
  {
    ...{ what: 'a grant that is over', group: 'contractors', access: read('when/open/a'), grants: [] },
    allowed: getOf('when/open/a'),
    refused: [...getOf('granted/a'), list('granted/')],
  },
  {
    ...{ what: 'a listing in parts', group: 'walkers' },
    access: { kind: 'listing', verb: 'LIST', bucket: 'reports', prefix: 'walk/', after: [] },
    allowed: [list('walk/ann/'), list('walk/shared/')],
    refused: [
      ...['walk/', 'walk', 'walk/bob/', 'walk/shared/board/', 'walk/shared/board', 'walk/ann', 'other/'].map(list),
      ...[...getOf('walk/bob/a', 'walk/shared/board/a', 'walk/shared/a'), ...putOf('walk/ann/a'), ...REPORTS_ALL],
      ['GET', 'reports', 'versions&prefix=walk%2Fann%2F'],
    ],
  },
  {
    ...{ what: 'an object beside a listing in parts', group: 'walkers', access: read('walk/ann/a') },
    allowed: getOf('walk/ann/a'),
    refused: [
      ...['walk/', 'walk/bob/', 'walk/shared/board/'].map(list),
      ...[...getOf('walk/bob/a', 'walk/shared/board/a', 'walk/shared/a'), ...putOf('walk/ann/a'), ...REPORTS_ALL],
    ],
  },
];

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

interface Asking {
  readonly facts?: RequestFacts | undefined;
  readonly grants?: readonly TemporaryGrant[] | undefined;
}

async function authorizerFor(directory: string, grants: readonly TemporaryGrant[] = []): Promise<Authorizer> {
  const policies = await loadPolicies(directory);
  return createAuthorizer({ current: () => policies }, { of: () => grants });
}

/** As the gateway would have it: the grants of a caller by the policies of a directory, and a session for one access. */
async function credentialsOf(
  lab: CephLab,
  directory: string,
  caller: Principal,
  access: Access,
  { facts = {}, grants }: Asking = {},
): Promise<{ readonly keys: StoreCredentials; readonly policy: string } | undefined> {
  const authorizer = await authorizerFor(directory, grants);
  const { effect, parts } = authorizer.decide(caller, access, facts);
  if (effect === 'deny') return undefined;
  // Of a listing in parts, the listings that its page needs.
  const accesses =
    access.kind !== 'listing' || parts === undefined
      ? [access]
      : askedPrefixes(parts, { prefix: access.prefix, delimiter: '/', startAfter: undefined } as ListingQuery, 10).map(
          (prefix): Access => ({ ...access, prefix, filtered: true }),
        );
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
    const planned = broker.plan(caller, [
      { bucket, grants: authorizer.grants(caller, 'reports', facts, [access]), accesses },
    ]);
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

/** What a call asks of policy. */
function accessOf([method, path, query = '']: Call): Access {
  const [bucket = '', ...rest] = path.split('/');
  if (rest.length > 0) return { kind: 'object', verb: method as 'GET' | 'PUT' | 'DELETE', bucket, key: rest.join('/') };
  const parameters = new URLSearchParams(query);
  return {
    ...{ kind: 'listing', verb: parameters.has('versions') ? 'LIST_VERSIONS' : 'LIST', bucket, after: [] },
    prefix: parameters.get('prefix') ?? '',
    ...(parameters.has('uploads') && { uploads: true }),
  };
}

/** Sessions by conditions, grants and listings in parts give what policy allows at that moment, and nothing else. */
async function verifyCases(ceph: Ceph): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bypass-'));
  let refusals = 0;
  try {
    await writeFile(join(directory, 'conditions.yaml'), CONDITIONS);
    await writeFile(join(directory, 'parts.yaml'), PARTS);
    const keys = new Set(
      CASES.flatMap(({ allowed, refused }) => [...allowed, ...refused]).flatMap(
        ([, path]) => path.split('reports/')[1] ?? [],
      ),
    );
    for (const key of keys) if (!key.endsWith('/')) await ceph.writeStored('reports', key, 'stored');
    for (const { what, group, claims = {}, facts = AT, grants, access, allowed, refused } of CASES) {
      const caller = principal({ issuerName: 'demo', subject: 'mallory', groups: [group], claims });
      const found = await credentialsOf(ceph.lab, directory, caller, access, { facts, grants });
      assert.ok(found !== undefined, `${what}: no session`);
      for (const call of allowed) {
        const { status, body } = await ceph.request(found.keys, requestOf(call));
        assert.equal(status, 200, `${what}: ${lineOf(call)}: ${body.toString()} ${found.policy}`);
      }
      const authorizer = await authorizerFor(directory, grants);
      for (const call of refused) {
        const { effect, parts, rule } = authorizer.decide(caller, accessOf(call), { ...facts, stored: {} });
        // A listing that the gateway answers in parts is refused to a session as a whole.
        assert.ok(effect === 'deny' || parts !== undefined, `${what}: ${lineOf(call)} is allowed by ${rule}`);
        const { status, body } = await ceph.request(found.keys, requestOf(call));
        assert.equal(status, 403, `${what}: ${lineOf(call)}: ${body.toString()} ${found.policy}`);
        refusals += 1;
      }
      process.stdout.write(`${allowed.length} allowed, ${refused.length} refused   ${what}\n`);
    }
    process.stdout.write(`${refusals} attempts were refused by policy and by RGW alone, in ${CASES.length} sessions\n`);
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
  await verifyCases(ceph);
} finally {
  await ceph.stop();
}
