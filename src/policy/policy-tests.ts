/**
 * Test cases of policies, as data: who does what on which key, and what must come of it by which rule. Read from files
 * as strictly as policies are, and decided by the same authorizer as requests.
 */
import { z } from 'zod';
import type { Authorizer, RequestFacts } from '../contracts/authorizer.ts';
import { TOKEN_KINDS, type Principal } from '../contracts/principal.ts';
import type { TemporaryGrant } from '../contracts/temporary-grants.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { DecidedAccess } from './analysis/accesses.ts';
import { createAuthorizer } from './authorizer.ts';
import { caseFacts, factsOf, isOfStored } from './case-facts.ts';
import type { AgentClients } from './conditions.ts';
import { InvalidPolicies, type PolicyIssue } from './invalid-policies.ts';
import type { PolicySet } from './load-policies.ts';
import { readDirectory } from './read-directory.ts';
import { readDocument } from './read-document.ts';
import { objectKey, prefixText, verbList } from './rule-schema.ts';
import { isShown } from './scope.ts';
import { always, bucketName, closed, expecting, identifier, issuerName, present, verb } from './schema-parts.ts';

const anyText = (what: string) => z.string({ error: expecting(what) });

// What tokens say is not bound to what policies may say: a case may try a group that no policy could name.
const identity = closed(
  'an identity with issuer, subject and, where they matter, groups, client, claims, tokenKind, actor and role',
  {
    issuer: issuerName,
    subject: anyText('a subject'),
    groups: z.array(anyText('the name of a group'), { error: expecting('a list of groups') }).default([]),
    client: anyText('a client id').optional(),
    claims: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(),
    tokenKind: z.enum(TOKEN_KINDS, { error: `must be one of ${TOKEN_KINDS.join(', ')}` }).optional(),
    actor: anyText('the subject of who acts for it').optional(),
    actorIssuer: anyText('the issuer of who acts for it').optional(),
    role: anyText('the id of the policy that the session was requested with').optional(),
  },
);

const isListing = (does: Verb) => does === 'LIST' || does === 'LIST_VERSIONS';

const names = z.array(anyText('the name of an object'), { error: expecting('a list of names') });

const testCase = closed('a case', {
  who: anyText('one of the identities of this file'),
  does: verb,
  bucket: bucketName,
  key: anyText('the key of an object').optional(),
  prefix: anyText('the prefix of a listing').optional(),
  after: z.array(anyText('a marker of the listing'), { error: expecting('a list of markers') }).optional(),
  facts: caseFacts.optional(),
  shows: names.optional(),
  hides: names.optional(),
  expect: z.enum(['allow', 'deny', 'filtered'], {
    error: 'must be `allow`, `deny` or, of a listing that is shown in parts, `filtered`',
  }),
  rule: anyText('the rule that decides: `<policy id>/<rule id>` or `default-deny`'),
})
  .refine((value) => present(value, ['key', 'prefix']) === 1 || value.does === 'ADMIN', {
    ...always,
    error: 'must have either `key` or `prefix`',
  })
  .refine(({ does, prefix }) => isListing(does) === (prefix !== undefined), {
    error: 'must have `prefix` for LIST and LIST_VERSIONS (empty: the whole bucket), and `key` for every other verb',
  })
  .refine(({ does, key }) => does !== 'ADMIN' || key === undefined, {
    error: 'must have neither `key` nor `prefix` for ADMIN, which is about the bucket itself',
  })
  .refine(({ expect, shows, hides }) => expect === 'filtered' || (shows ?? hides) === undefined, {
    error: 'can have `shows` and `hides`, names that the listing has and has not, with `expect: filtered` only',
  })
  .refine(({ does, facts }) => does === 'PUT' || !isOfStored(facts), {
    path: ['facts'],
    error: 'can have `size`, `contentType`, `tags` and `createOnly` of a PUT only, which alone stores something',
  });

const testGrant = closed('a grant', {
  id: identifier('an id that is unique in this file'),
  to: anyText('one of the identities of this file'),
  verbs: verbList,
  bucket: bucketName,
  prefix: prefixText.optional(),
  key: objectKey.optional(),
  everything: z.literal(true, { error: 'can only be true' }).optional(),
})
  .refine((value) => present(value, ['prefix', 'key', 'everything']) === 1, {
    ...always,
    error: 'must have exactly one of `prefix`, `key`, `everything: true`',
  })
  .refine(({ verbs, everything }) => everything || !verbs.includes('ADMIN'), {
    error: 'names ADMIN, which goes with `everything: true` only',
  });

