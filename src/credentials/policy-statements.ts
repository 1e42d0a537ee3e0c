/**
 * What is to be allowed and denied in; statements of IAM out, few and in a fixed order, so that equal grants give equal
 * policies. Whatever a store's IAM cannot name is left out here: callers have looked before.
 */
import type { Access } from '../contracts/authorizer.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { coversListing, type Scope } from './granted.ts';
import {
  ADMIN_ACTIONS,
  bucketReadAction,
  HARMLESS_ACTION,
  LIST_UPLOADS_ACTION,
  LISTING_ACTIONS,
  type ListingVerb,
} from './iam-actions.ts';
import type { IamDialect } from './iam-dialect.ts';

type OneOrMany = string | readonly string[];

export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: OneOrMany;
  readonly Resource: OneOrMany;
  readonly Condition?: Readonly<Record<string, Readonly<Record<'s3:prefix', OneOrMany>>>>;
}

export interface ObjectRule {
  readonly actions: readonly string[];
  readonly scope: Scope;
}

/**
 * The statements without the actions that the store's IAM does not know; never none, since STS refuses a policy that says
 * nothing. An action leaves allows and denies alike: what nothing allows any more needs no deny, so it never gets wider.
 */
export function inKnownActions(
  statements: readonly Statement[],
  bucketArn: string,
  { unknownActions }: IamDialect,
): readonly Statement[] {
  const left = statements.flatMap((statement) => {
    const actions = [statement.Action].flat().filter((action) => !unknownActions.has(action));
    return actions.length === 0 ? [] : [{ ...statement, Action: oneOrMany(actions) }];
  });
  return left.length > 0 ? left : [{ Effect: 'Allow', Action: HARMLESS_ACTION, Resource: bucketArn }];
}

/** One statement for each set of actions. */
export function objectStatements(
  effect: Statement['Effect'],
  rules: readonly ObjectRule[],
  bucketArn: string,
  dialect: IamDialect,
): Statement[] {
  const byActions = Map.groupBy(rules, ({ actions }) => actions.join());
  return [...byActions.values()].flatMap((sameActions) => {
    const actions = sameActions[0]?.actions ?? [];
    const resources = sameActions.flatMap(({ scope }) => dialect.resource(bucketArn, scope) ?? []);
    if (actions.length === 0 || resources.length === 0) return [];
    return [{ Effect: effect, Action: oneOrMany(actions), Resource: oneOrMany(resources) }];
  });
}

/** The listings of one verb, whole or by their prefixes. */
export function listingStatements(
  verb: ListingVerb,
  scopes: readonly Scope[],
  bucketArn: string,
  dialect: IamDialect,
): Statement[] {
  if (scopes.length === 0) return [];
  const action = LISTING_ACTIONS[verb];
  // A condition would not hold for a listing that names no prefix.
  if (scopes.some((scope) => coversListing(scope, ''))) {
    const actions = verb === 'LIST' ? [action, LIST_UPLOADS_ACTION] : [action];
    return [{ Effect: 'Allow', Action: oneOrMany(actions), Resource: bucketArn }];
  }
  const prefixes = scopes.flatMap((scope) => dialect.anyPrefix(scope) ?? []);
  const Condition = { StringLike: { 's3:prefix': oneOrMany(prefixes) } };
  return [{ Effect: 'Allow', Action: action, Resource: bucketArn, Condition }];
}

export function adminStatement(bucketArn: string): Statement {
  return { Effect: 'Allow', Action: ADMIN_ACTIONS, Resource: bucketArn };
}

/** These accesses and nothing else; `undefined` where one of them cannot be named. */
export function exactStatements(
  accesses: readonly Access[],
  bucketArn: string,
  dialect: IamDialect,
): readonly Statement[] | undefined {
  const others: Statement[] = [];
  const listings = exactListings(accesses, bucketArn, dialect);
  if (listings === undefined) return undefined;
  for (const access of accesses) {
    if (access.kind === 'bucket' || (access.kind === 'admin' && access.document !== undefined)) {
      const action = access.document && bucketReadAction(access.document);
      if (action === undefined) return undefined;
      others.push({ Effect: 'Allow', Action: action, Resource: bucketArn });
      continue;
    }
    if (access.kind === 'object' && dialect.resource(bucketArn, { key: access.key }) === undefined) return undefined;
    if (access.kind === 'admin') others.push(adminStatement(bucketArn));
  }
  const rules = [...verbsByKey(accesses)].map(([key, verbs]) => ({ actions: dialect.actions(verbs), scope: { key } }));
  return [...objectStatements('Allow', rules, bucketArn, dialect), ...listings, ...others];
}

/** One statement for each action, with all of its prefixes. */
function exactListings(
  accesses: readonly Access[],
  bucketArn: string,
  dialect: IamDialect,
): readonly Statement[] | undefined {
  const prefixesOf = new Map<string, string[]>();
  for (const access of accesses) {
    if (access.kind !== 'listing') continue;
    const action = access.uploads === true ? LIST_UPLOADS_ACTION : LISTING_ACTIONS[access.verb];
    const prefixes = prefixesOf.get(action) ?? [];
    prefixesOf.set(action, prefixes);
    prefixes.push(access.prefix);
  }
  const statements: Statement[] = [];
  for (const [Action, prefixes] of prefixesOf) {
    const statement = { Effect: 'Allow', Action, Resource: bucketArn } as const;
    const exact = prefixes.flatMap((prefix) => dialect.exactPrefix(prefix) ?? []);
    // Whoever is granted the listing of everything is granted every listing; and no condition holds for uploads.
    if (Action === LIST_UPLOADS_ACTION || prefixes.includes('')) statements.push(statement);
    else if (exact.length < prefixes.length) return undefined;
    else statements.push({ ...statement, Condition: { StringEquals: { 's3:prefix': oneOrMany(exact) } } });
  }
  return statements;
}

/** What is asked of each key: some actions need two verbs on the same one. */
export function verbsByKey(accesses: readonly Access[]): ReadonlyMap<string, readonly Verb[]> {
  const verbs = new Map<string, Verb[]>();
  for (const access of accesses) {
    if (access.kind !== 'object') continue;
    const known = verbs.get(access.key);
    if (known === undefined) verbs.set(access.key, [access.verb]);
    else known.push(access.verb);
  }
  return verbs;
}

function oneOrMany(values: readonly string[]): OneOrMany {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? (distinct[0] ?? distinct) : distinct;
}
