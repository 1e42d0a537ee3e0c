import assert from 'node:assert/strict';
import { SECRET_KEY, Sample, SEED } from '../sample.ts';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const LOCAL = { versions: { 1: { seedFile: 'seed' } } };

describe('the configured keyring', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  const keyringOf = async (keyring: object) => {
    const config = await sample.load({ keyring });
    assert.ok(config.keyring !== undefined);
    return config.keyring;
  };

  it('is the only one where none is named, with a cache', async () => {
    const { current, cache, local, vault, kms } = await keyringOf({ local: LOCAL });
    assert.deepEqual(
      [current, cache, vault, kms],
      ['local', { maxKeys: 10_000, maxAgeSeconds: 300 }, undefined, undefined],
    );
    assert.equal(local?.versions.get(1)?.reveal(), SEED);
  });

  it('is Vault, by any of its ways to log in, whose secrets stay in their files', async () => {
    const vault = { address: 'https://vault.example:8200/', key: 'sallyport' };
    const secret = sample.file('secret');
    for (const [auth, assembled] of [
      [{ tokenFile: 'secret' }, { method: 'token', tokenFile: secret }],
      [
        { approle: { roleId: 'r', secretIdFile: 'secret' } },
        { method: 'approle', mount: 'approle', roleId: 'r', secretIdFile: secret },
      ],
      [
        { kubernetes: { role: 'r', jwtFile: 'secret' } },
        { method: 'kubernetes', mount: 'kubernetes', role: 'r', jwtFile: secret },
      ],
      [
        { jwt: { mount: 'oidc/ci', role: 'r', jwtFile: 'secret' } },
        { method: 'jwt', mount: 'oidc/ci', role: 'r', jwtFile: secret },
      ],
    ] as const) {
      const keyring = await keyringOf({ vault: { ...vault, auth } });
      assert.equal(keyring.current, 'vault');
      assert.deepEqual(keyring.vault, {
        ...{ id: 'vault', address: 'https://vault.example:8200', ca: undefined, namespace: undefined },
        ...{ mount: 'transit', key: 'sallyport', auth: assembled },
      });
    }
  });

  it("is KMS, at AWS's endpoint unless another is named, with credentials of its own or none", async () => {
    const kms = { region: 'eu-central-1', versions: { 3: { keyId: ARN } } };
    const usual = await keyringOf({ kms });
    assert.equal(usual.kms?.endpoint, 'https://kms.eu-central-1.amazonaws.com');
    assert.equal(usual.kms.credentials, undefined);
    assert.deepEqual([usual.kms.current, usual.kms.versions], [3, new Map([[3, ARN]])]);
    const own = await keyringOf({
      kms: {
        ...{ ...kms, endpoint: 'https://kms.example', id: 'aws' },
        credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
      },
    });
    assert.deepEqual([own.kms?.endpoint, own.kms?.id], ['https://kms.example', 'aws']);
    assert.equal(own.kms?.credentials?.secretAccessKey.reveal(), SECRET_KEY);
  });

  it('is the one that is named, of several', async () => {
    const keyring = await keyringOf({
      ...{ current: 'kms', local: LOCAL },
      kms: { region: 'eu-central-1', versions: { 1: { keyId: ARN } } },
    });
    assert.equal(keyring.current, 'kms');
    assert.equal(keyring.local?.current, 1);
  });
});
