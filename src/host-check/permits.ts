/**
 * Permits that are shared out before anybody is known: so many in all, and so many for one client address. Enters: whom a
 * permit is charged to. Leaves: the function that releases it, or nothing where no permit is free. Where no address is known to be
 * a client's own, all share those of the process: what an edge alone could tell apart is not told apart by guessing.
 */
export interface PermitBounds {
  readonly all: number;
  readonly perAddress: number;
}

export interface Permits {
  /** Takes a permit; returns the function that releases it, once. */
  readonly enter: (chargedTo: string | undefined) => (() => void) | undefined;
  readonly inUse: () => number;
}

/** Makes the permits of one process. */
export function createPermits({ all, perAddress }: PermitBounds): Permits {
  const held = new Map<string, number>();
  let inUse = 0;
  return {
    inUse: () => inUse,
    enter: (chargedTo) => {
      const own = chargedTo === undefined ? 0 : (held.get(chargedTo) ?? 0);
      if (inUse >= all || own >= perAddress) return undefined;
      inUse += 1;
      if (chargedTo !== undefined) held.set(chargedTo, own + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        inUse -= 1;
        if (chargedTo === undefined) return;
        const rest = (held.get(chargedTo) ?? 1) - 1;
        if (rest === 0) held.delete(chargedTo);
        else held.set(chargedTo, rest);
      };
    },
  };
}
