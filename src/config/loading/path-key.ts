/** A path as the key of a map. */
export const pathKey = (path: readonly string[]): string => path.join('\0');
