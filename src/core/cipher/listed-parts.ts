/**
 * Every part that a store lists of an upload -> the parts as their client knows them. A layout part that a Complete left
 * behind when it failed is no part of the client's: whoever lists the parts to complete them must not lose one over it.
 */
import type { ClientPart, StoredPart } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { planCompletion } from './completion.ts';
import { MAX_PARTS } from './sizes.ts';
import { partsInSlots } from './slots.ts';

/** Gives the client's view of all parts that a store lists, ascending. What could be one of two parts is left out. */
export function clientParts(stored: readonly StoredPart[]): ClientPart[] {
  // It stands last, or right before a final part.
  for (const candidate of stored.slice(-2)) {
    const others = stored.filter((part) => part !== candidate);
    if (isLayoutOf(candidate, others)) return partsInSlots(others);
  }
  return partsInSlots(stored);
}

function isLayoutOf({ slot, sizeBytes }: StoredPart, others: readonly StoredPart[]): boolean {
  try {
    const named = others.map((part) => {
      const isFinal = part.slot > slot && part.slot < MAX_PARTS;
      return { number: isFinal ? part.slot - 1 : part.slot, etag: part.etag };
    });
    const { layoutPart } = planCompletion(named, others);
    return layoutPart?.slot === slot && layoutPart.sizeBytes === sizeBytes;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}
