/** The rules across the keys of a bucket that concern what another encrypting gateway left there. */
import type { FileBucket } from '../buckets/schema.ts';
import { entries, type Loose, type Report } from '../loading/loose.ts';

/** Checks the `legacy` section of the bucket at `path`. */
export const checkLegacy = (path: readonly string[], bucket: Loose<FileBucket>, report: Report): void => {
  const legacy = bucket?.legacy;
  if (!legacy) return;
  if (legacy.seedFile === undefined && legacy.acceptZeroKek !== true) {
    report([...path, 'legacy'], 'has no effect; set `seedFile`, or remove it');
  }
  const kept = [bucket.encryption, ...entries<unknown>(bucket.prefixes).map(([, encryption]) => encryption)];
  if (!kept.includes('migrating')) {
    report(
      [...path, 'legacy'],
      'is read only where encryption is `migrating`, which is nowhere in this bucket; remove it',
    );
  }
};
