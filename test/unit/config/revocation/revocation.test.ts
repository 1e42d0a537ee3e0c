import assert from 'node:assert/strict';
import { Sample } from '../sample.ts';

const ADDRESS = '127.0.0.1:6379';

describe('the configured revocation', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('is none, and nobody can be revoked, where there is no section', async () => {
    assert.equal((await sample.load({})).revocation, undefined);
  });

  it('is a file of this machine, failing closed after a minute', async () => {
    const { revocation } = await sample.load({ revocation: { file: 'revoked.jsonl' } });
    assert.deepEqual(revocation, {
      ...{ kind: 'file', path: sample.file('revoked.jsonl') },
      ...{ whenUnavailable: 'fail-closed', maxStaleSeconds: 60 },
    });
  });

  it('is Redis by TLS unless it is on this machine and that is said', async () => {
    const received = { whenUnavailable: 'fail-open', redis: { address: ADDRESS } };
    const { revocation } = await sample.load({ revocation: received });
    assert.ok(revocation?.kind === 'redis');
    assert.notEqual(revocation.tls, undefined);
    const plain = { ...received, redis: { address: ADDRESS, allowPlaintextLoopback: true, passwordFile: 'secret' } };
    const loaded = (await sample.load({ revocation: plain })).revocation;
    assert.ok(loaded?.kind === 'redis');
    assert.deepEqual(
      [loaded.tls, loaded.host, loaded.port, String(loaded.password)],
      [undefined, '127.0.0.1', 6379, '[secret]'],
    );
  });

  it('says what happens without Redis, or nothing starts', async () => {
    assert.deepEqual(await sample.wrongKeys({ revocation: { redis: { address: ADDRESS } } }), [
      'revocation.whenUnavailable',
    ]);
  });

  it('is in one place, and never reached in clear over a network', async () => {
    const closed = { whenUnavailable: 'fail-closed' };
    assert.deepEqual(await sample.wrongKeys({ revocation: closed }), ['revocation']);
    assert.deepEqual(await sample.wrongKeys({ revocation: { ...closed, file: 'f', redis: { address: ADDRESS } } }), [
      'revocation',
    ]);
    const far = { address: '10.0.0.1:6379', allowPlaintextLoopback: true };
    assert.deepEqual(await sample.wrongKeys({ revocation: { ...closed, redis: far } }), [
      'revocation.redis.allowPlaintextLoopback',
    ]);
    const both = { address: ADDRESS, allowPlaintextLoopback: true, tls: {} };
    assert.deepEqual(await sample.wrongKeys({ revocation: { ...closed, redis: both } }), ['revocation.redis.tls']);
  });

  it('has both a certificate and its key for Redis or none, and a password where it has a user', async () => {
    const wrong = (redis: object) =>
      sample.wrongKeys({ revocation: { whenUnavailable: 'fail-closed', redis: { address: ADDRESS, ...redis } } });
    const [certFile, keyFile] = ['test-only.crt.pem', 'test-only.key.pem'];
    assert.deepEqual(await wrong({ tls: { certFile, keyFile }, usernameFile: 'id', passwordFile: 'secret' }), []);
    assert.deepEqual(await wrong({ tls: { certFile } }), ['revocation.redis.tls.keyFile']);
    assert.deepEqual(await wrong({ tls: { keyFile } }), ['revocation.redis.tls.certFile']);
    assert.deepEqual(await wrong({ usernameFile: 'id' }), ['revocation.redis.passwordFile']);
  });
});
