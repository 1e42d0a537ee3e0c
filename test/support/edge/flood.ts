/**
 * A program: requests with bad tokens from one source, so many in a second, on eight connections over TLS, until it is ended.
 * Says once a second how many were answered. `node flood.ts PORT SOURCE RATE`
 */
import { connect, type TLSSocket } from 'node:tls';

const CONNECTIONS = 8;
const TICK_MS = 10;
const [port = '', source = '', rate = ''] = process.argv.slice(2);
const REQUEST = 'GET /unknown HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer bad.bad.bad\r\n\r\n';
const perTick = Math.ceil((Number(rate) * TICK_MS) / 1000 / CONNECTIONS);
let answered = 0;

function flood(): void {
  const options = { host: '127.0.0.1', port: Number(port), servername: 'localhost', rejectUnauthorized: false };
  const socket: TLSSocket = connect({ ...options, ALPNProtocols: ['http/1.1'], localAddress: source } as never);
  let waiting = 0;
  const timer = setInterval(() => {
    // What the edge does not take in time is not piled up here.
    if (waiting > perTick * 20) return;
    waiting += perTick;
    socket.write(REQUEST.repeat(perTick));
  }, TICK_MS);
  socket.on('data', (data: Buffer) => {
    const count = data.toString('latin1').split('HTTP/1.1 ').length - 1;
    waiting -= count;
    answered += count;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(timer);
    setTimeout(flood, TICK_MS);
  });
}

for (let count = 0; count < CONNECTIONS; count += 1) flood();
setInterval(() => {
  process.stdout.write(`${answered}\n`);
  answered = 0;
}, 1000);
