/** An answer that began before its end, of a gateway that dies meanwhile: no version of HTTP passes it on as a whole one. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const EARLY_ANSWER_MS = 1000;
const SLOWNESS_MS = 12_000;

interface Heard {
  readonly isStarted: boolean;
  readonly whole: boolean;
}

describe('a gateway that dies in an answer that began early', function () {
  this.timeout(60_000);
  let twins: TwinGateways;
  let token: string;
  let ca: string;
  /** Answers that have begun. */
  let started = 0;

  before(async () => {
    twins = await startTwinGateways(
      { sealed: { encryption: 'required' } },
      { config: { timeouts: { drainDelayMs: 0, earlyAnswerMs: EARLY_ANSWER_MS } } },
    );
    token = await twins.token('alice');
    ca = await readFile(twins.caFile, 'utf8');
    const put = { method: 'PUT', target: '/sealed/source', token, body: 'hello' };
    assert.equal((await twins.clients[0].call(put)).status, 200);
    twins.proxy.slowness = ({ operation }) => (operation === 'CopyObject' ? SLOWNESS_MS : 0);
  });
  after(() => twins.stop());

  const overHttp2 = (key: string): Promise<Heard> =>
    new Promise((resolve) => {
      const session = connectHttp2(twins.frontUrl, { ca });
      const headers = { authorization: `Bearer ${token}`, 'x-amz-copy-source': 'sealed/source' };
      const head = { ':method': 'PUT', ':path': `/sealed/${key}`, ...headers };
      // With an end apart HAProxy would make a body in chunks of it, and a copy takes none.
      const stream = session.request(head, { endStream: true });
      let isStarted = false;
      stream.on('response', (answer) => {
        isStarted = answer[':status'] === 200;
        started += 1;
      });
      stream.resume();
      stream.on('error', () => undefined);
      session.on('error', () => undefined);
      stream.on('close', () => {
        session.destroy();
        resolve({ isStarted, whole: stream.rstCode === 0 });
      });
    });

  /** Over a connection of its own: what is told of the length, and what came. */
  const over = (version: '1.0' | '1.1', key: string): Promise<Heard> =>
    new Promise((resolve) => {
      const { hostname, port, host } = new URL(twins.frontUrl);
      const socket = connectTls({ host: '127.0.0.1', port: Number(port), servername: hostname, ca });
      let text = '';
      socket.once('data', () => (started += 1));
      socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        const [head = '', body = ''] = text.split('\r\n\r\n', 2);
        const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
        resolve({ isStarted: head.startsWith('HTTP/1.1 200 '), whole: !(body.length < length) });
      });
      const lines = [`Host: ${host}`, `Authorization: Bearer ${token}`, 'x-amz-copy-source: sealed/source'];
      socket.write([`PUT /sealed/${key} HTTP/${version}`, ...lines, 'Content-Length: 0', '', ''].join('\r\n'));
    });

  it('leaves an answer that is seen to be broken, over HTTP/2, HTTP/1.1 and HTTP/1.0, and a record of none', async () => {
    const heard = Promise.all([overHttp2('two'), over('1.1', 'one'), over('1.0', 'zero')]);
    while (started < 3) await sleep(50);
    await twins.killFirst();
    for (const answer of await heard) assert.deepEqual(answer, { isStarted: true, whole: false });
    const results = (await twins.audit()).filter(({ key }) => ['two', 'one', 'zero'].includes(key));
    assert.deepEqual(
      results.map(({ result }) => result),
      ['interrupted', 'interrupted', 'interrupted'],
    );
  });
});
