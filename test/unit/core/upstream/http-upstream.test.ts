/** Against real TLS servers, whose certificates are made for the run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AddressingStyle } from '../../../../src/contracts/bucket.ts';
import { createHttpUpstream } from '../../../../src/core/upstream/http-upstream.ts';
import { createSigner } from '../../../../src/core/upstream/signer.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { observer } from '../keyring/fixture.ts';
import '../../../support/stack/localhost-names.ts';

interface Seen {
  readonly host: string | undefined;
  readonly target: string | undefined;
}

const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: undefined, expiresAtMs: 1 };

describe('core/upstream/http-upstream', () => {
  let folder: string;
  let server: Server;
  let certificates: Readonly<Record<string, { readonly cert: Buffer; readonly key: Buffer }>>;
  let seen: Seen[];
  /** The names that connections asked a certificate for. */
  let named: unknown[];
  let status: number;
  const undo: (() => Promise<void>)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-upstream-'));
    const made = Object.entries({
      wildcard: 'DNS:s3.localhost,DNS:*.s3.localhost',
      endpoint: 'DNS:s3.localhost',
      other: 'DNS:artifacts.s3.localhost',
      front: 'DNS:front.example',
    }).map(async ([name, names]) => {
      const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
      const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`];
      await promisify(execFile)('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert]);
      return [name, { cert: await readFile(cert), key: await readFile(key) }] as const;
    });
    certificates = Object.fromEntries(await Promise.all(made));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  beforeEach(() => {
    seen = [];
    named = [];
    status = 200;
  });
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  /** A store behind one of the certificates, and how a gateway that trusts it asks for an object. */
  async function setUp(certificate: string, tls: { readonly serverName?: string } = {}) {
    const pair = certificates[certificate];
    server = createServer({ ...pair }, ({ headers, url: target }, response) => {
      seen.push({ host: headers.host, target });
      response.writeHead(status).end('here');
    });
    server.on('secureConnection', ({ servername }) => named.push(servername));
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const upstream = createHttpUpstream({
      stores: [
        {
          name: 'main',
          endpoint: `https://s3.localhost:${port}`,
          ca: String(pair?.cert),
          minVersion: 'TLSv1.3',
          ...tls,
        },
      ],
      ...{ connections: 4, connectTimeoutMs: 2000, headersTimeoutMs: 2000, bodyIdleTimeoutMs: 2000 },
      ...{ observer, now: Date.now },
    });
    undo.push(async () => {
      await upstream.close();
      server.closeAllConnections();
      server.close();
    });
    const signer = createSigner();
    const store = { name: 'main', endpoint: `https://s3.localhost:${port}`, region: 'r' };
    const send = async (style: AddressingStyle, storeBucket = 'reports', key = 'a'): Promise<string> => {
      const bucket = { store, storeBucket, style };
      const request = signer.sign({ bucket, method: 'GET', key, query: [], headers: {} }, credentials, Date.now());
      return String(await (await upstream.send(request, undefined)).whole());
    };
    return { port, upstream, send };
  }

  const isUnreachable = (error: unknown): boolean => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, 'ServiceUnavailable');
    assert.match(String(error.detail), /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.deepEqual(seen, []);
    return true;
  };

  it('asks for the certificate of the host that it connects to, in both styles', async () => {
    const { send, port } = await setUp('wildcard');
    await send('virtual');
    await send('path');
    assert.deepEqual(named, ['reports.s3.localhost', 's3.localhost']);
    assert.deepEqual(seen, [
      { host: `reports.s3.localhost:${port}`, target: '/a' },
      { host: `s3.localhost:${port}`, target: '/reports/a' },
    ]);
  });

  it('sends nothing to a bucket whose host the certificate does not cover, though it covers the endpoint', async () => {
    const { send } = await setUp('endpoint');
    await assert.rejects(send('virtual'), isUnreachable);
    assert.equal(await send('path'), 'here');
  });

  it("sends nothing to a bucket behind another bucket's certificate, also after that one was asked", async () => {
    const { send } = await setUp('other');
    assert.equal(await send('virtual', 'artifacts'), 'here');
    seen = [];
    await assert.rejects(send('virtual', 'reports'), isUnreachable);
  });

  it('sends nothing to a bucket with a dot, which no wildcard covers', async () => {
    const { send } = await setUp('wildcard');
    await assert.rejects(send('virtual', 'corp.reports'), isUnreachable);
  });

  it('asks for a configured name instead, one for all buckets and both styles', async () => {
    const { send } = await setUp('front', { serverName: 'front.example' });
    await send('path');
    await send('virtual');
    await send('virtual', 'corp.reports');
    assert.deepEqual(named, ['front.example', 'front.example', 'front.example']);
    // The name that is requested is not the one in Host: that alone makes no connection anew.
    await sleep(10);
    await send('virtual', 'corp.reports');
    assert.equal(named.length, 3);
  });

  it('takes no certificate of the host where another name is configured', async () => {
    const { send } = await setUp('wildcard', { serverName: 'front.example' });
    await assert.rejects(send('path'), isUnreachable);
    await assert.rejects(send('virtual'), isUnreachable);
  });

  it('sends what a key begins with: targets with two slashes stay as they were signed', async () => {
    const { send } = await setUp('wildcard');
    const keys = ['/', '//', '/a', '//host/a', '/../a', '../a', '..', './a', 'a//b/', '?x=1', '#a', '%2F', 'ü 😀'];
    for (const key of keys) await send('virtual', 'reports', key);
    assert.deepEqual(
      seen.map(({ target = '' }) => decodeURIComponent(target)),
      keys.map((key) => `/${key}`),
    );
  });

  it('is asked without credentials whether it answers, and says so in its health', async () => {
    const { upstream, port } = await setUp('wildcard');
    const probe = upstream.probes[0]!;
    assert.deepEqual(probe.report(), { name: 'store:main', state: 'unknown' });
    for (const [answered, state] of [
      [403, 'ok'],
      [503, 'degraded'],
      [501, 'ok'],
    ] as const) {
      status = answered;
      await probe.ask();
      assert.equal(upstream.health()[0]?.state, state, String(answered));
      assert.ok(upstream.health()[0]?.checkedAtMs !== undefined);
    }
    assert.deepEqual(
      seen,
      [1, 2, 3].map(() => ({ host: `s3.localhost:${port}`, target: '/' })),
    );
    server.closeAllConnections();
    server.close();
    await probe.ask();
    assert.match(
      upstream.health()[0]?.detail ?? '',
      new RegExp(`^https://s3\\.localhost:${port}: no answer \\(ECONNREFUSED\\)`),
    );
  });

  it('says in its health at which host a store fails, until that host answers', async () => {
    const { send, upstream, port } = await setUp('wildcard');
    status = 503;
    await send('virtual', 'reports');
    assert.partialDeepStrictEqual(upstream.health(), [
      { name: 'store:main', state: 'degraded', detail: `https://reports.s3.localhost:${port}: answers 503` },
    ]);
    await send('virtual', 'artifacts');
    assert.match(upstream.health()[0]?.detail ?? '', /: answers 503, and 1 more$/);
    status = 200;
    await send('virtual', 'artifacts');
    assert.match(upstream.health()[0]?.detail ?? '', /reports\.s3\.localhost:\d+: answers 503$/);
    await send('virtual', 'reports');
    assert.partialDeepStrictEqual(upstream.health(), [{ name: 'store:main', state: 'ok' }]);
  });
});
