/**
 * A store that is asked with a second token of the caller's own, from the client to the store and its STS: what that token
 * must be, what becomes of one that is not, and that it goes nowhere but into the form of AssumeRoleWithWebIdentity.
 */
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { createFileStore } from '../../src/lists/file-store.ts';
import { idOf, REVOCATIONS, type Revoked } from '../../src/revocation/entry.ts';
import { Client, type Answer } from '../support/client/client.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { converse, head, presignedTarget, signedHead } from '../support/http/raw-wire.ts';
import { startStoreProxy, type StoreProxy } from '../support/store/store-proxy.ts';

type TestKeys = Parameters<typeof presignedTarget>[1]['keys'];

const HEADER = 'x-sallyport-store-token';
const AT_STORE = 'https://objects.example';
const key = makeKey('RS256', 'k1');
const foreignKey = makeKey('RS256', 'k1');
const keyPair = (name: string) => ({ accessKeyId: name, secretAccessKey: randomBytes(20).toString('hex') });

const POLICY = `
id: team
description: The team works under desk/; whoever browses may list it and read nothing.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: box, allow: [GET, PUT, LIST, DELETE], bucket: box, prefix: desk/ }
  - { id: safe, allow: [PUT, LIST], bucket: safe, prefix: desk/ }
  - { id: own, allow: [GET, PUT], bucket: own, prefix: desk/ }
`;

