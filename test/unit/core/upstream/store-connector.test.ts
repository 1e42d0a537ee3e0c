/** Against real servers, with TLS and without, that answer early or watch how a connection ends. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { createHttpUpstream } from '../../../../src/core/upstream/http-upstream.ts';
import { createSigner } from '../../../../src/core/upstream/signer.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { releasedOnceSent } from '../../../../src/s3/body/release-memory.ts';
import { observer } from '../keyring/fixture.ts';

const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: undefined, expiresAtMs: 1 };
const PIECE = Buffer.alloc(64 * 1024, 'x');
const PIECES = 128;
const ANSWER = 'HTTP/1.1 412 Precondition Failed\r\ncontent-length: 4\r\nconnection: close\r\n\r\nheld';

describe('core/upstream/store-connector', () => {
  let folder: string;
  let pair: { readonly cert: Buffer; readonly key: Buffer };
  const undo: (() => Promise<void>)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-connector-'));
    const [cert, key] = [join(folder, 'crt'), join(folder, 'key')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=store', '-addext', 'subjectAltName=DNS:localhost'];
    await promisify(execFile)('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert]);
    pair = { cert: await readFile(cert), key: await readFile(key) };
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  /** A store by what it does with a connection (below TLS, and above), and how a gateway writes an object there. */
  async function setUp(protocol: 'http' | 'https', serve: (raw: Socket, socket: Socket) => void) {
    const server: Server = createServer((raw) => {
      raw.on('error', () => undefined);
      const socket = protocol === 'http' ? raw : new TLSSocket(raw, { ...pair, isServer: true });
      socket.on('error', () => undefined);
      serve(raw, socket);
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const upstream = createHttpUpstream({
      stores: [{ name: 'main', endpoint: 'http://127.0.0.1:1', minVersion: 'TLSv1.3', ca: String(pair.cert) }],
      ...{ connections: 4, connectTimeoutMs: 2000, headersTimeoutMs: 2000, bodyIdleTimeoutMs: 2000 },
      ...{ observer, now: Date.now },
    });
    undo.push(async () => {
      await upstream.close();
      server.close();
    });
    const store = { name: 'main', endpoint: `${protocol}://localhost:${port}`, region: 'r' };
    return (content: AsyncIterable<Buffer>) => {
      const bucket = { store, storeBucket: 'reports', style: 'path' } as const;
      const body = { sizeBytes: PIECES * PIECE.length, content };
      const request = createSigner().sign(
        { bucket, method: 'PUT', key: 'a', query: [], headers: {}, body },
        credentials,
        Date.now(),
      );
      return upstream.send(request, undefined);
    };
  }

  async function* pieces(count: number, fault?: Error): AsyncIterable<Buffer> {
    for (let piece = 0; piece < count; piece += 1) {
      yield PIECE;
      await setImmediate();
    }
    if (fault !== undefined) {
      await sleep(50);
      throw fault;
    }
  }

  for (const protocol of ['http', 'https'] as const) {
    it(`gives the answer of a store that answers before it has read the body, and closes (${protocol})`, async () => {
      const write = await setUp(protocol, (raw, socket) => {
        socket.once('data', () => {
          socket.pause();
          // What it has not read makes the end of the connection a reset.
          socket.write(ANSWER, () => raw.destroy());
        });
      });
      for (let turn = 0; turn < 20; turn += 1) {
        const answer = await write(pieces(PIECES));
        assert.deepEqual([answer.status, String(await answer.whole())], [412, 'held']);
      }
    });

    it(`releases what a slow store was sent, if it is marked, and never before (${protocol})`, async () => {
      const received: Buffer[] = [];
      const write = await setUp(protocol, (_, socket) => {
        let missing = PIECES * PIECE.length;
        socket.on('data', (data: Buffer) => {
          const head = received.length === 0 ? data.indexOf('\r\n\r\n') + 4 : 0;
          received.push(data.subarray(head));
          missing -= data.length - head;
          if (missing === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
          // What the system does not take meanwhile waits in the gateway.
          socket.pause();
          setTimeout(() => socket.resume(), received.length === 1 ? 200 : 1);
        });
      });
      const chunks = Array.from({ length: PIECES }, (_, index) => Buffer.alloc(PIECE.length, index));
      const sent = Buffer.concat(chunks);
      const isMarked = (_: Buffer, index: number): boolean => index % 16 !== 0;
      // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
      const body = async function* (): AsyncGenerator<Buffer> {
        for (const [index, chunk] of chunks.entries()) yield isMarked(chunk, index) ? releasedOnceSent(chunk) : chunk;
      };
      const answer = await write(body());
      assert.equal(answer.status, 200);
      assert.ok(Buffer.concat(received).equals(sent));
      assert.deepEqual(
        chunks.map(({ length }) => length),
        chunks.map((chunk, index) => (isMarked(chunk, index) ? 0 : PIECE.length)),
      );
    });

    it(`says that a store gave no answer where it closes without one (${protocol})`, async () => {
      const write = await setUp(protocol, (raw, socket) => {
        socket.once('data', () => raw.destroy());
      });
      await assert.rejects(
        write(pieces(PIECES)),
        (error) => error instanceof GatewayError && error.code === 'ServiceUnavailable',
      );
    });

    it(`resets the connection of a write that is aborted halfway (${protocol})`, async () => {
      const ends: (string | undefined)[] = [];
      const write = await setUp(protocol, (_, socket) => {
        socket.resume();
        socket.on('end', () => ends.push('end'));
        socket.on('error', ({ code }: NodeJS.ErrnoException) => ends.push(code));
      });
      const fault = new GatewayError('BadDigest');
      await assert.rejects(write(pieces(PIECES / 2, fault)), (error) => error === fault);
      while (ends.length === 0) await sleep(10);
      assert.deepEqual(ends, ['ECONNRESET']);
    });
  }
});
