/**
 * Grants in; inline session policies for STS out. Never wider than the grants: what IAM cannot say, or has no room for,
 * is narrowed step by step, at last to the accesses that were requested, and refused where even these cannot be said.
 */
import type { Access, Grant } from '../contracts/authorizer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { coversListing, granted, holds, overlap, type Scope } from './granted.ts';
import { actionsNeedingAny, type ListingVerb } from './iam-actions.ts';
import { iamDialect, type IamDialect, type IamTraits } from './iam-dialect.ts';
import {
  adminStatement,
  exactStatements,
  inKnownActions,
  listingStatements,
  objectStatements,
  verbsByKey,
  type Statement,
} from './policy-statements.ts';

export interface SessionPoliciesOptions {
  /** ARN of the bucket in the store. */
  readonly bucketArn: string;
  readonly iam: IamTraits;
}

/** What a policy says of one bucket. */
export interface PolicyPart {
  readonly statements: readonly Statement[];
  /** Whether the statements say all of these, given that the grants allow them. */
  readonly covers: (accesses: readonly Access[]) => boolean;
}

/** From wide to narrow; `undefined` where IAM cannot say the denies. */
export interface SessionPolicies {
  /** All that the grants allow, as far as IAM can say it. */
  readonly shared: PolicyPart | undefined;
  /** The same of those verbs only that the accesses ask for. */
  readonly ofVerbs: (accesses: readonly Access[]) => PolicyPart | undefined;
  /** Of these, only the allows that cover one of the accesses. */
  readonly ofRules: (accesses: readonly Access[]) => PolicyPart | undefined;
  /** These accesses and nothing else. @throws GatewayError AccessDenied (not granted, or IAM cannot say one of them) */
  readonly exact: (accesses: readonly Access[]) => PolicyPart;
}

/**
 * Works out the policies of one group of grants in one bucket.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function sessionPolicies(grants: readonly Grant[], options: SessionPoliciesOptions): SessionPolicies {
  const { bucketArn } = options;
  const dialect = iamDialect(options.iam);
  // As many as there are kinds of request.
  const known = new Map<string, PolicyPart | undefined>();

  return {
    shared: partOf(grants, bucketArn, dialect),
    ofVerbs: (accesses) => {
      const key = verbsOf(accesses).sort().join();
      if (!known.has(key)) known.set(key, partOf(requestedGrants(grants, accesses), bucketArn, dialect));
      return known.get(key);
    },
    ofRules: (accesses) => {
      const relevant = requestedGrants(grants, accesses).filter(
        (grant) => grant.effect === 'deny' || accesses.some((access) => granted([grant], access)),
      );
      return partOf(relevant, bucketArn, dialect);
    },
    exact: (accesses) => {
      if (!accesses.every((access) => granted(grants, access))) throw refused('no grant covers this access');
      const statements = exactStatements(accesses, bucketArn, dialect);
      if (statements === undefined) throw refused("the store's IAM cannot name this key or prefix literally");
      return { statements: inKnownActions(statements, bucketArn, dialect), covers: () => true };
    },
  };
}

/** Puts parts together. AssumeRole takes no characters beyond U+00FF, and some stores no spaces: visible ASCII only. */
export function policyDocument(parts: readonly PolicyPart[]): string {
  const document = { Version: '2012-10-17', Statement: parts.flatMap(({ statements }) => statements) };
  return JSON.stringify(document).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const refused = (detail: string) => new GatewayError('AccessDenied', { detail });

const verbsOf = (accesses: readonly Access[]): Verb[] => [
  ...new Set(accesses.flatMap((access) => (access.kind === 'bucket' ? [] : access.verb))),
];

function requestedGrants(grants: readonly Grant[], accesses: readonly Access[]): readonly Grant[] {
  const verbs = verbsOf(accesses);
  return grants.map((grant) => ({ ...grant, verbs: grant.verbs.filter((verb) => verbs.includes(verb)) }));
}

function partOf(grants: readonly Grant[], bucketArn: string, dialect: IamDialect): PolicyPart | undefined {
  const allows = grants.filter(({ effect }) => effect === 'allow');
  const denies = grants.filter(({ effect }) => effect === 'deny');
  const objects = allows
    .filter(({ scope }) => dialect.resource(bucketArn, scope) !== undefined)
    .map(({ verbs, scope }) => ({ actions: dialect.actions(verbs), scope }));
  const denials = denies.map(({ verbs, scope }) => {
    const allowedActions = new Set(objects.flatMap((allow) => (overlap(allow.scope, scope) ? allow.actions : [])));
    return { actions: actionsNeedingAny(verbs).filter((action) => allowedActions.has(action)), scope };
  });
  const isExpressible = denials.every(
    ({ actions, scope }) => actions.length === 0 || dialect.resource(bucketArn, scope) !== undefined,
  );
  if (!isExpressible) return undefined;
  // IAM can deny the prefix that is requested, but not the keys that a wider listing would show. So an allow of which a
  // deny takes any part is not said here; the listings that it still allows are named one by one.
  const scopesListed = (verb: ListingVerb): readonly Scope[] => {
    const hidden = denies.filter(({ verbs }) => verbs.includes(verb));
    return allows.flatMap(({ verbs, scope }) => {
      const listed = verbs.includes(verb) && dialect.anyPrefix(scope) !== undefined;
      return listed && !hidden.some((deny) => overlap(deny.scope, scope)) ? [scope] : [];
    });
  };
  const listed = { LIST: scopesListed('LIST'), LIST_VERSIONS: scopesListed('LIST_VERSIONS') };
  const administers = granted(grants, { kind: 'admin', verb: 'ADMIN', bucket: '' });

  const says = (access: Access): boolean => {
    switch (access.kind) {
      case 'bucket':
        return false;
      // A document has an action of its own, which would make every policy longer.
      case 'admin':
        return administers && access.document === undefined;
      case 'listing':
        // For uploads there is no condition on the prefix, so it must be everything or nothing.
        return listed[access.verb].some((scope) => coversListing(scope, access.uploads === true ? '' : access.prefix));
      case 'object':
        return true;
    }
  };

  const statements = [
    ...objectStatements('Allow', objects, bucketArn, dialect),
    ...listingStatements('LIST', listed.LIST, bucketArn, dialect),
    ...listingStatements('LIST_VERSIONS', listed.LIST_VERSIONS, bucketArn, dialect),
    ...(administers ? [adminStatement(bucketArn)] : []),
    ...objectStatements('Deny', denials, bucketArn, dialect),
  ];
  return {
    statements: inKnownActions(statements, bucketArn, dialect),
    covers: (accesses) =>
      accesses.every(says) &&
      [...verbsByKey(accesses)].every(([key, verbs]) => {
        const holding = objects.filter(({ scope }) => holds(scope, key));
        return dialect.actions(verbs).every((action) => holding.some(({ actions }) => actions.includes(action)));
      }),
  };
}
