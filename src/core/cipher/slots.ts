/**
 * Which part number of the store a client's part goes to, and back. An ordinary part keeps its number; a final one leaves
 * room before itself for a layout part. Pure arithmetic: what a store lists is read by slot and size alone.
 * @see docs/spec/object-format.md, "Slots"
 */
import type { ClientPart, StoredPart } from '../../contracts/object-cipher.ts';
import { TRAILER_BYTES } from '../../contracts/object-format.ts';
import {
  MAX_PARTS,
  MIN_PART_BYTES,
  ordinaryPlainSize,
  ordinaryStoredSize,
  singlePlainSize,
  singleStoredSize,
} from './sizes.ts';

/** From this stored size on a part is ordinary, or an ambiguous final one. */
const ORDINARY_FROM_BYTES = ordinaryStoredSize(MIN_PART_BYTES);

/** Tells whether a part is a final one of the specification. */
export function isFinalPart(number: number, plainSizeBytes: number): boolean {
  return plainSizeBytes < MIN_PART_BYTES || number === MAX_PARTS;
}

/** Gives the store's part number for a part. */
export function slotOf(number: number, plainSizeBytes: number): number {
  if (!isFinalPart(number, plainSizeBytes) || number === MAX_PARTS) return number;
  return number === 1 && singleStoredSize(plainSizeBytes) < ORDINARY_FROM_BYTES ? 1 : number + 1;
}

/** The plaintext size of what stands in a slot if it is final part `number`; `undefined`: it is not. */
export function finalPlainSize(number: number, { slot, sizeBytes }: StoredPart): number | undefined {
  const plainSizeBytes = singlePlainSize(sizeBytes);
  if (plainSizeBytes === undefined || !isFinalPart(number, plainSizeBytes)) return undefined;
  return slotOf(number, plainSizeBytes) === slot ? plainSizeBytes : undefined;
}

/** The plaintext size of what stands in a slot if it is the ordinary part of that number; `undefined`: it is not. */
export function ordinaryPartSize({ slot, sizeBytes }: StoredPart): number | undefined {
  return slot < MAX_PARTS && sizeBytes >= ORDINARY_FROM_BYTES ? ordinaryPlainSize(sizeBytes) : undefined;
}

/** Gives the client's parts by slots and sizes, ascending, layout parts among them. What could be one of two is left out. */
export function partsInSlots(stored: readonly StoredPart[]): ClientPart[] {
  const sizes = new Map(stored.map(({ slot, sizeBytes }) => [slot, sizeBytes]));
  const found = new Map<number, ClientPart | undefined>();
  for (const part of stored) {
    // Whether it is part k or the newest part k - 1 cannot be told: neither is shown.
    if (mayBeOneOfTwo(part, sizes.get(part.slot - 1))) {
      found.set(part.slot - 1, undefined);
      continue;
    }
    const known = clientPart(part);
    if (known === undefined) continue;
    const { number } = known;
    found.set(number, found.has(number) ? laterOf(found.get(number), known) : known);
  }
  return [...found.values()].filter((part) => part !== undefined).sort((a, b) => a.number - b.number);
}

/** One number in two slots: it was uploaded again with the other role, and the last one counts. */
function laterOf(one: ClientPart | undefined, other: ClientPart): ClientPart | undefined {
  const [first, second] = [one?.stored.modifiedMs, other.stored.modifiedMs];
  if (first === undefined || second === undefined || first === second) return undefined;
  return first > second ? one : other;
}

/**
 * A final part of just under 5 MiB is as large as an ordinary one; but a row of equal parts has ordinary ones only. In the
 * last slot there is part 10,000, or a small part 9,999 where no ordinary one stands in its way.
 */
function mayBeOneOfTwo({ slot, sizeBytes }: StoredPart, sizeBefore: number | undefined): boolean {
  if (slot === MAX_PARTS) {
    const isSmall = (singlePlainSize(sizeBytes) ?? 0) < MIN_PART_BYTES;
    return isSmall && (sizeBefore ?? 0) < ORDINARY_FROM_BYTES;
  }
  const isInDoubt = sizeBytes >= ORDINARY_FROM_BYTES && sizeBytes < ORDINARY_FROM_BYTES + TRAILER_BYTES;
  return isInDoubt && slot > 1 && sizeBytes !== sizeBefore;
}

function clientPart(stored: StoredPart): ClientPart | undefined {
  const { slot, sizeBytes } = stored;
  const isOrdinary = slot < MAX_PARTS && sizeBytes >= ORDINARY_FROM_BYTES;
  const number = isOrdinary || slot === MAX_PARTS ? slot : Math.max(1, slot - 1);
  const plainSizeBytes = isOrdinary ? ordinaryPartSize(stored) : finalPlainSize(number, stored);
  return plainSizeBytes === undefined ? undefined : { number, stored, plainSizeBytes };
}
