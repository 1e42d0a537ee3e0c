/** Strangers who hold what is needed to log in, and send next to nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { releaseOf, versionOf } from '../support/store/versions.ts';

const FORM = 'application/x-www-form-urlencoded';
const CONNECTIONS = 300;

describe('300 connections that each send one byte of a form of STS', function () {
  this.timeout(120_000);
  let stack: Stack;
  let alice: string;
  let sockets: TLSSocket[];

  before(async () => {
    stack = await sharedStack();
    alice = await stack.token('alice');
    const ca = await readFile(stack.caFile, 'utf8');
    const port = Number(new URL(stack.frontUrl).port);
    sockets = await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca });
        socket.on('error', () => undefined);
        await once(socket, 'secureConnect');
        return socket;
      }),
    );
  });
  after(() => sockets.forEach((socket) => socket.destroy()));

  function logIn(headers: Record<string, string> = {}) {
    const body = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
      RoleSessionName: 'idle-forms',
      WebIdentityToken: alice,
    }).toString();
    return stack.client.call({ method: 'POST', target: '/', headers: { 'content-type': FORM, ...headers }, body });
  }

  it('keep nobody from logging in, not even from the same address, and are answered 408', async () => {
    let answers = '';
    let open = CONNECTIONS;
    for (const socket of sockets) {
      socket.on('data', (bytes: Buffer) => (answers += bytes.toString('latin1')));
      socket.once('close', () => (open -= 1));
      socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM}\r\nContent-Length: 500\r\n\r\nA`);
    }
    const logins = await Promise.all(Array.from({ length: 8 }, () => logIn()));
    // All of them were there while others logged in.
    assert.equal(open, CONNECTIONS);
    assert.equal(answers, '');
    assert.deepEqual(new Set(logins.map(({ status }) => status)), new Set([200]));
    const answered = (): number => answers.match(/HTTP\/1\.1 408 /g)?.length ?? 0;
    while (answered() < CONNECTIONS && sockets.some(({ closed }) => !closed)) await sleep(50);
    // From 3 on HAProxy then waits for the rest of the form, as long as for any idle client (75 s): not waited for here.
    if (releaseOf(await versionOf('haproxy')) < 3) {
      for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
    }
    assert.equal(answered(), CONNECTIONS);
  });

  it('are no reason to refuse a form whose client waits for 100 Continue', async () => {
    assert.equal((await logIn({ expect: '100-continue' })).status, 200);
  });
});
