/** `sallyport haproxy render`: what it makes is taken by HAProxy, and serves, with what an operator has added. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy, type HaproxyProgram } from '../../demo/haproxy.ts';
import { runCommand } from '../support/client/run-command.ts';
import { needs } from '../support/needs.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'A'.repeat(20), AWS_SECRET_ACCESS_KEY: 's'.repeat(40) };

describe('sallyport haproxy render', function () {
  this.timeout(60_000);
  let folder: string;
  let port: number;
  let ca: Buffer;
  let certificateFile: string;
  let program: HaproxyProgram | undefined;
  let haproxy: Child | undefined;
  let gateway: Server;
  let seen: IncomingHttpHeaders | undefined;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-render-'));
    program = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', program !== undefined);
    ({ serverFile: certificateFile } = await ensureCertificates(join(folder, 'tls'), process.env));
    ca = await readFile(join(folder, 'tls/ca.pem'));
    port = await freePort();
    gateway = createServer((request, response) => {
      if (request.url !== '/-/ready') seen = request.headers;
      response.end('here');
    });
    await once(gateway.listen(inFolder('gateway.sock')), 'listening');
    await cp(join(ROOT, 'haproxy/maps'), inFolder('maps'), { recursive: true });
    await writeFile(inFolder('seed'), randomBytes(32), { mode: 0o600 });
    await writeFile(inFolder('edge-secret'), randomBytes(32).toString('hex'), { mode: 0o600 });
    const config = {
      listen: { socket: 'gateway.sock' },
      edge: { secretFile: 'edge-secret' },
      endpoint: { publicHosts: ['localhost', 's3.example.com'] },
      timeouts: { upstreamHeadersMs: 90_000 },
      issuers: { test: { issuer: 'https://id.example', audiences: ['sallyport'] } },
      stores: {
        only: { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: join(ROOT, 'policies') },
      audit: { directory: 'audit', minFreeBytes: 0 },
    };
    await writeFile(inFolder('sallyport.yaml'), JSON.stringify(config));
  });
  after(async () => {
    await haproxy?.stop(5000);
    gateway.closeAllConnections();
    gateway.close();
    await rm(folder, { recursive: true });
  });

  const inFolder = (name: string) => join(folder, name);
  const render = (...args: readonly string[]) =>
    runCommand(
      [
        ...['haproxy', 'render', '--config', 'sallyport.yaml', '--maps', inFolder('maps')],
        ...['--front', `127.0.0.1:${port}`, '--cert', certificateFile, ...args],
      ],
      { env: ENVIRONMENT, cwd: folder, packageRoot: ROOT },
    );
  const rendered = () => readFile(inFolder('haproxy.cfg'), 'utf8');
  async function check(): Promise<void> {
    const { program: file, libraryPath } = program ?? { program: '', libraryPath: '' };
    const env = { PATH: process.env['PATH'], ...(libraryPath === '' ? {} : { LD_LIBRARY_PATH: libraryPath }) };
    await promisify(execFile)(file, ['-c', '-f', inFolder('haproxy.cfg')], { env });
  }

  /** A certificate and its key, vouched for by itself. */
  async function ownCertificate(name: string): Promise<string> {
    const file = inFolder(`${name}.pem`);
    const kind = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    ];
    await promisify(execFile)('openssl', ['req', '-x509', ...kind, '-keyout', `${file}.key`, '-out', file]);
    await writeFile(file, await readFile(`${file}.key`), { flag: 'a' });
    return file;
  }

  async function get(host: string): Promise<number> {
    const request = httpsRequest({
      ...{ host: '127.0.0.1', port, ca, agent: false },
      servername: 'localhost',
      headers: { host },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await text(response);
    return response.statusCode ?? 0;
  }

  it('makes a file that HAProxy takes with nothing but what is in it, and no secret is in it', async () => {
    const { code, stderr } = await render('--output', 'haproxy.cfg');
    assert.equal(code, 0, stderr);
    await check();
    assert.match(await rendered(), /^ {4}timeout server 210000ms$/m);
    assert.ok(!(await rendered()).includes(await readFile(inFolder('edge-secret'), 'utf8')));
    assert.equal((await render()).stdout, await rendered());
  });

  it('keeps what an operator added, and serves with it: buckets have hosts of their own, too', async () => {
    const [before, after] = (await rendered()).split('\nfrontend s3\n');
    assert.ok(before !== undefined && after !== undefined);
    const rule =
      '    # operator: begin ours\n    http-request set-header X-Bucket %[var(txn.bucket)]\n    # operator: end';
    // A rule on what later rules find out belongs behind them.
    const at = '    # ---- which gateways serve it: maps/buckets.map.';
    assert.ok(after.includes(at));
    await writeFile(inFolder('haproxy.cfg'), `${before}\nfrontend s3\n${after.replace(at, `${at}\n${rule}`)}`);
    const { code, stderr } = await render('--output', 'haproxy.cfg', '--gateway', `unix@${inFolder('gateway.sock')}`);
    assert.equal(code, 0, stderr);
    assert.ok((await rendered()).includes(rule));
    await check();
    assert.ok(program);
    haproxy = await startHaproxy({
      ...program,
      ...{ configFile: inFolder('haproxy.cfg'), port, certificateFile: 'none', gatewaySocket: 'none' },
      ...{ edgeSecret: 'e'.repeat(64), logFile: inFolder('haproxy.log'), environment: process.env },
    });
    while ((await get('localhost')) !== 200) await sleep(50);
    assert.equal(await get('box.s3.example.com'), 200);
    assert.equal(seen?.['x-bucket'], 'box');
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-sallyport-edge'], 'e'.repeat(64));
  });

  it('answers nothing to plain HTTP: a redirect would keep the port of Host', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end('GET / HTTP/1.1\r\nHost: localhost:80\r\n\r\n');
    const answer = await text(socket).catch(() => '');
    assert.doesNotMatch(answer, /location|HTTP\/1\.[01] [23]/i);
    assert.equal(await get('localhost'), 200);
  });

  it('refuses in one line to overwrite other changes', async () => {
    const text = (await rendered()).replace('maxconn 2000', 'maxconn 3000');
    await writeFile(inFolder('haproxy.cfg'), text);
    const { code, stderr } = await render('--output', 'haproxy.cfg');
    assert.equal(code, 1);
    assert.match(stderr, /^sallyport: haproxy\.cfg: has changes outside of .*\n$/);
    assert.equal(await rendered(), text);
  });

  it('says what is missing for gateways that listen by TLS', async () => {
    const { code, stderr } = await render('--gateway', 'gw.example:8444', '--gateway-ca', '/ca.pem');
    assert.equal(code, 2);
    assert.match(stderr, /--gateway-ca and --edge-cert/);
    assert.equal((await render('--gateway', 'nowhere')).code, 2);
    const tls = await render('--gateway-ca', '/ca.pem', '--edge-cert', '/edge.pem');
    assert.match(tls.stderr, /are for gateways that listen by TLS/);
    assert.equal(tls.code, 1);
  });

  it('finds by the health check that gateways refuse its certificate, and answers with 503 of S3', async () => {
    const edge = await ownCertificate('edge');
    const stranger = await ownCertificate('stranger');
    const server = createTlsServer(
      {
        key: await readFile(certificateFile),
        cert: await readFile(certificateFile),
        ca: await readFile(edge),
        requestCert: true,
      },
      (_request, response) => response.end('by TLS'),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = JSON.parse(await readFile(inFolder('sallyport.yaml'), 'utf8')) as object;
    const tls = { certFile: certificateFile, keyFile: certificateFile, clientCaFile: edge };
    await writeFile(inFolder('sallyport.yaml'), JSON.stringify({ ...config, listen: { address: at, tls } }));
    try {
      for (const [edgeCert, status] of [
        [edge, 200],
        [stranger, 503],
      ] as const) {
        await haproxy?.stop(5000);
        await rm(inFolder('haproxy.cfg'), { force: true });
        const { code, stderr } = await render(
          ...['--output', 'haproxy.cfg', '--gateway-ca', join(folder, 'tls/ca.pem'), '--edge-cert', edgeCert],
        );
        assert.equal(code, 0, stderr);
        assert.ok(program);
        const logFile = inFolder(`haproxy-${status}.log`);
        haproxy = await startHaproxy({
          ...program,
          ...{ configFile: inFolder('haproxy.cfg'), port, certificateFile: 'none', gatewaySocket: 'none' },
          ...{ logFile, environment: process.env },
        });
        while ((await get('localhost')) !== status) await sleep(50);
        const isDown = async () => (await readFile(logFile, 'utf8')).includes('Server gateway/gateway is DOWN');
        while (status === 503 && !(await isDown())) await sleep(50);
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
