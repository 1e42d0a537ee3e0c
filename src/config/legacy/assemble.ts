/** What the buckets of a checked file say of objects of other gateways, with the seeds from their files. */
import type { FileBucket } from '../buckets/schema.ts';
import { pathKey } from '../loading/path-key.ts';
import type { Files } from '../loading/read-files.ts';
import type { Secret } from '../loading/secret.ts';
import type { FileLegacy } from './schema.ts';

/** What another encrypting gateway left in a bucket. */
export interface LegacyConfig extends Readonly<Pick<NonNullable<FileLegacy>, 'metadataName' | 'acceptZeroKek'>> {
  /** Undefined: `<metadataName>-kek-ver`. */
  readonly kekVersionName: string | undefined;
  readonly seed: Secret | undefined;
}

/** Puts it together, by name of the bucket, of those that hold such objects. */
export const assembleLegacy = (
  buckets: Readonly<Record<string, FileBucket>>,
  files: Files,
): ReadonlyMap<string, LegacyConfig> => {
  const configured = new Map<string, LegacyConfig>();
  for (const [name, { legacy }] of Object.entries(buckets)) {
    if (legacy === undefined) continue;
    const { metadataName, kekVersionName, acceptZeroKek } = legacy;
    const seed = files.get(pathKey(['buckets', name, 'legacy', 'seedFile']));
    configured.set(name, { metadataName, kekVersionName, acceptZeroKek, seed });
  }
  return configured;
};
