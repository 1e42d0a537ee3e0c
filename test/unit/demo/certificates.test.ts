import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { ensureCertificates } from '../../../demo/certificates.ts';

describe("the demo's certificates", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('are accepted for localhost, 127.0.0.1 and ::1 by a client that trusts the CA alone', async () => {
    const { caFile, serverFile } = await ensureCertificates(folder, process.env);
    const [ca, pem] = await Promise.all([readFile(caFile), readFile(serverFile)]);
    const server = createServer({ cert: pem, key: pem }, (_request, response) => response.end('ok'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    for (const servername of ['localhost', '127.0.0.1', '::1']) {
      const checked = new X509Certificate(pem);
      assert.ok(servername === 'localhost' ? checked.checkHost(servername) : checked.checkIP(servername));
    }
    for (const host of ['localhost', '127.0.0.1']) {
      const requested = request({ host, port, ca, agent: false }).end();
      const [response] = (await once(requested, 'response')) as [{ statusCode: number; resume: () => void }];
      response.resume();
      assert.equal(response.statusCode, 200);
    }
    server.closeAllConnections();
    server.close();
  });

  it('are kept while they are fresh and made anew when they are not', async () => {
    const { serverFile } = await ensureCertificates(folder, process.env);
    const first = await readFile(serverFile, 'utf8');
    await ensureCertificates(folder, process.env);
    assert.equal(await readFile(serverFile, 'utf8'), first);
    await writeFile(serverFile, 'damaged');
    await ensureCertificates(folder, process.env);
    assert.notEqual(await readFile(serverFile, 'utf8'), first);
  });

  it('constrain the CA to localhost, by no name that AWS-LC cannot check', async () => {
    const { caFile } = await ensureCertificates(folder, process.env);
    const { raw } = new X509Certificate(await readFile(caFile));
    // NameConstraints (RFC 5280 section 4.2.1.10): one permitted subtree, a dNSName ([2]).
    const constraints = Buffer.concat([Buffer.from('300fa00d300b8209', 'hex'), Buffer.from('localhost')]);
    assert.ok(raw.includes(Buffer.from('551d1e', 'hex')));
    assert.ok(raw.includes(constraints));
  });

  it('of an earlier form are made anew', async () => {
    const [ca, server] = [join(folder, 'ca.pem'), join(folder, 'server.pem')];
    const one = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90'];
    execFileSync('openssl', [...one, '-subj', '/CN=Sallyport demo CA', '-keyout', server, '-out', ca], {
      stdio: 'pipe',
    });
    const earlier = await readFile(ca);
    await writeFile(server, Buffer.concat([earlier, await readFile(server)]));
    await ensureCertificates(folder, process.env);
    assert.notDeepEqual(await readFile(ca), earlier);
  });

  it('leave no CA key behind and keep the server key private', async () => {
    const { serverFile } = await ensureCertificates(folder, process.env);
    assert.deepEqual((await readdir(folder)).sort(), ['ca.pem', 'server.pem']);
    assert.equal((await stat(serverFile)).mode & 0o077, 0);
  });
});
