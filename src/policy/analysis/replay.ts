/**
 * A record of the audit in; who asked for what, and every fact that rules may have looked at, out, or the name of the one that
 * the record lacks. And that decided anew by any set of policies, as a request is. It never guesses: where a set looks at
 * something that the record may have left out, there is no decision.
 */
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { AuditIntent } from '../../contracts/audit-sink.ts';
import {
  WAYS_IN,
  type Access,
  type Decision,
  type RequestFacts,
  type StoredFacts,
} from '../../contracts/authorizer.ts';
import { decideTarget } from '../decide-target.ts';
import { TOKEN_KINDS, type ClaimValue, type Principal } from '../../contracts/principal.ts';
import type { TemporaryGrants } from '../../contracts/temporary-grants.ts';
import { OPERATIONS } from '../../s3/operations/operations.ts';
import { VERBS } from '../../s3/operations/verb.ts';
import { createAuthorizer, DEFAULT_DENY } from '../authorizer.ts';
import type { PolicySet } from '../load-policies.ts';
import { GRANT_POLICY } from '../policy-schema.ts';
import { accessAt } from '../policy-tests.ts';
import { unknownRules, type UnknownRule } from './unknown-rules.ts';

/** An access as it was recorded. */
export type RecordedAccess = Omit<AuditIntent, 'entry'> & { readonly clipped?: readonly string[] };

/** What was decided, and by what it was. */
export interface Replay {
  readonly principal: Principal;
  readonly accesses: readonly Access[];
  readonly facts: RequestFacts;
  readonly recorded: Pick<Decision, 'effect' | 'rule' | 'policyVersion'> & { readonly filtered: boolean };
}

/** In words: the first fact that would be needed and is not there. */
export interface Missing {
  readonly missing: string;
}

/** Whether an access is one that policies decide: calls of our STS and commands of operators are not. */
export const isDecidedByPolicies = ({ operation }: Pick<RecordedAccess, 'operation'>): boolean =>
  Object.hasOwn(OPERATIONS, operation);

/** What a decision rests on: cut, it is another one. */
const DECIDES: ReadonlySet<string> = new Set([
  ...['issuer', 'issuerName', 'subject', 'groups', 'claims', 'actor', 'actorIssuer', 'binding'],
  ...['clientAddress', 'contentType', 'bucket', 'key', 'after'],
]);

const texts = z.array(z.string());
const claims = z.custom<Readonly<Record<string, ClaimValue>>>(
  (value) => typeof value === 'object' && value !== null && Object.values(value).every(isClaim),
);
const recordSchema = z.object({
  time: z.string().refine((time) => !Number.isNaN(Date.parse(time))),
  ...{ issuer: z.string(), issuerName: z.string(), subject: z.string(), groups: texts, claims: claims.optional() },
  ...{ actor: z.string().optional(), actorIssuer: z.string().optional(), binding: z.string().optional() },
  ...{ tokenIdHash: z.string(), tokenKind: z.enum(TOKEN_KINDS).optional() },
  ...{ accessKeyId: z.string().optional(), clientAddress: z.string() },
  ...{ wayIn: z.enum(WAYS_IN).optional(), decidedAfterMs: z.number().optional() },
  ...{ size: z.number().optional(), contentType: z.string().optional(), tags: texts.optional() },
  createOnly: z.boolean().optional(),
  ...{ bucket: z.string(), key: z.string(), verbs: z.array(z.enum(VERBS)), after: texts.optional() },
  ...{ decision: z.enum(['allow', 'deny']), rule: z.string(), policyVersion: z.string() },
  filtered: z.literal(true).optional(),
});
type ReadRecord = z.output<typeof recordSchema>;

/** Reads what a record says of an access that policies decided. */
export function replayOf(record: RecordedAccess): Replay | Missing {
  const cut = record.clipped?.find((field) => DECIDES.has(field));
  if (cut !== undefined) return { missing: `${cut}, which was cut` };
  if (record.rule === 'undecided') return { missing: 'a decision' };
  const grant = record.rule.split(', ').find((rule) => rule.startsWith(`${GRANT_POLICY}/`));
  if (grant !== undefined) return { missing: `${grant}, which is of no set of policies` };
  const parsed = recordSchema.safeParse(record);
  if (!parsed.success) return { missing: String(parsed.error.issues[0]?.path[0] ?? 'everything') };
  const { decision: effect, rule, policyVersion, filtered = false } = parsed.data;
  return {
    principal: principalOf(parsed.data),
    accesses: accessesOf(parsed.data),
    facts: factsOf(parsed.data),
    recorded: { effect, rule, policyVersion, filtered },
  };
}

