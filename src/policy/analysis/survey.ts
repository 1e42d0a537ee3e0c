/**
 * Sets of policies in; what there is to try of them out: identities, and for each a request in every part of a bucket and in
 * every situation that their rules can tell apart. The trials are finite, and miss none.
 * @see docs/adr/0034-differences-of-policies.md
 */
import type { Decision, RequestFacts } from '../../contracts/authorizer.ts';
import { CLIENT_CLAIMS, type Principal } from '../../contracts/principal.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import { createAuthorizer, rulesOf } from '../authorizer.ts';
import type { CompiledRule } from '../compile.ts';
import { claimsOf, type AgentClients } from '../conditions.ts';
import type { PolicySet } from '../load-policies.ts';
import { accessesOf, namesOf, type DecidedAccess } from './accesses.ts';
import { identitiesOf, type Identities } from './identities.ts';
import { CannotTell, LOGIN_CLAIMS, situationsOf, type Conditional, type Situation } from './situations.ts';
import { variableValues, type Place, type VariableValues } from './variable-values.ts';

/** A request of someone, to be decided. */
export interface Trial {
  readonly principal: Principal;
  readonly access: DecidedAccess;
  readonly facts: RequestFacts;
  /** Clients that count as agents, where it matters. */
  readonly agents?: AgentClients;
}

export interface Survey {
  readonly values: VariableValues;
  readonly identities: Identities;
  /** What one of the sets says, by its place among them. */
  readonly decide: (trial: Trial, set?: number) => Decision;
  /** With `about`, rules by their sets and names: what all of these are about alone. @throws CannotTell */
  readonly trials: (
    principal: Principal,
    bucket: string,
    verb: Verb,
    about?: readonly { readonly set: number; readonly name: string }[],
  ) => Iterable<Trial>;
  /** The trials of one access. @throws CannotTell */
  readonly situations: (principal: Principal, access: DecidedAccess) => Iterable<Trial>;
  /** Whether all sets have the same rules for both. */
  readonly isAlike: (one: Principal, other: Principal, bucket: string) => boolean;
  /** Names below the prefix of a listing, in each part of it. */
  readonly names: (principal: Principal, access: DecidedAccess) => readonly string[];
}

/** Prepares the sets; `places`: what is looked at beside their rules. @throws CannotTell */
export function surveyOf(sets: readonly PolicySet[], places: readonly Place[] = []): Survey {
  refuseMixed(sets);
  const values = variableValues(sets, places);
  const conditions = sets.flatMap(conditionsOf);
  const worlds = agentsOf(sets, values);
  const known = sets.map((set) => ({ ...set, agents: set.agents ?? worlds[0] }));
  const byName = sets.map((set) => new Map(conditionsOf(set).map((each) => [each.name, each])));
  const authorizers = new Map(worlds.map((agents) => [agents, sets.map((set) => authorizerOf({ ...set, agents }))]));
  const rulesIn = known.map(rulesOf);
  const cache = new Map<string, readonly Situation[]>();
  const after = loggedIn();

  /** Every rule of every set, with its conditions. */
  const rulesOn = (principal: Principal, bucket: string, verb: Verb): readonly Ruling[] =>
    rulesIn.flatMap((rules, index) =>
      rules(principal, bucket)
        .filter(({ verbs }) => verbs.includes(verb))
        .map((rule) => ({ set: index, rule, named: byName[index]?.get(rule.decision.rule) })),
    );

  function* situated(principal: Principal, access: DecidedAccess, rules: readonly Ruling[]): Iterable<Trial> {
    // Of a listing parts are shown by rules that do not allow the whole.
    const mayShowParts = isInParts(access, rules);
    const meeting = rules.filter(({ rule }) => mayShowParts || rule.matches(access));
    const own = new Map(meeting.flatMap(({ named }) => (named === undefined ? [] : [[named.key, named]])));
    const key = [...own.keys()].join();
    const situations = cache.get(key) ?? situationsOf([...own.values()]);
    cache.set(key, situations);
    const hasAgents = principal.actor === undefined && (worlds[0].get(principal.issuerName)?.size ?? 0) > 0;
    const isAsked = [...own.values()].some(({ when }) => when.via !== undefined);
    for (const agents of hasAgents && isAsked ? worlds : [undefined]) {
      for (const { login, facts } of situations) {
        yield { principal: after(principal, login), access, facts, ...(agents && { agents }) };
      }
    }
  }

  return {
    ...{ values, identities: identitiesOf(known, values) },
    decide: ({ principal, access, facts, agents = worlds[0] }, set = 0) => {
      const authorizer = authorizers.get(agents)?.[set];
      if (authorizer === undefined) throw new RangeError(`there is no set ${set}`);
      return authorizer.decide(principal, access, facts);
    },
    *trials(principal, bucket, verb, about = []) {
      const rules = rulesOn(principal, bucket, verb);
      const accesses = accessesOf(
        verb,
        bucket,
        rules.map(({ rule }) => rule),
      );
      const chosen = about.map(({ set, name }) =>
        rules.filter((each) => each.set === set && each.rule.decision.rule === name),
      );
      for (const access of accesses) {
        const isMet = chosen.every((some) => some.some(({ rule }) => rule.matches(access)));
        if (isMet || isInParts(access, rules)) yield* situated(principal, access, rules);
      }
    },
    situations: (principal, access) =>
      situated(principal, access, conditions.length === 0 ? [] : rulesOn(principal, access.bucket, access.verb)),
    isAlike: (one, other, bucket) => rulesIn.every((rules) => rules(one, bucket) === rules(other, bucket)),
    names: (principal, access) =>
      namesOf(
        rulesOn(principal, access.bucket, access.verb).map(({ rule }) => rule),
        access.kind === 'listing' ? access.prefix : '',
      ),
  };
}

