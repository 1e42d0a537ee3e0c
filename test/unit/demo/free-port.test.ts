import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { freePort } from '../../../demo/free-port.ts';

describe('a free port', () => {
  it('is given to nobody else who asks while this process lives', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    assert.equal(new Set(ports).size, ports.length);
    for (const port of ports) {
      const other = createSocket('udp4');
      other.bind({ port, address: '127.0.0.1', exclusive: true });
      await assert.rejects(once(other, 'listening'), { code: 'EADDRINUSE' });
      other.close();
    }
  });

  it('is none that the system gives to an outgoing connection', async () => {
    const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '49152');
    const port = await freePort();
    assert.ok(port < Number.parseInt(range, 10), `${port}`);
  });
});
