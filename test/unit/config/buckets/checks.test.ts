import { describeCases } from '../wrong-keys.ts';

const ROLE = 'arn:aws:iam::123456789012:role/other';
const second = { 'stores.second': { region: 'eu-west-1', sts: { roleArn: ROLE } } };

describeCases('config/buckets/checks', {
  'a bucket': [
    ['must exist', { buckets: {} }, ['buckets']],
    ['is no directory bucket', { 'buckets.logs--use1-az4--x-s3': {} }, ['buckets.logs--use1-az4--x-s3']],
    [
      'is no directory bucket in its store either',
      { 'buckets.logs': { storeBucket: 'logs--use1-az4--x-s3' } },
      ['buckets.logs.storeBucket'],
    ],
    ['has the name of a bucket', { 'buckets.-': { storeBucket: 'other' } }, ['buckets.-']],
    ['lies in a store that exists', { 'buckets.reports.store': 'nowhere' }, ['buckets.reports.store']],
    ['names its store where there are several', second, ['buckets.reports.store']],
    ['has a role from somewhere', { 'stores.main.sts.roleArn': undefined }, ['buckets.reports.roleArn']],
    ['may have a role of its own', { 'stores.main.sts.roleArn': undefined, 'buckets.reports.roleArn': ROLE }, []],
    [
      'may have a role of Ceph, which has no account',
      { 'buckets.reports.roleArn': 'arn:aws:iam:::role/sallyport' },
      [],
    ],
    [
      'has a role, not a user',
      { 'buckets.reports.roleArn': 'arn:aws:iam::123456789012:user/me' },
      ['buckets.reports.roleArn'],
    ],
    ['that is encrypted needs a keyring', { keyring: undefined }, ['buckets.reports.encryption']],
    ['that is not encrypted needs none', { keyring: undefined, 'buckets.reports.encryption': 'off' }, []],
    [
      'that migrates needs a keyring',
      { keyring: undefined, 'buckets.reports.encryption': 'migrating' },
      ['buckets.reports.encryption'],
    ],
    [
      'of which a part is encrypted needs a keyring',
      { keyring: undefined, 'buckets.reports': { encryption: 'off', prefixes: { x: 'required', y: 'off' } } },
      ['buckets.reports.prefixes.x'],
    ],
    [
      'has prefixes that keys can start with, and says how each is kept',
      { 'buckets.reports.prefixes': { '': 'off', ['é'.repeat(513)]: 'off', '\ud800': 'off', ok: 'plain' } },
      ['', 'é'.repeat(513), '\ud800', 'ok'].map((prefix) => `buckets.reports.prefixes.${prefix}`),
    ],
    [
      'has a key of KMS where the store is to encrypt by KMS, and only there',
      {
        'stores.main.serverSideEncryption': { kmsKeyId: 'key/1' },
        'buckets.reports.serverSideEncryption': { algorithm: 'aws:kms', kmsKeyId: 'key/1' },
      },
      ['stores.main.serverSideEncryption.kmsKeyId'],
    ],
    ['has an id of its own', { 'buckets.other': { id: 'reports' } }, ['buckets.other.id']],
    [
      'is not reachable under two names',
      { 'buckets.alias': { storeBucket: 'reports' } },
      ['buckets.alias.storeBucket'],
    ],
    [
      'may have the name of one in another store',
      { ...second, 'buckets.reports.store': 'main', 'buckets.copy': { store: 'second', storeBucket: 'reports' } },
      [],
    ],
  ],
});
