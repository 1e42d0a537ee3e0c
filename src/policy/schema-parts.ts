/**
 * What schemas of policies, sets and cases are made of: closed objects, texts that people can read, names. Every message
 * says what would be right.
 */
import { z } from 'zod';
import { VERBS } from '../s3/operations/verb.ts';
import { parseTemplate, type Template } from './template.ts';

const MAX_TEXT_LENGTH = 1024;
const MAX_KEY_BYTES = 1024;

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

/** Tells whether it is an object; a list is one too. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** For checks that should report beside the errors of single fields, not only once these are gone. */
export const always = { when: ({ value }: { readonly value: unknown }) => isRecord(value) };

/** Counts which of the names are there, with whatever value. A name without a value is not there. */
export const present = (value: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  names.filter((name) => value[name] !== undefined).length;

/** The JSON Schema of an object that has exactly one of these. */
export const exactlyOne = (names: readonly string[]) => ({ oneOf: names.map((name) => ({ required: [name] })) });

// What an auditor cannot see must not decide: control characters, line separators, zero-width and bidi characters.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const isVisible = (value: string) => value.isWellFormed() && !INVISIBLE.test(value);
const VISIBLE = 'must not hold control characters, line breaks or other characters that nobody sees';

/** A text that is not empty. */
export const text = (what: string, maxLength: number) =>
  z
    .string({ error: expecting(what) })
    .min(1, `must not be empty: expected ${what}`)
    .max(maxLength, `must be at most ${maxLength} characters long`);

/** A text on one line. */
export const line = (what: string, maxLength: number) =>
  text(what, maxLength)
    .refine(isVisible, VISIBLE)
    .refine((value) => value === value.trim(), 'must not start or end with a space');

/** A key of an object, or the beginning of one; it may have variables. */
export const keyText = (what: string) =>
  text(what, MAX_KEY_BYTES)
    .refine(isVisible, VISIBLE)
    .refine((value) => Buffer.byteLength(value) <= MAX_KEY_BYTES, `must be at most ${MAX_KEY_BYTES} bytes long`)
    .superRefine((value, context) => {
      const template = parseTemplate(value);
      if ('problem' in template) context.addIssue({ code: 'custom', message: template.problem });
    });

/** The id of a policy or rule, or the name of a set. */
export const identifier = (what: string) =>
  text(what, 64).regex(
    /^[a-z0-9][a-z0-9-]*$/,
    'must be lower-case letters, digits and hyphens, such as `never-delete`',
  );

/** Characters of the longest name of a bucket. */
export const MAX_BUCKET_NAME_LENGTH = 63;
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const BUCKET = 'the name of a bucket in the configuration';
const BUCKET_RULE = 'must be one bucket name in full, such as `reports`; there are no patterns';

/** Tells whether a bucket can have this name. */
export const isBucketName = (name: string): boolean => BUCKET_NAME.test(name);

export const bucketName = text(BUCKET, MAX_BUCKET_NAME_LENGTH).regex(BUCKET_NAME, BUCKET_RULE);

/** The name of a bucket, or one with a variable in it. */
export const bucketText = text(BUCKET, MAX_TEXT_LENGTH)
  .superRefine((value, context) => {
    const template = parseTemplate(value);
    const message = 'problem' in template ? template.problem : bucketProblem(value, template);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .meta({ pattern: '^[a-z0-9$]' });

function bucketProblem(value: string, { literals, variables }: Template): string | undefined {
  if (variables.length === 0) return isBucketName(value) ? undefined : BUCKET_RULE;
  if (variables.length > 1) return 'must have one variable at most';
  // Whatever stands for the variable: what it makes is looked at again.
  return isBucketName(literals.join('a0a')) ? undefined : BUCKET_RULE;
}

export const issuerName = line('the name of an issuer in the configuration', MAX_TEXT_LENGTH);
export const claimText = (what: string) => line(what, MAX_TEXT_LENGTH);
export const verb = z.enum(VERBS, { error: `must be one of ${VERBS.join(', ')}, in capitals` });
