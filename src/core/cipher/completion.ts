/**
 * What a client names at Complete, and what the store lists -> the parts to name to the store, and the layout part that
 * the object needs, if its layout does not follow from its size. Pure arithmetic; nothing named is taken that the store
 * does not hold with that ETag.
 * @see docs/spec/object-format.md, "Complete"
 */
import type { Completion, NamedPart, PartRun, StoredPart } from '../../contracts/object-cipher.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { runsOf } from './layout.ts';
import { CELL_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { MAX_OBJECT_BYTES, MAX_PARTS, MIN_PART_BYTES, singleStoredSize } from './sizes.ts';
import { finalPlainSize, ordinaryPartSize } from './slots.ts';
import { extensionBytesOf } from './trailer-fields.ts';

export interface LayoutPart {
  readonly slot: number;
  readonly sizeBytes: number;
  readonly runs: readonly PartRun[];
  readonly lastPartNumber: number;
}

export interface CompletionPlan extends Omit<Completion, 'layoutPart'> {
  readonly layoutPart: LayoutPart | undefined;
}

interface FoundPart {
  readonly number: number;
  readonly plainSizeBytes: number;
  readonly isFinal: boolean;
  readonly stored: StoredPart;
}

/** Plans the end of an upload. @throws GatewayError InvalidPart, InvalidPartOrder, EntityTooSmall, EntityTooLarge, InvalidRequest */
export function planCompletion(named: readonly NamedPart[], stored: readonly StoredPart[]): CompletionPlan {
  const parts = findParts(named, stored);
  const last = parts.at(-1);
  if (last === undefined) throw refusal('InvalidRequest', 'no part is named');
  const small = parts.find((part) => part.isFinal && part !== last);
  if (small !== undefined) throw refusal('EntityTooSmall', `part ${small.number} is not the last one`);

  let plainSizeBytes = 0;
  let partBytes = 0;
  for (const part of parts) {
    plainSizeBytes += part.plainSizeBytes;
    partBytes += part.stored.sizeBytes;
  }
  if (plainSizeBytes > MAX_OBJECT_BYTES) throw refusal('EntityTooLarge', `${plainSizeBytes} bytes in all`);
  const runs = runsOf(parts);
  const sizeBytes = last.isFinal
    ? insertedLayoutBytes(parts, last, runs, plainSizeBytes, partBytes)
    : appendedLayoutBytes(runs, plainSizeBytes, partBytes);
  return {
    plainSizeBytes,
    storedSizeBytes: partBytes + sizeBytes,
    parts: parts.map((part) => ({ slot: part.stored.slot, etag: part.stored.etag })),
    layoutPart:
      sizeBytes === 0 ? undefined : { slot: layoutSlot(parts, last), sizeBytes, runs, lastPartNumber: last.number },
  };
}

function findParts(named: readonly NamedPart[], stored: readonly StoredPart[]): FoundPart[] {
  // Some stores list each attempt at a part.
  const slots = Map.groupBy(stored, (part) => part.slot);
  let before = 0;
  return named.map(({ number, etag }) => {
    if (number <= before) throw refusal('InvalidPartOrder', `part ${number} after part ${before}`);
    before = number;
    const found = findPart(number, unquoted(etag), slots);
    if (found === undefined) throw refusal('InvalidPart', `part ${number} is not there with this ETag`);
    return found;
  });
}

function findPart(
  number: number,
  etag: string,
  slots: ReadonlyMap<number, readonly StoredPart[]>,
): FoundPart | undefined {
  const named = (slot: number) => slots.get(slot)?.find((part) => unquoted(part.etag) === etag);
  const own = named(number);
  if (own !== undefined) {
    const plainSizeBytes = ordinaryPartSize(own);
    if (plainSizeBytes !== undefined) return { number, plainSizeBytes, isFinal: false, stored: own };
  }
  for (const slot of finalSlots(number)) {
    const stored = named(slot);
    if (stored === undefined) continue;
    const plainSizeBytes = finalPlainSize(number, stored);
    if (plainSizeBytes !== undefined) return { number, plainSizeBytes, isFinal: true, stored };
  }
  return undefined;
}

function finalSlots(number: number): readonly number[] {
  if (number === MAX_PARTS) return [MAX_PARTS];
  return number === 1 ? [1, 2] : [number + 1];
}

/** Behind the last part, as long as the trailer of a single PUT of this size would need, where the runs fit in. */
function appendedLayoutBytes(runs: readonly PartRun[], plainSizeBytes: number, partBytes: number): number {
  const least = TRAILER_BYTES + extensionBytesOf(runs.length);
  const regular = singleStoredSize(plainSizeBytes) - partBytes;
  return regular >= least ? regular : markedBytes(least, partBytes);
}

/** Before the final part, as large as S3 asks of a part that is not the last; 0 where sizes tell the layout. */
function insertedLayoutBytes(
  parts: readonly FoundPart[],
  last: FoundPart,
  runs: readonly PartRun[],
  plainSizeBytes: number,
  partBytes: number,
): number {
  const isUniform = parts.every(
    (part, index) => part.number === index + 1 && (part === last || part.plainSizeBytes === parts[0]?.plainSizeBytes),
  );
  const isRegular = isUniform && (partBytes === singleStoredSize(plainSizeBytes) || last.number === MAX_PARTS);
  return isRegular
    ? 0
    : markedBytes(Math.max(MIN_PART_BYTES, TRAILER_BYTES + extensionBytesOf(runs.length)), partBytes);
}

/** The smallest layout part of at least so many bytes that gives the object the layout mark. */
function markedBytes(least: number, partBytes: number): number {
  const rest = (partBytes + least - TRAILER_BYTES) % CELL_BYTES;
  return least + ((1 - rest + CELL_BYTES) % CELL_BYTES);
}

function layoutSlot(parts: readonly FoundPart[], last: FoundPart): number {
  if (!last.isFinal) return last.number + 1;
  const slot = last.stored.slot - 1;
  if (parts.some(({ stored }) => stored.slot === slot)) {
    throw refusal('InvalidRequest', `no slot is left for the layout of parts up to ${last.number}`);
  }
  return slot;
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

function refusal(code: ErrorCode, detail: string): GatewayError {
  return new GatewayError(code, { detail });
}
