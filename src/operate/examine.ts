/**
 * One stored version as its head describes it: whose it is, by which key version its own key is wrapped, and whether it may
 * be replaced. Needs no key. Unverified: a store can say of an object what it likes until it is opened.
 */
import type { LegacyObjects } from '../contracts/legacy-objects.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';

export interface ExamineDependencies {
  readonly cipher: Pick<ObjectCipher, 'describe'>;
  readonly legacy: Pick<LegacyObjects, 'recognise'> | undefined;
}

/** What a stored object is, as far as its head says. */
export type StoredForm =
  | { readonly form: 'sealed'; readonly envelope: string; readonly kind: 's' | 'm'; readonly keyId: string }
  | { readonly form: 'legacy'; readonly format: string; readonly plainSizeBytes: number | undefined }
  | { readonly form: 'plain' };

export interface Examined {
  readonly stored: StoredForm;
  /** As the store shows it, with its quotes. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly sizeBytes: number;
  /** By a retention that has not ended, or a legal hold. */
  readonly isLocked: boolean;
  /** Whether its body is not at hand: its storage class is an archive. */
  readonly isArchived: boolean;
  readonly headers: ReadonlyMap<string, string>;
}

const ARCHIVES = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** Asks for the head of a version. @throws GatewayError NoSuchKey, IntegrityFailure (no envelope), NotImplemented, what the store says */
export async function examine(
  dependencies: ExamineDependencies,
  session: StoreSession,
  { key, versionId }: { readonly key: string; readonly versionId?: string | undefined },
  nowMs: number,
): Promise<Examined> {
  const query = versionId === undefined ? [] : [['versionId', versionId] as const];
  const { headers } = await session.send({ method: 'HEAD', key, query, headers: {} });
  const size = headers.get('content-length') ?? '';
  // Some stores keep a key that ends in a slash as a folder: nothing is in it, and it has no ETag.
  const etag = headers.get('etag') ?? (size === '0' && key.endsWith('/') ? '""' : undefined);
  if (etag === undefined || !/^\d{1,15}$/.test(size)) {
    throw new GatewayError('InternalError', {
      detail: 'the store describes an object without ETag or size',
    });
  }
  const storageClass = headers.get('x-amz-storage-class') ?? 'STANDARD';
  return {
    stored: formOf(dependencies, session.bucket.name, headers, Number(size)),
    etag,
    versionId: headers.get('x-amz-version-id') ?? versionId,
    sizeBytes: Number(size),
    isLocked: isLocked(headers, nowMs),
    isArchived: ARCHIVES.has(storageClass),
    headers,
  };
}

function formOf(
  { cipher, legacy }: ExamineDependencies,
  bucket: string,
  headers: ReadonlyMap<string, string>,
  sizeBytes: number,
): StoredForm {
  const envelope = headers.get(ENVELOPE_HEADER);
  if (envelope !== undefined) return { form: 'sealed', envelope, ...cipher.describe(envelope) };
  try {
    const recognised = legacy?.recognise(bucket, headers);
    if (recognised === undefined) return { form: 'plain' };
    return { form: 'legacy', format: recognised.format, plainSizeBytes: recognised.plainSize(sizeBytes) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const format = error.code === 'ServiceUnavailable' ? 'legacy-without-seed' : 'legacy-of-another-seed';
    return { form: 'legacy', format, plainSizeBytes: undefined };
  }
}

function isLocked(headers: ReadonlyMap<string, string>, nowMs: number): boolean {
  if (headers.get('x-amz-object-lock-legal-hold') === 'ON') return true;
  const until = headers.get('x-amz-object-lock-retain-until-date');
  // What cannot be read as a time counts as a lock that holds.
  return until !== undefined && !(Date.parse(until) <= nowMs);
}
