/** Gives what the checks promised; that it is missing would be a defect of theirs. */
export const promised = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('a check of the configuration did not keep its promise');
  return value;
};