function principalOf({ actor, actorIssuer, ...record }: ReadRecord): Principal {
  const { issuer, issuerName, subject, groups, tokenIdHash, tokenKind, binding, accessKeyId } = record;
  return {
    ...{ issuer, issuerName, subject, groups, claims: record.claims ?? {}, tokenIdHash, expiresAtMs: Infinity },
    ...(actor !== undefined && {
      actor: { subject: actor, ...(actorIssuer !== undefined && { issuer: actorIssuer }) },
    }),
    ...(tokenKind !== undefined && { tokenKind }),
    ...(binding !== undefined && { binding }),
    ...(accessKeyId !== undefined && { accessKeyId }),
  };
}

function accessesOf({ bucket, key, verbs, after = [] }: ReadRecord): readonly Access[] {
  // To list one's own buckets is about none, and asks for nothing in particular.
  if (verbs.length === 0) return bucket === '' ? [] : [{ kind: 'bucket', bucket }];
  return verbs.map((verb) => {
    const access = accessAt(verb, bucket, key);
    return access.kind === 'listing' ? { ...access, after } : access;
  });
}

function factsOf({ time, decidedAfterMs = 0, clientAddress, wayIn, ...record }: ReadRecord): RequestFacts {
  const { size: sizeBytes, contentType, tags, createOnly: createsOnly } = record;
  const stored: StoredFacts = { sizeBytes, contentType, tags: tags && tagsOf(tags), createsOnly };
  return { nowMs: Date.parse(time) + decidedAfterMs, clientAddress, wayIn, stored };
}

function tagsOf(tags: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    tags.map((tag) => {
      const end = tag.indexOf('=');
      return [tag.slice(0, end).replaceAll('%3D', '=').replaceAll('%25', '%'), tag.slice(end + 1)];
    }),
  );
}

function isClaim(value: unknown): value is ClaimValue {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** Sets by which accesses were recorded, remembered with what they look at. */
const MAX_THEN = 16;

/** Decides accesses anew by one set. `then`: the set that decided when it was recorded; `undefined`: it is not known. */
export type Redecide = (replay: Replay, then: PolicySet | undefined) => Decision | Missing;

/** Makes it for a set, and for the grants with an end that hold beside it. */
export function redecideBy(set: PolicySet, grants?: TemporaryGrants): Redecide {
  const authorizer = createAuthorizer({ current: () => set }, grants);
  const known = new LRUCache<string, ReturnType<typeof unknownRules>>({ max: MAX_THEN });
  return (replay, then) => {
    const { principal, accesses, facts, recorded } = replay;
    const budget = budgetOf(then, recorded.rule);
    if (budget !== undefined) return { missing: `what was used of ${budget}` };
    const version = then?.version ?? '';
    const unknown = known.get(version) ?? unknownRules(set, then);
    known.set(version, unknown);
    const decision = decideTarget(authorizer, principal, facts, accesses);
    const unclear = unknown(replay);
    const open = unclear.find((rule) => mayChange(decision, rule));
    if (open === undefined || isFinal(replay, decision, unclear)) return decision;
    return { missing: open.fact };
  };
}

/** The guardrail that stands on record as the rule: what it counted does not. */
function budgetOf(then: PolicySet | undefined, rule: string): string | undefined {
  const names = then?.policies.flatMap(({ id, guardrails = [] }) => guardrails.map((each) => `${id}/${each.id}`));
  return names?.find((name) => name === rule);
}

/** Whether a decision could be another one if it were known whether a rule applies. */
function mayChange({ effect, rule, parts }: Decision, { name, effect: other }: UnknownRule): boolean {
  return parts !== undefined || effect !== other || rule.split(', ').includes(name);
}

/** Whether a rule denies that applies without doubt: of an object, no other rule changes that. */
function isFinal({ accesses }: Replay, { effect, rule }: Decision, unclear: readonly UnknownRule[]): boolean {
  if (effect === 'allow' || rule === DEFAULT_DENY) return false;
  return accesses.every(({ kind }) => kind === 'object') && unclear.every(({ name }) => name !== rule);
}
