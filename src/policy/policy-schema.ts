/**
 * The policy language: what one policy file, or one file of sets, may say, and how that reads once parsed. Unknown keys
 * refuse; nothing here reads a file. Every message says what would be right.
 * @see policies/README.md
 */
import { z } from 'zod';
import type { Grant } from '../contracts/authorizer.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { Conditions } from './condition-schema.ts';
import { guardrailSchema, type PolicyGuardrail } from './guardrail-schema.ts';
import { filteredListings, names, objectKey, prefixText, ruleSchema } from './rule-schema.ts';
import {
  always,
  bucketText,
  claimText,
  closed,
  exactlyOne,
  expecting,
  identifier,
  isRecord,
  issuerName,
  line,
  present,
  text,
} from './schema-parts.ts';
import { variablesIn } from './template.ts';

/** Bounds of the language: characters or entries. */
const LIMITS = { subjects: 64, claims: 8, rules: 256, guardrails: 8, sets: 64, description: 1000, owner: 200 } as const;

/** A key, or a prefix that ends in `/` (empty: everything). In a rule it may have variables. */
export type Scope = Grant['scope'];

const SELECTORS = ['group', 'subject', 'client', 'claims', 'actor'] as const;
const CLAIM_VALUE = 'a text, a number, `true` or `false`';

const subject = closed('an issuer with a group, subject, client, claims or actor, or with `everybody: true`', {
  issuer: issuerName,
  everybody: z
    .literal(true, {
      error: 'can only be true; for less than everybody name a group, subject, client, claims or actor',
    })
    .optional(),
  group: claimText('the name of a group').optional(),
  subject: claimText('a subject (the `sub` claim)').optional(),
  client: claimText('a client id (the `client_id` claim, or `azp`)').optional(),
  claims: z
    .record(
      claimText('the name of a claim'),
      z.union([claimText('the value of a claim'), z.number(), z.boolean()], { error: expecting(CLAIM_VALUE) }),
      { error: expecting('claims with the value that each must have') },
    )
    .refine((value) => Object.keys(value).length > 0, 'must name at least one claim: none would be anyone')
    .refine((value) => Object.keys(value).length <= LIMITS.claims, `must name at most ${LIMITS.claims} claims`)
    .optional(),
  actor: claimText('the subject of who acts for the caller (`sub` in the `act` claim)').optional(),
  actorIssuer: claimText('the issuer of the actor (`iss` in the `act` claim)').optional(),
})
  .refine(({ actor, actorIssuer }) => actorIssuer === undefined || actor !== undefined, {
    path: ['actorIssuer'],
    error: 'belongs to `actor`; name that too',
  })
  .refine((value) => present(value, SELECTORS) > 0 || value.everybody !== undefined, {
    ...always,
    error: `must name at least one of ${SELECTORS.join(', ')}: an issuer alone would mean everyone that it knows; where that is meant, say \`everybody: true\``,
  })
  .refine((value) => value.everybody === undefined || present(value, SELECTORS) === 0, {
    path: ['everybody'],
    error: `goes with none of ${SELECTORS.join(', ')}, which say who of them is meant`,
  })
  .meta({ anyOf: ['everybody', ...SELECTORS].map((name) => ({ required: [name] })) });

/** The role that a session is requested with to be bound to no single policy, and so the id of none. */
const UNBOUND_ROLE = 'sallyport';

/** What stands before the id of a grant with an end where a decision names it, and so the id of no policy. */
export const GRANT_POLICY = 'grant';

