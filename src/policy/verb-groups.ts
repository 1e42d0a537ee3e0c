/**
 * Names for several verbs at once. What a group stands for is fixed here and expanded when a policy is read: decisions,
 * grants and whatever prints them name verbs. No group holds ADMIN, DELETE_VERSION or a change of ACLs and locks, which
 * are granted and denied only by their own names.
 */
import type { Verb } from '../s3/operations/verb.ts';

export const VERB_GROUPS = {
  read: ['GET', 'GET_TAGS'],
  write: ['PUT', 'PUT_TAGS'],
  list: ['LIST'],
  delete: ['DELETE'],
  versions: ['GET_VERSION', 'LIST_VERSIONS'],
} as const satisfies Readonly<Record<string, readonly Verb[]>>;

export type VerbGroup = keyof typeof VERB_GROUPS;

/** The names of the groups, in the order in which they are documented. */
export const VERB_GROUP_NAMES = Object.keys(VERB_GROUPS) as readonly VerbGroup[];

/** The verbs that a verb or group stands for. */
export const verbsOf = (name: Verb | VerbGroup): readonly Verb[] =>
  Object.hasOwn(VERB_GROUPS, name) ? VERB_GROUPS[name as VerbGroup] : [name as Verb];
