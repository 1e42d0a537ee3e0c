/** The same gateway behind the shipped edge and behind one that knows none of its rules: what is on record then. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { Client, type Answer } from '../support/client/client.ts';
import { needs } from '../support/needs.ts';
import { sendRaw, signedHead } from '../support/http/raw-wire.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { keysOf } from './run/auth-methods.ts';

/** What somebody writes who has never seen our file. */
const FOREIGN = `
defaults
    mode http
    log stdout format raw local0
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend f
    bind "\${SALLYPORT_FRONT}" ssl crt "\${SALLYPORT_CERT}"
    default_backend b
backend b
    server gw "unix@\${SALLYPORT_SOCKET}"
`;
const OURS = /^[A-Z2-9]{20}$/;
const LIE = 'chosen-by-the-client';
const LIES = {
  'x-request-id': LIE,
  'x-forwarded-for': '203.0.113.9',
  'x-sallyport-edge': 'a-guess-of-the-secret-of-the-edge-and-of-no-other',
};

describe('ids and addresses on record', function () {
  this.timeout(60_000);
  let stack: Stack;
  let alice: string;

  before(async () => {
    stack = await sharedStack();
    alice = await stack.token('alice');
    await stack.client.call({ method: 'PUT', target: '/reports/2026/traced', token: alice, body: 'x' });
  });

  const get = (client: Client): Promise<Answer> =>
    client.call({ method: 'GET', target: '/reports/2026/traced', token: alice, headers: LIES });

  async function intentOf({ requestId }: Answer): Promise<Record<string, unknown>> {
    const found = (await stack.auditLines()).filter((line) => line['requestId'] === requestId);
    assert.deepEqual(
      found.map(({ entry }) => entry),
      ['intent', 'outcome'],
    );
    return found[0]!;
  }

  describe('behind the shipped edge', () => {
    it('have the trace of a client that sends one, where the gateway itself traces nothing', async () => {
      const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
      const read = (traceparent: string): Promise<Answer> =>
        stack.client.call({ method: 'GET', target: '/reports/2026/traced', token: alice, headers: { traceparent } });
      const intent = await intentOf(await read(`00-${traceId}-00f067aa0ba902b7-01`));
      assert.deepEqual([intent['traceId'], intent['spanId']], [traceId, undefined]);
      assert.equal((await intentOf(await read(`00-${traceId}-nonsense-01`)))['traceId'], undefined);
    });

    it('join the answer, the audit and the log of the edge, whatever the client sends', async () => {
      const answer = await get(stack.client);
      assert.match(answer.requestId, OURS);
      const intent = await intentOf(answer);
      assert.equal(intent['clientAddress'], '127.0.0.1');
      const edgeRequestId = String(intent['edgeRequestId']);
      assert.match(edgeRequestId, /^[0-9a-f-]{36}$/);
      const line = await edgeLine(edgeRequestId);
      assert.equal(line['requestId'], answer.requestId);
      assert.equal(line['client'], '127.0.0.1');
    });

    it('are in refusals and in the log of the service too', async () => {
      const answer = await stack.client.call({ method: 'GET', target: '/reports/k', token: 'bad', headers: LIES });
      let refusal: Record<string, unknown> | undefined;
      for (let tries = 0; tries < 100 && refusal === undefined; tries += 1) {
        refusal = (await stack.refusals()).find(({ requestId }) => requestId === answer.requestId);
        await sleep(50);
      }
      assert.equal(refusal?.['clientAddress'], '127.0.0.1');
      const line = await edgeLine(String(refusal['edgeRequestId']));
      assert.equal(line['requestId'], answer.requestId);
    });

    it('come with a secret that no answer shows, not even one about a signature over it', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
        RoleSessionName: 'edge',
        WebIdentityToken: alice,
      }).toString();
      const keys = keysOf((await stack.client.call({ method: 'POST', target: '/', headers, body })).body.toString());
      const port = Number(new URL(stack.frontUrl).port);
      const address = { port, ca: await readFile(stack.caFile, 'utf8') };
      const signed = { host: 'localhost', 'x-sallyport-edge': 'mine' };
      const request = signedHead({ method: 'GET', target: '/reports/2026/traced', keys, headers: signed });
      const { status, text } = await sendRaw(address, request);
      assert.ok(status === 400 || status === 403, text);
      const secret = (await readFile(join(stack.seedFile, '..', 'edge-secret'), 'utf8')).trim();
      assert.equal(text.includes(secret), false);
    });
  });

  describe('behind an edge without our rules', () => {
    let folder: string;
    let haproxy: Child;
    let foreign: Client;

    before(async function () {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-foreign-'));
      const program = await findHaproxy(join(folder, 'haproxy'), process.env);
      needs(this, 'haproxy', program !== undefined);
      const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
      const configFile = join(folder, 'foreign.cfg');
      await writeFile(configFile, FOREIGN);
      const port = await freePort();
      const addresses = { configFile, port, certificateFile: serverFile, gatewaySocket: stack.gatewaySocket };
      const logFile = join(folder, 'haproxy.log');
      haproxy = await startHaproxy({ ...program, ...addresses, logFile, environment: process.env });
      foreign = new Client(`https://localhost:${port}`, await readFile(caFile, 'utf8'));
    });
    after(async () => {
      foreign.close();
      await haproxy.stop(5000);
      await rm(folder, { recursive: true });
    });

    it('are not those that a client makes up, and two accesses never share one', async () => {
      const answers = [await get(foreign), await get(foreign)];
      for (const answer of answers) {
        assert.match(answer.requestId, OURS);
        const intent = await intentOf(answer);
        assert.equal(intent['clientAddress'], 'edge');
        assert.equal(intent['edgeRequestId'], undefined);
      }
      assert.notEqual(answers[0]?.requestId, answers[1]?.requestId);
      const log = stack.logs().find((name) => name.endsWith('gateway.log')) ?? '';
      assert.match(await readFile(log, 'utf8'), /edge_secret_missing/);
      const text = JSON.stringify([await stack.auditLines(), await stack.refusals()]);
      assert.equal(text.includes(LIE), false);
      assert.equal(text.includes('203.0.113.9'), false);
    });
  });

  async function edgeLine(edgeRequestId: string): Promise<Record<string, unknown>> {
    const log = stack.logs().find((name) => name.endsWith('haproxy.log')) ?? '';
    for (;;) {
      const text = await readFile(log, 'utf8');
      const found = text.split('\n').find((line) => line.includes(`"edgeRequestId":"${edgeRequestId}"`));
      if (found !== undefined) return JSON.parse(found) as Record<string, unknown>;
      await sleep(20);
    }
  }
});
