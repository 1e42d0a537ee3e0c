import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { startWorld, TOKEN, type World } from '../sts/fixture.ts';

const APP = 'https://app.example.com';

describe('what lies beside S3 on its port', () => {
  let world: World;
  afterEach(() => world.close());

  it('is met by its exact path and method only; nothing else under /-/ is anything', async () => {
    world = await startWorld();
    for (const [method, target] of [
      ['put', '/-/sts'],
      ['post', '/-/sts/x'],
      ['post', '/-/STS'],
      ['post', '/-/credentials'],
      ['head', '/-/credentials'],
      ['get', '/-/credentials/'],
      ['get', '/-/credentialsx'],
      ['get', '/-/credentials%3F'],
      ['get', '/-/metrics'],
      ['post', '/-/ready'],
      ['get', '/-/ready/'],
      ['options', '/-/sts'],
    ] as const) {
      const answer = await world.agent[method](target).set('authorization', TOKEN);
      assert.equal(answer.status, 404, `${method} ${target}`);
    }
    assert.deepEqual(world.toS3, []);
    assert.equal(world.entries.length, 0);
    assert.equal((await world.agent.get('/-/ready')).status, 200);
  });

  it('is not met by a path that only resembles it', async () => {
    world = await startWorld();
    for (const target of ['//-/sts', '/%2D/sts', '/x/../-/sts', '/-%2Fsts', '/./-/credentials']) {
      await new Promise<void>((resolve) => {
        const socket = connect(world.port(), '127.0.0.1');
        socket.write(`POST ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        void text(socket).then(() => resolve());
      });
    }
    assert.equal(world.toS3.length, 5);
  });
});

describe('pages of other origins', () => {
  let world: World;
  const withCors = async () => {
    world = await startWorld({
      cors: { origins: [APP, 'http://localhost:5173'], exposedHeaders: ['etag', 'x-amz-*'], maxAgeSeconds: 600 },
    });
  };
  afterEach(() => world.close());
  const preflight = (origin: string, method = 'PUT', headers?: string, target = '/bucket/key') =>
    world.agent.options(target).set({
      origin,
      'access-control-request-method': method,
      ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
    });

  it('may ask first, without an identity, and never reach the pipeline by it', async () => {
    await withCors();
    const answer = await preflight(APP, 'PUT', 'Authorization, x-amz-content-sha256,x-amz-date');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], APP);
    assert.equal(answer.headers['access-control-allow-methods'], 'PUT');
    assert.equal(answer.headers['access-control-allow-headers'], 'authorization, x-amz-content-sha256,x-amz-date');
    assert.equal(answer.headers['access-control-max-age'], '600');
    assert.match(String(answer.headers['vary']), /Origin/);
    assert.deepEqual(world.toS3, []);
  });

  it('read answers, and of these the exposed headers only', async () => {
    await withCors();
    const answer = await world.agent.get('/bucket/key').set('origin', APP);
    assert.equal(answer.headers['access-control-allow-origin'], APP);
    const exposed = String(answer.headers['access-control-expose-headers']).split(', ').toSorted();
    assert.deepEqual(exposed, ['etag', 'x-amz-request-id', 'x-amz-version-id']);
    assert.equal(answer.headers['vary'], 'Origin');
  });

  it('get nothing where their origin is not letter by letter a configured one', async () => {
    await withCors();
    for (const origin of [
      'https://app.example.com.evil.test',
      'https://evil.test/https://app.example.com',
      'https://evil-app.example.com',
      'https://sub.app.example.com',
      'https://APP.example.com',
      'https://app.example.com/',
      'https://app.example.com:443',
      'http://app.example.com',
      'http://localhost:5174',
      'null',
      '*',
      '',
      `${APP} https://evil.test`,
      `${APP}, https://evil.test`,
    ]) {
      const requested = await preflight(origin);
      const answer = await world.agent.get('/bucket/key').set('origin', origin);
      for (const { headers } of [requested, answer]) {
        assert.deepEqual(
          Object.keys(headers).filter((name) => name.startsWith('access-control-')),
          [],
          origin,
        );
      }
      assert.equal(requested.status, 403, origin);
      assert.match(requested.text, /<Code>AccessForbidden<\/Code>/);
      assert.equal(answer.headers['vary'], 'Origin');
    }
    assert.equal(world.refusals.length, 14);
  });

  it('get nothing by an Origin that stands twice', async () => {
    await withCors();
    const socket = connect(world.port(), '127.0.0.1');
    socket.write(
      `GET /b/k HTTP/1.1\r\nHost: h\r\nOrigin: ${APP}\r\nOrigin: https://evil.test\r\nConnection: close\r\n\r\n`,
    );
    assert.doesNotMatch(await text(socket), /access-control/i);
  });

  it('never may send cookies, and no answer is for every origin', async () => {
    await withCors();
    for (const answer of [await preflight(APP), await world.agent.get('/bucket/key').set('origin', APP)]) {
      assert.equal(answer.headers['access-control-allow-credentials'], undefined);
      assert.equal(Object.values(answer.headers as Record<string, string>).includes('*'), false);
    }
  });

  it('may not ask for methods that S3 has not, nor put anything but names into the answer', async () => {
    await withCors();
    for (const method of ['TRACE', 'CONNECT', 'PATCH', 'put', 'PUT, DELETE', '*']) {
      assert.equal((await preflight(APP, method)).status, 403, method);
    }
    for (const headers of ['*', 'a b', 'x;y', '<script>', Array.from({ length: 65 }, () => 'x').join(',')]) {
      assert.equal((await preflight(APP, 'PUT', headers)).status, 403, headers);
    }
  });

  it('may not read what lies under /-/', async () => {
    await withCors();
    assert.equal((await preflight(APP, 'GET', undefined, '/-/credentials')).status, 404);
    const answer = await world.agent.get('/-/credentials').set({ origin: APP, authorization: TOKEN });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  it('meet a gateway without the section as one that knows nothing of them', async () => {
    world = await startWorld();
    await preflight(APP);
    const answer = await world.agent.get('/bucket/key').set('origin', APP);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
    assert.deepEqual(world.toS3, ['OPTIONS /bucket/key', 'GET /bucket/key']);
  });
});
