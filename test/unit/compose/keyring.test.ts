import assert from 'node:assert/strict';
import { createObjectCipher } from '../../../src/core/cipher/object-cipher.ts';
import { keyringOf, type ConfiguredKeyring } from '../../../src/compose/keyring.ts';
import { KMS_CREDENTIALS, KMS_REGION, KmsDouble } from '../../support/core/kms-double.ts';
import { VaultDouble } from '../../support/core/vault-double.ts';
import { Sample, type Changes } from '../config/sample.ts';
import { HERE, MovedClock, observer, unavailable } from '../core/keyring/fixture.ts';

const LOCAL = { versions: { 1: { seedFile: 'seed' } } };

describe('the keyring that configuration makes', () => {
  let sample: Sample;
  let vault: VaultDouble;
  let kms: KmsDouble;
  const clock = new MovedClock();
  const opened: ConfiguredKeyring[] = [];

  const open = async (keyring: object, more: Changes = {}): Promise<ConfiguredKeyring> => {
    const made = keyringOf(await sample.load({ keyring, ...more }), { clock, observer });
    opened.push(made);
    return made;
  };
  const vaultSection = () => ({
    ...{ address: vault.address, allowHttp: true, key: 'sallyport' },
    auth: { tokenFile: 'vault-token' },
  });
  const kmsSection = (keyId: string) => ({
    ...{ region: KMS_REGION, endpoint: kms.endpoint, allowHttp: true, versions: { 1: { keyId } } },
    credentials: { accessKeyIdFile: 'kms-id', secretAccessKeyFile: 'kms-secret', sessionTokenFile: 'kms-session' },
  });

  before(async () => {
    sample = await Sample.create();
    vault = await new VaultDouble().start();
    kms = await new KmsDouble().start();
    vault.createKey('sallyport');
    await sample.write('vault-token', vault.createToken());
    await sample.write('kms-id', KMS_CREDENTIALS.accessKeyId);
    await sample.write('kms-secret', KMS_CREDENTIALS.secretAccessKey);
    await sample.write('kms-session', KMS_CREDENTIALS.sessionToken);
  });

  afterEach(async () => {
    vault.sealed = false;
    await Promise.all(opened.splice(0).map(({ close }) => close()));
  });

  after(async () => {
    await vault.stop();
    await kms.stop();
    await sample.remove();
  });

  it('wraps by the current one of several, and reads what each of them wrapped', async () => {
    const sections = { local: LOCAL, vault: vaultSection(), kms: kmsSection(kms.createKey()) };
    const made = [];
    for (const current of ['local', 'vault', 'kms'] as const) {
      const { keyring } = await open({ ...sections, current });
      made.push(await keyring.newDataKey(HERE));
    }
    assert.deepEqual(
      made.map(({ keyringId }) => keyringId),
      [undefined, 'vault', 'kms'],
    );
    const { keyring } = await open({ ...sections, current: 'local' });
    for (const key of made) assert.ok((await keyring.unwrap(key, HERE)).equals(key.dataKey));
  });

  it('names in the audit and the envelope what wrapped the key', async () => {
    const { keyring } = await open({ vault: { ...vaultSection(), id: 'vault-eu' } });
    const { keyId, envelope } = await createObjectCipher(keyring).seal({ bucketId: 'b', key: 'k' }, 0, undefined);
    assert.equal(keyId, 'vault-eu:1');
    assert.match(envelope, /^1;1;s;1;[\w-]{80};vault-eu$/);
  });

  it('reads on from its cache while the keyring is down, writes nothing then, and tells operators', async () => {
    const { keyring, health } = await open({ vault: vaultSection() });
    const [kept, other] = [await keyring.newDataKey(HERE), await keyring.newDataKey(HERE)];
    await keyring.unwrap(kept, HERE);
    vault.sealed = true;
    assert.ok((await keyring.unwrap(kept, HERE)).equals(kept.dataKey));
    await assert.rejects(async () => keyring.unwrap(other, HERE), unavailable);
    await assert.rejects(async () => keyring.newDataKey(HERE), unavailable);
    await assert.rejects(
      async () => createObjectCipher(keyring).seal({ bucketId: 'b', key: 'k' }, 0, undefined),
      unavailable,
    );
    assert.partialDeepStrictEqual(health(), [{ name: 'keyring:vault', state: 'degraded', detail: 'answers 503' }]);
  });

  it('asks each time where the cache is none', async () => {
    const { keyring } = await open({ vault: vaultSection(), cache: { maxKeys: 0 } });
    const key = await keyring.newDataKey(HERE);
    const before = vault.count(/decrypt/);
    await keyring.unwrap(key, HERE);
    await keyring.unwrap(key, HERE);
    assert.equal(vault.count(/decrypt/) - before, 2);
  });

  it('seals nothing where none is configured', async () => {
    const { keyring, health } = keyringOf(
      await sample.load({ keyring: undefined, 'buckets.reports.encryption': 'off' }),
      { clock, observer },
    );
    await assert.rejects(async () => keyring.newDataKey(HERE));
    assert.deepEqual(health(), []);
  });
});
