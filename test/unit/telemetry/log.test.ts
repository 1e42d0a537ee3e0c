import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSecretKey, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createLog, type LogLevel } from '../../../src/telemetry/log.ts';
import { LineCatcher } from './line-catcher.ts';
import { makeSecrets } from './secrets.ts';

describe('the log', () => {
  let caught: LineCatcher;

  beforeEach(() => {
    caught = new LineCatcher();
  });

  const start = (level: LogLevel = 'info', stream: NodeJS.WritableStream = caught) =>
    createLog({ stream, level, worker: 3 });

  it('writes one line of JSON each, with time, level, event, message and worker first', async () => {
    const log = start();
    log.write('warn', 'request_failed', 'a\nb', { size: 1, ok: true });
    await log.flush();
    const [line] = caught.lines();
    assert.deepEqual(Object.keys(line!), ['time', 'level', 'event', 'message', 'worker', 'size', 'ok']);
    assert.equal(caught.text.split('\n').length, 2);
  });

  it('lets no field pass itself off as time, level, message or worker', async () => {
    const log = start();
    log.write('error', 'request_failed', 'real', { message: 'forged', level: 'debug', worker: 9, time: 'never' });
    await log.flush();
    const [line] = caught.lines();
    assert.equal(line?.['message'], 'real');
    assert.equal(line['level'], 'error');
    assert.equal(line['worker'], 3);
  });

  it('keeps to its level', async () => {
    const log = start('warn');
    log.write('info', 'request_failed', 'no');
    log.write('debug', 'request_failed', 'no');
    log.write('warn', 'request_failed', 'yes');
    await log.flush();
    assert.deepEqual(
      caught.lines().map(({ message }) => message),
      ['yes'],
    );
    assert.equal(log.enabled('info'), false);
  });

  it('has written everything when flush resolves, even if the process exits at once', async () => {
    const script = fileURLToPath(new URL('exit-after-flush.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script], { maxBuffer: 64 * 1024 * 1024 });
    assert.equal(stdout.split('\n').filter((line) => line !== '').length, 5000);
  });

  it('does not call itself flushed while the stream has not taken every line', async () => {
    const log = start();
    caught.hold();
    log.write('info', 'request_failed', 'one');
    log.write('info', 'request_failed', 'two');
    let flushed = false;
    const flush = log.flush().then(() => (flushed = true));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(flushed, false);
    caught.release();
    await flush;
    assert.equal(caught.lines().length, 2);
  });

  it('drops and counts what a slow reader does not take, instead of queueing without bound', async () => {
    const log = start();
    caught.hold();
    for (let index = 0; index < 12_000; index++) log.write('info', 'request_failed', 'line');
    caught.release();
    await log.flush();
    assert.equal(caught.lines().length, 10_000);
    log.write('info', 'request_failed', 'after');
    await log.flush();
    assert.equal(caught.lines().at(-1)?.['droppedBefore'], 2000);
  });

  it('survives that nobody reads it any more', async () => {
    const stream = new PassThrough();
    const log = start('info', stream);
    stream.destroy(new Error('EPIPE'));
    log.write('info', 'request_failed', 'into the void');
    await log.flush();
  });

  it('shows an error by code, message and causes, its stack only at debug', async () => {
    const cause = await new Promise<Error>((resolve) => connect(1, '127.0.0.1').on('error', resolve));
    const error = new GatewayError('ServiceUnavailable', { detail: 'the store refused', cause }).at('forward');
    const log = start();
    log.write('error', 'request_failed', 'failed', { error });
    const verbose = start('debug');
    verbose.write('error', 'request_failed', 'failed', { error });
    await Promise.all([log.flush(), verbose.flush()]);
    const [plain, debug] = caught.lines().map((line) => line['error'] as Record<string, unknown>);
    assert.deepEqual(plain, {
      type: 'GatewayError',
      code: 'ServiceUnavailable',
      stage: 'forward',
      detail: 'the store refused',
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    });
    assert.equal(typeof debug?.['stack'], 'string');
  });

  it('shows no property of an error that it does not know', async () => {
    const { jwt = '' } = makeSecrets();
    const error = Object.assign(new Error('call failed'), { request: { headers: { authorization: jwt } }, note: 'n' });
    const circular = new Error('outer', { cause: error });
    error.cause = circular;
    const log = start();
    log.write('error', 'request_failed', 'failed', { error: circular });
    await log.flush();
    assert.ok(!caught.text.includes('"note"') && !caught.text.includes(jwt));
  });

  for (const level of ['info', 'debug'] as const) {
    it(`writes no secret whatever the way in, at level ${level}`, async () => {
      const log = start(level);
      const secrets = makeSecrets();
      const { jwt = '', jwe = '', secretAccessKey = '', sessionToken = '' } = secrets;
      const { seed = '', pem = '', signature = '', password = '', shortJwt = '', opaque = '' } = secrets;
      const query = `X-Amz-Credential=AKID%2F20261121&X-Amz-Security-Token=${encodeURIComponent(sessionToken)}&X-Amz-Signature=${signature}`;
      const texts = [
        ...[jwt, jwe, secretAccessKey, sessionToken, seed, pem],
        ...[jwt, jwe, secretAccessKey, sessionToken, seed].map((secret) => `it was "${secret}", they said`),
        ...[
          `Bearer ${jwt}`,
          `authorization: Bearer ${jwt}`,
          jwt.slice(0, -20),
          shortJwt,
          `Basic ${opaque}`,
          `bearer ${opaque}`,
        ],
        ...[`GET https://store/reports/k?${query} failed`, `/reports/k?versionId=1&${query.toLowerCase()}`],
        `AWS4-HMAC-SHA256 Credential=AKID/20261121/x, SignedHeaders=host, Signature=${signature}`,
        ...[`grant_type=password&password=${password}`, `{"password":"${password}"}`, `client_secret: ${password}`],
        ...[
          `<SecretAccessKey>${password}</SecretAccessKey>`,
          JSON.stringify(JSON.stringify({ client_secret: password })),
          `/cb?code=${password}&state=1`,
          `access_token=${password}`,
          `x${' '.repeat(4090)}${jwt}`,
        ],
      ];
      for (const text of texts) {
        log.write('info', 'request_failed', text);
        log.write('info', 'request_failed', 'in a field', {
          note: text,
          list: [text],
          nested: { note: { note: text } },
        });
        log.write('info', 'request_failed', 'in an error', { error: new Error(text, { cause: new TypeError(text) }) });
        log.write('info', 'request_failed', 'in a detail', {
          error: new GatewayError('InternalError', { detail: text, cause: text }),
        });
        log.write('info', 'request_failed', 'in many errors', { error: new AggregateError([new Error(text)]) });
      }
      const names = ['Authorization', 'idToken', 'client_secret', 'sessionToken', 'SecretAccessKey', 'password'];
      names.push('dataKey', 'privateKey', 'seed', 'cookie', 'x-amz-security-token', 'credentials', 'wrappedKey', 'kek');
      for (const name of names)
        log.write('info', 'request_failed', 'by name', { [name]: password, nested: { [name]: [password] } });
      const raw = randomBytes(32);
      log.write('info', 'request_failed', 'key material', {
        note: raw,
        object: createSecretKey(raw),
        array: [raw],
        map: new Map([[1, password]]),
      });
      await log.flush();

      const found = Object.entries(secrets).filter(([, secret]) => {
        const needles = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
        return needles.some((needle) => caught.text.includes(needle));
      });
      assert.deepEqual(found, []);
      // Long parts of a secret are as bad as the whole.
      for (const secret of [jwt.split('.')[2]!, sessionToken.slice(20, 80), pem.split('\n')[1]!.slice(0, 30)]) {
        assert.ok(!caught.text.includes(secret));
      }
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        assert.ok(!caught.text.includes(raw.toString(encoding)));
      }
      const material = caught.lines().find(({ message }) => message === 'key material');
      assert.equal(material?.['note'], '[object]');
      assert.deepEqual(material['array'], ['[object]']);
    });
  }

  it('does not show half of a secret where it cuts a long text', async () => {
    const { secretAccessKey = '' } = makeSecrets();
    const log = start();
    for (let length = 4050; length < 4100; length++)
      log.write('info', 'request_failed', `${'x '.repeat(length / 2)}${secretAccessKey}`);
    await log.flush();
    assert.ok(!caught.text.includes(secretAccessKey.slice(0, 6)));
  });

  it('leaves what an operator needs as it is', async () => {
    const fields = {
      requestId: 'KQ7X2M9ABCDEFGHJKLMN',
      path: '/var/lib/sallyport/audit/access-20261121T100000.000Z-w0-p1-000001.jsonl',
      role: 'arn:aws:iam::000000000000:role/sallyport/reports',
      tokenIdHash: '0123456789abcdef0123456789abcdef',
      policyVersion: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      issuer: 'https://id.example.com/realms/main',
      keyId: 'local:1',
      failure: 'invalid bearer token: wrong audience',
      kid: '2011-04-29',
      uuid: '3f2a9c1e-8b7d-4e6f-a5c4-1b2d3e4f5a6b',
    };
    const log = start();
    log.write('info', 'request_failed', 'as it is', fields);
    await log.flush();
    const [line] = caught.lines();
    for (const [name, value] of Object.entries(fields)) assert.equal(line?.[name], value);
  });
});
