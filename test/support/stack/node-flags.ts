/** The flags of Node with which the gateway of a checkout starts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..', '..');

/** Reads them off the first line of `bin/sallyport.js`. @throws Error where it names none */
export function nodeFlags(checkout = root): readonly string[] {
  const [, flags] =
    /^#!\/usr\/bin\/env -S node((?: --\S+)+)\n/.exec(readFileSync(join(checkout, 'bin', 'sallyport.js'), 'utf8')) ?? [];
  if (flags === undefined) throw new Error('bin/sallyport.js does not begin with node and its flags');
  return flags.trim().split(' ');
}
