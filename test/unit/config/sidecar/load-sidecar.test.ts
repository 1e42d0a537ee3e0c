import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../../../src/config/loading/config-error.ts';
import type { SidecarConfig } from '../../../../src/config/sidecar/load-sidecar.ts';
import { loadConfig } from '../../../../src/config/load-config.ts';
import { loadSidecarFile, loadSidecarOptions } from '../../../../src/config/sidecar/load-sidecar.ts';

const SEED = 'a seed of no less than thirty-two bytes';
const right = {
  stores: { main: { region: 'eu-central-1' } },
  buckets: { ledger: { prefixes: { 'public/': 'off' } } },
  keyring: { local: { versions: { 1: { seedFile: 'seed' } } } },
  audit: { directory: 'audit' },
};

describe('the configuration of a sidecar', () => {
  let folder: string;
  let path: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-sidecar-config-'));
    path = join(folder, 'sidecar.yaml');
    await writeFile(join(folder, 'seed'), SEED, { mode: 0o600 });
    await mkdir(join(folder, 'policies'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const load = async (content: object, env: Readonly<Record<string, string>> = {}): Promise<SidecarConfig> => {
    await writeFile(path, JSON.stringify(content));
    return loadSidecarFile(path, env);
  };
  const problems = async (content: object, env?: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
    const error: unknown = await load(content, env).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ConfigError, 'it was accepted');
    return Object.fromEntries(error.problems.map(({ key, message }) => [key, message]));
  };

  it('needs a store, a bucket, a keyring and an audit, and listens on loopback', async () => {
    const config = await load(right);
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8190 });
    assert.equal(config.subject, 'workload');
    assert.equal(config.policies, undefined);
    assert.equal(config.audit?.directory, join(folder, 'audit'));
    assert.deepEqual(config.buckets[0]?.prefixes, [{ prefix: 'public/', encryption: 'off' }]);
  });

  it('addresses buckets by hosts of their own where it is told to and can', async () => {
    const hosted = { ...right, stores: { main: { region: 'eu-central-1', style: 'virtual' } } };
    assert.equal((await load(hosted)).buckets[0]?.style, 'virtual');
    assert.equal((await load(right)).buckets[0]?.style, 'path');
    const found = await problems({ ...hosted, buckets: { ledger: { storeBucket: 'corp.ledger' } } });
    assert.match(found['buckets.ledger.style'] ?? '', /certificate/);
    const atAddress = await problems(hosted, { AWS_ENDPOINT_URL_S3: 'https://192.0.2.7' });
    assert.match(atAddress['stores.main.style'] ?? '', /address/);
  });

  it('assumes no role, and takes the credentials of the pod where none are named', async () => {
    const [store] = (await load(right)).stores;
    assert.equal(store?.method, 'static');
    assert.equal(store.credentials, undefined);
    assert.equal((await load(right)).buckets[0]?.roleArn, 'static');
    const env = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' };
    assert.equal((await load(right, env)).stores[0]?.credentials?.accessKeyId.reveal(), 'AKID');
  });

  it('does not take the endpoint of an STS that the pod needs for its own for a mistake', async () => {
    const env = { AWS_ENDPOINT_URL: 'https://store.example', AWS_ENDPOINT_URL_STS: 'https://sts.example' };
    assert.equal((await load(right, env)).stores[0]?.endpoint, 'https://store.example');
  });

  it('says of everything that belongs to a gateway that it has no meaning', async () => {
    const found = await problems({
      ...right,
      ...{ listen: {}, issuers: {}, sessions: {}, endpoint: {}, workers: 2 },
      stores: { main: { region: 'eu-central-1', method: 'assume-role', sts: {} } },
      buckets: { ledger: { roleArn: 'arn:aws:iam::123456789012:role/x' } },
      policies: { directory: 'policies', grants: { keyFile: 'seed' } },
    });
    const alien = ['listen', 'issuers', 'sessions', 'endpoint', 'workers'];
    for (const key of [
      ...alien,
      'stores.main.method',
      'stores.main.sts',
      'buckets.ledger.roleArn',
      'policies.grants',
    ]) {
      assert.match(found[key] ?? '', /is not used by a sidecar/, key);
    }
  });

  it('checks stores, buckets and keyring as a gateway does', async () => {
    const found = await problems({
      stores: { main: { endpoint: 'http://store.example' } },
      buckets: { 'Not A Bucket': {}, ledger: { store: 'other' } },
      audit: { directory: 'audit' },
    });
    assert.match(found['stores.main.endpoint'] ?? '', /plain http/);
    assert.match(found['stores.main.region'] ?? '', /missing/);
    assert.match(found['buckets.Not A Bucket'] ?? '', /not the name of a bucket/);
    assert.match(found['buckets.ledger.store'] ?? '', /not among the stores/);
    assert.match(found['buckets.ledger.encryption'] ?? '', /needs a keyring/);
  });

  it('never goes without an audit: a directory, or in so many words the standard output', async () => {
    const { audit, ...rest } = right;
    assert.match((await problems(rest))['audit.directory'] ?? '', /sidecar\.audit: stdout/);
    assert.equal((await load({ ...rest, sidecar: { audit: 'stdout' } })).audit, undefined);
    assert.match((await problems({ ...rest, audit, sidecar: { audit: 'stdout' } }))['audit'] ?? '', /remove it/);
    assert.match((await problems({ ...rest, audit, sidecar: { audit: 'off' } }))['sidecar.audit'] ?? '', /must be/);
  });

  it('takes hosts as they stand in requests', async () => {
    const hosts = ['sidecar.internal', 'localhost:9999', '10.0.0.7', '[fd00::1]', '[fd00::1]:80'];
    assert.deepEqual((await load({ ...right, sidecar: { allowedHosts: hosts } })).allowedHosts, hosts);
    for (const wrong of ['Upper.internal', 'http://x', 'x/', 'a b', '', '*', '*.internal', 'x:', 'x:080', 'x:99999']) {
      const found = await problems({ ...right, sidecar: { allowedHosts: [wrong] } });
      assert.equal(Object.keys(found).length, 1, wrong);
    }
  });

  it('resolves policies against the file, and names the options that a command line lacks', async () => {
    const config = await load({ ...right, policies: { directory: 'policies' } });
    assert.deepEqual(config.policies, { directory: join(folder, 'policies'), text: undefined });
    const options = { content: { stores: { store: {} }, buckets: {} }, directory: folder, optionOf: () => '--some' };
    await assert.rejects(
      loadSidecarOptions(options, {}),
      (error) => error instanceof ConfigError && error.problems.every(({ where }) => where === '--some'),
    );
  });

  it('is none of a gateway, which says so', async () => {
    await writeFile(path, JSON.stringify({ ...right, sidecar: {} }));
    await assert.rejects(
      loadConfig({ path, env: {} }),
      (error) => error instanceof ConfigError && error.problems.some(({ key }) => key === 'sidecar'),
    );
  });
});
