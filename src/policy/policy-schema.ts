/**
 * The policy language: what one policy file may say, and how that reads once parsed. Unknown keys refuse, scopes are
 * literal and always written out; nothing here reads a file. Every message says what would be right.
 * @see policies/README.md
 */
import { z } from 'zod';
import type { Grant } from '../contracts/authorizer.ts';
import { VERBS, type Verb } from '../s3/operations/verb.ts';

/** Bounds of the language: characters, bytes or entries. */
const LIMITS = {
  subjects: 64,
  claims: 8,
  rules: 256,
  text: 1024,
  reason: 300,
  description: 1000,
  keyBytes: 1024,
} as const;

/** A key, or a prefix that ends in `/` (empty: everything). */
export type Scope = Grant['scope'];

type Message = (issue: { readonly code?: string; readonly input?: unknown }) => string | undefined;

/** Says what a value must be: whether it is missing, and whether YAML took unquoted text for something else. */
export function expecting(what: string): Message {
  return ({ input }) => {
    if (input === undefined) return `is missing: expected ${what}`;
    const scalar = typeof input === 'number' || typeof input === 'boolean' || input === null;
    return `must be ${what}${scalar ? ' (text that looks like a number, true, false or null needs quotes)' : ''}`;
  };
}

/** An object of which every key is known; a typo in a deny must never pass for a deny that matches nothing. */
export function closed<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  const names = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `has unknown ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; known here: ${names}`
        : expecting(what)(issue),
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** For checks that should report beside the errors of single fields, not only once these are gone. */
export const always = { when: ({ value }: { readonly value: unknown }) => isRecord(value) };

