/**
 * A directory of policy files in; one validated, versioned set out, or every error at once. Never a part of a set: one
 * bad file refuses them all, since the rule that it holds may be the deny that matters.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CLIENT_CLAIMS } from '../contracts/principal.ts';
import { claimsOf, type AgentClients } from './conditions.ts';
import { InvalidPolicies, type PolicyIssue } from './invalid-policies.ts';
import {
  schemaOf,
  variablesOf,
  type NamedList,
  type Policy,
  type Rule,
  type WrittenPolicy,
  type WrittenSets,
} from './policy-schema.ts';
import { readDirectory, type TextFile } from './read-directory.ts';
import { readDocument, type ReadDocument } from './read-document.ts';
import { resolveSets, type Sets } from './resolve-sets.ts';
import { versionOf } from './set-version.ts';
import { variablesIn } from './template.ts';

/** Bounds the scan of one decision and the memory of a set: one for each bucket, and there for each prefix or key, of a rule. */
const MAX_RULES = 2000;

/** Every policy in force, in the order of their ids. */
export interface PolicySet {
  /** First 12 hex digits of SHA-256 over the names and texts of the files. */
  readonly version: string;
  readonly policies: readonly Policy[];
  /** What `buckets: all` means; absent where the policies are looked at without a configuration: any. */
  readonly buckets?: ReadonlySet<string>;
  /** Clients that count as agents, by the name of their issuer; absent: none. */
  readonly agents?: AgentClients;
}

/** Stands where there is no set, as of a process that previews none. */
export const NO_SET: LoadedPolicies = Object.freeze({ version: '', policies: [], files: [] });

/** A set with the texts that it was read from. */
export interface LoadedPolicies extends PolicySet {
  readonly files: readonly TextFile[];
}

/** What policies may refer to: a name that configuration does not have is a typo, and a typo in a deny denies nothing. */
export interface KnownNames {
  /** Each issuer by name, with the claims that its principals carry. */
  readonly issuers: ReadonlyMap<string, readonly string[]>;
  readonly buckets: readonly string[];
  readonly agents?: AgentClients;
  /** Whether the configuration says where breakers are kept. */
  readonly keepsBreakers?: boolean;
}

/**
 * Reads and validates `*.yaml` of the directory; with `known`, issuers and buckets are checked against it. Between two files
 * others have their turn of the event loop.
 * @throws InvalidPolicies with every issue of every file
 */
export async function loadPolicies(
  directory: string,
  known?: KnownNames,
  read = readDirectory,
): Promise<LoadedPolicies> {
  const { files, issues } = await read(directory);
  const version = versionOf(files);
  const found: PolicyIssue[] = [...issues];
  const documents: ReadDocument<WrittenPolicy | WrittenSets>[] = [];
  for (const { name, text } of files) {
    const document = readDocument(name, text, schemaOf);
    if ('issues' in document) found.push(...document.issues);
    else documents.push(document);
    await nextTurn();
  }
  // What refers to a set of a file that cannot be read is no error of its own.
  const isComplete = found.length === 0;
  const sets = namedSets(documents, found);
  const policies = documents.flatMap(({ value, issueAt, ...document }): ReadDocument<Policy>[] => {
    if ('sets' in value) return [];
    const policy = resolveSets(value, sets, (path, message) => isComplete && found.push(issueAt(path, message)));
    return [{ ...document, issueAt, value: policy }];
  });
  found.push(
    ...policies.flatMap(variableIssues),
    ...acrossFiles(policies),
    ...(known === undefined ? [] : unknownNames(policies, known)),
  );
  if (isComplete && policies.length === 0) found.push({ file: directory, path: '', message: 'holds no policy' });
  // A set that is being written while it is read may be valid and yet lack its last deny.
  if (found.length === 0 && versionOf((await read(directory)).files) !== version) {
    found.push({ file: directory, path: '', message: 'changed while it was read: load it again when it is complete' });
  }
  if (found.length > 0) throw new InvalidPolicies(found, version);
  return {
    version,
    policies: policies.map(({ value }) => value).sort((a, b) => (a.id < b.id ? -1 : 1)),
    ...(known !== undefined && { buckets: new Set(known.buckets) }),
    files,
    ...(known?.agents !== undefined && { agents: known.agents }),
  };
}

function namedSets(documents: readonly ReadDocument<WrittenPolicy | WrittenSets>[], found: PolicyIssue[]): Sets {
  const sets = new Map<string, NamedList>();
  const files = new Map<string, string>();
  for (const { file, value, issueAt } of documents) {
    if (!('sets' in value)) continue;
    for (const [name, list] of Object.entries(value.sets)) {
      const other = files.get(name);
      if (other !== undefined) {
        found.push(issueAt(['sets', name], `is also a set in ${other}: names must be unique`));
        continue;
      }
      files.set(name, file);
      sets.set(name, list);
    }
  }
  return sets;
}

function acrossFiles(documents: readonly ReadDocument<Policy>[]): PolicyIssue[] {
  const issues: PolicyIssue[] = [];
  const seen = new Map<string, string>();
  let rules = 0;
  for (const { file, value, issueAt } of documents) {
    const other = seen.get(value.id);
    if (other === undefined) seen.set(value.id, file);
    else issues.push(issueAt(['id'], `is also the id in ${other}: ids must be unique, as decisions name them`));
    rules += value.rules.reduce((sum, rule) => sum + countOf(rule), 0);
    if (rules > MAX_RULES) {
      const message = `bring the set over ${MAX_RULES} rules in all; a rule counts once for each bucket and each prefix or key`;
      return [...issues, issueAt(['rules'], message)];
    }
  }
  return issues;
}

