import assert from 'node:assert/strict';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { Verb } from '../../../src/s3/operations/verb.ts';
import type { PolicySet } from '../../../src/policy/load-policies.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { resolveSets } from '../../../src/policy/resolve-sets.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';

/** A rule as a file would have it, without its id. */
export type WrittenRule = Readonly<Record<string, unknown>>;

/** A policy as a file would have it; applies to group `staff` of issuer `demo` unless told otherwise. */
export function written(id: string, rules: readonly WrittenRule[], subjects?: readonly unknown[]): unknown {
  return {
    id,
    description: 'A policy of a test.',
    subjects: subjects ?? [{ issuer: 'demo', group: 'staff' }],
    rules: rules.map((rule, index) => ({ id: `r${index}`, ...rule })),
  };
}

export function setOf(...policies: readonly unknown[]): PolicySet {
  const noSet = (path: unknown) => assert.fail(`a set is named at ${JSON.stringify(path)}`);
  const parsed = policies.map((policy) => resolveSets(policySchema.parse(policy), new Map(), noSet));
  return { version: 'v1', policies: parsed.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

export const authorizerOf = (...policies: readonly unknown[]) => {
  const set = setOf(...policies);
  return createAuthorizer({ current: () => set });
};

export function principalWith(changes: Partial<Principal> = {}): Principal {
  return Object.freeze({
    issuerName: 'demo',
    issuer: 'https://idp.example',
    subject: 'someone',
    groups: ['staff'],
    claims: {},
    tokenIdHash: '00',
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    ...changes,
  });
}

export const on = (verb: Verb, key: string, bucket = 'reports'): Access => ({ kind: 'object', verb, bucket, key });

export const listing = (
  prefix: string,
  after: readonly string[] = [],
  bucket = 'reports',
): Extract<Access, { kind: 'listing' }> => ({ kind: 'listing', verb: 'LIST', bucket, prefix, after });

export const admin = (bucket = 'reports'): Access => ({ kind: 'admin', verb: 'ADMIN', bucket });
