/** What the doctor makes of edges that answer well, badly and strangely, each played by one server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCertificates } from '../../../demo/certificates.ts';
import { freePort } from '../../../demo/free-port.ts';
import { examineEdge, type EdgeUnderTrial } from '../../../src/client/edge-doctor/edge-doctor.ts';
import { reach } from '../../../src/client/reach.ts';

const GATEWAY_ID = 'ABCDEFGHJKMNPQRSTUVW';

interface Said {
  readonly status: number;
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer is not one of the gateway. */
  readonly byEdge?: true;
}

/** What is asked, as far as edges differ in it. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Http2ServerRequest['headers'];
  readonly bearer: string;
}

type Edge = (asked: Asked) => Said | undefined;

const KEYS = { AccessKeyId: 'SPLYX', SecretAccessKey: 'secret', Token: 'token' };
const onRecord = (clientAddress: string, edgeRequestId?: string) => ({
  status: 200,
  body: { clientAddress, ...(edgeRequestId !== undefined && { edgeRequestId }) },
});

const good: Edge = ({ method, path, headers, bearer }) => {
  if (path === '/-/whoami') return bearer === 'mine' ? onRecord('127.0.0.1', 'own-id') : { status: 401 };
  if (path === '/-/ready') return { status: 404, byEdge: true };
  if (path === '/-/credentials') return { status: 200, body: KEYS };
  if (path === '/-/sts') return { status: 408, byEdge: true };
  if (path.includes('X-Amz-Signature')) return { status: 404, body: '<Code>NoSuchBucket</Code>' };
  if (Number(headers['content-length']) > 5_000_000_000) return { status: 400, byEdge: true };
  return { status: 403, headers: method === 'PUT' ? { connection: 'close' } : {} };
};

const bad: Edge = ({ path, headers, bearer }) => {
  if (path === '/-/whoami' && bearer === 'mine') return onRecord('203.0.113.77', 'forged-by-the-doctor');
  if (bearer.length > 1000 || Object.keys(headers).length > 100) return { status: 400, byEdge: true };
  if (headers['x-amz-meta-a_b'] !== undefined) return { status: 400, byEdge: true };
  if (path === '/-/whoami') return { status: 401 };
  if (path === '/-/ready') return { status: 200, headers: { 'content-type': 'application/json' } };
  if (path === '/-/credentials') return { status: 200, body: KEYS };
  if (path.includes('X-Amz-Signature')) return { status: 403, body: '<Code>SignatureDoesNotMatch</Code>' };
  return { status: 403 };
};

describe('the doctor of an edge', () => {
  let folder: string;
  let ca: readonly string[];
  let pem: Buffer;
  let server: Http2SecureServer;
  let edge: Edge;
  let continues: boolean;
  let trial: EdgeUnderTrial;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-edge-'));
    const { caFile, serverFile } = await ensureCertificates(folder, process.env);
    ca = [await readFile(caFile, 'utf8')];
    pem = await readFile(serverFile);
    server = createSecureServer({ cert: pem, key: pem, allowHTTP1: true, maxHeaderListPairs: 400 });
    // Of HTTP/1.1, where it can be set in no other way.
    Object.assign(server, { maxHeaderSize: 65_536 });
    server.on('request', answer);
    server.on('checkContinue', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (continues) response.writeContinue();
      else answer(request, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const region = 'us-east-1';
    trial = { origin: `https://localhost:${port}`, ca, token: 'mine', region, address: '127.0.0.1', isDown: false };
  });
  beforeEach(() => {
    edge = good;
    continues = false;
  });
  after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { method, url: path, headers } = request;
    request.resume();
    const bearer = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const said = edge({ method, path, headers, bearer });
    if (said === undefined) {
      if (request.httpVersionMajor === 1) request.socket.destroy();
      else request.stream.session?.destroy();
      return;
    }
    const { status, body = '', byEdge, headers: more = {} } = said;
    const kept = Object.entries(more).filter(([name]) => request.httpVersionMajor === 1 || name !== 'connection');
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const send = (): void => {
      response.writeHead(status, {
        ...(byEdge !== true && { 'x-amz-request-id': GATEWAY_ID }),
        ...Object.fromEntries(kept),
      });
      response.end(text);
    };
    // An upload is read to its end before it is answered.
    if (trial.isDown && method === 'PUT') request.once('end', send);
    else send();
  }

  const states = async (changes: Partial<EdgeUnderTrial> = {}): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries((await examineEdge({ ...trial, ...changes })).map(({ check, state }) => [check, state]));
  const found = async (check: string, changes: Partial<EdgeUnderTrial> = {}): Promise<string> => {
    const finding = (await examineEdge({ ...trial, ...changes })).find((each) => each.check === check);
    return `${finding?.state}: ${finding?.found}`;
  };

  it('finds nothing where nothing is lacking', async () => {
    const all = await examineEdge(trial);
    assert.deepEqual(
      all.filter(({ state }) => state !== 'ok'),
      [],
    );
    assert.equal(all.length, 12);
  });

  it('finds everything that an edge lacks, with the lines that add it, and no token in them', async () => {
    edge = bad;
    continues = true;
    const [gateway, ...others] = await examineEdge(trial);
    assert.equal(gateway?.state, 'ok');
    for (const { check, state, lines, where } of others) {
      assert.equal(state, 'missing', check);
      assert.ok(lines !== undefined && lines.length > 0 && where !== undefined, check);
    }
    assert.ok(!JSON.stringify(others).includes('mine'));
  });

  it('says of what is no gateway only that, and of what it cannot ask that it is unknown', async () => {
    edge = () => ({ status: 200, byEdge: true });
    assert.deepEqual(await states(), { gateway: 'unknown' });
    edge = () => undefined;
    assert.deepEqual(await states(), { gateway: 'unknown' });
    edge = good;
    const without = await states({ token: undefined });
    assert.deepEqual(
      Object.entries(without).filter(([, state]) => state === 'unknown'),
      [
        ['forged address', 'unknown'],
        ['forged id', 'unknown'],
        ['presigned URL', 'unknown'],
      ],
    );
  });

  const other = (path: string, said: Said): void => {
    edge = (asked) => (asked.path.startsWith(path) && asked.bearer === 'mine' ? said : good(asked));
  };

  it('tells whose address is on record', async () => {
    const check = 'forged address';
    other('/-/whoami', onRecord('10.0.0.9', 'id'));
    assert.match(await found(check), /^missing: the address on record is 10\.0\.0\.9, not 127\.0\.0\.1/);
    assert.match(await found(check, { address: undefined }), /^unknown: .* name its own with --address$/);
    other('/-/whoami', onRecord('::ffff:127.0.0.1', 'id'));
    assert.match(await found(check, { address: undefined }), /^ok: /);
    other('/-/whoami', onRecord('10.0.0.9'));
    assert.match(await found(check), /^missing: .* and no id/);
    assert.match(await found('forged id'), /^unknown: no id/);
    other('/-/whoami', { status: 200, body: 'secret' });
    assert.equal(await found(check), 'unknown: this gateway does not tell what is on record');
    other('/-/whoami', { status: 403 });
    assert.match(await found(check), /^unknown: GET \/-\/whoami answers 403/);
  });

  it('never quotes an answer with keys that it cannot read', async () => {
    other('/-/credentials', { status: 200, body: '{"SecretAccessKey":"very-secret"' });
    assert.equal(await found('presigned URL'), 'unknown: GET /-/credentials does not answer with keys');
    other('/-/credentials', { status: 404 });
    assert.match(await found('presigned URL'), /^unknown: .* 404.*no keys to sign with$/);
    edge = (asked) => (asked.path.includes('X-Amz-Signature') ? { status: 500 } : good(asked));
    assert.match(await found('presigned URL'), /^unknown: .* no code$/);
  });

  it('tells what clients hear while no gateway is up', async () => {
    const down: Said = {
      ...{ status: 503, byEdge: true, body: '<Code>ServiceUnavailable</Code>' },
      headers: { 'retry-after': '1' },
    };
    trial = { ...trial, isDown: true };
    try {
      edge = () => down;
      const all = await states();
      assert.deepEqual(Object.values(all), ['ok', 'ok', 'ok']);
      edge = () => ({ status: 503, byEdge: true });
      assert.match(await found('request, no gateway'), /^missing: 503 is not an error of S3/);
      edge = () => ({ status: 403 });
      assert.match(await found('request, no gateway'), /a gateway answers; stop all of them$/);
      edge = ({ method }) => (method === 'PUT' ? undefined : down);
      assert.match(await found('upload over HTTP/1.1, no gateway'), /^missing: 2 of 2 lose their answer/);
      assert.match(await found('upload over HTTP/2, no gateway'), /^missing: 2 of 2 lose their answer/);
    } finally {
      trial = { ...trial, isDown: false };
    }
  });

  it('is preceded by whether a server can be reached and believed', async () => {
    assert.match((await reach('way', trial.origin, ca)).found, /certificate by Sallyport demo CA/);
    const unbelieved = await reach('way', trial.origin, undefined);
    assert.equal(unbelieved.state, 'wrong');
    assert.equal((await reach('way', `https://127.0.0.1:${await freePort()}`, ca)).state, 'wrong');
    const plain = createServer((socket) => socket.destroy());
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    const { port } = plain.address() as AddressInfo;
    assert.match((await reach('way', `http://127.0.0.1:${port}`, undefined)).found, /plain http on this machine$/);
    plain.close();
  });
});
