/**
 * A guardrail as a policy file writes it: budgets of one window for those whom the policy names. What leaves is plain data
 * that says what the file says.
 * @see docs/guardrails.md
 */
import { z } from 'zod';
import { MEASURES, type Guardrail } from '../contracts/guardrails.ts';
import { bytes, duration } from './condition-schema.ts';
import { always, closed, expecting, identifier, present } from './schema-parts.ts';

const MAX_COUNT = 1_000_000_000;
/** Each that was touched is remembered. */
const MAX_KEYS = 10_000;
const MAX_WINDOW_MS = 31 * 86_400_000;

const upTo = (what: string, max: number) =>
  z
    .number({ error: expecting(`a number of ${what}`) })
    .int(`must be a whole number of ${what}`)
    .min(1, 'must be at least 1; what may never be done is a rule that denies it')
    .max(max, `must be at most ${max}`);

export const guardrailSchema = closed('a guardrail', {
  id: identifier('an id that is unique in this policy'),
  per: z.enum(['identity', 'policy'], {
    error: 'must be `identity` (each has budgets of its own) or `policy` (all whom the policy names share them)',
  }),
  window: duration.refine((ms) => ms <= MAX_WINDOW_MS, 'must be at most `31d`'),
  requests: upTo('requests', MAX_COUNT).optional(),
  deletes: upTo('deletions', MAX_COUNT).optional(),
  overwrites: upTo('writes that may overwrite', MAX_COUNT).optional(),
  keys: upTo('distinct keys', MAX_KEYS).optional(),
  read: bytes.refine((value) => value > 0, 'must be at least 1').optional(),
  written: bytes.refine((value) => value > 0, 'must be at least 1').optional(),
  whenSpent: z.enum(['stop', 'wait'], {
    error:
      'must be `wait` (refused until the window has ended) or `stop` (refused until a person has closed the breaker)',
  }),
})
  .refine((value) => present(value, MEASURES) > 0, {
    ...always,
    error: `must have at least one budget: ${MEASURES.join(', ')}`,
  })
  .meta({ anyOf: MEASURES.map((name) => ({ required: [name] })) })
  .transform(({ id, per, window, whenSpent, ...limits }) => ({ id, per, windowMs: window, limits, whenSpent }));

/** A guardrail of a policy, under its own id. */
export type PolicyGuardrail = Omit<Guardrail, 'name' | 'owner'> & { readonly id: string };
