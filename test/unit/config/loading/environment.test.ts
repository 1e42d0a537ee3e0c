import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { EDGE_VARIABLES, VARIABLES } from '../../../../src/config/loading/environment.ts';
import { ConfigError } from '../../../../src/config/loading/config-error.ts';
import type { Config } from '../../../../src/config/config.ts';
import { loadWholeConfig } from '../../../../src/config/load-config.ts';
import { Sample, SEED } from '../sample.ts';

const open = { 'stores.main.credentials': undefined };
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAFROMENV', AWS_SECRET_ACCESS_KEY: 'fromenv' };

describe('config/environment', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  describe('SALLYPORT_*', () => {
    it('overrides the file', async () => {
      const config = await sample.load(
        { log: { level: 'warn' } },
        {
          SALLYPORT_LISTEN_SOCKET: '/run/other.sock',
          SALLYPORT_ADMIN_ADDRESS: '127.0.0.1:9999',
          SALLYPORT_WORKERS: 'auto',
          SALLYPORT_LOG_LEVEL: 'debug',
          SALLYPORT_AUDIT_REFUSALS_PER_SECOND: '7',
          SALLYPORT_TIMEOUTS_STS_MS: '1234',
        },
      );
      assert.deepEqual(config.listen, { kind: 'socket', path: '/run/other.sock', mode: 0o660 });
      assert.equal(config.admin.address.port, 9999);
      assert.equal(config.workers, 'auto');
      assert.equal(config.log.level, 'debug');
      assert.equal(config.audit.refusals.perSecond, 7);
      assert.equal(config.timeouts.stsMs, 1234);
    });

    it('makes the groups that the file leaves out', async () => {
      const config = await sample.load(
        { listen: undefined },
        {
          SALLYPORT_LISTEN_ADDRESS: '127.0.0.1:8080',
          SALLYPORT_LISTEN_ALLOW_PLAINTEXT_LOOPBACK: 'true',
        },
      );
      assert.equal(config.listen.kind, 'tcp');
    });

    it('counts as unset when it is empty', async () => {
      assert.equal((await sample.load({}, { SALLYPORT_WORKERS: '' })).workers, 1);
    });

    it('names files from where the process runs, as the file names them from where it stands itself', async () => {
      await sample.write('work/token', 'hvs.example');
      const { listen, audit, policies, keyring, revocation } = await sample.load(
        {
          keyring: { vault: { address: 'https://vault.example', key: 'sallyport', auth: { tokenFile: 'missing' } } },
          revocation: { file: 'revoked' },
        },
        {
          SALLYPORT_LISTEN_SOCKET: 'gateway.sock',
          SALLYPORT_AUDIT_DIRECTORY: './audit',
          SALLYPORT_POLICIES_DIRECTORY: '../policies',
          SALLYPORT_REVOCATION_FILE: 'revoked',
          SALLYPORT_KEYRING_VAULT_AUTH_TOKEN_FILE: 'token',
        },
      );
      assert.equal(listen.kind === 'socket' && listen.path, sample.file('work/gateway.sock'));
      assert.equal(audit.directory, sample.file('work/audit'));
      assert.equal(policies.directory, sample.file('policies'));
      assert.equal(revocation?.kind === 'file' && revocation.path, sample.file('work/revoked'));
      assert.deepEqual(keyring?.vault?.auth, { method: 'token', tokenFile: sample.file('work/token') });
    });

    it('is refused where it holds a content in place of a path, which is not repeated', async () => {
      const pem = '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----';
      const problems = await sample.problems({}, { SALLYPORT_SESSIONS_KEYS_CURRENT_KEY_FILE: pem });
      assert(problems.some(({ where }) => where === 'SALLYPORT_SESSIONS_KEYS_CURRENT_KEY_FILE'));
      assert(!JSON.stringify(problems).includes('hunter2'));
    });

    it('is named in the message when its value is wrong', async () => {
      const values = { SALLYPORT_WORKERS: '0x10', SALLYPORT_LISTEN_ALLOW_PLAINTEXT_LOOPBACK: 'yes' };
      const problems = await sample.problems({}, values);
      assert.deepEqual(problems.map(({ where }) => where).sort(), Object.keys(values).sort());
    });

    it('refuses to start when it is not known, and names the nearest', async () => {
      const [problem] = await sample.problems({}, { SALLYPORT_AUDIT_DIRECTROY: '/audit' });
      assert.equal(problem?.where, 'SALLYPORT_AUDIT_DIRECTROY');
      assert.match(problem.message, /SALLYPORT_AUDIT_DIRECTORY/);
    });

    it('refuses to start with one of an earlier version, and says what takes its place', async () => {
      for (const [keys, values] of [
        [{ limits: { inFlightPerIdentity: 64 } }, {}],
        [{}, { SALLYPORT_LIMITS_IN_FLIGHT_PER_IDENTITY: '64' }],
      ] as const) {
        const [problem, ...others] = await sample.problems(keys, values);
        assert.match(problem?.where ?? '', /^(?:sallyport\.yaml:\d+|SALLYPORT_LIMITS_IN_FLIGHT_PER_IDENTITY)$/);
        assert.match(problem?.message ?? '', /`limits\.inFlight`.*`timeouts\.queueMs`/);
        assert.equal(others.length, 0);
      }
    });

    it('refuses names that the operator chose in it', async () => {
      const name = 'SALLYPORT_STORES_MAIN_ENDPOINT';
      assert.deepEqual(await sample.wrongKeys({}, { [name]: 'https://x.example' }), [name]);
    });

    it('means the only store and issuer, whatever they are called, and is refused where there are several', async () => {
      const variables = { SALLYPORT_STORE_REGION: 'eu-west-3', SALLYPORT_ISSUER_AUDIENCES: 'one, two,three' };
      const { stores, issuers } = await sample.load({}, variables);
      assert.deepEqual([stores[0]?.name, stores[0]?.region], ['main', 'eu-west-3']);
      assert.deepEqual([issuers[0]?.name, issuers[0]?.audiences], ['corp', ['one', 'two', 'three']]);
      const other = { issuer: 'https://other.example', audiences: ['x'] };
      assert.deepEqual(await sample.wrongKeys({ 'issuers.other': other }, variables), ['SALLYPORT_ISSUER_AUDIENCES']);
    });

    it('means every bucket alike, and replaces all of them by their names', async () => {
      const { buckets } = await sample.load(
        { 'buckets.plain': { encryption: 'off' } },
        { SALLYPORT_BUCKETS: 'one,two', SALLYPORT_BUCKET_PREFIXES: '{public/: off}' },
      );
      assert.deepEqual(
        buckets.map(({ name, encryption, prefixes }) => [name, encryption, prefixes]),
        ['one', 'two'].map((name) => [name, 'required', [{ prefix: 'public/', encryption: 'off' }]]),
      );
      const map = { SALLYPORT_BUCKETS: '{one: {}, two: {encryption: off}}' };
      assert.deepEqual(
        (await sample.load({}, map)).buckets.map(({ encryption }) => encryption),
        ['required', 'off'],
      );
    });

    it('takes values of maps as the file would', async () => {
      const { issuers } = await sample.load({}, { SALLYPORT_ISSUER_REQUIRED_CLAIMS: "{verified: true, id: '7'}" });
      assert.deepEqual(issuers[0]?.requiredClaims, { verified: true, id: '7' });
      assert.deepEqual(await sample.wrongKeys({}, { SALLYPORT_ISSUER_REQUIRED_CLAIMS: 'hd' }), [
        'issuers.corp.requiredClaims',
      ]);
    });

    it('holds policies in place of their directory, not beside its variable', async () => {
      const { policies } = await sample.load({}, { SALLYPORT_POLICIES: 'id: x' });
      assert.equal(policies.text, 'id: x');
      const both = { SALLYPORT_POLICIES: 'id: x', SALLYPORT_POLICIES_DIRECTORY: '../policies' };
      assert.deepEqual(await sample.wrongKeys({}, both), ['SALLYPORT_POLICIES']);
    });

    it('is named in place of the key, also where the remedy names another one', async () => {
      const plain = { SALLYPORT_STORE_ENDPOINT: 'http://store.example' };
      await assert.rejects(sample.load({}, plain), (error) => {
        assert(error instanceof ConfigError);
        assert.match(error.lines[0] ?? '', /^SALLYPORT_STORE_ENDPOINT: .*SALLYPORT_STORE_ALLOW_PLAINTEXT_HTTP=true/);
        return true;
      });
    });

    it('leaves alone what Kubernetes sets for a Service of that name', async () => {
      await sample.load(
        {},
        {
          SALLYPORT_SERVICE_HOST: '10.0.0.1',
          SALLYPORT_SERVICE_PORT: '8443',
          SALLYPORT_SERVICE_PORT_HTTPS: '8443',
          SALLYPORT_PORT: 'tcp://10.0.0.1:8443',
          SALLYPORT_PORT_8443_TCP: 'tcp://10.0.0.1:8443',
          SALLYPORT_PORT_8443_TCP_ADDR: '10.0.0.1',
          SALLYPORT_GATEWAY_SERVICE_HOST: '10.0.0.1',
        },
      );
    });

    it('leaves alone what is meant for HAProxy', async () => {
      await sample.load({}, Object.fromEntries(EDGE_VARIABLES.map((name) => [name, 'x'])));
      await sample.load({}, { SALLYPORT_CLIENT_ISSUER: 'https://id.example' });
    });

    it('has no name that something else sets too', () => {
      const others = /_SERVICE_(?:HOST|PORT)|_PORT(?:_|$)/;
      assert.deepEqual(
        VARIABLES.filter((name) => others.test(name) || EDGE_VARIABLES.includes(name)),
        [],
      );
      assert.equal(new Set(VARIABLES).size, VARIABLES.length);
    });
  });

  describe('SALLYPORT_KEYRING_SEED', () => {
    const none = { keyring: undefined };

    it('is version 1 of the keyring', async () => {
      const { keyring } = await sample.load(none, { SALLYPORT_KEYRING_SEED: SEED });
      assert.equal(keyring?.local?.current, 1);
      assert.equal(keyring.local.versions.get(1)?.reveal(), SEED);
    });

    it('may be a file, with the same outcome', async () => {
      const { keyring } = await sample.load(none, { SALLYPORT_KEYRING_SEED_FILE: '../seed' });
      assert.equal(keyring?.local?.versions.get(1)?.reveal(), SEED);
    });

    it('may stand beside later versions in the file', async () => {
      const { keyring } = await sample.load(
        { keyring: { local: { current: 2, versions: { 2: { seedFile: 'seed' } } } } },
        { SALLYPORT_KEYRING_SEED: SEED },
      );
      assert.equal(keyring?.local?.current, 2);
      assert.deepEqual([...keyring.local.versions.keys()].sort(), [1, 2]);
    });

    it('is refused beside another version 1', async () => {
      const wrong = await sample.wrongKeys({}, { SALLYPORT_KEYRING_SEED: SEED });
      assert.deepEqual(wrong, ['SALLYPORT_KEYRING_SEED']);
      const both = { SALLYPORT_KEYRING_SEED: SEED, SALLYPORT_KEYRING_SEED_FILE: 'seed' };
      assert((await sample.wrongKeys(none, both)).includes('SALLYPORT_KEYRING_SEED'));
    });

    it('is held to the same length', async () => {
      const [problem] = await sample.problems(none, { SALLYPORT_KEYRING_SEED: 'hunter2' });
      assert.equal(problem?.where, 'SALLYPORT_KEYRING_SEED');
      assert(!problem.message.includes('hunter2'));
    });
  });

  describe('the variables of AWS', () => {
    it('fill what the file leaves open for the only store', async () => {
      await sample.write('work/bundle', await readFile(sample.file('test-only.crt.pem')));
      const { stores } = await sample.load(
        { 'stores.main.endpoint': undefined, 'stores.main.region': undefined, 'stores.main.credentials': undefined },
        {
          ...KEYS,
          AWS_SESSION_TOKEN: 'token',
          AWS_REGION: 'eu-west-3',
          AWS_ENDPOINT_URL_S3: 'https://s3.example',
          AWS_ENDPOINT_URL_STS: 'https://sts.example',
          AWS_CA_BUNDLE: 'bundle',
        },
      );
      assert.equal(stores[0]?.endpoint, 'https://s3.example');
      assert.equal(stores[0].region, 'eu-west-3');
      assert.equal(stores[0].sts.endpoint, 'https://sts.example');
      assert.match(stores[0].tls.ca ?? '', /CERTIFICATE/);
      assert.equal(stores[0].credentials?.accessKeyId.reveal(), 'AKIAFROMENV');
      assert.equal(stores[0].credentials.secretAccessKey.reveal(), 'fromenv');
      assert.equal(stores[0].credentials.sessionToken?.reveal(), 'token');
    });

    it('never override the file', async () => {
      const { stores } = await sample.load({}, { ...KEYS, AWS_REGION: 'eu-west-3' });
      assert.equal(stores[0]?.region, 'eu-central-1');
      assert.equal(stores[0].credentials?.accessKeyId.reveal(), 'AKIAEXAMPLE');
    });

    it('say nothing of endpoints where there are several stores', async () => {
      const { stores } = await sample.load(
        { 'stores.aws': { region: 'eu-west-1' }, 'buckets.reports.store': 'main' },
        { AWS_ENDPOINT_URL_S3: 'https://s3.example' },
      );
      assert.equal(stores[1]?.endpoint, 'https://s3.eu-west-1.amazonaws.com');
    });

    it('are the credentials of the one store that has none', async () => {
      const { stores } = await sample.load(
        { 'stores.aws': { region: 'eu-west-1' }, 'buckets.reports.store': 'main' },
        KEYS,
      );
      assert.equal(stores[0]?.credentials?.accessKeyId.reveal(), 'AKIAEXAMPLE');
      assert.equal(stores[1]?.credentials?.accessKeyId.reveal(), 'AKIAFROMENV');
    });

    it('are no credentials of a store that is asked with tokens of callers', async () => {
      const sts = { roleArn: 'arn:aws:iam::123456789012:role/other', audiences: ['https://objects.example'] };
      const aws = { region: 'eu-west-1', method: 'web-identity', sts };
      const { stores } = await sample.load({ 'stores.aws': aws, 'buckets.reports.store': 'main' }, KEYS);
      assert.equal(stores[1]?.credentials, undefined);
    });

    it('are refused where they could be meant for several stores', async () => {
      const wrong = await sample.wrongKeys(
        { ...open, 'stores.aws': { region: 'eu-west-1' }, 'buckets.reports.store': 'main' },
        KEYS,
      );
      assert.deepEqual(wrong, ['AWS_ACCESS_KEY_ID']);
    });

    it('are refused by halves', async () => {
      const wrong = await sample.wrongKeys(open, { AWS_ACCESS_KEY_ID: 'AKIA' });
      assert(wrong.includes('AWS_SECRET_ACCESS_KEY'));
      assert((await sample.wrongKeys(open, { AWS_SECRET_ACCESS_KEY: 'x' })).includes('AWS_ACCESS_KEY_ID'));
    });

    it('are held to https as the file is', async () => {
      const change = { 'stores.main.endpoint': undefined };
      const [problem] = await sample.problems(change, { AWS_ENDPOINT_URL_S3: 'http://s3.example' });
      assert.equal(problem?.where, 'AWS_ENDPOINT_URL_S3');
    });
  });

  describe('without a file', () => {
    const WHOLE = {
      SALLYPORT_ISSUER: 'https://idp.example/realms/corp',
      SALLYPORT_ISSUER_AUDIENCES: 'sallyport',
      SALLYPORT_STORE_STS_ROLE_ARN: 'arn:aws:iam::123456789012:role/sallyport',
      SALLYPORT_BUCKETS: 'reports,artifacts',
      SALLYPORT_KEYRING_SEED: SEED,
      SALLYPORT_POLICIES_DIRECTORY: 'policies',
      SALLYPORT_AUDIT_DIRECTORY: 'audit',
      AWS_REGION: 'eu-central-1',
    };
    const load = async (env: Readonly<Record<string, string>>): Promise<Config> =>
      (await loadWholeConfig({ path: undefined, env, cwd: sample.directory })).config;
    const linesOf = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const error: unknown = await load(env).then(
        () => new Error('loaded'),
        (reason: unknown) => reason,
      );
      if (error instanceof ConfigError) return error.lines;
      throw error;
    };

    it('makes one store, one issuer and encrypted buckets, behind a socket', async () => {
      const config = await load(WHOLE);
      assert.deepEqual(config.listen, { kind: 'socket', path: '/run/sallyport/gateway.sock', mode: 0o660 });
      assert.deepEqual(
        config.buckets.map(({ name, storeName, encryption }) => [name, storeName, encryption]),
        [
          ['reports', 'store', 'required'],
          ['artifacts', 'store', 'required'],
        ],
      );
      assert.deepEqual(
        config.issuers.map(({ name }) => name),
        ['issuer'],
      );
      assert.equal(config.audit.directory, sample.file('audit'));
      assert.equal(config.keyring?.local?.versions.get(1)?.reveal(), SEED);
    });

    it('says every variable that is missing, once each, and no key of a file', async () => {
      const lines = await linesOf({ SALLYPORT_BUCKETS: 'reports,artifacts' });
      assert.deepEqual(lines.map((line) => line.split(':')[0]).sort(), [
        'SALLYPORT_AUDIT_DIRECTORY',
        'SALLYPORT_BUCKET_ENCRYPTION',
        'SALLYPORT_BUCKET_ROLE_ARN',
        'SALLYPORT_ISSUER',
        'SALLYPORT_ISSUER_AUDIENCES',
        'SALLYPORT_POLICIES_DIRECTORY',
        'SALLYPORT_STORE_REGION',
      ]);
      assert(!/(?:stores|buckets|issuers|policies|audit)\./.test(lines.join('\n')), lines.join('\n'));
    });

    for (const name of Object.keys(WHOLE)) {
      it(`does not start without ${name}`, async () => {
        assert((await linesOf({ ...WHOLE, [name]: '' })).length > 0);
      });
    }

    it('listens elsewhere where a variable says so, under the same rules', async () => {
      const [line = ''] = await linesOf({ ...WHOLE, SALLYPORT_LISTEN_ADDRESS: '0.0.0.0:8080' });
      assert.match(line, /^SALLYPORT_LISTEN_ADDRESS: is plain TCP/);
      const { listen } = await load({
        ...WHOLE,
        SALLYPORT_LISTEN_ADDRESS: '127.0.0.1:8080',
        SALLYPORT_LISTEN_ALLOW_PLAINTEXT_LOOPBACK: 'true',
      });
      assert.equal(listen.kind, 'tcp');
    });
  });
});
