/**
 * What a rule may make itself depend on: a closed list, each with a type of its own. What leaves is plain data that says what
 * the file says; what a condition means is in conditions.ts.
 * @see policies/README.md
 */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { WAYS_IN } from '../contracts/authorizer.ts';
import { TOKEN_KINDS } from '../contracts/principal.ts';
import { claimText, closed, expecting, present, text } from './schema-parts.ts';

const MAX_ENTRIES = 64;
const MAX_SHORT_LENGTH = 128;
const MAX_TAG_VALUE_LENGTH = 256;
const MAX_TAGS = 10;

const list = <Entry extends z.ZodType>(what: string, entry: Entry) =>
  z
    .array(entry, { error: expecting(`a list of ${what}`) })
    .min(1, `must hold at least one of the ${what}`)
    .max(MAX_ENTRIES, `must hold at most ${MAX_ENTRIES} ${what}`);

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/;
const INSTANT_RULE = 'must be a time with its offset, such as `2026-12-31T18:00:00+01:00` or `2026-12-31T17:00:00Z`';

/** A time with its offset, as milliseconds since 1970. */
export const instant = z
  .string({ error: () => INSTANT_RULE })
  .regex(INSTANT, { error: INSTANT_RULE, abort: true })
  .refine((value) => !Number.isNaN(Date.parse(value)), INSTANT_RULE)
  .transform((value) => Date.parse(value));

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const TIME_RULE = 'must be a time of the day in quotes, such as `"08:00"`';
const timeOfDay = z
  .string({ error: () => TIME_RULE })
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, TIME_RULE)
  .transform((value) => Number(value.slice(0, 2)) * 60 + Number(value.slice(3)));

const timeZone = text('a time zone, such as `Europe/Zurich` or `UTC`', MAX_SHORT_LENGTH).refine((zone) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}, 'is no time zone that is known here, such as `Europe/Zurich` or `UTC`');

const hours = closed('hours with from, to, timeZone and, where not every day is meant, days', {
  days: list('days', z.enum(DAYS, { error: `must be one of ${DAYS.join(', ')}` })).optional(),
  from: timeOfDay,
  to: timeOfDay,
  timeZone,
}).refine(({ from, to }) => from < to, {
  path: ['to'],
  error: 'must be later than `from`; for a night write two rules',
});

const NETWORK_RULE = 'must be a network, such as `10.0.0.0/8` or `2001:db8::/32`; one address is `/32` or `/128`';
const network = z.string({ error: () => NETWORK_RULE }).refine((value) => {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(value) ?? [];
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}, NETWORK_RULE);

const DURATION_RULE = 'must be a number with its unit, such as `90s`, `15m`, `8h` or `30d`';
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
export const duration = z
  .string({ error: () => DURATION_RULE })
  .regex(/^[1-9]\d{0,5}[smhd]$/, DURATION_RULE)
  .transform((value) => Number(value.slice(0, -1)) * UNIT_MS[value.slice(-1) as keyof typeof UNIT_MS]);

const SIZE_RULE = 'must be a number of bytes, or one with its unit, such as `10 MiB`';
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
/** A size, as a number of bytes. */
export const bytes = z
  .union(
    [
      z
        .number()
        .int()
        .min(0)
        .max(2 ** 50),
      z.string().regex(/^\d{1,6} ?(?:KiB|MiB|GiB|TiB)$/),
    ],
    {
      error: SIZE_RULE,
    },
  )
  .transform((value) => {
    if (typeof value === 'number') return value;
    const [, count = '', unit = ''] = /^(\d+) ?(\w+)$/.exec(value) ?? [];
    return Number(count) * (SIZE_UNITS[unit] ?? NaN);
  });

const size = closed('a size with min, max or both', { min: bytes.optional(), max: bytes.optional() })
  .refine((value) => present(value, ['min', 'max']) > 0, 'must have `min`, `max` or both')
  .refine(({ min = 0, max = Infinity }) => min <= max, { path: ['max'], error: 'must not be less than `min`' });

const contentType = z
  .string({ error: expecting('a content type, such as `image/png` or `image/*`') })
  .regex(
    /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/,
    'must be a content type in small letters without parameters, such as `image/png`, or all of one kind, such as `image/*`',
  );

/** Tags of an object, by key. */
export const tagSet = z
  .record(
    text('the key of a tag', MAX_SHORT_LENGTH),
    z.string({ error: expecting('the value of a tag') }).max(MAX_TAG_VALUE_LENGTH),
    { error: expecting('tags, each with its value') },
  )
  .refine((value) => Object.keys(value).length <= MAX_TAGS, `must name at most ${MAX_TAGS} tags`);

const CREATE_ONLY = 'can only be true: the object must not be there yet (`If-None-Match: *`)';

export const conditionsSchema = closed('conditions', {
  from: instant.optional(),
  until: instant.optional(),
  hours: hours.optional(),
  networks: list('networks', network).optional(),
  acr: list('authentication contexts (the `acr` claim)', claimText('an authentication context')).optional(),
  amr: list('authentication methods (the `amr` claim)', claimText('an authentication method')).optional(),
  authenticatedWithin: duration.optional(),
  tokenKind: list(
    'kinds of tokens',
    z.enum(TOKEN_KINDS, { error: `must be one of ${TOKEN_KINDS.join(', ')}` }),
  ).optional(),
  wayIn: list('ways in', z.enum(WAYS_IN, { error: `must be one of ${WAYS_IN.join(', ')}` })).optional(),
  via: z
    .literal('agent', { error: 'can only be `agent`: whoever acts for somebody, or an agent of the configuration' })
    .optional(),
  size: size.optional(),
  contentTypes: list('content types', contentType).optional(),
  tags: tagSet.refine((value) => Object.keys(value).length > 0, 'must name at least one tag').optional(),
  createOnly: z.literal(true, { error: CREATE_ONLY }).optional(),
})
  .refine((value) => Object.values(value).some((each) => each !== undefined), 'must hold at least one condition')
  .refine(({ from = -Infinity, until = Infinity }) => from < until, {
    path: ['until'],
    error: 'must be later than `from`: the rule would never apply',
  });

/** The conditions of a rule as data: times in milliseconds, times of the day in minutes, sizes in bytes. */
export type Conditions = z.output<typeof conditionsSchema>;
export type ConditionName = keyof Conditions;

/** Conditions about what a PUT stores. */
export const OF_STORED: readonly ConditionName[] = ['size', 'contentTypes', 'tags', 'createOnly'];
