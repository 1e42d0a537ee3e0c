import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpExchange } from '../../../src/http/exchange.ts';
import { createLingering } from '../../../src/http/linger.ts';
import { createTurns } from '../../../src/platform/turns.ts';
import { releasedOnceSent } from '../../../src/s3/body/release-memory.ts';

type Served = HttpExchange;

describe('the body of an exchange, handed over piece by piece', () => {
  let server: Server;
  let socket: Socket;
  let received = '';

  afterEach(() => {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  /** Sends a request, and gives its exchange. */
  async function exchange(text: string, expectsContinue = false): Promise<{ served: Served; req: IncomingMessage }> {
    const arrived = Promise.withResolvers<{ served: Served; req: IncomingMessage }>();
    server = createServer();
    for (const event of ['request', 'checkContinue'] as const) {
      server.on(event, (req: IncomingMessage, res: ServerResponse) => {
        const options = { requestId: 'r', edgeRequestId: undefined, clientAddress: '', chargedTo: undefined };
        const rest = {
          scheme: undefined,
          rawHeaders: [],
          expectsContinue,
          lingering: createLingering(),
          turns: createTurns(),
        };
        arrived.resolve({ served: new HttpExchange(req, res, { ...options, ...rest }), req });
      });
    }
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    received = '';
    socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (data: string) => (received += data));
    socket.write(text);
    return arrived.promise;
  }

  const head = (length: number, ...lines: string[]): string =>
    ['PUT /k HTTP/1.1', 'host: x', `content-length: ${length}`, ...lines, '', ''].join('\r\n');

  /** Reads it all; `onFirst` is called with the first piece. */
  function readText(served: Served, onFirst?: () => void): Promise<string> {
    let text = '';
    return served
      .read((piece) => {
        if (text === '') onFirst?.();
        text += piece.toString();
      })
      .then(() => text);
  }

  it('gives all of it in order, however it comes, and waits for the client meanwhile', async () => {
    const { served } = await exchange(`${head(6)}ab`);
    assert.equal(served.waitsForClient(), false);
    const text = readText(served, () => socket.write('cd', () => setTimeout(() => socket.write('ef'), 20)));
    assert.equal(served.waitsForClient(), true);
    assert.equal(await text, 'abcdef');
    assert.equal(served.waitsForClient(), false);
    served.writeHead(200, { 'content-length': '0' });
    served.end();
    await once(socket, 'data');
    assert.match(received, /^HTTP\/1.1 200 OK\r\n(?!.*connection: close)/is);
  });

  it('ends where there is nothing', async () => {
    const { served } = await exchange(head(0));
    assert.equal(await readText(served), '');
  });

  it('asks a client that waits to go on, when it is read', async () => {
    const { served } = await exchange(head(2, 'expect: 100-continue'), true);
    const text = readText(served);
    await once(socket, 'data');
    assert.equal(received, 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('ab');
    assert.equal(await text, 'ab');
  });

  it('fails with what its reader throws, and drops the rest behind the answer', async () => {
    const length = 3_000_000;
    const { served, req } = await exchange(`${head(length)}ab`);
    const refusal = new Error('refused');
    const reading = served.read(() => {
      throw refusal;
    });
    await assert.rejects(reading, refusal);
    assert.equal(served.waitsForClient(), false);
    assert.equal(served.signal.aborted, false);
    served.writeHead(400, { 'content-length': '6' });
    served.end(Buffer.from('denied'));
    const ended = once(req, 'end');
    socket.write(Buffer.alloc(length - 2));
    await ended;
    await once(socket, 'end');
    assert.match(received, /^HTTP\/1.1 400 .*connection: close.*denied$/is);
  });

  for (const sent of ['', 'a']) {
    it(`fails, and says that the client is gone, where it breaks off after ${sent.length} bytes`, async () => {
      const { served } = await exchange(`${head(2)}${sent}`);
      const text = readText(served, () => socket.resetAndDestroy());
      if (sent === '') socket.destroy();
      await assert.rejects(text, { code: 'IncompleteBody' });
      assert.ok(served.signal.aborted);
      assert.equal(served.waitsForClient(), false);
    });
  }

  it('says that the client is gone to whoever asked while it was there, and to whoever asks later', async () => {
    for (const asksBefore of [true, false]) {
      const { served, req } = await exchange(head(0));
      const before = asksBefore ? served.signal : undefined;
      assert.notEqual(before?.aborted, true);
      const left = new Promise((resolve) => req.once('close', resolve));
      socket.destroy();
      await left;
      assert.equal(served.signal.aborted, true);
      assert.equal(served.signal, before ?? served.signal);
      server.close();
    }
  });

  it('fails where the client was gone before', async () => {
    const { served, req } = await exchange(`${head(2)}a`);
    socket.resetAndDestroy();
    await new Promise((resolve) => req.once('close', resolve));
    await assert.rejects(readText(served), { code: 'IncompleteBody' });
    assert.ok(served.signal.aborted);
  });

  it('releases what a slow client was sent, if it is marked, and never before', async () => {
    const { served } = await exchange('GET /k HTTP/1.1\r\nhost: x\r\n\r\n');
    const chunks = Array.from({ length: 8 }, (_, index) => Buffer.alloc(2_097_152, 65 + index));
    const sent = Buffer.concat(chunks).toString('latin1');
    socket.pause();
    served.writeHead(200, { 'content-length': String(sent.length) });
    const writes = chunks.map((chunk, index) => served.write(index === 3 ? chunk : releasedOnceSent(chunk)));
    await sleep(100);
    // More than the system takes: the last ones still wait.
    assert.equal(chunks.at(-1)?.length, 2_097_152);
    socket.resume();
    await Promise.all(writes);
    served.end();
    while (received.length < sent.length) await once(socket, 'data');
    assert.ok(received.endsWith(sent));
    assert.deepEqual(
      chunks.flatMap(({ length }, index) => (length === 0 ? [] : [index])),
      [3],
    );
  });

  it('keeps what a client that is gone was not sent', async () => {
    const { served } = await exchange('GET /k HTTP/1.1\r\nhost: x\r\n\r\n');
    const chunks = Array.from({ length: 8 }, (_, index) => Buffer.alloc(2_097_152, 65 + index));
    socket.pause();
    served.writeHead(200, { 'content-length': String(chunks.length * 2_097_152) });
    const writes = Promise.allSettled(chunks.map((chunk) => served.write(releasedOnceSent(chunk))));
    await sleep(50);
    socket.resetAndDestroy();
    await writes;
    await sleep(50);
    assert.equal(chunks.at(-1)?.length, 2_097_152);
    await assert.rejects(served.write(releasedOnceSent(Buffer.alloc(70_000))), { code: 'RequestTimeout' });
  });
});
