/** `sallyport doctor --store` on the embedded store, as it is and behind a front that commits the bodies of clients that went away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import type { StoreReport } from '../../src/operate/store-doctor/store-doctor.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { freePort } from '../../demo/free-port.ts';
import { runCommand } from '../support/client/run-command.ts';
import { send } from '../support/store/store-client.ts';

describe('sallyport doctor --store', function () {
  this.timeout(120_000);
  const pair = (name: string) => ({ accessKeyId: name.repeat(4), secretAccessKey: randomBytes(20).toString('hex') });
  const [gatewayKeys, ownerKeys] = [pair('GATEW'), pair('OWNER')];
  let folder: string;
  let store: EmbeddedStore;
  let front: Server;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-store-doctor-'));
    front = createCommittingFront(() => store.port);
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const relayPort = (front.address() as AddressInfo).port;
    store = await createEmbeddedStore({
      ...{
        folder: join(folder, 'store'),
        port: await freePort(),
        relayPort,
        buckets: ['box'],
        gatewayKeys,
        ownerKeys,
      },
      log: () => undefined,
    });
    await store.start();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'id'), gatewayKeys.accessKeyId, { mode: 0o600 });
    await writeFile(join(folder, 'secret'), gatewayKeys.secretAccessKey, { mode: 0o600 });
    assert.equal((await raw('PUT', 'theirs', 'of a client')).status, 200);
  });
  after(async () => {
    front.closeAllConnections();
    front.close();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const raw = (method: 'GET' | 'PUT', key?: string, body?: string) =>
    send(store.port, {
      method,
      bucket: 'box',
      keys: ownerKeys,
      ...(key && { key }),
      ...(body && { body: Buffer.from(body) }),
    });

  async function doctor(port: number, own: object = {}, machine: Partial<CommandIo> = {}, ...more: readonly string[]) {
    const endpoint = `http://127.0.0.1:${port}`;
    const config = {
      listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
      issuers: { none: { issuer: 'http://127.0.0.1:9/', audiences: ['sallyport'], allowHttp: true } },
      stores: {
        main: {
          ...{
            endpoint,
            region: 'us-east-1',
            allowPlaintextHttp: true,
            sts: { endpoint: store.endpoint, roleArn: DEMO_ROLE_ARN },
          },
          credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
          ...own,
        },
      },
      buckets: { box: { encryption: 'off' } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit' },
    };
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, JSON.stringify(config));
    return runCommand(['doctor', '--store', 'main', '--config', file, ...more], machine);
  }

  /** What lies in the bucket, past everything. */
  async function contents(): Promise<readonly string[]> {
    const { body } = await raw('GET');
    const uploads = await send(store.port, { method: 'GET', bucket: 'box', query: { uploads: '' }, keys: ownerKeys });
    return [`${body.toString()}${uploads.body.toString()}`.matchAll(/<Key>([^<]*)<\/Key>/g)].flatMap((all) =>
      [...all].map(([, key = '']) => key),
    );
  }

  it('finds nothing missing that the gateway needs there, leaves nothing behind and touches nothing of others', async () => {
    const { code, stdout, stderr } = await doctor(store.port);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^store main, bucket box\nworks {5}objects are written, read and deleted: /);
    assert.match(stdout, /\n0 of what the gateway needs there is missing, 1 of what its users may want\n$/);
    assert.deepEqual(await contents(), ['theirs']);
    assert.equal((await raw('GET', 'theirs')).body.toString(), 'of a client');
    assert.ok(!stdout.includes(gatewayKeys.secretAccessKey));
  });

  it('finds that a store commits bodies that broke off, by FIN and by RST, and says what is lost', async () => {
    const { code, stdout } = await doctor((front.address() as AddressInfo).port, {}, {}, '--json');
    assert.equal(code, 1);
    const { findings, left } = JSON.parse(stdout) as StoreReport;
    for (const how of ['fin', 'rst']) {
      const finding = findings.find(({ id }) => id === `short-body-${how}`);
      assert.equal(finding?.state, 'lacks', how);
      assert.match(finding.found, /^\d{1,6} of 200000 bytes were stored in place of the old object$/);
      assert.match(finding.lost, /the old is lost/);
    }
    const others = findings.filter(({ id, state }) => state === 'lacks' && !id.startsWith('short-body'));
    assert.deepEqual(
      others.map(({ id }) => id),
      ['checksums-all'],
    );
    assert.deepEqual([left, await contents()], [[], ['theirs']]);
  });

  it('says which key of configuration promises what the store cannot do, and fails for it', async () => {
    const { code, stdout } = await doctor(store.port, { checksums: 'all' });
    assert.equal(code, 1);
    assert.match(stdout, /\nwithout {3}checksums in trailers.*\n.*\n {10}set stores\.main\.checksums: headers\n/);
  });

  it('takes away what it wrote when it is interrupted', async () => {
    let interrupt: () => void = () => undefined;
    const requests = store.counters.byOperation;
    const before = requests['PutObject'] ?? 0;
    const machine: Partial<CommandIo> = {
      onSignal: (signal, handler) => {
        if (signal === 'SIGINT') interrupt = handler;
      },
    };
    const run = doctor(store.port, {}, machine);
    while ((requests['PutObject'] ?? 0) < before + 12) await new Promise((turn) => setTimeout(turn, 5));
    interrupt();
    const { code, stdout, stderr } = await run;
    assert.equal(code, 1);
    assert.match(stderr, /stopping: what was written is taken away first/);
    assert.match(stdout, /\nstopped after \d+ of \d+\n/);
    assert.deepEqual(await contents(), ['theirs']);
  });

  it('says in one line why there is no session, and what is no store or bucket of the configuration', async () => {
    await writeFile(join(folder, 'wrong'), 'w'.repeat(40), { mode: 0o600 });
    const refused = await doctor(store.port, { credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'wrong' } });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^sallyport: bucket box in store main: its STS answers 403 SignatureDoesNotMatch: .*\n$/,
    );
    const { code, stderr } = await doctor(store.port, {}, {}, '--bucket', 'absent');
    assert.deepEqual([code, stderr], [2, 'sallyport: --bucket absent is no bucket of store main\n']);
    const other = await runCommand(['doctor', '--store', 'none', '--config', join(folder, 'sallyport.yaml')]);
    assert.deepEqual(
      [other.code, other.stderr],
      [2, 'sallyport: --store none: configuration names no such store, but main\n'],
    );
    const alone = await runCommand(['doctor', '--bucket', 'box']);
    assert.deepEqual([alone.code, alone.stderr], [2, 'sallyport: --bucket goes with --store\n']);
  });
});

/** As versitygw on a file system did: what has come of a body when its client goes is the object. */
function createCommittingFront(storePort: () => number): Server {
  return createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    let isSent = false;
    const pass = (): void => {
      if (isSent) return;
      isSent = true;
      const body = Buffer.concat(chunks);
      const headers = { ...incoming.headers, 'content-length': String(body.length) };
      delete headers['transfer-encoding'];
      const { method, url } = incoming;
      const outgoing = request({ host: '127.0.0.1', port: storePort(), method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      outgoing.on('error', () => response.destroy());
      outgoing.end(body);
    };
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', pass);
    incoming.on('error', () => undefined);
    incoming.on('close', pass);
  });
}
