/**
 * What a stored object says of itself: whose form it is in, by which key version its own key is wrapped, how large it is
 * and how it is laid out. From its head alone, without any key. Unverified: only opening an object proves it.
 */
import type { Clock } from '../contracts/clock.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import { examine, type ExamineDependencies } from './examine.ts';
import type { OperatorSession } from './operator-session.ts';

export interface InspectDependencies extends ExamineDependencies {
  readonly cipher: Pick<ObjectCipher, 'describe' | 'plainSize'>;
  readonly clock: Clock;
}

export interface Inspection {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
  readonly form: 'sealed' | 'legacy' | 'plain';
  /** Of a sealed object. */
  readonly sealed:
    | {
        /** Of docs/spec/object-format.md. */
        readonly format: number;
        readonly algorithm: number;
        /** `single`: one PUT. `multipart`: an upload in parts. */
        readonly kind: 'single' | 'multipart';
        readonly keyring: string;
        readonly kekVersion: number;
        /** `regular`: the stored size tells the plaintext's. `marked`: a trailer must be read for it. */
        readonly layout: 'regular' | 'marked';
      }
    | undefined;
  /** Of an object of another gateway. */
  readonly legacyFormat: string | undefined;
  readonly storedSizeBytes: number;
  /** `undefined` where the stored size alone does not tell it. */
  readonly plainSizeBytes: number | undefined;
  /** As the store counts them, from its ETag: a layout part is among them. */
  readonly storedParts: number;
  readonly etag: string;
  readonly lastModified: string | undefined;
  readonly isLocked: boolean;
  readonly isArchived: boolean;
}

const PARTS_IN_ETAG = /-(\d{1,5})"?$/;

/** Looks at one version. @throws GatewayError NoSuchKey, IntegrityFailure (a broken envelope), NotImplemented (a later format), what the store says */
export async function inspect(
  dependencies: InspectDependencies,
  at: OperatorSession,
  { key, versionId }: { readonly key: string; readonly versionId: string | undefined },
): Promise<Inspection> {
  const seen = await examine(dependencies, await at.session(), { key, versionId }, dependencies.clock.now());
  const { stored, etag, sizeBytes, isLocked, isArchived, headers } = seen;
  return {
    bucket: at.location.bucket,
    key,
    versionId: seen.versionId,
    form: stored.form,
    sealed: stored.form === 'sealed' ? sealedFacts(dependencies, stored, sizeBytes) : undefined,
    legacyFormat: stored.form === 'legacy' ? stored.format : undefined,
    storedSizeBytes: sizeBytes,
    plainSizeBytes: plainSizeOf(dependencies, stored, sizeBytes),
    storedParts: Number(PARTS_IN_ETAG.exec(etag)?.[1] ?? 1),
    ...{ etag, lastModified: headers.get('last-modified'), isLocked, isArchived },
  };
}

type Stored = Awaited<ReturnType<typeof examine>>['stored'];

function sealedFacts(
  { cipher }: InspectDependencies,
  { envelope, kind, keyId }: Extract<Stored, { form: 'sealed' }>,
  sizeBytes: number,
): NonNullable<Inspection['sealed']> {
  const [format, algorithm] = envelope.split(';', 2).map(Number);
  const separator = keyId.lastIndexOf(':');
  return {
    format: format ?? 0,
    algorithm: algorithm ?? 0,
    kind: kind === 's' ? 'single' : 'multipart',
    keyring: keyId.slice(0, separator),
    kekVersion: Number(keyId.slice(separator + 1)),
    layout: cipher.plainSize(sizeBytes) === undefined ? 'marked' : 'regular',
  };
}

function plainSizeOf({ cipher }: InspectDependencies, stored: Stored, sizeBytes: number): number | undefined {
  if (stored.form === 'plain') return sizeBytes;
  return stored.form === 'legacy' ? stored.plainSizeBytes : cipher.plainSize(sizeBytes);
}
