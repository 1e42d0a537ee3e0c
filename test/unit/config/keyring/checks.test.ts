import type { Changes } from '../sample.ts';
import { describeCases } from '../wrong-keys.ts';

const ROLE = 'arn:aws:iam::123456789012:role/other';
const VAULT = { address: 'https://vault.example:8200', key: 'sallyport', auth: { tokenFile: 'secret' } };
const KMS = {
  region: 'eu-central-1',
  versions: { 1: { keyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' } },
};
const ALL = { 'keyring.vault': VAULT, 'keyring.kms': KMS };
const vault = (changes: Changes) => ({ keyring: { vault: { ...VAULT, ...changes } } });

describeCases('config/keyring/checks', {
  'the keyring': [
    ['has a version', { 'keyring.local.versions': {} }, ['keyring.local.current']],
    [
      'says which of several versions is current',
      { 'keyring.local.versions.2': { seedFile: 'seed' } },
      ['keyring.local.current'],
    ],
    ['has its current version', { 'keyring.local.current': 2 }, ['keyring.local.current']],
    [
      'numbers its versions from 1',
      { 'keyring.local.versions.0': { seedFile: 'seed' } },
      ['keyring.local.current', 'keyring.local.versions.0'],
    ],
    [
      'does not number a version twice',
      { 'keyring.local.versions.01': { seedFile: 'seed' } },
      ['keyring.local.current', 'keyring.local.versions.01'],
    ],
    ['is at least one', { keyring: {} }, ['keyring']],
    ['may be Vault alone', { keyring: { vault: VAULT } }, []],
    ['may be KMS alone', { keyring: { kms: KMS } }, []],
    ['may be all of them, of which one is current', { ...ALL, 'keyring.current': 'vault' }, []],
    ['says which of several is current', ALL, ['keyring.current']],
    ['is current only where it is configured', { 'keyring.current': 'vault' }, ['keyring.current']],
    ['is current only where it is known', { 'keyring.current': 'pkcs11' }, ['keyring.current']],
    ['has a cache that may be none', { 'keyring.cache': { maxKeys: 0 } }, []],
    ['has no cache without an end', { 'keyring.cache': { maxAgeSeconds: 0 } }, ['keyring.cache.maxAgeSeconds']],
  ],
  'the keyring of Vault': [
    ['is not http', vault({ address: 'http://vault.example:8200' }), ['keyring.vault.address']],
    [
      'is not http beyond loopback, switch or not',
      vault({ address: 'http://vault.example:8200', allowHttp: true }),
      ['keyring.vault.address'],
    ],
    ['may be http on loopback with the switch', vault({ address: 'http://127.0.0.1:8200', allowHttp: true }), []],
    ['has an address without a path', vault({ address: 'https://vault.example/v1' }), ['keyring.vault.address']],
    ['has a key', vault({ key: undefined }), ['keyring.vault.key']],
    ['has a key that cannot leave its place', vault({ key: '../sys' }), ['keyring.vault.key']],
    ['has a mount that cannot leave its place', vault({ mount: 'a/../sys' }), ['keyring.vault.mount']],
    ['has a namespace that is no header of its own', vault({ namespace: 'a\r\nb: c' }), ['keyring.vault.namespace']],
    ['has a way to log in', vault({ auth: {} }), ['keyring.vault.auth']],
    [
      'has one way to log in',
      vault({ auth: { tokenFile: 'secret', jwt: { role: 'a', jwtFile: 'secret' } } }),
      ['keyring.vault.auth'],
    ],
    ['has a private token', vault({ auth: { tokenFile: 'open' } }), ['keyring.vault.auth.tokenFile']],
    [
      'may have a token of Kubernetes that others in the pod may read',
      vault({ auth: { kubernetes: { role: 'a', jwtFile: 'open' } } }),
      [],
    ],
    [
      'has its files at start',
      vault({ auth: { approle: { roleId: 'a', secretIdFile: 'missing' } } }),
      ['keyring.vault.auth.approle.secretIdFile'],
    ],
    ['is not called local', vault({ id: 'local' }), ['keyring.vault.id']],
    ['has an id that fits an envelope', vault({ id: 'a;b' }), ['keyring.vault.id']],
    [
      'is not called as that of KMS',
      { ...ALL, 'keyring.current': 'kms', 'keyring.kms.id': 'vault' },
      ['keyring.kms.id'],
    ],
  ],
  'the keyring of KMS': [
    ['has its current version', { keyring: { kms: { ...KMS, current: 2 } } }, ['keyring.kms.current']],
    ['has a version', { keyring: { kms: { ...KMS, versions: {} } } }, ['keyring.kms.current']],
    [
      'has keys of KMS',
      { keyring: { kms: { ...KMS, versions: { 1: { keyId: ROLE } } } } },
      ['keyring.kms.versions.1.keyId'],
    ],
    ['may have an alias', { keyring: { kms: { ...KMS, versions: { 1: { keyId: 'alias/sallyport' } } } } }, []],
    ['is not http', { keyring: { kms: { ...KMS, endpoint: 'http://kms.example' } } }, ['keyring.kms.endpoint']],
    [
      "has an endpoint where the region is none of AWS's",
      { keyring: { kms: { ...KMS, region: 'here' } } },
      ['keyring.kms.endpoint'],
    ],
    [
      'has both halves of its credentials',
      { keyring: { kms: { ...KMS, credentials: { accessKeyIdFile: 'id' } } } },
      ['keyring.kms.credentials.secretAccessKeyFile'],
    ],
  ],
});