/** Counts which of the names are there, with whatever value. A name without a value is not there. */
export const present = (value: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  names.filter((name) => value[name] !== undefined).length;

// What an auditor cannot see must not decide: control characters, line separators, zero-width and bidi characters.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const isVisible = (text: string) => text.isWellFormed() && !INVISIBLE.test(text);
const VISIBLE = 'must not hold control characters, line breaks or other characters that nobody sees';

const text = (what: string, maxLength: number) =>
  z
    .string({ error: expecting(what) })
    .min(1, `must not be empty: expected ${what}`)
    .max(maxLength, `must be at most ${maxLength} characters long`);

const line = (what: string, maxLength: number) =>
  text(what, maxLength)
    .refine(isVisible, VISIBLE)
    .refine((value) => value === value.trim(), 'must not start or end with a space');

const keyText = (what: string) =>
  text(what, LIMITS.keyBytes)
    .refine(isVisible, VISIBLE)
    .refine((value) => Buffer.byteLength(value) <= LIMITS.keyBytes, `must be at most ${LIMITS.keyBytes} bytes long`);

const identifier = (what: string) =>
  text(what, 64).regex(
    /^[a-z0-9][a-z0-9-]*$/,
    'must be lower-case letters, digits and hyphens, such as `never-delete`',
  );

export const bucketName = text('the name of a bucket in the configuration', 63).regex(
  /^[a-z0-9][a-z0-9.-]+[a-z0-9]$/,
  'must be one bucket name in full, such as `reports`; there are no patterns',
);

export const issuerName = line('the name of an issuer in the configuration', LIMITS.text);
const claimText = (what: string) => line(what, LIMITS.text);
export const verb = z.enum(VERBS, { error: `must be one of ${VERBS.join(', ')}, in capitals` });

/** Verbs that show the names below a prefix, and so have no meaning on one key. */
const LISTING_VERBS: readonly Verb[] = ['LIST', 'LIST_VERSIONS'];

const verbs = z
  .array(verb, { error: expecting('a list of verbs, such as [GET, PUT, DELETE, LIST]') })
  .min(1, `must name at least one of ${VERBS.join(', ')}`)
  .max(VERBS.length, 'must not name a verb twice')
  .refine((list) => new Set(list).size === list.length, 'must not name a verb twice')
  .meta({ uniqueItems: true });

const SELECTORS = ['group', 'subject', 'client', 'claims', 'actor'] as const;
const CLAIM_VALUE = 'a text, a number, `true` or `false`';

const subject = closed('an issuer with a group, subject, client, claims or actor', {
  issuer: issuerName,
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
  .refine((value) => present(value, SELECTORS) > 0, {
    ...always,
    error: `must name at least one of ${SELECTORS.join(', ')}: an issuer alone would mean everyone that it knows`,
  })
  .meta({ anyOf: SELECTORS.map((name) => ({ required: [name] })) });

const EFFECTS = ['allow', 'deny'] as const;
const SCOPES = ['prefix', 'key', 'everything'] as const;
const exactlyOne = (names: readonly string[]) => ({ oneOf: names.map((name) => ({ required: [name] })) });

const rule = closed('a rule', {
  id: identifier('an id that is unique in this policy'),
  allow: verbs.optional(),
  deny: verbs.optional(),
  bucket: bucketName,
  prefix: keyText('a prefix that ends in `/`')
    .refine(
      (value) => value.endsWith('/'),
      'must end in `/`: without it `2026` would cover `2026-secret/` too; for one object write `key`, for the whole bucket `everything: true`',
    )
    .meta({ pattern: '/$' })
    .optional(),
  key: keyText('the key of one object').optional(),
  everything: z
    .literal(true, { error: 'can only be true; for less than everything write `prefix` or `key`' })
    .optional(),
  reason: line('a sentence for whoever is denied or allowed', LIMITS.reason).optional(),
})
  .refine((value) => present(value, EFFECTS) === 1, { ...always, error: 'must have either `allow` or `deny`' })
  .refine((value) => present(value, SCOPES) === 1, {
    ...always,
    error: 'must have exactly one of `prefix`, `key`, `everything: true`: no scope is never taken to mean everything',
  })
  .refine(({ allow, key }) => key === undefined || !LISTING_VERBS.some((each) => allow?.includes(each)), {
    path: ['key'],
    error: 'does not go with allowing LIST or LIST_VERSIONS, which show a prefix; write `prefix`, or a rule of its own',
  })
  .refine(({ allow, deny, everything }) => everything || !(allow ?? deny)?.includes('ADMIN'), {
    error: 'names ADMIN, which is about the bucket itself: it goes with `everything: true` only',
  })
  .meta({ allOf: [exactlyOne(EFFECTS), exactlyOne(SCOPES)] })
  .transform(({ id, allow, deny, bucket, prefix, key, reason }) => ({
    id,
    effect: deny === undefined ? ('allow' as const) : ('deny' as const),
    verbs: deny ?? allow ?? [],
    bucket,
    scope: (key === undefined ? { prefix: prefix ?? '' } : { key }) satisfies Scope as Scope,
    reason,
  }));

/** The role that a session is requested with to be bound to no single policy, and so the id of none. */
const UNBOUND_ROLE = 'sallyport';

/** One policy file. */
export const policySchema = closed('a policy with id, description, subjects and rules', {
  id: identifier('an id that is unique among the policies')
    .refine(
      (id) => id !== UNBOUND_ROLE,
      `must not be \`${UNBOUND_ROLE}\`, the name of the role of all policies together`,
    )
    .meta({ not: { const: UNBOUND_ROLE } }),
  description: text('a sentence that says who may do what', LIMITS.description),
  subjects: z
    .array(subject, { error: expecting('a list of subjects') })
    .min(1, 'must name at least one subject')
    .max(LIMITS.subjects, `must hold at most ${LIMITS.subjects} subjects`),
  rules: z
    .array(rule, { error: expecting('a list of rules') })
    .min(1, 'must hold at least one rule')
    .max(LIMITS.rules, `must hold at most ${LIMITS.rules} rules`),
})
  .superRefine(({ rules }: { readonly rules: unknown }, context) => {
    const ids = Array.isArray(rules) ? rules.map((each: unknown) => (isRecord(each) ? each['id'] : undefined)) : [];
    ids.forEach((id, index) => {
      const first = ids.indexOf(id);
      if (id === undefined || first === index) return;
      const message = `is also the id of rules[${first}]: ids must be unique, as decisions name them`;
      context.addIssue({ code: 'custom', path: ['rules', index, 'id'], message });
    });
  }, always)
  .meta({ title: 'Sallyport policy', description: 'One policy: who, and what they may do in which bucket.' });

/** A validated policy, deeply readonly by convention. */
export type Policy = z.output<typeof policySchema>;
export type Rule = Policy['rules'][number];
export type Selector = Policy['subjects'][number];

/** The JSON Schema of a policy file, for editors; `policies/schema.json` is this, and a test holds them together. */
export function policyJsonSchema(): unknown {
  return z.toJSONSchema(policySchema, { io: 'input' });
}
