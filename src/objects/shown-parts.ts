/**
 * The parts of an upload in progress in the client's view. Enters: what the store lists. Leaves: numbers, plaintext sizes, and
 * the checksums that were verified. Where records tell of a part they are believed, else its slot and size. Pure.
 */
import type { ClientPart, ObjectCipher, UploadState } from '../contracts/object-cipher.ts';
import type { Checksum, MultipartChecksum } from '../s3/body/checksums.ts';
import type { UploadedPart } from '../s3/documents/multipart.ts';
import { knownParts, type KnownPart } from './known-parts.ts';
import type { UploadFolder } from './upload-folder.ts';

export type ShownPart = ClientPart & { readonly lastModified: string; readonly checksum?: Checksum };

/** Gives the parts by their slots and sizes alone. */
export function partsBySize(cipher: Pick<ObjectCipher, 'clientParts'>, all: readonly UploadedPart[]): ShownPart[] {
  const listed = lastAttempts(all);
  const modified = new Map(listed.map(({ number, lastModified }) => [number, lastModified]));
  const stored = listed.map(({ number, etag, sizeBytes, lastModified }) => {
    const modifiedMs = Date.parse(lastModified);
    return { slot: number, etag, sizeBytes, ...(Number.isNaN(modifiedMs) ? {} : { modifiedMs }) };
  });
  return cipher.clientParts(stored).map((part) => ({ ...part, lastModified: modified.get(part.stored.slot) ?? '' }));
}

/** Gives the parts by their records; one without a record only where none is requested at Complete. */
export function partsByRecord(
  cipher: Pick<ObjectCipher, 'clientParts'>,
  state: UploadState,
  listed: readonly UploadedPart[],
  folder: UploadFolder,
): { readonly parts: ShownPart[]; readonly checksum?: MultipartChecksum } {
  const { current } = knownParts(state, listed, folder);
  const declared = state.terms.checksum;
  const recorded = [...current.values()].flatMap((parts) => latestOf(parts) ?? []).map(shown);
  if (declared !== undefined) return { parts: inOrder(recorded), checksum: declared };
  const slots = new Set(recorded.map(({ stored }) => stored.slot));
  const others = partsBySize(cipher, listed).filter(
    ({ number, stored }) => !current.has(number) && !slots.has(stored.slot),
  );
  return { parts: inOrder([...recorded, ...others]) };
}

function inOrder(parts: ShownPart[]): ShownPart[] {
  return parts.sort((one, other) => one.number - other.number);
}

/** Some stores list each attempt at a part: the one that they list last of the latest. */
function lastAttempts(listed: readonly UploadedPart[]): UploadedPart[] {
  return [...Map.groupBy(listed, ({ number }) => number).values()].flatMap(
    (attempts) => attempts.toSorted((one, other) => modifiedMs(one) - modifiedMs(other)).at(-1) ?? [],
  );
}

function modifiedMs({ lastModified }: UploadedPart): number {
  return Date.parse(lastModified) || 0;
}

/** The store dates them; of two that it dates alike none can be said to be the one. */
function latestOf(parts: readonly KnownPart[]): KnownPart | undefined {
  const [first, second] = parts.toSorted((one, other) => (other.stored.modifiedMs ?? 0) - (one.stored.modifiedMs ?? 0));
  return second !== undefined && second.stored.modifiedMs === first?.stored.modifiedMs ? undefined : first;
}

function shown({ record, stored, lastModified }: KnownPart): ShownPart {
  const { number, plainSizeBytes, checksum } = record;
  return { number, plainSizeBytes, stored, lastModified, ...(checksum === undefined ? {} : { checksum }) };
}
