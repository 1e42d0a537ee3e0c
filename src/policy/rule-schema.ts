/**
 * One rule as a policy file writes it: an effect, verbs, where, and why. Scopes are literal and always written out. The
 * lists that it takes from sets are still references here.
 * @see policies/README.md
 */
import { z } from 'zod';
import { VERBS, type Verb } from '../s3/operations/verb.ts';
import {
  always,
  bucketText,
  claimText,
  closed,
  exactlyOne,
  expecting,
  identifier,
  keyText,
  line,
  present,
} from './schema-parts.ts';
import { conditionsSchema, OF_STORED } from './condition-schema.ts';
import { isVariable } from './template.ts';
import { VERB_GROUP_NAMES, verbsOf, type VerbGroup } from './verb-groups.ts';

const MAX_NAMES = 256;
const MAX_REASON_LENGTH = 300;

/** A list, or the name of the set that holds it. */
export type Names = readonly string[] | { readonly set: string };

/** A list of distinct texts, at least one. */
export const names = (what: string, entry: z.ZodType<string, string>) =>
  z
    .array(entry, { error: expecting(`a list of ${what}`) })
    .min(1, `must hold at least one of the ${what}`)
    .max(MAX_NAMES, `must hold at most ${MAX_NAMES} ${what}`)
    .refine((list) => new Set(list).size === list.length, 'must not hold anything twice')
    .meta({ uniqueItems: true });

const set = closed('a set', { set: identifier('the name of a set') });
const namesOrSet = (what: string, entry: z.ZodType<string, string>) =>
  z.union([names(what, entry), set], { error: expecting(`a list of ${what}, or \`{ set: name }\``) });

export const prefixText = keyText('a prefix that ends in `/`')
  .refine(
    (value) => value.endsWith('/'),
    'must end in `/`: without it `2026` would cover `2026-secret/` too; for one object write `key`, for the whole bucket `everything: true`',
  )
  .meta({ pattern: '/$' });
export const objectKey = keyText('the key of one object');

const VERB_OR_GROUP = z.enum([...VERBS, ...VERB_GROUP_NAMES] as const, {
  error: `must be one of ${VERBS.join(', ')}, in capitals, or one of the groups ${VERB_GROUP_NAMES.join(', ')}`,
});

/** Verbs, and groups of them, as the verbs that they stand for. */
export const verbList = z
  .array(VERB_OR_GROUP, { error: expecting('a list of verbs, such as [GET, PUT, DELETE, LIST]') })
  .min(1, `must name at least one of ${VERBS.join(', ')}`)
  .max(VERBS.length, 'must not name a verb twice')
  .refine(namesNoVerbTwice, 'must not name a verb twice, nor beside a group that holds it')
  .meta({ uniqueItems: true })
  .transform((list): readonly Verb[] => list.flatMap(verbsOf));

function namesNoVerbTwice(list: readonly (Verb | VerbGroup)[]): boolean {
  const expanded = list.flatMap(verbsOf);
  return new Set(expanded).size === expanded.length;
}

/** Verbs that show the names below a prefix, and so have no meaning on one key. */
const LISTING_VERBS: readonly Verb[] = ['LIST', 'LIST_VERSIONS'];

/** Of a rule, or of all rules of a file. */
export const filteredListings = z
  .literal('filtered', { error: 'can only be `filtered`; without it a listing that no rule covers whole is denied' })
  .optional();

const EFFECTS = ['allow', 'deny'] as const;
const BUCKETS = ['bucket', 'buckets'] as const;
const SCOPES = ['prefix', 'prefixes', 'key', 'keys', 'everything'] as const;

export const ruleSchema = closed('a rule', {
  id: identifier('an id that is unique in this policy'),
  allow: verbList.optional(),
  deny: verbList.optional(),
  bucket: bucketText.optional(),
  buckets: z
    .union([z.literal('all'), names('buckets', bucketText), set], {
      error: expecting('a list of buckets, `{ set: name }`, or `all`'),
    })
    .optional(),
  prefix: prefixText.optional(),
  prefixes: namesOrSet('prefixes', prefixText).optional(),
  key: objectKey.optional(),
  keys: namesOrSet('keys', objectKey).optional(),
  everything: z
    .literal(true, { error: 'can only be true; for less than everything write `prefix` or `key`' })
    .optional(),
  each: claimText('the variable that stands for each value of a list')
    .refine((name) => isVariable(name) && name !== 'sub' && name !== 'issuer', {
      error: 'must be `groups` or a claim, such as `claims.teams`',
    })
    .optional(),
  when: conditionsSchema.optional(),
  listing: filteredListings,
  reason: line('a sentence for whoever is denied or allowed', MAX_REASON_LENGTH).optional(),
})
  .refine((value) => present(value, EFFECTS) === 1, { ...always, error: 'must have either `allow` or `deny`' })
  .refine((value) => present(value, BUCKETS) === 1, {
    ...always,
    error: 'must have either `bucket` or `buckets`; every bucket of the configuration is `buckets: all`',
  })
  .refine((value) => present(value, SCOPES) === 1, {
    ...always,
    error:
      'must have exactly one of `prefix`, `prefixes`, `key`, `keys`, `everything: true`: no scope is never taken to mean everything',
  })
  .refine(({ allow, key }) => key === undefined || !lists(allow), { path: ['key'], error: withoutListing('prefix') })
  .refine(({ allow, keys }) => keys === undefined || !lists(allow), {
    path: ['keys'],
    error: withoutListing('prefixes'),
  })
  .refine(({ allow, listing }) => listing === undefined || lists(allow), {
    path: ['listing'],
    error: 'goes with allowing LIST or LIST_VERSIONS: what a deny of these names is shown in no listing',
  })
  .refine(({ allow, deny, everything }) => everything || !(allow ?? deny)?.includes('ADMIN'), {
    error: 'names ADMIN, which is about the bucket itself: it goes with `everything: true` only',
  })
  .refine(({ allow, deny, when }) => isOfPut(allow ?? deny ?? []) || present(when ?? {}, OF_STORED) === 0, {
    path: ['when'],
    error: `has a condition about what is stored (${OF_STORED.join(', ')}), which goes with PUT alone: write a rule of its own`,
  })
  .meta({ allOf: [exactlyOne(EFFECTS), exactlyOne(BUCKETS), exactlyOne(SCOPES)] })
  .transform(({ id, allow, deny, bucket, buckets, prefix, prefixes, key, keys, each, when, listing, reason }) => ({
    id,
    effect: deny === undefined ? ('allow' as const) : ('deny' as const),
    verbs: deny ?? allow ?? [],
    buckets: buckets ?? listOf(bucket),
    within:
      keys !== undefined || key !== undefined
        ? { keys: keys ?? listOf(key) }
        : { prefixes: prefixes ?? [prefix ?? ''] },
    each,
    when,
    listing,
    reason,
  }));

const listOf = (sole: string | undefined): Names => (sole === undefined ? [] : [sole]);

const isOfPut = (verbs: readonly Verb[]): boolean => verbs.every((each) => each === 'PUT');

function lists(allowed: readonly Verb[] | undefined): boolean {
  return LISTING_VERBS.some((each) => allowed?.includes(each));
}

function withoutListing(instead: string): string {
  return `does not go with allowing LIST or LIST_VERSIONS, which show a prefix; write \`${instead}\`, or a rule of its own`;
}

/** A rule as it is written, its references to sets not resolved. */
export type WrittenRule = z.output<typeof ruleSchema>;
