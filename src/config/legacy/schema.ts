/** The group `legacy` of a bucket: what another encrypting gateway left there. */
import type { z } from 'zod';
import { file, flag, group, key, text } from '../values/schema-words.ts';

/** A name of user metadata without `x-amz-meta-`, as stores give it back; not the one of our own envelope. */
const isMetadataName = (text: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(text) && text !== 'sallyport';

export const legacy = group(
  {
    seedFile: file(
      'foreign seed',
      'Its key, as that gateway was given it (S3PROXY_ENCRYPT_KEY; `kek` of a credential of s3proxy-python).',
    ),
    metadataName: key(
      text(isMetadataName).default('isec'),
      '1 to 64 lower-case letters, digits, `-` or `_`',
      'Name of the metadata that holds the wrapped key, without `x-amz-meta-`.',
    ),
    kekVersionName: key(
      text(isMetadataName).optional(),
      '1 to 64 lower-case letters, digits, `-` or `_`',
      'Name of the metadata that holds the version of the key.',
      { derivedDefault: '`metadataName` and `-kek-ver`' },
    ),
    acceptZeroKek: flag(
      'Opens objects whose keys are wrapped with zeros, which Constellation and Intrinsec s3proxy before 1.7.1 wrote whatever their key. Whoever may write to the store can forge such objects; set it for the migration alone.',
    ),
  },
  'What another encrypting gateway wrote into this bucket and is still to be read where it is `migrating`; see [migrating-legacy.md](migrating-legacy.md).',
);

/** The group as the file has it, each key by itself right. */
export type FileLegacy = z.output<typeof legacy>;
