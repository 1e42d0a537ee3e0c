/** `sallyport can-i`, at a gateway that answers what a test wants. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathsOf } from '../../../../src/client/profile-paths.ts';
import { writeSession } from '../../../../src/client/session-file.ts';
import { mergeSettings, writeSettings } from '../../../../src/client/settings.ts';
import { runCommand } from '../../../support/client/run-command.ts';

describe('sallyport can-i', () => {
  let home: string;
  let server: Server;
  let requested: { url: string; authorization: string | undefined }[];
  let answer: readonly [status: number, content: object];
  const allowed = { decision: 'allow', verb: 'PUT', bucket: 'reports', key: 'a b', rule: 'p/r', reason: 'Because.' };
  const answered = (more: object = {}) => [200, { ...allowed, policyVersion: 'v1', ...more }] as const;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sallyport-can-i-'));
    requested = [];
    answer = answered();
    server = createServer(({ url = '', headers: { authorization } }, response) => {
      requested.push({ url, authorization });
      response.writeHead(answer[0], { 'content-type': 'application/json' }).end(JSON.stringify(answer[1]));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const paths = pathsOf({ home, platform: 'linux', env: {} }, 'default');
    const settings = mergeSettings({ gateway, issuer: gateway, clientId: 'cli' });
    await writeSettings(paths, settings);
    const nowMs = Date.now();
    const session = { obtainedAtMs: nowMs, accessToken: 'the-token', accessExpiresAtMs: nowMs + 600_000 };
    await writeSession(paths, { issuer: gateway, clientId: 'cli', ...session });
  });
  afterEach(async () => {
    server.close();
    await rm(home, { recursive: true });
  });

  const canI = (...args: readonly string[]) => runCommand(['can-i', ...args], { home });

  it('asks with the token of the login, and for the very key', async () => {
    const { code, stdout, stderr } = await canI(
      'PUT',
      's3://reports/a b/ü+&?#%2F',
      '--size',
      '7',
      '--tag',
      'a=b&c',
      '--tag',
      'd=',
    );
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^yes: PUT s3:\/\/reports\/a b\nrule: p\/r\nBecause\.\n$/);
    const [{ url, authorization } = { url: '', authorization: '' }] = requested;
    assert.equal(authorization, 'Bearer the-token');
    const query = new URL(url, 'http://x').searchParams;
    assert.equal(query.get('resource'), 's3://reports/a b/ü+&?#%2F');
    assert.deepEqual(
      [...new URLSearchParams(query.get('tags') ?? '')],
      [
        ['a', 'b&c'],
        ['d', ''],
      ],
    );
    assert.ok(!url.includes('+'), 'a plus is refused by the gateway');
  });

  it('ends with 0 where one may, 3 where not, 4 where it cannot be told, and tells what to do', async () => {
    answer = answered({ decision: 'filtered' });
    assert.equal((await canI('LIST', 's3://reports/')).code, 0);
    const denied = { decision: 'deny', rule: 'default-deny', instead: 'The nearest prefix.', owner: 'ask@example.com' };
    answer = answered({ ...denied, unknown: [] });
    const no = await canI('GET', 's3://reports/a');
    assert.equal(no.code, 3);
    assert.match(no.stdout, /^no: .*\nrule: default-deny\nBecause\.\nThe nearest prefix\.\nAsk ask@example\.com\n$/);
    answer = answered({ ...denied, unknown: ['size'] });
    const unknown = await canI('PUT', 's3://reports/a');
    assert.equal(unknown.code, 4);
    assert.match(unknown.stdout, /^cannot tell: .*\n(?:.*\n)*It depends on size: say so/);
    assert.deepEqual(JSON.parse((await canI('PUT', 's3://reports/a', '--json')).stdout), answer[1]);
  });

  it('ends with 1 where the gateway refuses or answers something else, with nothing on stdout', async () => {
    for (const other of [
      [401, { code: 'InvalidToken', message: 'No.' }],
      [404, { code: 'NoSuchBucket', message: 'No.' }],
      [200, { decision: 'perhaps' }],
      [200, {}],
    ] as const) {
      answer = other;
      const { code, stdout, stderr } = await canI('GET', 's3://reports/a');
      assert.deepEqual([code, stdout], [1, '']);
      assert.ok(!stderr.includes('the-token'));
    }
  });

  it('prints nothing of an answer that could command a terminal', async () => {
    answer = answered({ reason: 'x\u001b[2Jy' });
    assert.ok(!(await canI('GET', 's3://reports/a')).stdout.includes('\u001b'));
  });

  it('ends with 2 where it is used wrongly, and asks nobody', async () => {
    for (const args of [
      ['GET'],
      ['get', 's3://reports/a'],
      ['read', 's3://reports/a'],
      ['GET', 'reports/a'],
      ['GET', 's3://reports/'],
      ['GET', 's3://Reports/a'],
      ['GET', `s3://reports/${'a'.repeat(1025)}`],
      ['ADMIN', 's3://reports/a'],
      ['GET', 's3://reports/a', '--size', '1'],
      ['PUT', 's3://reports/a', '--size', '-1'],
      ['PUT', 's3://reports/a', '--size', '1MiB'],
      ['PUT', 's3://reports/a', '--tag', 'a'],
    ]) {
      assert.equal((await canI(...args)).code, 2, args.join(' ').slice(0, 60));
    }
    assert.equal(requested.length, 0);
  });
});
