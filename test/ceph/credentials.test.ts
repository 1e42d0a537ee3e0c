import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import type { Access, Grant } from '../../src/contracts/authorizer.ts';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import type { Bucket } from '../../src/contracts/bucket.ts';
import type { AccessScope, StoreCredentials } from '../../src/contracts/credential-broker.ts';
import type { StsStore } from '../../src/credentials/sts-store.ts';
import { fixedSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { VERBS } from '../../src/s3/operations/verb.ts';
import { startCeph, type Ceph, type CephKeys } from '../support/store/ceph.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import { releaseOf } from '../support/store/versions.ts';
import {
  admin,
  allow,
  deny,
  listing,
  object,
  principal,
  rememberingObserver,
  scope,
  uploads,
} from '../unit/credentials/fixture.ts';

type Keys = CephKeys | StoreCredentials;

const ALL = VERBS.filter((verb) => verb !== 'ADMIN');

describe('credentials of a real store', function () {
  this.timeout(60_000);
  let ceph: Ceph;
  let reports: Bucket;
  const closers: (() => void)[] = [];
  const clock = { now: () => Date.now() };

  const brokerOf = (changes: Partial<StsStore> = {}, observer = rememberingObserver()) => {
    const broker = createCredentialBroker({
      stores: [
        {
          name: 'ceph',
          endpoint: ceph.lab.endpoint,
          region: ceph.lab.region,
          base: fixedSource(ceph.lab.gateway),
          buckets: { endpoint: ceph.lab.endpoint, region: ceph.lab.region },
          iamEscapes: false,
          unknownActions: UNKNOWN_TO_CEPH,
          sourceIdentity: false,
          sessionSeconds: 900,
          ...changes,
        },
      ],
      clock,
      observer,
    });
    closers.push(() => broker.close());
    return broker;
  };
  const keysOf = async (...scopes: AccessScope[]): Promise<StoreCredentials> => {
    const broker = brokerOf();
    return broker.credentials(broker.plan(principal(), scopes));
  };
  const keysFor = async (grants: readonly Grant[], access: Access, bucket = reports): Promise<StoreCredentials> =>
    keysOf(scope(bucket, grants, access));
  const statusOf = async (keys: Keys, method: 'GET' | 'HEAD' | 'PUT' | 'DELETE', key: string, bucket = 'reports') =>
    (await ceph.request(keys, { method, bucket, key, ...(method === 'PUT' ? { body: 'x' } : {}) })).status;
  const listStatusOf = async (keys: Keys, query: string) =>
    (await ceph.request(keys, { method: 'GET', bucket: 'reports', query })).status;

  before(async () => {
    ceph = await startCeph();
    reports = {
      name: 'reports',
      id: 'reports',
      store: { name: 'ceph', endpoint: ceph.lab.endpoint, region: ceph.lab.region },
      storeBucket: 'reports',
      style: 'path',
      roleArn: ceph.lab.roleArn,
      encryption: 'required',
      prefixes: [],
    };
    for (const key of ['2026/q3', '2026/secret/x', '2025/q3', 'abc']) await ceph.writeStored('reports', key, 'stored');
    await ceph.writeStored('artifacts', '2026/q3', 'stored');
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  after(() => ceph.stop());

  it("are needed: the gateway's own keys reach no object", async () => {
    assert.equal(await statusOf(ceph.lab.gateway, 'GET', '2026/q3'), 403);
    assert.equal(await statusOf(ceph.lab.gateway, 'PUT', '2026/q3'), 403);
  });

  it('reach what the grants say and nothing beside it', async () => {
    const keys = await keysFor([allow(['GET', 'PUT'], { prefix: '2026/' })], object('GET', '2026/q3'));
    assert.equal(await statusOf(keys, 'GET', '2026/q3'), 200);
    assert.equal(await statusOf(keys, 'HEAD', '2026/q3'), 200);
    assert.equal(await statusOf(keys, 'PUT', '2026/new'), 200);
    assert.equal(await statusOf(keys, 'DELETE', '2026/new'), 403);
    assert.equal(await statusOf(keys, 'GET', '2025/q3'), 403);
    assert.equal(await statusOf(keys, 'PUT', '2026'), 403);
    assert.equal(await statusOf(keys, 'GET', '2026/q3', 'artifacts'), 403);
    assert.equal(await listStatusOf(keys, 'list-type=2&prefix=2026%2F'), 403);
  });

  it('delete where DELETE is granted', async () => {
    const keys = await keysFor([allow(['DELETE'], { key: '2026/new' })], object('DELETE', '2026/new'));
    assert.equal(await statusOf(keys, 'DELETE', '2026/new'), 204);
    assert.equal(await statusOf(keys, 'DELETE', '2026/q3'), 403);
    assert.equal(await statusOf(keys, 'GET', '2026/q3'), 403);
  });

  it('stop at denies', async () => {
    const grants = [
      allow(['GET'], { prefix: '' }),
      deny(['GET'], { prefix: '2026/secret/' }),
      deny(['GET'], { key: 'abc' }),
    ];
    const keys = await keysFor(grants, object('GET', '2026/q3'));
    assert.equal(await statusOf(keys, 'GET', '2026/q3'), 200);
    assert.equal(await statusOf(keys, 'GET', '2026/secret/x'), 403);
    assert.equal(await statusOf(keys, 'GET', 'abc'), 403);
  });

  it('list below the granted prefix only, and never without one', async () => {
    const keys = await keysFor([allow(['LIST'], { prefix: '2026/' })], listing('2026/'));
    for (const query of ['list-type=2&prefix=2026%2F', 'prefix=2026%2F', 'list-type=2&prefix=2026%2Fsecret%2F']) {
      assert.equal(await listStatusOf(keys, query), 200, query);
    }
    for (const query of [
      'list-type=2',
      'list-type=2&prefix=',
      'list-type=2&prefix=2026',
      'prefix=2025%2F',
      'delimiter=%2F',
    ]) {
      assert.equal(await listStatusOf(keys, query), 403, query);
    }
  });

  it('list everything, without a prefix too, where that is granted', async () => {
    const keys = await keysFor([allow(['LIST'], { prefix: '' })], listing(''));
    for (const query of ['list-type=2', 'list-type=2&prefix=', 'prefix=2025%2F']) {
      assert.equal(await listStatusOf(keys, query), 200, query);
    }
    assert.equal(await statusOf(keys, 'GET', '2026/q3'), 403);
  });

  it('list exactly one prefix where a deny lies beside it', async () => {
    const grants = [allow(['LIST'], { prefix: '' }), deny(['LIST'], { prefix: '2026/secret/' })];
    const keys = await keysFor(grants, listing('2025/'));
    assert.equal(await listStatusOf(keys, 'list-type=2&prefix=2025%2F'), 200);
    assert.equal(await listStatusOf(keys, 'list-type=2&prefix=2026%2F'), 403);
    assert.equal(await listStatusOf(keys, 'list-type=2'), 403);
    const starred = await keysFor(grants, listing('a*'));
    assert.equal(await listStatusOf(starred, 'list-type=2&prefix=a%2A'), 200);
    assert.equal(await listStatusOf(starred, 'list-type=2&prefix=abc'), 403);
  });

  it('reach hostile keys below a granted prefix byte for byte', async () => {
    const keys = await keysFor([allow(['PUT', 'GET'], { prefix: '2026/hostile/' })], object('PUT', '2026/hostile/x'));
    for (const name of HOSTILE_KEYS) {
      const key = `2026/hostile/${name}`;
      if (Buffer.byteLength(key) > 1024) continue;
      assert.equal(await statusOf(keys, 'PUT', key), 200, JSON.stringify(key));
      assert.equal((await ceph.readStored('reports', key)).body.toString(), 'x');
    }
  });

  it('reach exactly one hostile key when the grant names one, or are refused before STS is asked', async () => {
    let named = 0;
    for (const name of HOSTILE_KEYS) {
      const key = `one/${name}`;
      if (Buffer.byteLength(key) > 1024) continue;
      const grants = [allow(['PUT'], { key })];
      // Six characters of policy for each that is not ASCII.
      const tooLong = key.replace(/[^ -~]/g, '\\uXXXX').length > 1900;
      const inexpressible = /[*?[\\:]|\$\{/.test(key);
      if (inexpressible || tooLong) {
        const code = inexpressible ? 'AccessDenied' : 'InvalidRequest';
        await assert.rejects(keysFor(grants, object('PUT', key)), { code });
        continue;
      }
      const keys = await keysFor(grants, object('PUT', key));
      assert.equal(await statusOf(keys, 'PUT', key), 200, JSON.stringify(key));
      assert.equal(await statusOf(keys, 'PUT', `${key}x`), 403, JSON.stringify(key));
      named += 1;
    }
    assert.ok(named > 10);
  });

  describe('of the other verbs', () => {
    const VERSIONING = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    const TAGGING = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
    const status = async (keys: Keys, method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: string) => {
      const [, bucket = '', key, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(path) ?? [];
      const requested = {
        method,
        bucket,
        ...(key === undefined ? {} : { key }),
        ...(query === undefined ? {} : { query }),
      };
      return ceph.request(keys, { ...requested, ...(body === undefined ? {} : { body, headers: md5Of(body) }) });
    };
    const statuses = async (
      keys: Keys,
      ...requested: [method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: string][]
    ) => {
      const found: number[] = [];
      for (const [method, path, body] of requested) found.push((await status(keys, method, path, body)).status);
      return found;
    };

    it('administer the bucket itself where ADMIN is granted, and not where everything else is', async () => {
      const scratch = { ...reports, name: 'scratch', storeBucket: 'scratch' };
      const all = await keysFor([allow(ALL, { prefix: '' })], object('GET', 'abc'), scratch);
      assert.deepEqual(await statuses(all, ['PUT', 'scratch']), [403]);
      const keys = await keysFor([allow(['ADMIN'], { prefix: '' })], admin, scratch);
      assert.deepEqual(await statuses(keys, ['PUT', 'scratch']), [200]);
      assert.deepEqual(await statuses(all, ['DELETE', 'scratch'], ['GET', 'scratch?versioning']), [403, 403]);
      assert.deepEqual(
        await statuses(
          keys,
          ['GET', 'scratch?versioning'],
          ['PUT', 'scratch?versioning', VERSIONING],
          ['PUT', 'scratch?tagging', TAGGING],
          ['GET', 'scratch?tagging'],
          ['DELETE', 'scratch?tagging'],
          ['PUT', 'scratch/x', 'x'],
          ['GET', 'scratch?list-type=2'],
          ['DELETE', 'artifacts'],
          ['GET', 'artifacts?versioning'],
          ['DELETE', 'scratch'],
        ),
        [200, 200, 200, 200, releaseOf(ceph.lab.version) < 20 ? 200 : 204, 403, 403, 403, 403, 204],
      );
    });

    it('read and delete versions by the verbs of versions, and nothing by the plain ones', async () => {
      assert.equal((await status(ceph.lab.owner, 'PUT', 'artifacts?versioning', VERSIONING)).status, 200);
      const versionId = (await status(ceph.lab.owner, 'PUT', 'artifacts/v/x', '1')).headers['x-amz-version-id'];
      assert.equal(typeof versionId, 'string');
      const path = `artifacts/v/x?versionId=${encodeURIComponent(String(versionId))}`;
      const artifacts = { ...reports, name: 'artifacts', storeBucket: 'artifacts' };
      const plain = await keysFor(
        [allow(['GET', 'DELETE', 'LIST'], { prefix: 'v/' })],
        object('GET', 'v/x'),
        artifacts,
      );
      const listed = 'artifacts?versions&prefix=v%2F';
      assert.deepEqual(await statuses(plain, ['GET', path], ['DELETE', path], ['GET', listed]), [403, 403, 403]);
      const read = await keysFor(
        [allow(['GET_VERSION', 'LIST_VERSIONS'], { prefix: 'v/' })],
        object('GET_VERSION', 'v/x'),
        artifacts,
      );
      assert.deepEqual(
        await statuses(read, ['GET', path], ['GET', 'artifacts/v/x'], ['DELETE', path], ['GET', listed]),
        [200, 403, 403, 200],
      );
      assert.deepEqual(
        await statuses(
          read,
          ['GET', 'artifacts?versions'],
          ['GET', 'artifacts?versions&prefix=w%2F'],
          ['GET', 'artifacts?list-type=2&prefix=v%2F'],
        ),
        [403, 403, 403],
      );
      const remove = await keysFor(
        [allow(['DELETE_VERSION'], { prefix: 'v/' })],
        object('DELETE_VERSION', 'v/x'),
        artifacts,
      );
      assert.deepEqual(
        await statuses(remove, ['GET', path], ['DELETE', 'artifacts/v/x'], ['DELETE', path]),
        [403, 403, 204],
      );
    });

    it('read and write tags and ACLs by their own verbs', async () => {
      const keys = await keysFor([allow(['GET_TAGS', 'PUT_TAGS'], { prefix: '2026/' })], object('GET_TAGS', '2026/q3'));
      assert.deepEqual(
        await statuses(
          keys,
          ['PUT', 'reports/2026/q3?tagging', TAGGING],
          ['GET', 'reports/2026/q3?tagging'],
          ['DELETE', 'reports/2026/q3?tagging'],
          ['GET', 'reports/2026/q3'],
          ['GET', 'reports/2026/q3?acl'],
          ['GET', 'reports/2025/q3?tagging'],
        ),
        [200, 200, 204, 403, 403, 403],
      );
      const acl = await keysFor([allow(['GET_ACL'], { prefix: '2026/' })], object('GET_ACL', '2026/q3'));
      assert.deepEqual(
        await statuses(
          acl,
          ['GET', 'reports/2026/q3?acl'],
          ['GET', 'reports/2026/q3?tagging'],
          ['GET', 'reports/2026/q3'],
        ),
        [200, 403, 403],
      );
    });

    it('carry a multipart upload from its creation to its end by PUT alone', async () => {
      const keys = await keysFor([allow(['PUT'], { prefix: '2026/' })], object('PUT', '2026/big'));
      const created = await status(keys, 'POST', 'reports/2026/big?uploads', '');
      assert.equal(created.status, 200, created.body.toString());
      const uploadId = /<UploadId>([^<]+)</.exec(created.body.toString())?.[1] ?? '';
      const part = await status(keys, 'PUT', `reports/2026/big?partNumber=1&uploadId=${uploadId}`, 'x');
      const parts = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${String(part.headers.etag)}</ETag></Part></CompleteMultipartUpload>`;
      assert.deepEqual(
        await statuses(
          keys,
          ['GET', `reports/2026/big?uploadId=${uploadId}`],
          ['POST', `reports/2026/big?uploadId=${uploadId}`, parts],
          ['POST', 'reports/2025/big?uploads', ''],
          ['GET', 'reports/2026/big'],
        ),
        [200, 200, 403, 403],
      );
      const again = /<UploadId>([^<]+)</.exec(
        (await status(keys, 'POST', 'reports/2026/big?uploads', '')).body.toString(),
      );
      const other = await keysFor([allow(['GET', 'DELETE', 'LIST'], { prefix: '' })], listing(''));
      assert.deepEqual(
        await statuses(other, ['DELETE', `reports/2026/big?uploadId=${again?.[1] ?? ''}`], ['GET', 'reports?uploads']),
        [403, 200],
      );
      const narrow = [allow(['LIST'], { prefix: '2026/' })];
      assert.deepEqual(
        await statuses(await keysFor(narrow, listing('2026/')), ['GET', 'reports?uploads&prefix=2026%2F']),
        [403],
      );
      assert.deepEqual(
        await statuses(await keysFor(narrow, uploads('2026/')), ['GET', 'reports?uploads&prefix=2026%2F']),
        [200],
      );
      assert.deepEqual(await statuses(keys, ['DELETE', `reports/2026/big?uploadId=${again?.[1] ?? ''}`]), [204]);
    });

    it('copy from where GET is granted to where PUT is, in one bucket or across two', async () => {
      const artifacts = { ...reports, name: 'artifacts', storeBucket: 'artifacts' };
      const source = scope(artifacts, [allow(['GET'], { prefix: '2026/' })], object('GET', '2026/q3'));
      const target = scope(reports, [allow(['PUT'], { prefix: '2026/' })], object('PUT', '2026/copy'));
      const copied = async (keys: Keys, from: string, bucket: string, key: string) =>
        (await ceph.request(keys, { method: 'PUT', bucket, key, headers: { 'x-amz-copy-source': from } })).status;
      const keys = await keysOf(target, source);
      assert.equal(await copied(keys, '/artifacts/2026/q3', 'reports', '2026/copy'), 200);
      assert.equal(await copied(keys, '/reports/2026/q3', 'reports', '2026/copy'), 403);
      assert.equal(await copied(keys, '/artifacts/2026/q3', 'reports', '2025/copy'), 403);
      assert.equal(await copied(keys, '/artifacts/2026/q3', 'artifacts', '2026/copy'), 403);
      const within = await keysFor([allow(['GET', 'PUT'], { prefix: '2026/' })], object('PUT', '2026/copy'));
      assert.equal(await copied(within, '/reports/2026/q3', 'reports', '2026/copy'), 200);
      assert.equal(await copied(within, '/reports/2025/q3', 'reports', '2026/copy'), 403);
    });

    // What the store makes of DeleteObjects in a session with a policy: 16 refuses it, so that whoever forwards one must be
    // ready to delete the keys one by one.
    it('serve for DeleteObjects where the store is new enough, and for each key by itself everywhere', async () => {
      for (const key of ['del/a', 'del/b']) await ceph.writeStored('reports', key, 'stored');
      await ceph.writeStored('reports', 'kept/a', 'stored');
      const deletion = (...keys: readonly string[]) =>
        `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
      const keys = await keysFor([allow(['DELETE'], { prefix: 'del/' })], object('DELETE', 'del/a'));
      const several = await status(keys, 'POST', 'reports?delete', deletion('del/a', 'kept/a'));
      if (releaseOf(ceph.lab.version) < 20) {
        assert.equal(several.status, 403);
        assert.equal(await statusOf(ceph.lab.owner, 'GET', 'del/a'), 200);
      } else {
        assert.equal(several.status, 200);
        assert.match(several.body.toString(), /<Error><Key>kept\/a<\/Key>.*<Code>AccessDenied<\/Code>/);
        assert.equal(await statusOf(ceph.lab.owner, 'GET', 'del/a'), 404);
      }
      assert.equal(await statusOf(ceph.lab.owner, 'GET', 'kept/a'), 200);
      assert.deepEqual(await statuses(keys, ['DELETE', 'reports/del/a'], ['DELETE', 'reports/del/b']), [204, 204]);
    });
  });

  // What this store makes of AWS's escapes: the reason for `iamEscapes`. Were it to learn them, this test would say so.
  it('would be too wide here if wildcards were escaped as on AWS', async () => {
    const broker = brokerOf({ iamEscapes: true });
    const grants = [allow(['PUT'], { key: 'w/a*b' })];
    const keys = await broker.credentials(broker.plan(principal(), [scope(reports, grants, object('PUT', 'w/a*b'))]));
    assert.equal(await statusOf(keys, 'PUT', 'w/a*b'), 403);
    assert.equal(await statusOf(keys, 'PUT', 'w/a${anything}b'), 200);
  });

  // Why `[` and `\\` are unsayable without escapes: from some release between 16 and 20 on, RGW takes them as fnmatch does.
  it('would be too wide on new stores, and too narrow, if brackets and backslashes were said as they are', async () => {
    const isNew = releaseOf(ceph.lab.version) >= 20;
    for (const [said, others] of [
      ['w/a[bc]d', ['w/abd', 'w/acd']],
      ['w/a\\b', ['w/ab']],
    ] as const) {
      const Resource = `arn:aws:s3:::reports/${said}`;
      const sessionPolicy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource }],
      });
      const broker = brokerOf();
      const planned = broker.plan(principal(), [
        scope(reports, [allow(['GET'], { prefix: '' })], object('GET', 'abc')),
      ]);
      const keys = await broker.credentials({ ...planned, plan: { ...planned.plan, sessionPolicy } });
      assert.equal(await statusOf(keys, 'PUT', said), isNew ? 403 : 200, said);
      for (const other of others) assert.equal(await statusOf(keys, 'PUT', other), isNew ? 200 : 403, other);
    }
  });

  it('are narrowed to what the request needs where the grants are too many to say', async () => {
    const grants = Array.from({ length: 200 }, (_, index) => allow(ALL, { prefix: `project-${index}/` }));
    const keys = await keysFor(grants, object('PUT', 'project-7/x'));
    assert.equal(await statusOf(keys, 'PUT', 'project-7/x'), 200);
    assert.equal(await statusOf(keys, 'PUT', 'project-8/x'), 403);
    assert.equal(await statusOf(keys, 'GET', 'project-7/x'), 403);
    const denies = Array.from({ length: 200 }, (_, index) => deny(ALL, { prefix: `project-7/kept-${index}/` }));
    const exact = await keysFor([...grants, ...denies], object('PUT', 'project-7/x'));
    assert.equal(await statusOf(exact, 'PUT', 'project-7/x'), 200);
    assert.equal(await statusOf(exact, 'PUT', 'project-7/y'), 403);
  });

  it('come with SourceIdentity and for subjects that STS would refuse as they are', async () => {
    const broker = brokerOf({ sourceIdentity: true, sessionSeconds: 900 });
    const plan = broker.plan(principal({ subject: 'auth0|ü 漢' }), [
      scope(reports, [allow(['GET'], { prefix: '' })], object('GET', 'abc')),
    ]);
    assert.equal(await statusOf(await broker.credentials(plan), 'GET', 'abc'), 200);
  });

  // RGW 16 knows no session tags; it must not refuse whoever sends them.
  it('come with session tags', async () => {
    const sessionTags = { user: 'sub', teams: 'groups' };
    const broker = brokerOf({ sourceIdentity: false, sessionSeconds: 900, sessionTags });
    const planned = broker.plan(principal({ subject: 'auth0|ü 漢' }), [
      scope(reports, [allow(['GET'], { prefix: '' })], object('GET', 'abc')),
    ]);
    assert.equal(planned.plan.sessionTags?.length, 2);
    assert.equal(await statusOf(await broker.credentials(planned), 'GET', 'abc'), 200);
  });

  it('come over TLS that is verified, and not otherwise', async () => {
    const grants = [allow(['GET'], { prefix: '' })];
    const endpoint = ceph.lab.tlsEndpoint;
    const trusting = brokerOf({
      endpoint,
      tls: { ca: await readFile(ceph.lab.caFile, 'utf8'), minVersion: 'TLSv1.3' },
    });
    const plan = trusting.plan(principal(), [scope(reports, grants, object('GET', 'abc'))]);
    assert.equal(await statusOf(await trusting.credentials(plan), 'GET', 'abc'), 200);
    await assert.rejects(async () => brokerOf({ endpoint }).credentials(plan), { code: 'ServiceUnavailable' });
  });

  it('are refused for a role or base keys that the store does not accept, without a word of secrets', async () => {
    const grants = [allow(['GET'], { prefix: '' })];
    const none = { ...reports, roleArn: 'arn:aws:iam:::role/none' };
    await assert.rejects(keysFor(grants, object('GET', 'abc'), none), { code: 'ServiceUnavailable' });
    const observer = rememberingObserver();
    const secretAccessKey = 'wrongsecretwrongsecretwrongsecret1234567';
    const broker = brokerOf({ base: fixedSource({ ...ceph.lab.gateway, secretAccessKey }) }, observer);
    const plan = broker.plan(principal(), [scope(reports, grants, object('GET', 'abc'))]);
    await assert.rejects(
      async () => broker.credentials(plan),
      (error: unknown) => {
        assert.ok(!inspect([error, observer.said], { depth: 50 }).includes(secretAccessKey));
        return (error as { code?: unknown }).code === 'ServiceUnavailable';
      },
    );
  });

  it('keep working while STS is down, and can be had again when it is back', async () => {
    const broker = brokerOf();
    const planFor = (subject: string) =>
      broker.plan(principal({ subject }), [scope(reports, [allow(['GET'], { prefix: '' })], object('GET', 'abc'))]);
    const kept = await broker.credentials(planFor('alice'));
    await ceph.stopGateway();
    try {
      assert.equal(await broker.credentials(planFor('alice')), kept);
      await assert.rejects(async () => broker.credentials(planFor('bob')), { code: 'ServiceUnavailable' });
      assert.equal(broker.health()[0]?.state, 'degraded');
    } finally {
      await ceph.startGateway();
    }
    assert.equal(await statusOf(kept, 'GET', 'abc'), 200);
    assert.equal(await statusOf(await broker.credentials(planFor('carol')), 'GET', 'abc'), 200);
    assert.equal(broker.health()[0]?.state, 'ok');
  });
});

const md5Of = (body: string) => ({ 'content-md5': createHash('md5').update(body).digest('base64') });
