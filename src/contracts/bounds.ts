/** A whole number that is at least, at most, and usually so much. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly usual: number;
}

/** Tells whether a number is within bounds, both included. */
export const isWithin = (value: number, { min, max }: Omit<Bounds, 'usual'>): boolean => value >= min && value <= max;
