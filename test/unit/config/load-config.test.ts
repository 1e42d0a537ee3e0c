import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { ConfigError } from '../../../src/config/loading/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { Sample, SECRET_KEY, SEED, type Changes } from './sample.ts';

describe('config/load-config', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  describe('what a right file becomes', () => {
    it('has every default filled in and every name resolved', async () => {
      const config = await sample.load();
      assert.deepEqual(config.listen, { kind: 'socket', path: sample.file('gateway.sock'), mode: 0o660 });
      assert.deepEqual(config.admin.address, { host: '127.0.0.1', port: 9190 });
      assert.deepEqual(config.issuers[0]?.algorithms, ['RS256', 'ES256']);
      assert.deepEqual(config.buckets[0], {
        name: 'reports',
        id: 'reports',
        storeName: 'main',
        storeBucket: 'reports',
        style: 'path',
        account: undefined,
        storeEncryption: undefined,
        roleArn: 'arn:aws:iam::123456789012:role/sallyport',
        encryption: 'required',
        prefixes: [],
      });
      assert.equal(config.limits.objectBytes, 5_366_416_152);
      assert.equal(config.workers, 1);
    });

    it('puts the longest prefix first, so that the first that fits decides', async () => {
      const prefixes = { 'a/': 'off', 'a/b/c': 'required', 'a/b': 'migrating' };
      const config = await sample.load({ 'buckets.reports.prefixes': prefixes });
      assert.deepEqual(config.buckets[0]?.prefixes, [
        { prefix: 'a/b/c', encryption: 'required' },
        { prefix: 'a/b', encryption: 'migrating' },
        { prefix: 'a/', encryption: 'off' },
      ]);
    });

    it('has the store encrypt as the bucket says, else as its store says, else not', async () => {
      const stored = { algorithm: 'aws:kms', kmsKeyId: 'key/1' };
      const ofStore = { 'stores.main.serverSideEncryption': stored };
      const of = async (changes: Record<string, unknown>) => (await sample.load(changes)).buckets[0]?.storeEncryption;
      assert.deepEqual(await of(ofStore), stored);
      const ofBucket = (requested: unknown) => ({ ...ofStore, 'buckets.reports.serverSideEncryption': requested });
      assert.deepEqual(await of(ofBucket({})), { algorithm: 'AES256', kmsKeyId: undefined });
      assert.equal(await of(ofBucket({ algorithm: 'none' })), undefined);
    });

    it('takes relative paths from the directory of the file', async () => {
      const config = await sample.load();
      assert.equal(config.policies.directory, sample.file('policies'));
      assert.equal(config.audit.directory, sample.file('audit'));
    });

    it('uses the STS of the store itself where the store is not that of AWS', async () => {
      const { stores } = await sample.load();
      assert.equal(stores[0]?.sts.endpoint, 'https://store.example:9000');
      assert.equal(stores[0].sts.iamEscapes, false);
    });

    it("finds AWS's endpoints by region alone", async () => {
      const { stores } = await sample.load({ 'stores.main.endpoint': undefined });
      assert.equal(stores[0]?.endpoint, 'https://s3.eu-central-1.amazonaws.com');
      assert.equal(stores[0].sts.endpoint, 'https://sts.eu-central-1.amazonaws.com');
      assert.equal(stores[0].sts.iamEscapes, true);
    });

    it('addresses a bucket as its store is addressed, unless it says otherwise', async () => {
      const styles = async (changes: Changes) => (await sample.load(changes)).buckets.map(({ style }) => style);
      assert.deepEqual(await styles({}), ['path']);
      assert.deepEqual(await styles({ 'stores.main.style': 'virtual' }), ['virtual']);
      const mixed = { 'stores.main.style': 'virtual', 'buckets.reports.style': 'path', 'buckets.other': {} };
      assert.deepEqual(await styles(mixed), ['path', 'virtual']);
      assert.deepEqual(await styles({ 'buckets.reports.style': 'virtual', 'buckets.other': {} }), ['virtual', 'path']);
    });

    it('accepts no signature without keys for sessions, and reads them where there are some', async () => {
      assert.equal((await sample.load()).sessions, undefined);
      await sample.write('session-key', Buffer.alloc(32, 0xfe));
      const keys = { current: { id: 'k2', keyFile: 'session-key' }, previous: { id: 'k1', keyFile: 'seed' } };
      const { sessions } = await sample.load({ sessions: { deploymentId: 'test', keys } });
      assert.deepEqual(sessions?.keys.current.key.revealBytes(), Buffer.alloc(32, 0xfe));
      assert.equal(sessions.keys.previous?.key.reveal(), SEED);
      assert.deepEqual([sessions.minSeconds, sessions.defaultSeconds, sessions.maxSeconds], [900, 3600, 43_200]);
      assert.equal(inspect(sessions, { depth: 9 }).includes(SEED), false);
    });

    it("lets clients sign for the stores' regions and for their own default, unless it says otherwise", async () => {
      assert.deepEqual((await sample.load()).endpoint.regions, ['eu-central-1', 'us-east-1']);
      assert.deepEqual((await sample.load({ 'endpoint.regions': ['r1'] })).endpoint.regions, ['r1']);
    });

    it('sends who needs a token to the issuers, unless it names a page', async () => {
      const { endpoint, issuers } = await sample.load();
      const urls = issuers.map(({ issuer }) => issuer);
      assert.deepEqual(endpoint.tokensFrom, { page: undefined, issuers: urls });
      const tokenHelp = 'https://wiki.example.com/tokens';
      const told = await sample.load({ 'endpoint.tokenHelp': tokenHelp });
      assert.deepEqual(told.endpoint.tokensFrom, { page: tokenHelp, issuers: urls });
    });

    it('asks for the signature of a content type only where it is told to', async () => {
      assert.equal((await sample.load()).endpoint.requireSignedContentHeaders, false);
      const strict = await sample.load({ 'endpoint.requireSignedContentHeaders': true });
      assert.equal(strict.endpoint.requireSignedContentHeaders, true);
    });

    it('lets no page of another origin near, and exposes what S3 clients need where it does', async () => {
      assert.equal((await sample.load()).cors, undefined);
      const { cors } = await sample.load({ 'cors.origins': ['https://a.example'] });
      assert.deepEqual(cors, {
        origins: ['https://a.example'],
        exposedHeaders: ['etag', 'x-amz-*', 'x-sallyport-*'],
        maxAgeSeconds: 600,
      });
    });

    it('reads certificates and keys of a TLS listener', async () => {
      const { listen } = await sample.load({ listen: { address: '[::]:8443', tls: tlsFiles() } });
      assert(listen.kind === 'tcp' && listen.tls !== undefined);
      assert.equal(listen.host, '::');
      assert.match(listen.tls.clientCa, /BEGIN CERTIFICATE/);
      assert.match(listen.tls.key.reveal(), /PRIVATE KEY/);
    });
  });

  describe('secrets', () => {
    it('lose their final newline, so that a file and a variable say the same', async () => {
      const { stores, keyring } = await sample.load();
      assert.equal(stores[0]?.credentials?.secretAccessKey.reveal(), SECRET_KEY);
      assert.equal(keyring?.local?.versions.get(1)?.reveal(), SEED);
    });

    it('that are random bytes keep every byte, a final newline included', async () => {
      const bytes = Buffer.concat([Buffer.alloc(32, 0xfe), Buffer.from('\n')]);
      await sample.write('binary-seed', bytes);
      const { keyring } = await sample.load({ 'keyring.local.versions.1.seedFile': 'binary-seed' });
      assert.deepEqual(keyring?.local?.versions.get(1)?.revealBytes(), bytes);
    });

    it('do not show when the configuration is printed, logged or serialized', async () => {
      const config = await sample.load();
      const shown = [inspect(config, { depth: null, showHidden: true }), JSON.stringify(config)].join();
      assert(!shown.includes(SECRET_KEY) && !shown.includes(SEED) && !shown.includes('AKIAEXAMPLE'));
    });

    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      it(`are refused from a file of mode ${mode.toString(8)}, with the command that helps`, async () => {
        await sample.write('open', SECRET_KEY, mode);
        const problems = await sample.problems({ 'stores.main.credentials.secretAccessKeyFile': 'open' });
        assert.deepEqual(
          problems.map(({ key }) => key),
          ['stores.main.credentials.secretAccessKeyFile'],
        );
        assert.match(problems[0]?.message ?? '', /chmod 600/);
      });
    }

    it('are refused inline, and the refusal names the key to use instead', async () => {
      const problems = await sample.problems({
        'stores.main.credentials.secretAccessKey': SECRET_KEY,
        'keyring.local.seed': SEED,
      });
      assert.deepEqual(
        problems.map(({ key }) => key),
        ['stores.main.credentials.secretAccessKey', 'keyring.local.seed'],
      );
      assert.match(problems[0]?.message ?? '', /secretAccessKeyFile/);
    });

    it('never enter a message, wherever a person put them', async () => {
      const problems = await sample.problems({
        log: { level: SECRET_KEY },
        'stores.main.endpoint': `https://user:${SECRET_KEY}@store.example`,
        'stores.main.credentials': { accessKeyIdFile: SECRET_KEY, secretAccessKeyFile: SECRET_KEY },
        'issuers.corp.audiences': SECRET_KEY,
        'buckets.reports': { store: SECRET_KEY, roleArn: SECRET_KEY },
      });
      assert(problems.length >= 7);
      assert(!problems.some(({ message, where }) => message.includes(SECRET_KEY) || where.includes(SECRET_KEY)));
    });

    it('never enter a message about YAML that cannot be read', async () => {
      const error: unknown = await sample.loadText(`a: b\n  "${SECRET_KEY}": {`).catch((caught: unknown) => caught);
      assert(error instanceof ConfigError && error.lines.length > 0);
      assert(!error.lines.join().includes(SECRET_KEY));
    });

    it('must be long enough to be a seed', async () => {
      await sample.write('short', 'x'.repeat(31));
      const change = { 'keyring.local.versions.1.seedFile': 'short' };
      assert.deepEqual(await sample.wrongKeys(change), ['keyring.local.versions.1.seedFile']);
    });
  });

  describe('a file with mistakes', () => {
    it('is told every one of them at once: of form, across keys and of files', async () => {
      const keys = await sample.wrongKeys(
        {
          'listen.address': '0.0.0.0:80',
          workers: 99,
          'issuers.corp.audiences': [],
          'stores.main.endpoint': 'http://store.example',
          'stores.main.credentials.secretAccessKeyFile': 'nowhere',
          'buckets.reports.encryptoin': 'off',
          'buckets.other': { store: 'nowhere' },
          'policies.directory': 'nowhere',
        },
        { SALLYPORT_LOG_LEVL: 'info' },
      );
      assert.deepEqual(keys, [
        'SALLYPORT_LOG_LEVL',
        'listen',
        'listen.address',
        'issuers.corp.audiences',
        'stores.main.endpoint',
        'stores.main.credentials.secretAccessKeyFile',
        'buckets.reports.encryptoin',
        'buckets.other.store',
        'policies.directory',
        'workers',
      ]);
    });

    it('is told the line of each', async () => {
      const error: unknown = await sample
        .loadText('log:\n  level: loud\n\nworkers: 0\n')
        .catch((caught: unknown) => caught);
      assert(error instanceof ConfigError);
      const wheres = new Map(error.problems.map(({ key, where }) => [key, where]));
      assert.equal(wheres.get('log.level'), 'sallyport.yaml:2');
      assert.equal(wheres.get('workers'), 'sallyport.yaml:4');
      assert.equal(wheres.get('stores'), 'sallyport.yaml');
    });

    it('is told the likely name of an unknown key', async () => {
      const [problem] = await sample.problems({ timeouts: { jwkMs: 5 } });
      assert.equal(problem?.key, 'timeouts.jwkMs');
      assert.match(problem.message, /`jwksMs`/);
    });

    it('is refused when a key is given twice', async () => {
      await assert.rejects(sample.loadText('workers: 1\nworkers: 2\n'), ConfigError);
    });

    it('is refused when a key would vanish in an object', async () => {
      await assert.rejects(sample.loadText('stores:\n  __proto__: {}\n'), ConfigError);
    });

    it('is refused when it is not there, is a directory, is empty or is a list', async () => {
      for (const text of ['', '[]', 'just text', '~']) await assert.rejects(sample.loadText(text), ConfigError);
      for (const path of [sample.file('nowhere.yaml'), sample.directory]) {
        await assert.rejects(loadConfig({ path, env: {} }), ConfigError);
      }
    });

    it('is refused when its aliases multiply', async () => {
      const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
      for (const [name, previous] of [
        ['b', 'a'],
        ['c', 'b'],
        ['d', 'c'],
        ['e', 'd'],
        ['f', 'e'],
      ]) {
        bomb.push(`${name}: &${name} [${Array<string>(10).fill(`*${previous}`).join()}]`);
      }
      await assert.rejects(sample.loadText(bomb.join('\n')), ConfigError);
    });
  });

  describe('files that are named', () => {
    it('must hold certificates where certificates are wanted', async () => {
      await sample.write('not-pem', 'certificates');
      await sample.write('broken-pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
      for (const name of ['not-pem', 'broken-pem', 'seed']) {
        const change = { 'issuers.corp.caFile': name };
        assert.deepEqual(await sample.wrongKeys(change), ['issuers.corp.caFile']);
      }
    });

    it('may be public where they are certificates', async () => {
      await sample.write('ca', await certificate(), 0o644);
      const { issuers } = await sample.load({ 'issuers.corp.caFile': 'ca' });
      assert.match(issuers[0]?.ca ?? '', /BEGIN CERTIFICATE/);
    });

    it('must be a certificate and a key that belong together', async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      await sample.write('other.key', privateKey.export({ format: 'pem', type: 'pkcs8' }));
      const change = { listen: { address: '0.0.0.0:1', tls: { ...tlsFiles(), keyFile: 'other.key' } } };
      assert.deepEqual(await sample.wrongKeys(change), ['listen.tls.keyFile']);
    });

    it('must not be given by their content', async () => {
      const pem = await certificate();
      const change = { 'issuers.corp.caFile': pem };
      assert.deepEqual(await sample.wrongKeys(change), ['issuers.corp.caFile']);
    });

    it('must be files', async () => {
      const change = { 'keyring.local.versions.1.seedFile': 'policies' };
      assert.deepEqual(await sample.wrongKeys(change), ['keyring.local.versions.1.seedFile']);
    });
  });

  const tlsFiles = () => ({
    certFile: 'test-only.crt.pem',
    keyFile: 'test-only.key.pem',
    clientCaFile: 'test-only.crt.pem',
  });
  const certificate = () => readFile(sample.file('test-only.crt.pem'), 'utf8');
});