interface Ruling {
  readonly set: number;
  readonly rule: CompiledRule;
  readonly named: Named | undefined;
}

interface Named extends Conditional {
  readonly name: string;
  /** Equal for what means the same. */
  readonly key: string;
}

const isInParts = ({ kind }: DecidedAccess, rules: readonly Ruling[]): boolean =>
  kind === 'listing' && rules.some(({ rule }) => rule.isFiltered);

const authorizerOf = (set: PolicySet) => createAuthorizer({ current: () => set });

const conditionsOf = ({ policies }: PolicySet): readonly Named[] =>
  policies.flatMap(({ id, rules }) =>
    rules.flatMap(({ id: rule, effect, when }) =>
      when === undefined ? [] : [{ name: `${id}/${rule}`, key: JSON.stringify([effect, when]), effect, when }],
    ),
  );

/** The same identity for the same login, so that what an authorizer knows of it is not worked out for each request. */
function loggedIn(): (principal: Principal, login: Situation['login']) => Principal {
  let of: Principal | undefined;
  const known = new Map<Situation['login'], Principal>();
  return (principal, login) => {
    if (Object.keys(login.claims).length === 0 && login.tokenKind === undefined) return principal;
    if (of !== principal) known.clear();
    of = principal;
    const found = known.get(login) ?? { ...principal, ...login, claims: { ...principal.claims, ...login.claims } };
    known.set(login, found);
    return found;
  };
}

/**
 * Clients that conditions take for agents. Without a configuration any may be one: one is made up for each issuer, and those
 * that the sets name are tried as agents too.
 */
function agentsOf(
  sets: readonly PolicySet[],
  { unused, of }: VariableValues,
): readonly [AgentClients, ...AgentClients[]] {
  const isAsked = sets.some((set) => conditionsOf(set).some(({ when }) => when.via !== undefined));
  if (!isAsked) return [new Map()];
  const configured = sets.find(({ agents }) => agents !== undefined)?.agents;
  if (configured !== undefined) return [configured];
  const subjects = sets.flatMap(({ policies }) => policies.flatMap((policy) => policy.subjects));
  const named = [
    ...subjects.flatMap(({ client = [], claims = {} }) => [client, CLIENT_CLAIMS.map((name) => claims[name])].flat()),
    ...CLIENT_CLAIMS.flatMap((claim) => of(`claims.${claim}`)),
  ].filter((each) => typeof each === 'string');
  const withMore = (more: readonly string[]): AgentClients => {
    const clients = new Set([unused('agent-client'), ...more]);
    return new Map(subjects.map(({ issuer }) => [issuer, clients]));
  };
  return named.length === 0 ? [withMore([])] : [withMore([]), withMore(named)];
}

/** Claims are either of the identity or of the situation. */
function refuseMixed(sets: readonly PolicySet[]): void {
  const asked = new Set(sets.flatMap((set) => conditionsOf(set).flatMap(({ when }) => claimsOf(when))));
  const policies = sets.flatMap((set) => set.policies);
  const text = JSON.stringify(policies.map(({ rules }) => rules.map(({ buckets, scopes }) => [buckets, scopes])));
  for (const claim of LOGIN_CLAIMS) {
    if (!asked.has(claim)) continue;
    const isNamed = policies.some(({ subjects }) => subjects.some(({ claims = {} }) => Object.hasOwn(claims, claim)));
    if (isNamed || text.includes(`\${claims.${claim}}`)) {
      throw new CannotTell(`conditions look at ${claim}, and a subject or a variable does as well`);
    }
  }
}
