/**
 * Does the main job once through the running demo, as a client would, and says what it saw. Enters: the stack. Leaves: one
 * line per fact. Never: a demo that claims to work and does not.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { DemoStack } from './demo-stack.ts';

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** @throws Error in one line naming the first thing that is not as it should be */
export async function probe(stack: DemoStack): Promise<readonly string[]> {
  const [alice, bob] = await Promise.all([stack.token('alice'), stack.token('bob')]);
  const ca = await readFile(stack.caFile);
  const key = `2026/probe-${randomBytes(6).toString('hex')}`;
  const content = Buffer.from(`plaintext that no store may see ${randomBytes(16).toString('hex')}\n`);
  const send = (method: string, token: string, body?: Buffer) =>
    exchange(stack, ca, method, `/reports/${key}`, token, body);
  const demand = (what: string, answer: Answer, status: number): void => {
    if (answer.status !== status) throw new Error(`the probe failed: ${what} gave ${answer.status}, not ${status}`);
  };

  demand("alice's PUT", await send('PUT', alice.accessToken, content), 200);
  const read = await send('GET', alice.accessToken);
  demand("alice's GET", read, 200);
  if (!read.body.equals(content)) throw new Error('the probe failed: alice read something else than she wrote');
  const path = stack.store?.files.path('reports', key);
  if (path !== undefined && (await readFile(path)).includes(content.subarray(0, 32)))
    throw new Error('the probe failed: the store holds plaintext');
  demand("alice's DELETE", await send('DELETE', alice.accessToken), 403);
  demand("bob's DELETE", await send('DELETE', bob.accessToken), 204);
  return [
    'alice wrote and read an object of reports/2026/',
    ...(path === undefined ? [] : ['the store held ciphertext only']),
    'alice could not delete it (403), bob could',
  ];
}

/** Through the front, or straight into the gateway's socket where there is none. */
function exchange(
  stack: DemoStack,
  ca: Buffer,
  method: string,
  path: string,
  token: string,
  body?: Buffer,
): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-length': body.length }),
  };
  return new Promise((done, fail) => {
    const request =
      stack.front === undefined
        ? httpRequest({ socketPath: stack.gatewaySocket, method, path, headers: { host: 'localhost', ...headers } })
        : httpsRequest({ host: 'localhost', port: stack.ports.front, ca, agent: false, method, path, headers });
    request.on('error', fail);
    request.on('response', (response) => {
      buffer(response).then((content) => done({ status: response.statusCode ?? 0, body: content }), fail);
    });
    request.end(body);
  });
}
