/**
 * One subject of a policy, or two at once, in; identities that match them and as little else as can be, out: one for each
 * combination of values of the variables that are looked at. Whatever matches more can only be denied more.
 * @see docs/adr/0034-differences-of-policies.md
 */
import { CLIENT_CLAIMS, type ClaimValue, type Principal } from '../../contracts/principal.ts';
import type { PolicySet } from '../load-policies.ts';
import type { Selector } from '../policy-schema.ts';
import type { VariableValues } from './variable-values.ts';

/** A value that can be no segment of a path: of what it stands for, nothing can be told. */
const NO_SEGMENT = 'a/b';

/** What two subjects ask for together. */
interface Required {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly groups: readonly string[];
  readonly client: string | undefined;
  readonly claims: ReadonlyMap<string, readonly (string | number | boolean)[]>;
  readonly actor: Principal['actor'];
}

/** `uses`: the variables whose every value is tried, with how many of the rules that are looked at have each. */
export type Identities = (selectors: readonly Selector[], uses: ReadonlyMap<string, number>) => Iterable<Principal>;

/** Makes the identities of some sets. */
export function identitiesOf(sets: readonly PolicySet[], values: VariableValues): Identities {
  const selectors = sets.flatMap(({ policies }) => policies.flatMap(({ subjects }) => subjects));
  const selectsByClient = selectors.some(({ client }) => client !== undefined);
  const hasEach = sets.some(({ policies }) =>
    policies.some(({ rules }) => rules.some(({ each }) => each !== undefined)),
  );
  const variableClaims = [...values.variables].flatMap((name) =>
    name.startsWith('claims.') ? [name.slice('claims.'.length)] : [],
  );
  const looksAtAgents = sets.some(({ policies }) =>
    policies.some(({ rules }) => rules.some(({ when }) => when?.via !== undefined)),
  );
  /** Whether its client is an agent: one that no subject names where there is one, none, and what cannot be told. */
  const agentForms = (issuer: string): readonly (string | undefined)[] => {
    const agents = sets.flatMap((set) => [...(set.agents?.get(issuer) ?? [])]);
    if (!looksAtAgents || agents.length === 0) return [];
    const free = agents.find((agent) => selectors.every(({ client }) => client !== agent));
    return [...(free === undefined ? agents : [free]), undefined];
  };
  const someone = values.unused('someone');
  const other = (name: string) => values.unused(`other-${name}`);

  /** The lists of one claim, or of the groups: what is required, and at most two more where a rule has it in `each`. */
  const lists = (
    required: readonly string[],
    variable: string,
    uses: ReadonlyMap<string, number>,
  ): readonly (readonly string[])[] => {
    const pool = values.of(variable).filter((value) => !required.includes(value));
    const isTwice = (uses.get(variable) ?? 0) > 1;
    const more = isTwice
      ? pool.flatMap((one, index) => pool.slice(index + 1).map((two) => [...required, one, two]))
      : [];
    return [required, [...required, NO_SEGMENT], ...pool.map((one) => [...required, one]), ...more];
  };

  const groupsOf = (groups: readonly string[], uses: ReadonlyMap<string, number>): readonly (readonly string[])[] => {
    if (!values.variables.has('groups')) return [groups];
    const neutral = [...groups, other('group')];
    return uses.has('groups') ? [neutral, ...lists(groups, 'groups', uses)] : [neutral];
  };

  const claimForms = (
    name: string,
    required: readonly (string | number | boolean)[],
    uses: ReadonlyMap<string, number>,
  ): readonly (ClaimValue | undefined)[] => {
    const variable = `claims.${name}`;
    const texts = required.filter((value) => typeof value === 'string');
    const isVariable = values.variables.has(variable) || CLIENT_CLAIMS.includes(name);
    const [only] = required;
    const forms: (ClaimValue | undefined)[] = [];
    if (required.length === 1) forms.push(only);
    if (required.length === 0) {
      forms.push(other(name));
      if (uses.has(variable)) forms.push(...values.of(variable), undefined);
    }
    const isList = texts.length === required.length && (required.length > 1 || (isVariable && required.length > 0));
    if (isList) forms.push(texts);
    if (uses.has(variable) && texts.length === required.length) {
      forms.push([...texts, NO_SEGMENT]);
      const needsLists = hasEach && (required.length > 0 || (uses.get(variable) ?? 0) > 1);
      if (needsLists) forms.push(...lists(texts, variable, uses).slice(2));
    }
    return forms;
  };

  return function* identities(chosen, uses) {
    const required = together(chosen);
    if (required === undefined) return;
    const { issuer, subject, client, actor } = required;
    const subjects =
      subject !== undefined ? [subject] : uses.has('sub') ? [someone, ...values.of('sub'), NO_SEGMENT] : [someone];
    const placements = client === undefined ? [undefined] : placesOfClient(required, variableClaims);
    for (const placed of placements) {
      const names = new Set([...required.claims.keys(), ...variableClaims]);
      // A claim that names a client only where none goes before it selects nobody by its value alone.
      const agents = client === undefined && actor === undefined ? agentForms(issuer) : [];
      const mayBeClient = selectsByClient && client === undefined && CLIENT_CLAIMS.some((claim) => names.has(claim));
      if (mayBeClient || agents.length > 0) names.add(CLIENT_CLAIMS[0] ?? '');
      const before = placed === undefined ? [] : CLIENT_CLAIMS.slice(0, CLIENT_CLAIMS.indexOf(placed));
      let rows: Record<string, ClaimValue>[] = [placed === undefined ? {} : { [placed]: client ?? '' }];
      for (const name of names) {
        if (name === placed || before.includes(name)) continue;
        const wanted = required.claims.get(name) ?? [];
        const isClient = wanted.length === 0 && CLIENT_CLAIMS.includes(name);
        const forms = [...claimForms(name, wanted, uses), ...(isClient ? agents : [])];
        rows = rows.flatMap((row) => forms.map((form) => (form === undefined ? row : { ...row, [name]: form })));
      }
      for (const claims of rows) {
        for (const groups of groupsOf(required.groups, uses)) {
          for (const each of subjects) {
            yield {
              ...{ issuerName: issuer, issuer, subject: each, groups, claims, tokenIdHash: '', expiresAtMs: Infinity },
              ...(actor === undefined ? {} : { actor }),
            };
          }
        }
      }
    }
  };
}

