/** `--check` of `serve` and `sidecar`, with keyrings that answer, refuse, or are away. */
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { stringify } from 'yaml';
import { createGateway } from '../../../../src/compose/gateway.ts';
import { KMS_CREDENTIALS, KMS_REGION, KmsDouble } from '../../../support/core/kms-double.ts';
import { runCommand, type CommandRun } from '../../../support/client/run-command.ts';
import { VaultDouble } from '../../../support/core/vault-double.ts';
import { changed, Sample, type Changes } from '../../config/sample.ts';

const POLICY = `
id: analysts
description: Analysts read reports.
subjects: [{ issuer: corp, group: analytics }]
rules: [{ id: read, allow: [GET], bucket: reports, everything: true }]
`;

describe('--check', () => {
  let sample: Sample;
  let vault: VaultDouble;
  let kms: KmsDouble;
  let keyIds: readonly string[];

  before(async () => {
    sample = await Sample.create();
    await sample.write('kms-id', KMS_CREDENTIALS.accessKeyId);
    await sample.write('kms-secret', KMS_CREDENTIALS.secretAccessKey);
    await sample.write('kms-session', KMS_CREDENTIALS.sessionToken);
  });
  beforeEach(async () => {
    vault = await new VaultDouble().start();
    kms = await new KmsDouble().start();
    vault.createKey('sallyport');
    await sample.write('vault-token', vault.createToken());
    keyIds = [kms.createKey(), kms.createKey()];
    await sample.write('policies/analysts.yaml', POLICY);
  });
  afterEach(async () => {
    await vault.stop();
    await kms.stop();
  });
  after(() => sample.remove());

  const check = async (changes: Changes = {}): Promise<CommandRun> => {
    await sample.write('sallyport.yaml', stringify(changed({ 'timeouts.keyringMs': 500, ...changes })));
    return runCommand(['serve', '--config', sample.file('sallyport.yaml'), '--check']);
  };
  const keyrings = () => ({
    local: { versions: { 1: { seedFile: 'seed' } } },
    vault: { address: vault.address, allowHttp: true, key: 'sallyport', auth: { tokenFile: 'vault-token' } },
    kms: {
      ...{ region: KMS_REGION, endpoint: kms.endpoint, allowHttp: true, current: 2 },
      versions: { 1: { keyId: keyIds[0] }, 2: { keyId: keyIds[1] } },
      credentials: { accessKeyIdFile: 'kms-id', secretAccessKeyFile: 'kms-secret', sessionTokenFile: 'kms-session' },
    },
  });
  const all = () => ({ keyring: { ...keyrings(), current: 'local' } });
  const ok = () => ({ code: 0, stdout: `${sample.file('sallyport.yaml')}: ok\n`, stderr: '' });
  /** The lines of what is wrong, and the exit code. */
  const wrong = async (changes: Changes): Promise<readonly [number, ...string[]]> => {
    const { code, stdout, stderr } = await check(changes);
    assert.equal(stdout, '');
    const [head = '', ...lines] = stderr.trimEnd().split('\n');
    assert.match(head, /^sallyport: .*sallyport\.yaml does not serve:$/);
    return [code, ...lines.map((line) => line.trim())];
  };

  it('wraps and unwraps a key by the local keyring, or needs none', async () => {
    assert.deepEqual(await check(), ok());
    assert.deepEqual(await check({ keyring: undefined, 'buckets.reports.encryption': 'off' }), ok());
  });

  it('wraps and unwraps a key by each keyring and each version that is configured, current or not', async () => {
    assert.deepEqual(await check(all()), ok());
    assert.deepEqual([vault.count(/datakey/), vault.count(/decrypt/)], [1, 1]);
    const requested = kms.calls.map(
      ({ operation, body }) => `${operation} ${keyIds.indexOf(String(body['KeyId'])) + 1}`,
    );
    assert.deepEqual(requested.sort(), ['Decrypt 1', 'Decrypt 2', 'GenerateDataKey 1', 'GenerateDataKey 2']);
  });

  it('says of a sealed Vault in one line that it is, while all else is tried', async () => {
    vault.sealed = true;
    assert.deepEqual(await wrong(all()), [
      1,
      'keyring vault cannot wrap and unwrap: vault: the lookup of the token answered 503 (sealed, or down for maintenance)',
    ]);
    assert.equal(kms.calls.length, 4);
  });

  it('tells a token that may wrap but not unwrap, and shows neither token nor key', async () => {
    vault.permitted = /^(?:transit\/(?:keys|datakey)\/|auth\/token\/(?:lookup|renew)-self$)/;
    const [code, line = '', ...more] = await wrong({ keyring: { vault: keyrings().vault } });
    assert.deepEqual([code, more], [1, []]);
    assert.match(
      line,
      /^keyring vault cannot wrap and unwrap: vault: the unwrapping answered 403 \(permission denied\)$/,
    );
    assert.ok(!vault.shownTokens.some((token) => line.includes(token)));
  });

  it('tells a Transit key that would not bind what it wraps to its place', async () => {
    vault.createKey('flat', { derived: false });
    const { vault: section } = keyrings();
    const [, line = ''] = await wrong({ keyring: { vault: { ...section, key: 'flat' } } });
    assert.match(line, /not derived/);
  });

  it('tells the one key of KMS that is disabled, by its version', async () => {
    kms.keys.get(keyIds[0] ?? '')!.state = 'Disabled';
    assert.deepEqual(await wrong(all()), [
      1,
      'keyring kms:1 cannot wrap and unwrap: kms: GenerateDataKey answered 400 DisabledException',
    ]);
  });

  it('waits no longer than timeouts.keyringMs for one that never answers', async () => {
    vault.fault = () => true;
    const startedMs = Date.now();
    const [, line = ''] = await wrong({ keyring: { vault: keyrings().vault } });
    assert.match(line, /no whole answer within 500 ms/);
    assert.ok(Date.now() - startedMs < 3000);
  });

  it('reads the policies, too, and exits with 2 where they are wrong', async () => {
    await sample.write('policies/analysts.yaml', POLICY.replace('bucket: reports', 'bucket: reprots'));
    vault.sealed = true;
    const [code, ...lines] = await wrong({ keyring: { ...keyrings(), current: 'vault' } });
    assert.equal(code, 2);
    assert.match(lines[0] ?? '', /^analysts\.yaml:5: rules\[0\]\.bucket names reprots, which is not a bucket/);
    assert.match(lines[1] ?? '', /^keyring vault /);
  });

  it('is all that asks: a gateway starts while its keyring is away, and says that it is ready', async () => {
    const { vault: section } = keyrings();
    await vault.stop();
    const config = await sample.load({
      keyring: { vault: section },
      'issuers.corp': { issuer: 'http://127.0.0.1:9/', audiences: ['sallyport'], allowHttp: true },
      ...{ 'audit.minFreeBytes': 0, 'timeouts.drainDelayMs': 0, 'log.level': 'error' },
    });
    const logStream = new Writable({ write: (_chunk, _encoding, done) => done() });
    const gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
    assert.equal(gateway.readiness().ready, true);
    await gateway.drain();
    vault = await new VaultDouble().start();
  });

  it('does the same for a sidecar', async () => {
    await sample.write(
      'sidecar.yaml',
      stringify({
        stores: { main: { region: 'eu-central-1' } },
        buckets: { reports: {} },
        keyring: { vault: keyrings().vault },
        audit: { directory: 'audit' },
      }),
    );
    const command = ['sidecar', '--config', sample.file('sidecar.yaml'), '--check'];
    assert.deepEqual(await runCommand(command), { code: 0, stdout: 'ok\n', stderr: '' });
    vault.sealed = true;
    const { code, stderr } = await runCommand(command);
    assert.equal(code, 1);
    assert.match(stderr, /keyring vault cannot wrap and unwrap/);
  });
});
