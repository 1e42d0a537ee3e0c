/** What a server that ends does with its connections: the one that is still sent an answer, the one that brings a request, and the idle one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeNoneThatSends } from '../../../src/http/idle-connections.ts';
import { closeGracefully } from '../../../src/http/listen.ts';

/** More than the system takes at once for a client that does not read. */
const BYTES = 24 * 1024 * 1024;
const GRACE_MS = 20_000;

describe('the connections of a server that ends', function () {
  this.timeout(30_000);
  let server: Server;
  let opened: Socket[];

  beforeEach(async () => {
    opened = [];
    server = createServer((req, res) => {
      const answer = (): unknown => res.end(Buffer.alloc(req.url === '/large' ? BYTES : 5));
      if (req.url === '/late') setTimeout(answer, 600);
      else answer();
    });
    closeNoneThatSends(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const socket of opened) socket.destroy();
    server.closeAllConnections();
  });

  const open = async (text: string): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    opened.push(socket);
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return socket;
  };
  const head = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n`;
  const received = async (socket: Socket, eachTime: () => unknown = () => undefined): Promise<number> => {
    let bytes = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await eachTime();
    }
    return bytes;
  };

  it('sends all of an answer that is ended and not yet read by its client', async () => {
    const socket = await open(`${head('/large')}Connection: close\r\n\r\n`);
    await once(socket, 'readable');
    const closed = closeGracefully(server, GRACE_MS);
    // Longer than idle connections are looked for.
    await sleep(300);
    assert.ok((await received(socket, () => sleep(1))) > BYTES);
    await closed;
  });

  it('ends a connection that it keeps once its answer is sent', async () => {
    const socket = await open(`${head('/large')}\r\n`);
    await once(socket, 'readable');
    const closed = closeGracefully(server, GRACE_MS);
    await sleep(300);
    assert.ok((await received(socket)) > BYTES);
    await closed;
  });

  it('answers a request of which only the beginning had come', async () => {
    const socket = await open(head('/small'));
    const came = new Promise((resolve) => {
      // The server has seen the half of it.
      server.getConnections(() => setTimeout(resolve, 200));
    });
    await came;
    const closed = closeGracefully(server, GRACE_MS);
    await sleep(200);
    socket.write('\r\n');
    assert.ok((await received(socket)) > 5);
    await closed;
  });

  it('answers all requests that came at once on one connection', async () => {
    const socket = await open(`${head('/small')}\r\n${head('/late')}\r\n`);
    await once(socket, 'readable');
    const closed = closeGracefully(server, GRACE_MS);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('latin1');
    assert.equal(text.split('HTTP/1.1 200 OK').length - 1, 2);
    await closed;
  });

  it('ends those that never asked, and those that were answered, at once', async () => {
    const sockets = [await open(''), await open(`${head('/small')}\r\n`)];
    await once(sockets[1]!, 'readable');
    const ended = Promise.all(sockets.map((socket) => received(socket)));
    await closeGracefully(server, GRACE_MS);
    assert.equal((await ended)[0], 0);
  });
});
