/** What variables switch on in the shipped haproxy.cfg: balancers in front, certificates of clients, counters. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { needs } from '../support/needs.ts';

const BALANCER = '127.0.0.3';
const ANNOUNCED = 'PROXY TCP4 198.51.100.7 192.0.2.1 4321 443\r\n';

describe('haproxy.cfg with its options', function () {
  this.timeout(30_000);
  let folder: string;
  let ports: { readonly front: number; readonly metrics: number };
  let ca: Buffer;
  let haproxy: Child;
  let gateway: Server;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-options-'));
    const program = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', program !== undefined);
    const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
    ca = await readFile(caFile);
    ports = { front: await freePort(), metrics: await freePort() };
    const subject = ['-subj', '/CN=batch-job', '-keyout', path('client.key'), '-out', path('client.pem')];
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]);
    gateway = createServer((request, response) => response.end(String(request.headers['x-forwarded-for'])));
    await once(gateway.listen(path('gateway.sock')), 'listening');
    haproxy = await startHaproxy({
      ...program,
      ...{ port: ports.front, certificateFile: serverFile, gatewaySocket: path('gateway.sock') },
      ...{ configFile: join(import.meta.dirname, '../../haproxy/haproxy.cfg'), logFile: path('haproxy.log') },
      environment: {
        ...process.env,
        SALLYPORT_ACCEPT_PROXY: `192.0.2.0/24 ${BALANCER}`,
        SALLYPORT_EDGE_CLIENT_CA: path('client.pem'),
        SALLYPORT_EDGE_METRICS: `127.0.0.1:${ports.metrics}`,
      },
    });
  });
  after(async () => {
    await haproxy.kill();
    gateway.closeAllConnections();
    gateway.close();
    await rm(folder, { recursive: true });
  });

  const path = (name: string) => join(folder, name);

  /** What the gateway is told of a client's address; empty where HAProxy ends the connection. */
  async function addressBy(localAddress: string, announced: string, withCertificate = true): Promise<string> {
    const own = withCertificate
      ? { cert: await readFile(path('client.pem')), key: await readFile(path('client.key')) }
      : {};
    const socket = connect({ host: '127.0.0.1', port: ports.front, localAddress });
    await once(socket, 'connect');
    if (announced !== '') socket.write(announced);
    const tls = connectTls({ socket, ca, servername: 'localhost', ALPNProtocols: ['http/1.1'], ...own });
    tls.write('GET /b/k HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    return (await textOf(tls).catch(() => '')).split('\r\n\r\n')[1] ?? '';
  }

  async function textOf(tls: TLSSocket): Promise<string> {
    let text = '';
    for await (const chunk of tls as AsyncIterable<Buffer>) text += chunk.toString();
    return text;
  }

  it('believes the PROXY protocol of the balancers that are named, and requires it of them', async () => {
    assert.match(await addressBy(BALANCER, ANNOUNCED), /198\.51\.100\.7/);
    assert.equal(await addressBy(BALANCER, ''), '');
  });

  it('takes nobody else for a balancer', async () => {
    assert.match(await addressBy('127.0.0.2', ''), /127\.0\.0\.2/);
    assert.equal(await addressBy('127.0.0.2', ANNOUNCED), '');
  });

  it('turns away whoever has no certificate of the authority', async () => {
    assert.equal(await addressBy('127.0.0.2', '', false), '');
  });

  it('shows its counters on loopback, and nothing else there', async () => {
    const at = (target: string) => fetch(`http://127.0.0.1:${ports.metrics}${target}`);
    const metrics = await at('/metrics');
    assert.equal(metrics.status, 200);
    assert.match(await metrics.text(), /^haproxy_backend_active_servers\{proxy="gateway"\} 1$/m);
    assert.equal((await at('/')).status, 404);
  });
});
