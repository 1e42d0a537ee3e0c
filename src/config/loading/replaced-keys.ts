/** Keys of earlier versions: what takes the place of each, as the end of a sentence. */
import { variableOf } from './keys.ts';

const REPLACED: readonly { readonly path: readonly string[]; readonly instead: string }[] = [
  {
    path: ['limits', 'inFlightPerIdentity'],
    instead: 'callers share `limits.inFlight` fairly, and wait for at most `timeouts.queueMs`; remove it',
  },
];

const messageOf = (instead: string): string => `is not a key any more: ${instead}`;

/** What to say of a key; `undefined`: it never was one. */
export const replacedKey = (path: readonly string[]): string | undefined => {
  const found = REPLACED.find((replaced) => replaced.path.join('.') === path.join('.'));
  return found && messageOf(found.instead);
};

/** The same of its variable. */
export const replacedVariable = (variable: string): string | undefined => {
  const found = REPLACED.find((replaced) => variableOf(replaced.path) === variable);
  return found && messageOf(found.instead);
};