const agentClients = z.record(
  issuerName,
  z.array(anyText('a client id'), { error: expecting('a list of client ids') }),
  {
    error: expecting('the clients that are agents, by the name of their issuer'),
  },
);

const testsSchema = closed('identities, cases and, where they matter, grants and agentClients', {
  agentClients: agentClients.optional(),
  identities: z.record(z.string(), identity, { error: expecting('identities by name') }),
  grants: z.array(testGrant, { error: expecting('a list of grants') }).default([]),
  cases: z.array(testCase, { error: expecting('a list of cases') }).min(1, 'must hold at least one case'),
}).superRefine(({ identities, grants, cases }, context) => {
  const issue = (path: readonly (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path: [...path], message });
  const unknown = `is not an identity of this file: ${Object.keys(identities).join(', ')}`;
  cases.forEach(({ who }, index) => {
    if (!Object.hasOwn(identities, who)) issue(['cases', index, 'who'], unknown);
  });
  grants.forEach(({ id, to }, index) => {
    const holder = Object.hasOwn(identities, to) ? identities[to] : undefined;
    if (holder === undefined) issue(['grants', index, 'to'], unknown);
    else if (holder.actor !== undefined || holder.role !== undefined) {
      const message = 'has an actor or a role: no grant holds for who acts for somebody, nor in sessions of one policy';
      issue(['grants', index, 'to'], message);
    }
    if (grants.findIndex((each) => each.id === id) !== index) issue(['grants', index, 'id'], 'stands twice');
  });
});

type Identity = z.output<typeof identity>;
type Case = z.output<typeof testCase>;

export interface PolicyTest {
  /** File, number and content of the case in one line. */
  readonly title: string;
  readonly principal: Principal;
  readonly access: DecidedAccess;
  /** What is known of the request; absent: nothing. */
  readonly facts?: RequestFacts;
  /** What is granted to the principal for a time; absent: nothing. */
  readonly grants?: readonly TemporaryGrant[];
  /** Clients that are agents for the cases of its file; absent: those of the set. */
  readonly agents?: AgentClients;
  readonly effect: 'allow' | 'deny' | 'filtered';
  readonly rule: string;
  /** Names that a listing in parts has, and such that it has not. */
  readonly shows?: readonly string[] | undefined;
  readonly hides?: readonly string[] | undefined;
}

export interface PolicyTestReport {
  readonly passed: number;
  /** One line for each case that came out otherwise. */
  readonly failures: readonly string[];
  /** Rules that decided no case: nothing shows that they do what was meant. */
  readonly unproven: readonly string[];
}

/** Reads `*.yaml` of the directory. @throws InvalidPolicies with every issue of every file */
export async function loadPolicyTests(directory: string): Promise<readonly PolicyTest[]> {
  const { files, issues } = await readDirectory(directory);
  const found: PolicyIssue[] = [...issues];
  const tests: PolicyTest[] = [];
  for (const { name, text } of files) {
    const document = readDocument(name, text, () => testsSchema);
    if ('issues' in document) {
      found.push(...document.issues);
      continue;
    }
    const { identities, cases, grants, agentClients: named } = document.value;
    const agents = named && new Map(Object.entries(named).map(([issuer, clients]) => [issuer, new Set(clients)]));
    const principals = new Map(Object.entries(identities).map(([who, each]) => [who, principalOf(each)]));
    cases.forEach((each, index) => {
      const principal = principals.get(each.who);
      if (principal === undefined) return;
      const own = grants.filter(({ to }) => to === each.who).map(grantOf);
      tests.push({
        ...testOf(`${name}: cases[${index}]`, each, principal),
        ...(own.length > 0 && { grants: own }),
        ...(agents && { agents }),
      });
    });
  }
  if (found.length > 0) throw new InvalidPolicies(found);
  return tests;
}

