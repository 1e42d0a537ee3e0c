/**
 * The parts of an upload as its records tell them. Enters: what the store lists of the upload and of its folder; any of it may
 * be forged, withheld, or of an attempt that was superseded. Leaves: the parts that are there now and whose record is genuine
 * and of this very attempt; and the part that a client means who names an earlier attempt that brought the same bytes. Pure.
 */
import type { NamedPart, PartRecord, StoredPart, UploadState } from '../contracts/object-cipher.ts';
import type { UploadedPart } from '../s3/documents/multipart.ts';
import type { UploadFolder } from './upload-folder.ts';

export interface KnownPart {
  readonly record: PartRecord;
  /** As the store shows it, unquoted; of a deferred part: in the slot that it is to have. */
  readonly stored: StoredPart;
  readonly lastModified: string;
}

export interface KnownParts {
  /** What is there, by number; the store has another one of the same number where one was sent again across 5 MiB. */
  readonly current: ReadonlyMap<number, readonly KnownPart[]>;
  /** Of these: the one that a client means. */
  readonly named: (part: NamedPart) => KnownPart | undefined;
}

/** Finds the parts that records tell of. */
export function knownParts(
  { openRecord, etagDigest }: UploadState,
  listed: readonly UploadedPart[],
  { records, waiting }: UploadFolder,
): KnownParts {
  const opened = records.map(openRecord).filter((record) => record !== undefined);
  const slots = Map.groupBy(listed, (part) => part.number);
  const current = new Map<number, KnownPart[]>();
  for (const record of opened) {
    const { number, slot, isDeferred } = record;
    const attempts = isDeferred ? [waiting.get(number)] : (slots.get(slot) ?? []);
    const there = attempts.find((one) => one !== undefined && etagDigest(unquoted(one.etag)) === record.etagDigest);
    if (there === undefined) continue;
    const etag = unquoted(there.etag);
    const known = { record, stored: storedPart(slot, etag, there), lastModified: there.lastModified };
    const others = current.get(number) ?? [];
    // A record that stands there twice tells of one part.
    if (!others.some((other) => other.stored.etag === etag && other.stored.slot === slot)) {
      current.set(number, [...others, known]);
    }
  }
  const named = ({ number, etag }: NamedPart): KnownPart | undefined => {
    const there = current.get(number) ?? [];
    const exact = there.find(({ stored }) => stored.etag === unquoted(etag));
    if (exact !== undefined) return exact;
    const digest = etagDigest(unquoted(etag));
    const earlier = opened.find((record) => record.number === number && record.etagDigest === digest);
    return earlier && there.find(({ record }) => isSame(record, earlier));
  };
  return { current, named };
}

/** Whether two attempts brought the same bytes. */
function isSame(one: PartRecord, other: PartRecord): boolean {
  return (
    one.plainSizeBytes === other.plainSizeBytes &&
    one.fingerprint !== undefined &&
    other.fingerprint?.equals(one.fingerprint) === true
  );
}

function storedPart(
  slot: number,
  etag: string,
  { sizeBytes, lastModified }: Pick<UploadedPart, 'sizeBytes' | 'lastModified'>,
): StoredPart {
  const modifiedMs = Date.parse(lastModified);
  return { slot, etag, sizeBytes, ...(Number.isNaN(modifiedMs) ? {} : { modifiedMs }) };
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
