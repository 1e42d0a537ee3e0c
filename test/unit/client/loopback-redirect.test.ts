import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { openLoopbackRedirect, type LoopbackRedirect } from '../../../src/client/loopback-redirect.ts';

describe('the redirect to this machine', () => {
  const STATE = 'the-state';
  let redirect: LoopbackRedirect;
  beforeEach(async () => (redirect = await openLoopbackRedirect(STATE, 5000)));
  afterEach(() => redirect.close());

  interface Wanted {
    readonly query?: string;
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
  }
  const visit = ({ query = `code=c&state=${STATE}`, path = '/callback', method = 'GET', headers = {} }: Wanted = {}) =>
    new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const { hostname, port } = new URL(redirect.uri);
      const request = httpRequest({ hostname, port, path: `${path}?${query}`, method, headers, agent: false });
      request.on('error', reject).on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
      });
      request.end();
    });

  it('takes the one answer that knows the state, and then no other', async () => {
    assert.match(redirect.uri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    const page = await visit({ headers });
    assert.equal(page.status, 200);
    assert.equal((await redirect.answer()).searchParams.get('code'), 'c');
    assert.equal((await visit({ query: `code=other&state=${STATE}` })).status, 400);
    assert.equal((await redirect.answer()).searchParams.get('code'), 'c');
  });

  it('is not ended by whoever guesses, and still takes the right answer afterwards', async () => {
    for (const wanted of [
      { query: 'code=c' },
      { query: 'code=c&state=' },
      { query: 'code=c&state=the-statf' },
      { query: `code=c&state=${STATE}&state=${STATE}` },
      { query: `code=c&state=${STATE}&x=${'x'.repeat(9000)}` },
      { path: '/' },
      { path: '/callback/' },
      { path: '//evil.example/callback' },
      { method: 'POST' },
      { method: 'HEAD' },
    ]) {
      assert.equal((await visit(wanted)).status, 400, JSON.stringify(wanted).slice(0, 100));
    }
    assert.equal((await visit()).status, 200);
  });

  it('answers to no name but its address, and to no script, frame or form of a page', async () => {
    const { port } = new URL(redirect.uri);
    for (const headers of [
      { host: `evil.example:${port}` },
      { host: `localhost:${port}` },
      { host: '127.0.0.1' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
      { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      { 'sec-fetch-mode': 'cors' },
    ]) {
      assert.equal((await visit({ headers })).status, 400, JSON.stringify(headers));
    }
  });

  it('repeats nothing of a request, and lets pages do nothing', async () => {
    const script = encodeURIComponent('<script>alert(1)</script>');
    for (const query of [`x=${script}`, `error=access_denied&error_description=${script}&state=${STATE}`]) {
      const { text, headers } = await visit({ query });
      assert.equal(/script|access_denied/.test(text), false);
      assert.match(String(headers['content-security-policy']), /default-src 'none'/);
      assert.deepEqual([headers['referrer-policy'], headers['cache-control']], ['no-referrer', 'no-store']);
    }
  });

  it('waits no longer than it was told', async () => {
    const short = await openLoopbackRedirect(STATE, 30);
    await assert.rejects(short.answer(), /timed out/);
    await short.close();
  });

  it('is closed even to those who hold a connection open', async () => {
    const { hostname, port } = new URL(redirect.uri);
    const socket = connect(Number(port), hostname);
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await redirect.close();
    await closed;
    await assert.rejects(visit(), { code: 'ECONNREFUSED' });
  });
});
