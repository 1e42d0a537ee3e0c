/**
 * HKDF-SHA256 from a data key, remembered for as long as the data key itself lives: several reads of one object (whose
 * data key the keyring's cache keeps) ask for the same keys. Holds a few derivations per data key, found by everything
 * that went into them.
 * @see RFC 5869
 */
import { hkdfSync, type KeyObject } from 'node:crypto';

const MOST_PER_KEY = 4;
const remembered = new WeakMap<KeyObject, Map<string, unknown>>();

/** Derives `sizeBytes` and gives what `make` makes of them. */
export type Derive = <T>(
  dataKey: KeyObject,
  salt: Buffer,
  info: Buffer,
  sizeBytes: number,
  make: (bytes: Buffer) => T,
) => T;

/** For sealing: every salt is new. */
export const derive: Derive = (dataKey, salt, info, sizeBytes, make) =>
  make(Buffer.from(hkdfSync('sha256', dataKey, salt, info, sizeBytes)));

/** For opening: gives what was made of the same before, where it is remembered. */
export const deriveOnce: Derive = <T>(
  dataKey: KeyObject,
  salt: Buffer,
  info: Buffer,
  sizeBytes: number,
  make: (bytes: Buffer) => T,
): T => {
  let known = remembered.get(dataKey);
  if (known === undefined) remembered.set(dataKey, (known = new Map<string, unknown>()));
  // Every salt is 12 bytes: the border between salt and info is fixed.
  const name = salt.toString('latin1') + info.toString('latin1');
  const kept = known.get(name);
  if (kept !== undefined) return kept as T;
  const made = derive(dataKey, salt, info, sizeBytes, make);
  if (known.size >= MOST_PER_KEY) known.clear();
  known.set(name, made);
  return made;
};
