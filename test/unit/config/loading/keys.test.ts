import assert from 'node:assert/strict';
import { keyAt, KEYS, namesBelow } from '../../../../src/config/loading/keys.ts';

describe('config/keys', () => {
  it('gives every key a shape and a meaning, except entries of maps, which their map explains', () => {
    const silent = KEYS.filter(({ path, shape, description }) => {
      const isEntry = path.at(-1)?.startsWith('<') ?? false;
      return !shape || (!isEntry && !description);
    });
    assert.deepEqual(silent, []);
  });

  it('marks every key that names a secret file, and none that holds a secret', () => {
    const secretNames = KEYS.filter(({ path }) =>
      /secret|accessKey|token(?!Types|Help|Kind)|seed|keyFile/i.test(path.at(-1) ?? ''),
    );
    assert(secretNames.length >= 5);
    for (const { path, file } of secretNames.filter(({ kind }) => kind === 'text')) {
      assert(['secret', 'seed', 'foreign seed', 'private key'].includes(file ?? ''), path.join('.'));
    }
  });

  it('gives a variable to every key that is no group, by one rule and never the same twice', () => {
    assert.equal(keyAt(['timeouts', 'upstreamBodyIdleMs'])?.variable, 'SALLYPORT_TIMEOUTS_UPSTREAM_BODY_IDLE_MS');
    assert.equal(keyAt(['stores', 'main', 'endpoint'])?.variable, 'SALLYPORT_STORE_ENDPOINT');
    assert.equal(keyAt(['issuers', 'corp', 'issuer'])?.variable, 'SALLYPORT_ISSUER');
    assert.equal(keyAt(['issuers'])?.variable, 'SALLYPORT_ISSUERS');
    assert.equal(keyAt(['keyring', 'kms', 'versions', '1', 'keyId'])?.variable, 'SALLYPORT_KEYRING_KMS_KEY_ID');
    assert.equal(keyAt(['stores', 'main', 'tls'])?.variable, undefined);
    const unreachable = KEYS.filter(({ kind, variable, path }) => {
      return kind !== 'group' && variable === undefined && !path.at(-1)?.startsWith('<');
    });
    assert.deepEqual(unreachable, []);
    const names = KEYS.flatMap(({ variable }) => variable ?? []);
    assert.equal(new Set(names).size, names.length);
  });

  it('finds keys below names that the operator chose', () => {
    assert.equal(keyAt(['keyring', 'local', 'versions', '7', 'seedFile'])?.file, 'seed');
    assert.equal(keyAt(['buckets', 'any', 'prefixes', 'a/'])?.kind, 'text');
    const ofBucket = [
      'store',
      'id',
      'storeBucket',
      'roleArn',
      'account',
      'style',
      'encryption',
      'prefixes',
      'serverSideEncryption',
      'legacy',
    ];
    assert.deepEqual(namesBelow(['buckets', 'any']), ofBucket);
  });
});
