import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createLingering, type Lingering, type LingerBounds } from '../../../src/http/linger.ts';

const BOUNDS: LingerBounds = {
  bytes: 1_000_000,
  ms: 1000,
  bytesWithoutPermit: 10_000,
  everyMs: 100,
  bytesEach: 1000,
  permits: 3,
  permitsPerAddress: 2,
};
const BODY = 2_000_000;

describe('the rest of a refused body', () => {
  let lingering: Lingering;
  let server: Server;
  let port: number;
  let sockets: Socket[];
  /** Says `dropping` when a body begins to be dropped, and `done` with what was read of it. */
  let events: EventEmitter;

  beforeEach(async () => {
    lingering = createLingering(BOUNDS);
    events = new EventEmitter();
    sockets = [];
    server = createServer((req: IncomingMessage, res) => {
      res.writeHead(403, { 'content-length': '6', connection: 'close' }).write('denied');
      lingering.drop(req, String(req.headers['x-address']), () => {
        events.emit('done', req);
        res.end();
      });
      events.emit('dropping');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    sockets.forEach((socket) => socket.destroy());
    server.closeAllConnections();
    server.close();
  });

  async function refused(address: string, length = BODY): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined).resume();
    const dropping = once(events, 'dropping');
    socket.write(`PUT / HTTP/1.1\r\nHost: x\r\nX-Address: ${address}\r\nContent-Length: ${length}\r\n\r\n`);
    await dropping;
    return socket;
  }

  const trickle = (socket: Socket): void => {
    const timer = setInterval(() => (socket.writable ? socket.write('x') : clearInterval(timer)), 5);
    socket.once('close', () => clearInterval(timer));
  };

  it('is read to its end, and the place is given back', async () => {
    const socket = await refused('192.0.2.1', 900_000);
    assert.equal(lingering.permits(), 1);
    const done = once(events, 'done');
    socket.write(Buffer.alloc(900_000));
    const [req] = (await done) as [IncomingMessage];
    assert.ok(req.complete);
    assert.equal(lingering.permits(), 0);
  });

  it('is not read beyond its bound of bytes', async () => {
    const socket = await refused('192.0.2.1');
    const done = once(events, 'done');
    socket.write(Buffer.alloc(BODY));
    const [req] = (await done) as [IncomingMessage];
    assert.ok(!req.complete);
    assert.ok(req.socket.bytesRead < BODY);
    assert.equal(lingering.permits(), 0);
  });

  it('is not read beyond its bound of time, however fast it comes', async () => {
    const socket = await refused('192.0.2.1');
    const startedMs = performance.now();
    const done = once(events, 'done');
    const timer = setInterval(() => socket.write(Buffer.alloc(4000)), 20);
    const [req] = (await done) as [IncomingMessage];
    clearInterval(timer);
    assert.ok(!req.complete);
    assert.ok(performance.now() - startedMs >= BOUNDS.ms * 0.9);
    assert.equal(lingering.permits(), 0);
  });

  it('that trickles is cut at the first look', async () => {
    const socket = await refused('192.0.2.1');
    trickle(socket);
    await once(events, 'done');
    assert.equal(lingering.permits(), 0);
    await once(socket, 'close');
  });

  it('gives its place back when its client leaves', async () => {
    const socket = await refused('192.0.2.1');
    socket.destroy();
    await once(events, 'done');
    assert.equal(lingering.permits(), 0);
  });

  it('of one address takes no more than the places of one, and of all no more than those of the process', async () => {
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3']) await refused(address);
    assert.equal(lingering.permits(), BOUNDS.permits);
    while (lingering.permits() > 0) await once(events, 'done');
  });

  it('without a place is read for a moment and a little', async () => {
    for (const address of ['192.0.2.1', '192.0.2.1']) await refused(address);
    const third = await refused('192.0.2.1');
    const done = once(events, 'done');
    third.write(Buffer.alloc(BODY));
    const [req] = (await done) as [IncomingMessage];
    assert.ok(!req.complete);
    assert.ok(req.socket.bytesRead < 300_000);
  });
});