/** Claims that can name the client and contradict nothing. */
function placesOfClient({ client, claims }: Required, variableClaims: readonly string[]): readonly string[] {
  return CLIENT_CLAIMS.filter((claim, index) => {
    if (index > 0 && !variableClaims.some((each) => CLIENT_CLAIMS.includes(each))) return false;
    if ((claims.get(claim) ?? []).some((value) => value !== client)) return false;
    return CLIENT_CLAIMS.slice(0, index).every((each) => !claims.has(each));
  });
}

/** What an identity must be that matches them all; `undefined`: there is none. */
function together(selectors: readonly Selector[]): Required | undefined {
  const [first] = selectors;
  if (first === undefined) return undefined;
  const one = <T>(list: readonly (T | undefined)[]): readonly T[] => [
    ...new Set(list.filter((each): each is T & {} => each !== undefined)),
  ];
  const issuers = one(selectors.map(({ issuer }) => issuer));
  const subjects = one(selectors.map(({ subject }) => subject));
  const clients = one(selectors.map(({ client }) => client));
  const actors = one(selectors.map(({ actor }) => actor));
  const actorIssuers = one(selectors.map(({ actorIssuer }) => actorIssuer));
  if ([issuers, subjects, clients, actors, actorIssuers].some((list) => list.length > 1)) return undefined;
  // Whoever acts for somebody has no allow that names no actor.
  if (first.actor === undefined && actors.length > 0) return undefined;
  const claims = new Map<string, readonly (string | number | boolean)[]>();
  for (const [name, value] of selectors.flatMap((each) => Object.entries(each.claims ?? {}))) {
    claims.set(name, [...new Set([...(claims.get(name) ?? []), value])]);
  }
  const isPossible = [...claims.values()].every(
    (list) => list.length < 2 || list.every((value) => typeof value === 'string'),
  );
  if (!isPossible) return undefined;
  const [actor] = actors;
  const [actorIssuer] = actorIssuers;
  return {
    issuer: first.issuer,
    subject: subjects[0],
    groups: one(selectors.map(({ group }) => group)),
    client: clients[0],
    claims,
    actor:
      actor === undefined
        ? undefined
        : { subject: actor, ...(actorIssuer === undefined ? {} : { issuer: actorIssuer }) },
  };
}
