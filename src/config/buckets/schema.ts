/** The section `buckets`: what clients can reach, and where and how its objects are kept. */
import { z } from 'zod';
import { ADDRESSING_STYLES } from '../../contracts/bucket.ts';
import { isBucketName } from '../../s3/bucket-name.ts';
import { ENCRYPTIONS } from '../../s3/encryption.ts';
import { isDirectoryBucketName } from '../../s3/request/unsupported.ts';
import { legacy } from '../legacy/schema.ts';
import { roleArn, serverSideEncryption } from '../stores/schema.ts';
import { key, name, text } from '../values/schema-words.ts';

const encryption = z.enum(ENCRYPTIONS);

export const bucket = z.strictObject({
  store: key(name.optional(), 'the name of a store', 'Store that holds it.', { derivedDefault: 'the only store' }),
  id: key(
    text((value) => /^[\x21-\x7e]{1,255}$/.test(value)).optional(),
    '1 to 255 visible ASCII characters',
    'What the keys of its objects are bound to. Never change it while objects exist.',
    { derivedDefault: 'the name' },
  ),
  storeBucket: key(
    text((value) => isBucketName(value) && !isDirectoryBucketName(value)).optional(),
    'the name of a bucket',
    'Its name in the store.',
    {
      derivedDefault: 'the name',
    },
  ),
  roleArn: roleArn('Role to assume.', { derivedDefault: '`sts.roleArn` of the store' }),
  account: key(
    text((value) => /^\d{12}$/.test(value)).optional(),
    'a quoted account id of 12 digits, such as `"111122223333"`',
    'Account that owns it. A request with `x-amz-expected-bucket-owner` (`x-amz-source-expected-bucket-owner` of a copy) passes where it names this one. Without the key every such request is refused, as nobody could tell.',
  ),
  style: key(z.enum(ADDRESSING_STYLES).optional(), '`path` or `virtual`', 'How requests name it in the store.', {
    derivedDefault: '`style` of the store',
  }),
  encryption: key(
    encryption.default('required'),
    '`required`, `migrating` or `off`',
    '`required`: objects are encrypted, and one that is not is never served. `migrating`: new objects are encrypted; plaintext, and what `legacy` opens, is read beside them, at the cost of one HEAD for each entry of a listing. `off`: stored as they are.',
  ),
  prefixes: key(
    z
      .record(
        z.string(),
        key(encryption, '`required`, `migrating` or `off`', 'As `encryption`, of keys that start so.'),
      )
      .default({}),
    'a map from prefixes of keys to `required`, `migrating` or `off`',
    'Parts of the bucket that are kept differently. The longest prefix that a key starts with decides.',
    { entry: '<prefix>' },
  ),
  serverSideEncryption,
  legacy,
});

export const buckets = key(
  z.record(z.string(), bucket),
  'a map of buckets by name',
  "What clients can reach. The name is the clients' and the policies'.",
  { entry: '<bucket>' },
);

/** One bucket as the file has it, each key by itself right. */
export type FileBucket = z.output<typeof bucket>;
