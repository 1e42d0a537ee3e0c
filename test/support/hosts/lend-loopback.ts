/**
 * Listens on ports of loopback (its arguments) where it runs, hands what it listens with to its parent, in their order, and
 * ends: nobody else is to take the connections.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

for (const port of process.argv.slice(2)) {
  const server = createServer();
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  await promisify((done: (error: Error | null) => void) => process.send?.(port, server, done))();
  server.close();
}
process.disconnect();
