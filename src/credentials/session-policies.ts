/**
 * Grants in; inline session policies for STS out. Never wider than the grants: what IAM cannot say, or has no room for,
 * is narrowed to the one access that was asked for, and refused where even that cannot be said.
 */
import type { Access, Grant } from '../contracts/authorizer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Verb } from '../s3/operations.ts';
import { iamDialect, type IamDialect } from './iam-dialect.ts';

/** What AssumeRole takes, in characters. */
const MAX_POLICY_LENGTH = 2048;

/** LIST is about the bucket and stands apart. HeadObject needs s3:GetObject. */
const OBJECT_ACTIONS: Readonly<Record<Exclude<Verb, 'LIST'>, readonly string[]>> = {
  GET: ['s3:GetObject'],
  PUT: ['s3:PutObject'],
  DELETE: ['s3:DeleteObject'],
};

export interface SessionPoliciesOptions {
  /** ARN of the bucket in the store. */
  readonly bucketArn: string;
  /** Whether the store's IAM takes `${*}`, `${?}` and `${$}` for the characters themselves, as AWS does. */
  readonly iamEscapes: boolean;
}

export interface SessionPolicies {
  /** All that the grants allow, as far as IAM can say it; `undefined` where it cannot, or has no room for it. */
  readonly shared: string | undefined;
  /** Whether `shared` says this access too, given that the grants allow it. */
  readonly sharedCovers: (access: Access) => boolean;
  /** This access and nothing else. @throws GatewayError AccessDenied (not granted, or IAM cannot say it) */
  readonly exact: (access: Access) => string;
}

interface ObjectRule {
  readonly verbs: readonly Exclude<Verb, 'LIST'>[];
  readonly scope: Grant['scope'];
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<'s3:prefix', string | readonly string[]>>>>;
}

/**
 * Works out the policies of one group of grants in one bucket.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function sessionPolicies(grants: readonly Grant[], options: SessionPoliciesOptions): SessionPolicies {
  const { bucketArn } = options;
  const dialect = iamDialect(options.iamEscapes);
  const allows = grants.filter(({ effect }) => effect === 'allow');
  const denies = grants.filter(({ effect }) => effect === 'deny');

  const objects = allows.map(objectRule).filter(({ scope }) => dialect.resource(bucketArn, scope) !== undefined);
  // IAM can deny the prefix that is asked for, but not the keys that a wider listing would show. So an allow of which a
  // deny takes any part is not said here; the listings that it still allows are named one by one.
  const listings = allows.filter(
    ({ verbs, scope }) =>
      verbs.includes('LIST') &&
      dialect.anyPrefix(scope) !== undefined &&
      !denies.some((deny) => deny.verbs.includes('LIST') && overlap(deny.scope, scope)),
  );
  const denials = denies.map(objectRule).map(({ verbs, scope }) => ({
    verbs: verbs.filter((verb) => allows.some((allow) => allow.verbs.includes(verb) && overlap(allow.scope, scope))),
    scope,
  }));
  const shared = compact([
    ...objectStatements('Allow', objects, bucketArn, dialect),
    ...listingStatements(listings, bucketArn, dialect),
    ...objectStatements('Deny', denials, bucketArn, dialect),
  ]);
  const deniesSaid = denials.every(
    ({ verbs, scope }) => verbs.length === 0 || dialect.resource(bucketArn, scope) !== undefined,
  );

  return {
    shared: deniesSaid && shared.length <= MAX_POLICY_LENGTH ? shared : undefined,
    sharedCovers: (access) => {
      if (access.kind === 'listing') return listings.some(({ scope }) => allowsListing(scope, access.prefix));
      if (access.kind === 'bucket') return false;
      return objects.some(({ verbs, scope }) => verbs.some((verb) => verb === access.verb) && holds(scope, access.key));
    },
    exact: (access) => {
      if (!isGranted(allows, denies, access)) throw refused('no grant covers this access');
      const statement = exactStatement(access, bucketArn, dialect);
      if (statement === undefined) throw refused("the store's IAM cannot name this key or prefix literally");
      const policy = compact([statement]);
      if (policy.length > MAX_POLICY_LENGTH) throw refused('the session policy of this key or prefix is too long');
      return policy;
    },
  };
}

const refused = (detail: string) => new GatewayError('AccessDenied', 'assume-role', { detail });

const objectRule = ({ verbs, scope }: Grant): ObjectRule => ({
  verbs: verbs.filter((verb) => verb !== 'LIST'),
  scope,
});

const holds = (scope: Grant['scope'], key: string) =>
  'key' in scope ? scope.key === key : key.startsWith(scope.prefix);

/** A scope of one key allows no listing: a listing of its name would show every longer name as well. */
const allowsListing = (scope: Grant['scope'], prefix: string) => 'prefix' in scope && prefix.startsWith(scope.prefix);

