/**
 * Places that are shared out before anybody is known: so many in all, and so many for one client address. Enters: whom a
 * place is charged to. Leaves: the way to give it back, or nothing where no place is free. Where no address is known to be
 * a client's own, all share those of the process: what an edge alone could tell apart is not told apart by guessing.
 */
export interface PlaceBounds {
  readonly all: number;
  readonly perAddress: number;
}

export interface Places {
  /** Takes a place; gives the function that gives it back, once. */
  readonly enter: (chargedTo: string | undefined) => (() => void) | undefined;
  readonly taken: () => number;
}

/** Makes the places of one process. */
export function createPlaces({ all, perAddress }: PlaceBounds): Places {
  const held = new Map<string, number>();
  let taken = 0;
  return {
    taken: () => taken,
    enter: (chargedTo) => {
      const own = chargedTo === undefined ? 0 : (held.get(chargedTo) ?? 0);
      if (taken >= all || own >= perAddress) return undefined;
      taken += 1;
      if (chargedTo !== undefined) held.set(chargedTo, own + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        taken -= 1;
        if (chargedTo === undefined) return;
        const rest = (held.get(chargedTo) ?? 1) - 1;
        if (rest === 0) held.delete(chargedTo);
        else held.set(chargedTo, rest);
      };
    },
  };
}