/** Decides every case and says which came out otherwise, in effect or in the rule that decided. */
export function checkPolicyTests(set: PolicySet, tests: readonly PolicyTest[]): PolicyTestReport {
  const granted = new Map(tests.flatMap(({ principal, grants }) => (grants ? [[principal, grants]] : [])));
  const grantsOf = { of: (principal: Principal) => granted.get(principal) ?? NO_GRANTS };
  const authorizers = new Map<AgentClients | undefined, Authorizer>();
  const authorizerWith = (agents: AgentClients | undefined): Authorizer => {
    const held = agents === undefined ? set : { ...set, agents };
    const authorizer = authorizers.get(agents) ?? createAuthorizer({ current: () => held }, grantsOf);
    authorizers.set(agents, authorizer);
    return authorizer;
  };
  const unproven = new Set(set.policies.flatMap(({ id, rules }) => rules.map((rule) => `${id}/${rule.id}`)));
  const failures: string[] = [];
  for (const { title, principal, access, facts, agents, effect, rule, shows = [], hides = [] } of tests) {
    const decision = authorizerWith(agents).decide(principal, access, facts);
    const { parts } = decision;
    for (const named of decision.rule.split(', ')) unproven.delete(named);
    const got = parts === undefined ? decision.effect : 'filtered';
    if (got !== effect || decision.rule !== rule) {
      failures.push(`${title}: expected ${effect} by ${rule}, got ${got} by ${decision.rule}`);
    } else if (parts !== undefined) {
      const wrong = [
        ...shows.flatMap((name) => (isShown(parts, name) ? [] : `hides ${name}`)),
        ...hides.flatMap((name) => (isShown(parts, name) ? `shows ${name}` : [])),
      ];
      if (wrong.length > 0) failures.push(`${title}: the listing ${wrong.join(' and ')}`);
    }
  }
  return { passed: tests.length - failures.length, failures, unproven: [...unproven] };
}

const NO_GRANTS: readonly TemporaryGrant[] = [];

function grantOf({ id, verbs, bucket, prefix = '', key }: z.output<typeof testGrant>): TemporaryGrant {
  return { id, verbs, bucket, scope: key === undefined ? { prefix } : { key }, reason: '' };
}

/** Reads an identity as files of cases have it, from JSON. @throws InvalidPolicies */
export function readIdentity(json: string): Principal {
  const document = readDocument('the identity', json, () => identity);
  if ('issues' in document) throw new InvalidPolicies(document.issues);
  return principalOf(document.value);
}

/** Reads what is known of a request as files of cases have it, from JSON or YAML. @throws InvalidPolicies */
export function readFacts(text: string): RequestFacts {
  const document = readDocument('the facts', text, () => caseFacts);
  if ('issues' in document) throw new InvalidPolicies(document.issues);
  return factsOf(document.value);
}

/** The access of a verb at a key or prefix. */
export function accessAt(does: Verb, bucket: string, path: string): DecidedAccess {
  return accessOf({ does, bucket, key: path, prefix: path });
}

function principalOf(identity: Identity): Principal {
  const { issuer, subject, groups, client, claims = {}, tokenKind, actor, actorIssuer, role } = identity;
  return {
    ...{ issuerName: issuer, issuer, subject, groups, tokenIdHash: '', expiresAtMs: Infinity },
    claims: client === undefined ? claims : { ...claims, client_id: client },
    ...(tokenKind === undefined ? {} : { tokenKind }),
    ...(actor === undefined
      ? {}
      : { actor: { subject: actor, ...(actorIssuer !== undefined && { issuer: actorIssuer }) } }),
    ...(role === undefined ? {} : { binding: role }),
  };
}

function testOf(index: string, each: Case, principal: Principal): PolicyTest {
  const { who, does, bucket, key, prefix, facts, expect, rule, shows, hides } = each;
  const title = `${index} ${who} ${does} ${bucket}/${prefix ?? key ?? ''}`;
  return { title, principal, access: accessOf(each), facts: factsOf(facts), effect: expect, rule, shows, hides };
}

function accessOf({
  does,
  bucket,
  key = '',
  prefix = '',
  after = [],
}: Pick<Case, 'does' | 'bucket' | 'key' | 'prefix' | 'after'>): DecidedAccess {
  if (does === 'LIST' || does === 'LIST_VERSIONS') return { kind: 'listing', verb: does, bucket, prefix, after };
  if (does === 'ADMIN') return { kind: 'admin', verb: does, bucket };
  return { kind: 'object', verb: does, bucket, key };
}