/** Whether some key lies in both. */
function overlap(one: Grant['scope'], other: Grant['scope']): boolean {
  if ('key' in one) return holds(other, one.key);
  if ('key' in other) return holds(one, other.key);
  return one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix);
}

// The authorizer has decided this before. It is asked again here because what follows asks a store for power.
function isGranted(allows: readonly Grant[], denies: readonly Grant[], access: Access): boolean {
  if (access.kind === 'bucket') return false;
  const bears = ({ verbs, scope }: Grant, bearsOnListing: (scope: Grant['scope'], prefix: string) => boolean) =>
    verbs.includes(access.verb) &&
    (access.kind === 'listing' ? bearsOnListing(scope, access.prefix) : holds(scope, access.key));
  return (
    allows.some((allow) => bears(allow, allowsListing)) &&
    !denies.some((deny) => bears(deny, (scope, prefix) => overlap(scope, { prefix })))
  );
}

/** One statement for each set of actions. */
function objectStatements(
  effect: Statement['Effect'],
  rules: readonly ObjectRule[],
  bucketArn: string,
  dialect: IamDialect,
): Statement[] {
  const byActions = Map.groupBy(rules, ({ verbs }) => [...verbs].sort().join());
  return [...byActions.values()].flatMap((alike) => {
    const actions = alike[0]?.verbs.flatMap((verb) => OBJECT_ACTIONS[verb]) ?? [];
    const resources = alike.flatMap(({ scope }) => dialect.resource(bucketArn, scope) ?? []);
    if (actions.length === 0 || resources.length === 0) return [];
    return [{ Effect: effect, Action: oneOrMany(actions), Resource: oneOrMany(resources) }];
  });
}

function listingStatements(listings: readonly Grant[], bucketArn: string, dialect: IamDialect): Statement[] {
  if (listings.length === 0) return [];
  const statement = { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn } as const;
  // A condition would not hold for a listing that names no prefix.
  if (listings.some(({ scope }) => allowsListing(scope, ''))) return [statement];
  const prefixes = listings.flatMap(({ scope }) => dialect.anyPrefix(scope) ?? []);
  return [{ ...statement, Condition: { StringLike: { 's3:prefix': oneOrMany(prefixes) } } }];
}

function exactStatement(access: Access, bucketArn: string, dialect: IamDialect): Statement | undefined {
  if (access.kind === 'bucket') return undefined;
  if (access.kind === 'listing') {
    const statement = { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn } as const;
    // Whoever is granted the listing of everything is granted every listing.
    if (access.prefix === '') return statement;
    const prefix = dialect.exactPrefix(access.prefix);
    return prefix === undefined ? undefined : { ...statement, Condition: { StringEquals: { 's3:prefix': prefix } } };
  }
  const resource = dialect.resource(bucketArn, { key: access.key });
  if (resource === undefined || access.verb === 'LIST') return undefined;
  return { Effect: 'Allow', Action: oneOrMany(OBJECT_ACTIONS[access.verb]), Resource: resource };
}

function oneOrMany(values: readonly string[]): string | readonly string[] {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? (distinct[0] ?? distinct) : distinct;
}

/** AssumeRole takes no characters beyond U+00FF, and some stores no spaces: compact JSON in visible ASCII. */
function compact(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements }).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