/** What would make a rule mean nothing, or two callers' places the same. */
function variableIssues({ value, issueAt }: ReadDocument<Policy>): PolicyIssue[] {
  const issuers = new Set(value.subjects.map(({ issuer }) => issuer));
  return value.rules.flatMap((rule, index) => {
    const variables = variablesOf(rule);
    const issues: PolicyIssue[] = [];
    if (rule.each !== undefined && !variables.has(rule.each)) {
      issues.push(
        issueAt(['rules', index, 'each'], `is no variable of this rule: put \${${rule.each}} into its scope`),
      );
    }
    if (variables.has('groups') && rule.each !== 'groups') {
      issues.push(issueAt(['rules', index], 'has `${groups}`, which is a list: add `each: groups`'));
    }
    if (rule.effect === 'allow' && issuers.size > 1 && hasSubjectAlone(rule)) {
      const message =
        'has `${sub}` for subjects of several issuers, who may have the same one: add `${issuer}`, or write a policy for each issuer';
      issues.push(issueAt(['rules', index], message));
    }
    return issues;
  });
}

/** Whether a subject stands somewhere without its issuer. */
function hasSubjectAlone({ buckets, scopes }: Rule): boolean {
  return (buckets === 'all' ? ['all'] : buckets).some((bucket) =>
    scopes.some((scope) => {
      const variables = variablesOf({ buckets: [bucket], scopes: [scope] });
      return variables.has('sub') && !variables.has('issuer');
    }),
  );
}

/** Whether principals can have the claim; one that is an object becomes one for each of its members. */
const isCarried = (claims: readonly string[], claim: string): boolean =>
  claims.some((each) => claim === each || claim.startsWith(`${each}.`));

const countOf = ({ buckets, scopes }: Rule): number => (buckets === 'all' ? 1 : buckets.length) * scopes.length;

function unknownNames(
  documents: readonly ReadDocument<Policy>[],
  { issuers, buckets, agents, keepsBreakers }: KnownNames,
): PolicyIssue[] {
  const issues: PolicyIssue[] = [];
  for (const { value, issueAt, has } of documents) {
    value.subjects.forEach(({ issuer, client, claims: named = {} }, index) => {
      const claims = issuers.get(issuer);
      if (claims === undefined) {
        const message = `is not an issuer of the configuration: ${[...issuers.keys()].join(', ')}`;
        issues.push(issueAt(['subjects', index, 'issuer'], message));
      } else if (client !== undefined && !CLIENT_CLAIMS.some((claim) => claims.includes(claim))) {
        const message = `can match nobody: name ${CLIENT_CLAIMS.join(' or ')} in the claims of issuer ${issuer}`;
        issues.push(issueAt(['subjects', index, 'client'], message));
      }
      for (const claim of Object.keys(named)) {
        if (claims === undefined || isCarried(claims, claim)) continue;
        const message = `can match nobody: issuer ${issuer} carries ${claims.join(', ') || 'no claims'}`;
        issues.push(issueAt(['subjects', index, 'claims', claim], message));
      }
    });
    (value.guardrails ?? []).forEach(({ whenSpent }, index) => {
      if (whenSpent !== 'stop' || keepsBreakers !== false) return;
      const message = 'needs `policies.guardrails` in the configuration, which says how breakers are kept';
      issues.push(issueAt(['guardrails', index, 'whenSpent'], message));
    });
    value.rules.forEach((rule, index) => {
      for (const variable of variablesOf(rule)) {
        const claim = variable.startsWith('claims.') ? variable.slice('claims.'.length) : undefined;
        const without = [...new Set(value.subjects.map(({ issuer }) => issuer))].filter((issuer) => {
          const claims = issuers.get(issuer);
          return claim !== undefined && claims !== undefined && !isCarried(claims, claim);
        });
        if (without.length === 0) continue;
        const message = `has \${${variable}}, and issuer ${without.join(', ')} carries no such claim: name it in the claims of the issuer`;
        issues.push(issueAt(['rules', index], message));
      }
      const untold = [...new Set(value.subjects.map(({ issuer }) => issuer))].filter(
        (issuer) =>
          (agents?.get(issuer)?.size ?? 0) > 0 && !CLIENT_CLAIMS.some((claim) => issuers.get(issuer)?.includes(claim)),
      );
      if (rule.when?.via !== undefined && untold.length > 0) {
        const message = `cannot tell the agents of issuer ${untold.join(', ')}: name ${CLIENT_CLAIMS.join(' or ')} in its claims`;
        issues.push(issueAt(['rules', index, 'when', 'via'], message));
      }
      for (const claim of new Set(claimsOf(rule.when))) {
        // Clients of no agent are told by none of these, and whoever acts for somebody is.
        if (CLIENT_CLAIMS.includes(claim)) continue;
        const without = value.subjects.flatMap(({ issuer }) => {
          const claims = issuers.get(issuer);
          return claims === undefined || isCarried(claims, claim) ? [] : issuer;
        });
        if (without.length === 0) continue;
        const message = `has a condition on ${claim}, and issuer ${[...new Set(without)].join(', ')} carries no such claim: name it in the claims of the issuer`;
        issues.push(issueAt(['rules', index, 'when'], message));
      }
      for (const bucket of rule.buckets === 'all' ? [] : rule.buckets) {
        if (variablesIn([bucket]).size > 0 || buckets.includes(bucket)) continue;
        const hint = bucket === 'all' ? '; every one of them is `buckets: all`' : '';
        const message = `names ${bucket}, which is not a bucket of the configuration: ${buckets.join(', ')}${hint}`;
        const place = has(['rules', index, 'bucket']) ? 'bucket' : 'buckets';
        issues.push(issueAt(['rules', index, place], message));
      }
    });
  }
  return issues;
}
