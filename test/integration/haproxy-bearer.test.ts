/** The check of bearer tokens in the shipped haproxy.cfg, and `sallyport haproxy sync`, which keeps it in step with issuers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { createEdgeSync } from '../../src/compose/edge-sync.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { runCommand } from '../support/client/run-command.ts';
import { makeKey, signTexts, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { needs } from '../support/needs.ts';

const SHIPPED = join(import.meta.dirname, '../../haproxy');
const SALLYPORT = join(import.meta.dirname, '../../bin/sallyport.js');
const ROTATIONS = 50;
const KEYS_OF_STORE = { AWS_ACCESS_KEY_ID: 'A'.repeat(20), AWS_SECRET_ACCESS_KEY: 's'.repeat(40) };

describe('bearer tokens at the edge', function () {
  this.timeout(120_000);
  let folder: string;
  let port: number;
  let ca: Buffer;
  let haproxy: Child | undefined;
  let gateway: Server;
  let issuer: TestIssuer;
  let reached = 0;
  const rsa = makeKey('RS256', 'k1');
  const ec = makeKey('ES256', 'k2');
  const ed = makeKey('EdDSA', 'k3');

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-bearer-'));
    const program = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', program !== undefined);
    const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
    ca = await readFile(caFile);
    port = await freePort();
    gateway = createServer((request, response) => {
      if (request.url !== '/-/ready') reached += 1;
      request.resume().once('end', () => response.end('here'));
    });
    await once(gateway.listen(inFolder('gateway.sock')), 'listening');
    issuer = await startTestIssuer([rsa, ec, ed].map(({ publicJwk }) => publicJwk));
    await writeFile(inFolder('seed'), randomBytes(32), { mode: 0o600 });
    const config = {
      listen: { socket: 'gateway.sock' },
      issuers: {
        test: {
          issuer: issuer.url,
          audiences: ['sallyport'],
          algorithms: ['RS256', 'ES256', 'EdDSA'],
          allowHttp: true,
        },
      },
      stores: {
        only: { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      revocation: { file: 'revocations.jsonl' },
      policies: { directory: join(import.meta.dirname, '../../policies') },
      audit: { directory: 'audit', minFreeBytes: 0 },
    };
    await writeFile(inFolder('sallyport.yaml'), JSON.stringify(config));
    await cp(join(SHIPPED, 'maps'), inFolder('maps'), { recursive: true });
    const { code, stderr } = await sync('--once');
    assert.equal(code, 0, stderr);
    haproxy = await startHaproxy({
      ...program,
      ...{ configFile: join(SHIPPED, 'haproxy.cfg'), port, certificateFile: serverFile },
      parameters: ['-W', '-S', inFolder('master.sock'), '-f', inFolder('keys/bearer-filter.cfg')],
      ...{ logFile: inFolder('haproxy.log'), gatewaySocket: inFolder('gateway.sock') },
      environment: { ...process.env, SALLYPORT_EDGE_MAPS: inFolder('maps') },
    });
    while ((await send({})).status !== 200) await sleep(50);
  });
  after(async () => {
    await haproxy?.kill();
    gateway.closeAllConnections();
    gateway.close();
    await issuer.stop();
    await rm(folder, { recursive: true });
  });

  const inFolder = (name: string) => join(folder, name);
  const nowSeconds = () => Math.floor(Date.now() / 1000);

  const sallyport = (...args: readonly string[]) =>
    runCommand([...args, '--config', inFolder('sallyport.yaml')], { env: KEYS_OF_STORE, cwd: folder });
  const sync = (...args: readonly string[]) => sallyport('haproxy', 'sync', '--keys', inFolder('keys'), ...args);
  const syncHaproxy = async () => {
    const { code, stderr } = await sync('--once', '--socket', inFolder('master.sock'));
    assert.equal(code, 0, stderr);
  };

  async function send(
    headers: OutgoingHttpHeaders,
    {
      method = 'GET',
      path = '/b/k',
      body = '',
      agent,
    }: { method?: string; path?: string; body?: string; agent?: Agent } = {},
  ) {
    const own = { host: '127.0.0.1', port, ca, servername: 'localhost', agent: agent ?? false };
    const request = httpsRequest({ ...own, method, path, headers });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }

  const claims = (changes: object = {}) => ({
    ...{ iss: issuer.url, sub: 'somebody', aud: 'sallyport', exp: nowSeconds() + 600, ...changes },
  });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const forged = (token: string) => token.replace(/\.[^.]+$/, `.${randomBytes(64).toString('base64url')}`);

  async function isRefused(token: string, code: string, method = 'GET'): Promise<void> {
    const before = reached;
    const { status, headers, body } = await send(bearer(token), { method, body: method === 'PUT' ? 'x' : '' });
    assert.equal(status, 401, body);
    assert.match(body, new RegExp(`<Code>${code}<.*<RequestId>${String(headers['x-amz-request-id'])}<`));
    assert.match(String(headers['www-authenticate']), /^Bearer .*error="invalid_token"/);
    assert.equal(reached, before);
  }

  async function passes(headers: OutgoingHttpHeaders, path = '/b/k'): Promise<void> {
    const before = reached;
    const { status, body } = await send(headers, { path });
    assert.deepEqual([status, reached], [200, before + 1], body);
  }

  it('are refused with a forged signature, before the gateway sees them', async () => {
    for (const key of [rsa, ec]) {
      await passes(bearer(signToken(key, claims())));
      await isRefused(forged(signToken(key, claims())), 'InvalidToken');
      await isRefused(signToken(makeKey(key.alg, key.kid), claims()), 'InvalidToken');
    }
    await isRefused(forged(signToken(rsa, claims())), 'InvalidToken', 'PUT');
  });

  it('are refused when they are over by more than the tolerance of the issuer, or are of no configured issuer', async () => {
    await isRefused(signToken(rsa, claims({ exp: nowSeconds() - 60 })), 'ExpiredToken');
    await passes(bearer(signToken(rsa, claims({ exp: nowSeconds() - 5 }))));
    await isRefused(signToken(rsa, claims({ iss: 'https://elsewhere.example' })), 'InvalidToken');
    await isRefused(signToken(rsa, claims({ iss: `${issuer.url}/` })), 'InvalidToken');
  });

  it('pass on where the edge cannot tell: an unknown key, an algorithm that it does not check, claims it cannot read', async () => {
    await passes(bearer(signToken(makeKey('RS256', 'new'), claims())));
    await passes(bearer(signToken(ed, claims())));
    await passes(bearer(signToken(rsa, claims(), { kid: undefined })));
    await passes(bearer(signToken(rsa, claims({ exp: 1e18 }))));
    for (const token of ['opaque', 'a.b.c', 'only.two']) await passes(bearer(token));
    const written = JSON.stringify(claims()).replaceAll('/', String.raw`\/`);
    await passes(bearer(signTexts(rsa, JSON.stringify({ alg: 'RS256', kid: 'k1' }), written)));
    const escaped = JSON.stringify(claims()).replaceAll('/', String.raw`\u002f`);
    await passes(bearer(signTexts(rsa, JSON.stringify({ alg: 'RS256', kid: 'k1' }), escaped)));
  });

  it('never take the name of a key file for a secret (HS256 in place of RS256)', async () => {
    const [, path = ''] = / (\S+)$/m.exec(await readFile(inFolder('keys/keys.map'), 'utf8')) ?? [];
    const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k1' })).toString('base64url');
    const input = `${head}.${Buffer.from(JSON.stringify(claims())).toString('base64url')}`;
    const before = reached;
    await send(bearer(`${input}.${createHmac('sha256', path).update(input).digest('base64url')}`));
    // The edge has no opinion; the gateway takes no HMAC of anybody.
    assert.equal(reached, before + 1);
    assert.doesNotMatch(await readFile(inFolder('keys/keys.map'), 'utf8'), /\|HS/);
  });

  it('leave signatures, presigned URLs and requests without credentials alone', async () => {
    const signature = 'Credential=AKIA/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=0';
    await passes({ authorization: `AWS4-HMAC-SHA256 ${signature}` });
    await passes({}, '/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=0');
    await passes({});
  });

  it('count as failures of their source', async () => {
    const limits = await readFile(inFolder('maps/limits.map'), 'utf8');
    const set = (value: number) => tell(`@1 set map ${inFolder('maps/limits.map')} source-failures ${value}`);
    assert.match(limits, /^source-failures 1000$/m);
    await set(0);
    assert.equal((await send(bearer(forged(signToken(rsa, claims()))))).status, 503);
    await set(1000);
  });

  async function reload(): Promise<void> {
    const before = await tell('show proc');
    await tell('reload');
    while ((await tell('show proc').catch(() => before)).split('\n')[3] === before.split('\n')[3]) await sleep(50);
  }

  async function tell(command: string): Promise<string> {
    const socket = connect(inFolder('master.sock'));
    socket.end(`${command}\n`);
    return (await text(socket)).trim();
  }

  it('lose no request in many rotations of signing keys under load, and are checked by the new keys', async function () {
    this.timeout(300_000);
    const config = await loadConfig({ path: inFolder('sallyport.yaml'), env: KEYS_OF_STORE });
    const options = {
      folder: inFolder('keys'),
      socket: inFolder('master.sock'),
      graceMs: 0,
      logStream: createWriteStream('/dev/null'),
    };
    const edge = await createEdgeSync(config, options);
    let token = signToken(ec, claims());
    let isOver = false;
    const failures: string[] = [];
    let answered = 0;
    const [, major = '', minor = ''] = /^Version: (\d+)\.(\d+)/m.exec(await tell('@1 show info')) ?? [];
    const takesKeys = Number(major) * 100 + Number(minor) >= 303;
    const load = async (agent: Agent | undefined) => {
      while (!isOver) {
        const { status } = await send(bearer(token), { ...(agent && { agent }) }).catch((error: unknown) => ({
          status: error instanceof Error && 'code' in error ? String(error.code) : String(error),
        }));
        answered += 1;
        if (status !== 200) failures.push(String(status));
        await sleep(5);
      }
    };
    const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    const clients = [...agents, undefined, undefined].map(load);
    try {
      for (let count = 0; count < ROTATIONS; count += 1) {
        const next = makeKey('ES256', `rotated-${count}`);
        issuer.keys = [...issuer.keys.slice(-1), next.publicJwk];
        const { reloaded, unreachable } = await edge.pass();
        assert.deepEqual({ reloaded, unreachable }, { reloaded: !takesKeys, unreachable: [] });
        // It is checked from now on, and not merely passed on.
        await isForgeryRefused(signToken(next, claims()), takesKeys);
        token = signToken(next, claims());
      }
    } finally {
      isOver = true;
      await Promise.all(clients);
      for (const agent of agents) agent.destroy();
      await edge.close();
    }
    assert.deepEqual(failures, []);
    assert.ok(answered > ROTATIONS * 4, String(answered));
    // Grace is over at once here: of all these keys few are left.
    const left = (await readdir(inFolder('keys'))).filter((name) => name.endsWith('.pem'));
    assert.ok(left.length <= 4, left.join());
  });

  async function isForgeryRefused(token: string, takesKeys: boolean): Promise<void> {
    let status = 0;
    // From 3.3 on HAProxy has no opinion of a token while another thread looks for a certificate.
    for (let tries = takesKeys ? 10 : 1; tries > 0 && status !== 401; tries -= 1) {
      ({ status } = await send(bearer(forged(token))));
    }
    assert.equal(status, 401);
  }

  it('are refused of a revoked subject and a revoked address within seconds, and still after a reload, while the command runs until SIGTERM', async () => {
    const mallory = signToken(rsa, claims({ sub: 'mallory, with spaces' }));
    issuer.keys = [rsa.publicJwk];
    await syncHaproxy();
    await passes(bearer(mallory));
    const parameters = ['haproxy', 'sync', '--config', inFolder('sallyport.yaml'), '--keys', inFolder('keys')];
    const command = spawn(process.execPath, [SALLYPORT, ...parameters, '--socket', inFolder('master.sock')], {
      env: { ...COMPILE_CACHE, ...KEYS_OF_STORE, PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const log = text(command.stderr);
    try {
      const { code, stderr } = await sallyport(
        ...['revoke', 'subject', '--subject', 'mallory, with spaces', '--issuer', 'test'],
      );
      assert.equal(code, 0, stderr);
      while ((await send(bearer(mallory))).status !== 401) await sleep(50);
      await isRefused(mallory, 'InvalidToken');
      await passes(bearer(signToken(rsa, claims())));
      // A subject that no known key vouches for is the gateway's to judge.
      await passes(bearer(signToken(makeKey('RS256', 'unknown'), claims({ sub: 'mallory, with spaces' }))));
      await reload();
      await isRefused(mallory, 'InvalidToken');
      const address = await sallyport('revoke', 'address', '127.0.0.0/8', '--json');
      assert.equal(address.code, 0, address.stderr);
      // Whatever they show, and after a reload too.
      while ((await send({})).status !== 403) await sleep(50);
      await reload();
      const denied = await send({}, { path: '/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F2026' });
      assert.match(denied.body, /<Code>AccessDenied</);
      const { id } = JSON.parse(address.stdout) as { id: string };
      assert.equal((await sallyport('revocations', 'lift', id)).code, 0);
      while ((await send({})).status !== 200) await sleep(50);
    } finally {
      command.kill('SIGTERM');
    }
    const [code] = (await once(command, 'close')) as [number | null];
    assert.equal(code, 0, await log);
    assert.match(await log, /"event":"edge_keys_written"/);
  });

  it('keep the keys of an issuer that cannot be reached, and those that it stopped publishing a moment ago', async () => {
    const before = await readFile(inFolder('keys/keys.map'), 'utf8');
    issuer.faults.jwks = (_request, response) => response.writeHead(500).end();
    const { code, stdout } = await sync('--once', '--json', '--socket', inFolder('master.sock'));
    issuer.faults.jwks = undefined;
    assert.equal(code, 1);
    assert.deepEqual((JSON.parse(stdout) as { unreachable: unknown }).unreachable, ['test']);
    assert.equal(await readFile(inFolder('keys/keys.map'), 'utf8'), before);
    issuer.keys = [ec.publicJwk];
    await syncHaproxy();
    assert.match(await readFile(inFolder('keys/keys.map'), 'utf8'), /\|k1\|RS256 /);
    await isRefused(forged(signToken(rsa, claims())), 'InvalidToken');
    assert.equal((await sync('--once', '--grace', '0s', '--socket', inFolder('master.sock'))).code, 0);
    assert.doesNotMatch(await readFile(inFolder('keys/keys.map'), 'utf8'), /\|k1\|/);
  });

  it('make the command fail in one line where HAProxy is not there', async () => {
    issuer.keys = [makeKey('ES256', 'last').publicJwk];
    const { code, stderr } = await sync('--once', '--socket', inFolder('nobody.sock'));
    assert.equal(code, 1);
    assert.equal(stderr.split('\n').filter((line) => line.startsWith('sallyport: ')).length, 1);
    assert.equal((await sync('--once', '--keys', 'relative')).code, 2);
  });
});