describe('a store that is asked with a token of the caller', function () {
  this.timeout(30_000);
  let folder: string;
  let issuer: TestIssuer;
  let otherIssuer: TestIssuer;
  let store: EmbeddedStore;
  let proxy: StoreProxy;
  let gateway: Gateway;
  let client: Client;
  let port: number;
  let log = '';
  let serial = 0;

  const sign = (claims: Readonly<Record<string, unknown>>, by = key): string => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    serial += 1;
    return signToken(by, { iss: issuer.url, sub: 'alice', jti: `token-${serial}`, exp, iat: exp - 600, ...claims });
  };
  const own = (claims: Readonly<Record<string, unknown>> = {}): string =>
    sign({ aud: 'sallyport', groups: ['team'], ...claims });
  const atStore = (claims: Readonly<Record<string, unknown>> = {}): string => sign({ aud: AT_STORE, ...claims });
  const send = (
    storeToken: string | undefined,
    { method = 'GET', target = '/box/desk/one', token = own(), body = undefined as string | undefined } = {},
  ): Promise<Answer> =>
    client.call({
      ...{ method, target, token },
      ...(storeToken === undefined ? {} : { headers: { [HEADER]: storeToken } }),
      ...(body === undefined ? {} : { body }),
    });
  const audited = async (): Promise<string> => {
    const names = (await readdir(join(folder, 'audit'))).filter((name) => name.endsWith('.jsonl'));
    return (await Promise.all(names.map((name) => readFile(join(folder, 'audit', name), 'utf8')))).join('');
  };
  const sessionKeys = async (): Promise<TestKeys> => {
    const answer = await client.call({ method: 'GET', target: '/-/credentials', headers: { authorization: own() } });
    assert.equal(answer.status, 200, answer.body.toString());
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.body.toString()) as Record<string, string>;
    return { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: Token! };
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-web-identity-'));
    issuer = await startTestIssuer([key.publicJwk]);
    otherIssuer = await startTestIssuer([key.publicJwk]);
    const proxyPort = await freePort();
    store = await createEmbeddedStore({
      folder: join(folder, 'store'),
      port: await freePort(),
      relayPort: proxyPort,
      buckets: ['box', 'safe', 'own'],
      gatewayKeys: keyPair('GATEWAYGATEWAYGATEWA'),
      ownerKeys: keyPair('OWNEROWNEROWNEROWNER'),
      webIdentity: { issuer: issuer.url, audience: AT_STORE, keys: { keys: [key.publicJwk] } },
      log: () => undefined,
    });
    await store.start();
    proxy = await startStoreProxy(proxyPort, store.port);
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    for (const name of ['seed', 'session-key']) {
      await writeFile(join(folder, name), randomBytes(32).toString('hex'), { mode: 0o600 });
    }
    await writeFile(join(folder, 'own-id'), 'OWNEROWNEROWNEROWNER', { mode: 0o600 });
    await writeFile(join(folder, 'own-secret'), 'not-asked-for', { mode: 0o600 });
    port = await freePort();
    const shared = { endpoint: proxy.endpoint, region: 'us-east-1', allowPlaintextHttp: true };
    await writeFile(
      join(folder, 'sallyport.yaml'),
      JSON.stringify({
        listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
        issuers: {
          test: { issuer: issuer.url, audiences: ['sallyport', 'sallyport-2'], allowHttp: true },
          other: { issuer: otherIssuer.url, audiences: ['elsewhere'], allowHttp: true },
        },
        sessions: { deploymentId: 'here', keys: { current: { id: 'k', keyFile: 'session-key' } } },
        stores: {
          asked: {
            ...shared,
            method: 'web-identity',
            sts: { roleArn: DEMO_ROLE_ARN, audiences: [AT_STORE, 'https://not-registered.example'] },
          },
          plain: {
            ...shared,
            method: 'static',
            credentials: { accessKeyIdFile: 'own-id', secretAccessKeyFile: 'own-secret' },
          },
        },
        buckets: {
          box: { store: 'asked', encryption: 'off' },
          safe: { store: 'asked', encryption: 'migrating' },
          own: { store: 'plain' },
        },
        keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        revocation: { file: 'revocations.jsonl' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        timeouts: { drainDelayMs: 0 },
      }),
    );
    const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env: {} });
    const logStream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        log += chunk.toString();
        done();
      },
    });
    gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    await gateway.listen();
    client = new Client(`http://127.0.0.1:${port}`, '');
    const stored = await send(atStore(), { method: 'PUT', body: 'hello' });
    assert.equal(stored.status, 200, stored.body.toString());
  });
  after(async () => {
    await gateway.drain();
    await proxy.stop();
    await store.stop();
    await issuer.stop();
    await otherIssuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('serves its owner, lists, copies and deletes, each by a session that this token got', async () => {
    const storeToken = atStore();
    const got = await send(storeToken);
    assert.equal(got.status, 200, got.body.toString());
    assert.equal(got.body.toString(), 'hello');
    const listed = await send(storeToken, { target: '/box?list-type=2&prefix=desk/' });
    assert.match(listed.body.toString(), /<Key>desk\/one<\/Key>/);
    await send(storeToken, { method: 'PUT', target: '/box/desk/two', body: 'x' });
    const list = '<Delete><Object><Key>desk/two</Key></Object></Delete>';
    const deleted = await client.call({
      ...{ method: 'POST', target: '/box?delete', token: own(), body: list },
      headers: { [HEADER]: storeToken, 'content-md5': hash('md5', list, 'base64') },
    });
    assert.match(deleted.body.toString(), /<Deleted><Key>desk\/two<\/Key>/);
    const counted = store.counters.stsCalls;
    await send(storeToken);
    assert.equal(store.counters.stsCalls, counted);
  });

  it('shows the sizes of objects to who may list and not read, by a second session of the same token', async () => {
    const storeToken = atStore();
    const stored = await send(storeToken, { method: 'PUT', target: '/safe/desk/secret', body: 'twelve bytes' });
    assert.equal(stored.status, 200, stored.body.toString());
    const listed = await send(storeToken, { target: '/safe?list-type=2&prefix=desk/' });
    assert.match(listed.body.toString(), /<Size>12<\/Size>/, listed.body.toString());
    assert.equal((await send(storeToken, { target: '/safe/desk/secret' })).code, 'AccessDenied');
  });

  it('is not asked without the header, whose name the refusal tells', async () => {
    const counted = store.counters.stsCalls;
    const refused = await send(undefined);
    assert.deepEqual([refused.status, refused.code], [400, 'MissingSecurityHeader']);
    assert.match(refused.body.toString(), /<MissingHeaderName>x-sallyport-store-token</);
    assert.equal(store.counters.stsCalls, counted);
  });

  it('is not spoken of to who may not do it anyway', async () => {
    for (const storeToken of [undefined, 'x', atStore()]) {
      const denied = await send(storeToken, { target: '/box/elsewhere' });
      assert.deepEqual([denied.status, denied.code], [403, 'AccessDenied']);
      assert.ok(!denied.body.toString().includes(HEADER));
    }
  });

  const seconds = (): number => Math.floor(Date.now() / 1000);
  const bad: readonly (readonly [string, string, () => string])[] = [
    ['that this gateway accepts', 'InvalidToken', () => own()],
    ['for both audiences', 'InvalidToken', () => atStore({ aud: [AT_STORE, 'sallyport'] })],
    ['for the other accepted audience beside', 'InvalidToken', () => atStore({ aud: ['sallyport-2', AT_STORE] })],
    ['for an audience of another issuer beside', 'InvalidToken', () => atStore({ aud: [AT_STORE, 'elsewhere'] })],
    ['with something else among its audiences', 'InvalidToken', () => atStore({ aud: [AT_STORE, ['sallyport']] })],
    ['for an audience of nobody', 'InvalidToken', () => atStore({ aud: 'https://objects.example/' })],
    ['without an audience', 'InvalidToken', () => atStore({ aud: undefined })],
    ['of the same subject by another issuer', 'InvalidToken', () => atStore({ iss: otherIssuer.url })],
    ['of another subject', 'InvalidToken', () => atStore({ sub: 'bob' })],
    ['of the subject through an agent', 'InvalidToken', () => atStore({ act: { sub: 'agent' } })],
    ['signed by somebody else', 'InvalidToken', () => sign({ aud: AT_STORE }, foreignKey)],
    ['that is over', 'ExpiredToken', () => atStore({ exp: seconds() - 60 })],
    ['that is not yet good', 'InvalidToken', () => atStore({ nbf: seconds() + 120 })],
    ['bound to a key', 'InvalidToken', () => atStore({ cnf: { jkt: 'x' } })],
    ['of algorithm none', 'InvalidToken', () => unsigned(atStore())],
    ['that is opaque', 'InvalidToken', () => randomBytes(30).toString('base64url')],
    ['behind a scheme', 'InvalidToken', () => `Bearer ${atStore()}`],
    ['longer than STS takes', 'InvalidToken', () => atStore({ filler: 'x'.repeat(15_000) })],
  ];
  for (const [what, code, make] of bad) {
    it(`is never asked with a token ${what}`, async () => {
      const counted = store.counters.stsCalls;
      const storeToken = make();
      const refused = await send(storeToken);
      assert.deepEqual([refused.status, refused.code], [401, code]);
      assert.match(refused.body.toString(), /<Header>x-sallyport-store-token</);
      assert.ok(!refused.body.toString().includes(storeToken.slice(0, 40)));
      assert.equal(store.counters.stsCalls, counted);
    });
  }

  it('is not asked for an agent with a token of the person alone', async () => {
    const agent = own({ act: { sub: 'agent' } });
    // Policies give agents nothing unless they name them.
    assert.equal((await send(atStore(), { token: agent })).code, 'AccessDenied');
  });

  it('takes the token out of one header and nothing else', async () => {
    const storeToken = atStore();
    const twice = await converse(port, [
      head({
        ...{ method: 'GET', target: '/box/desk/one' },
        lines: [
          ...[['host', 'localhost'] as const, ['authorization', `Bearer ${own()}`] as const],
          ...[[HEADER, storeToken] as const, [HEADER, storeToken] as const, ['connection', 'close'] as const],
        ],
      }),
    ]);
    assert.match(twice, /^HTTP\/1\.1 400/);
    assert.match(twice, /<Code>InvalidRequest<\/Code>/);
    for (const name of [HEADER, 'X-Sallyport-Store-Token']) {
      const inQuery = await send(undefined, { target: `/box/desk/one?${name}=${storeToken}` });
      assert.ok(inQuery.status >= 400, String(inQuery.status));
      assert.ok(!inQuery.body.toString().includes(storeToken));
    }
  });

  describe('by a client that signs', () => {
    const lines = (headers: Readonly<Record<string, string>>, keys: TestKeys, target = '/box/desk/one') =>
      signedHead({ method: 'GET', target, headers: { host: `127.0.0.1:${port}`, ...headers }, keys });

    it('serves it where the header is signed', async () => {
      const signed = lines({ [HEADER]: atStore() }, await sessionKeys());
      const answer = await client.call({ ...signed, headers: Object.fromEntries(signed.lines) });
      assert.equal(answer.status, 200, answer.body.toString());
    });

    it('serves the JS SDK with a middleware that adds the header before signing, and its presigned URLs', async () => {
      const { accessKeyId, secretAccessKey, sessionToken = '' } = await sessionKeys();
      const s3 = new S3Client({
        endpoint: `http://127.0.0.1:${port}`,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey, sessionToken },
      });
      const storeToken = atStore();
      s3.middlewareStack.add(
        (next) => (args) => {
          const { request } = args as { request: { headers: Record<string, string> } };
          request.headers[HEADER] = storeToken;
          return next(args);
        },
        { step: 'build', name: 'storeToken' },
      );
      const command = new GetObjectCommand({ Bucket: 'box', Key: 'desk/one' });
      assert.equal(await (await s3.send(command)).Body?.transformToString(), 'hello');
      const { pathname, search, searchParams } = new URL(await getSignedUrl(s3, command));
      assert.equal(searchParams.get('X-Amz-SignedHeaders'), `host;${HEADER}`);
      assert.ok(!search.includes(storeToken));
      const target = `${pathname}${search}`;
      const presigned = await client.call({ method: 'GET', target, headers: { [HEADER]: storeToken } });
      assert.equal(presigned.body.toString(), 'hello');
      const another = await client.call({ method: 'GET', target, headers: { [HEADER]: atStore() } });
      assert.equal(another.code, 'SignatureDoesNotMatch');
    });

    it('refuses it where the header was added on the way, in the header and in a presigned URL', async () => {
      const keys = await sessionKeys();
      const storeToken = atStore();
      const signed = lines({}, keys);
      const added = await client.call({
        ...signed,
        headers: { ...Object.fromEntries(signed.lines), [HEADER]: storeToken },
      });
      const target = presignedTarget(`127.0.0.1:${port}`, { method: 'GET', target: '/box/desk/one', keys });
      const presigned = await client.call({ method: 'GET', target, headers: { [HEADER]: storeToken } });
      for (const refused of [added, presigned]) {
        assert.deepEqual([refused.status, refused.code], [403, 'SignatureDoesNotMatch']);
        assert.match(refused.body.toString(), /<HeadersNotSigned>x-sallyport-store-token</);
        assert.ok(!refused.body.toString().includes(storeToken));
      }
    });

    it('shows no token to who signs it wrongly', async () => {
      const keys = await sessionKeys();
      const storeToken = atStore();
      const signed = lines({ [HEADER]: storeToken }, { ...keys, secretAccessKey: 'x'.repeat(40) });
      const refused = await client.call({ ...signed, headers: Object.fromEntries(signed.lines) });
      assert.equal(refused.code, 'SignatureDoesNotMatch');
      assert.match(refused.body.toString(), /x-sallyport-store-token:\(not shown\)/);
      assert.ok(!refused.body.toString().includes(storeToken));
    });

    it('refuses a token of another person than the session is of', async () => {
      const signed = lines({ [HEADER]: atStore({ sub: 'bob' }) }, await sessionKeys());
      const refused = await client.call({ ...signed, headers: Object.fromEntries(signed.lines) });
      assert.deepEqual([refused.status, refused.code], [401, 'InvalidToken']);
    });
  });

  it('gives no session that one token got to another one', async () => {
    const [one, other] = [atStore(), atStore()];
    const counted = store.counters.stsCalls;
    await Promise.all([send(one), send(other), send(one), send(other)]);
    assert.equal(store.counters.stsCalls, counted + 2);
  });

  it('says of a token that STS refuses that this one is not good, and goes on for others', async () => {
    const refused = await send(atStore({ aud: 'https://not-registered.example' }));
    assert.deepEqual([refused.status, refused.code], [401, 'InvalidToken']);
    assert.equal((await send(atStore())).status, 200);
    const reports = gateway.readiness().reports.filter(({ name }) => name === 'sts:asked');
    assert.deepEqual(
      reports.map(({ state }) => state),
      ['ok'],
    );
  });

  it('is not asked with a token that was revoked, though it had served before', async () => {
    const storeToken = atStore({ jti: 'leaked' });
    assert.equal((await send(storeToken)).status, 200);
    const revoked: Revoked = { kind: 'token', tokenIdHash: hash('sha256', 'leaked', 'hex').slice(0, 32) };
    const list = createFileStore({
      format: REVOCATIONS,
      path: join(folder, 'revocations.jsonl'),
      clock: { now: () => Date.now() },
    });
    await list.update(() => [{ id: idOf(revoked), revoked, atMs: Date.now(), by: 'operator' }]);
    for (let tries = 0; tries < 50 && (await send(storeToken)).status === 200; tries += 1) await sleep(100);
    const refused = await send(storeToken);
    assert.deepEqual([refused.status, refused.code], [401, 'InvalidToken']);
    assert.match(refused.body.toString(), /<Header>x-sallyport-store-token</);
    assert.equal((await send(atStore())).status, 200);
  });

  it('sees the token in the form of its STS alone, and no other store sees it at all', async () => {
    const storeToken = atStore();
    proxy.forbidden = { token: Buffer.from(storeToken.slice(-60)), header: Buffer.from('x-sallyport') };
    const seen = proxy.leaks.length;
    await send(storeToken);
    await send(storeToken, { method: 'PUT', target: '/box/desk/three', body: 'x' });
    await send(storeToken, { target: '/own/desk/one' });
    proxy.forbidden = {};
    assert.ok(proxy.calls.some(({ target }) => target.startsWith('/own/')));
    assert.deepEqual(new Set(proxy.leaks.slice(seen)), new Set(['token in AssumeRole /']));
  });

  it('leaves the id of the token in the audit, and the token in no audit, log or metric', async () => {
    const storeToken = atStore({ jti: 'recorded' });
    assert.equal((await send(storeToken)).status, 200);
    const written = await audited();
    const { text } = await gateway.metrics();
    assert.ok(written.includes(`"storeTokenIdHash":"${hash('sha256', 'recorded', 'hex').slice(0, 32)}"`));
    assert.match(written, /"error":"MissingSecurityHeader"/);
    for (const bucketUri of [written, text, log]) {
      assert.ok(!bucketUri.includes(storeToken.slice(-60)));
      assert.ok(!/eyJ[\w-]{20}/.test(bucketUri));
    }
  });
});

/** The same claims under the algorithm `none`. */
function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'k1', typ: 'at+jwt' })).toString('base64url');
  return `${header}.${token.split('.')[1] ?? ''}.`;
}