/** One policy file. */
export const policySchema = closed('a policy with id, description, subjects and rules', {
  id: identifier('an id that is unique among the policies')
    .refine(
      (id) => id !== UNBOUND_ROLE,
      `must not be \`${UNBOUND_ROLE}\`, the name of the role of all policies together`,
    )
    .refine((id) => id !== GRANT_POLICY, `must not be \`${GRANT_POLICY}\`: decisions name grants so`)
    .meta({ not: { enum: [UNBOUND_ROLE, GRANT_POLICY] } }),
  description: text('a sentence that says who may do what', LIMITS.description),
  owner: line('whom to ask about this policy, such as an address or a channel', LIMITS.owner).optional(),
  subjects: z
    .array(subject, { error: expecting('a list of subjects') })
    .min(1, 'must name at least one subject')
    .max(LIMITS.subjects, `must hold at most ${LIMITS.subjects} subjects`),
  listing: filteredListings,
  rules: z
    .array(ruleSchema, { error: expecting('a list of rules') })
    .min(1, 'must hold at least one rule')
    .max(LIMITS.rules, `must hold at most ${LIMITS.rules} rules`),
  guardrails: z
    .array(guardrailSchema, { error: expecting('a list of guardrails') })
    .min(1, 'must hold at least one guardrail')
    .max(LIMITS.guardrails, `must hold at most ${LIMITS.guardrails} guardrails`)
    .optional(),
})
  .superRefine(({ rules, guardrails }: { readonly rules: unknown; readonly guardrails?: unknown }, context) => {
    const idsOf = (list: unknown): readonly unknown[] =>
      Array.isArray(list) ? list.map((each: unknown) => (isRecord(each) ? each['id'] : undefined)) : [];
    const places = [
      ...idsOf(rules).map((id, index) => ({ id, list: 'rules', index })),
      ...idsOf(guardrails).map((id, index) => ({ id, list: 'guardrails', index })),
    ];
    for (const { id, list, index } of places) {
      const first = places.find((each) => each.id === id);
      if (id === undefined || first === undefined || (first.list === list && first.index === index)) continue;
      const message = `is also the id of ${first.list}[${first.index}]: ids must be unique, as decisions name them`;
      context.addIssue({ code: 'custom', path: [list, index, 'id'], message });
    }
  }, always)
  .meta({ title: 'Sallyport policy', description: 'One policy: who, and what they may do in which bucket.' });

const KINDS = ['buckets', 'prefixes', 'keys'] as const;

const listSchema = closed('a list of buckets, prefixes or keys', {
  buckets: names('buckets', bucketText).optional(),
  prefixes: names('prefixes', prefixText).optional(),
  keys: names('keys', objectKey).optional(),
})
  .refine((value) => present(value, KINDS) === 1, {
    ...always,
    error: 'must have exactly one of `buckets`, `prefixes`, `keys`',
  })
  .meta(exactlyOne(KINDS));

/** One file of named lists that the rules of all files can refer to. */
export const setsSchema = closed('named lists', {
  sets: z
    .record(identifier('the name of a set'), listSchema, { error: expecting('lists by their names') })
    .refine((value) => Object.keys(value).length > 0, 'must hold at least one set')
    .refine((value) => Object.keys(value).length <= LIMITS.sets, `must hold at most ${LIMITS.sets} sets`),
}).meta({ title: 'Sallyport sets', description: 'Lists of buckets, prefixes or keys that rules refer to by name.' });

/** Which of the two a file is: `sets` stands in no policy. */
export const schemaOf = (value: unknown): typeof policySchema | typeof setsSchema =>
  isRecord(value) && Object.hasOwn(value, 'sets') && !Object.hasOwn(value, 'rules') ? setsSchema : policySchema;

/** A policy as it is written: its references to sets are not resolved. */
export type WrittenPolicy = z.output<typeof policySchema>;
export type WrittenSets = z.output<typeof setsSchema>;
export type NamedList = WrittenSets['sets'][string];
export type Selector = WrittenPolicy['subjects'][number];

/** One rule, deeply readonly by convention: it holds in each of the buckets, in each of the scopes. */
export interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly verbs: readonly Verb[];
  readonly buckets: 'all' | readonly string[];
  readonly scopes: readonly Scope[];
  /** The variable for each value of which the rule stands there once. */
  readonly each: string | undefined;
  /** What else must hold; absent: nothing. */
  readonly when?: Conditions | undefined;
  /** Whether it shows its part of a listing that it does not cover whole. */
  readonly isFiltered: boolean;
  readonly reason: string | undefined;
}

/** The variables of a rule, of all its buckets and scopes together. */
export const variablesOf = ({ buckets, scopes }: Pick<Rule, 'buckets' | 'scopes'>): ReadonlySet<string> =>
  variablesIn([
    ...(buckets === 'all' ? [] : buckets),
    ...scopes.map((scope) => ('key' in scope ? scope.key : scope.prefix)),
  ]);

/** A validated policy, deeply readonly by convention. */
export interface Policy {
  readonly id: string;
  readonly description: string;
  /** Whom those should ask whom it denies something. */
  readonly owner?: string | undefined;
  readonly subjects: readonly Selector[];
  readonly rules: readonly Rule[];
  /** Budgets of those whom it names. */
  readonly guardrails?: readonly PolicyGuardrail[] | undefined;
}

/** The JSON Schema of the files, for editors; `policies/schema.json` is this, and a test holds them together. */
export function policyJsonSchema(): unknown {
  return z.toJSONSchema(z.union([policySchema, setsSchema]), { io: 'input' });
}
