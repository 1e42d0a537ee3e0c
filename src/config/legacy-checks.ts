/** The rules across the keys of a bucket that concern what another encrypting gateway left there. */
import type { Loose, Report } from './loose.ts';
import type { FileConfig } from './schema.ts';

interface LegacyPlaces {
  readonly legacy?: Loose<FileConfig['buckets'][string]['legacy']>;
  readonly encryption?: unknown;
  readonly prefixes?: unknown;
}

/** Checks the `legacy` section of the bucket at `path`. */
export const checkLegacy = (path: readonly string[], bucket: LegacyPlaces | null | undefined, report: Report): void => {
  const legacy = bucket?.legacy;
  if (!legacy) return;
  if (legacy.seedFile === undefined && legacy.acceptZeroKek !== true) {
    report([...path, 'legacy'], 'opens nothing; name `seedFile`, or remove it');
  }
  if (!places(bucket).includes('migrating')) {
    report(
      [...path, 'legacy'],
      'is read only where encryption is `migrating`, which is nowhere in this bucket; remove it',
    );
  }
};

/** How the bucket and each of its prefixes are kept, as far as that can be read. */
const places = ({ encryption, prefixes }: LegacyPlaces): unknown[] => [
  encryption,
  ...(typeof prefixes === 'object' && prefixes !== null ? Object.values(prefixes) : []).map((place: unknown) =>
    typeof place === 'object' && place !== null && 'encryption' in place ? place.encryption : place,
  ),
];
