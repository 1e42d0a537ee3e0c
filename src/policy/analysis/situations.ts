/**
 * Conditions of rules in; situations out, which are facts of a request and claims about a login: one for each way in which
 * the rules can apply and not apply together. Whatever else a request is like, it is like one of these to the rules.
 * @see docs/adr/0034-differences-of-policies.md
 */
import { WAYS_IN, type RequestFacts, type StoredFacts } from '../../contracts/authorizer.ts';
import { TOKEN_KINDS, type ClaimValue, type TokenKind } from '../../contracts/principal.ts';
import type { ConditionName, Conditions } from '../condition-schema.ts';
import { applies, compileConditions } from '../conditions.ts';
import { addressesOf } from './addresses.ts';
import { NOBODY, SOME_TIME_MS, timesOf } from './times.ts';

/** Nothing is told: to look at everything would be without end. */
export class CannotTell extends Error {}

/** What a request is like beside who asks and for what. */
export interface Situation {
  /** What the caller has beside what subjects ask for. */
  readonly login: Login;
  readonly facts: RequestFacts;
}

interface Login {
  readonly claims: Readonly<Record<string, ClaimValue>>;
  readonly tokenKind?: TokenKind;
}

/** A rule that has conditions. */
export interface Conditional {
  readonly effect: 'allow' | 'deny';
  readonly when: Conditions;
}

/** Claims of a login: situations have them, so no subject and no variable may look at them as well. */
export const LOGIN_CLAIMS: readonly string[] = ['acr', 'amr', 'auth_time'];

const MAX_SITUATIONS = 4096;
const NOTHING: Situation = { login: { claims: {} }, facts: {} };

/** One value of one kind of fact; empty: it is absent. */
interface Choice {
  readonly nowMs?: number;
  readonly secondsSinceLogin?: number;
  readonly claims?: Login['claims'];
  readonly tokenKind?: TokenKind;
  readonly facts?: RequestFacts;
  readonly stored?: StoredFacts;
}

/** Values among which every way in is that conditions can see a fact. */
type Choices = (conditions: readonly Conditions[]) => readonly Choice[];

const ABSENT: Choice = {};
const OTHER = 'another';

// Time and way in are known of every request.
const ofTime: Choices = (all) => timesOf(all).map((nowMs) => ({ nowMs }));

/** One for each condition: those of one fact have the same. Whether a client is an agent is tried with the identities. */
const CHOICES: Readonly<Record<Exclude<ConditionName, 'via'>, Choices>> = {
  ...{ from: ofTime, until: ofTime, hours: ofTime },
  networks: (all) => [
    ...addressesOf(all.flatMap(({ networks = [] }) => networks)).map((clientAddress) => ({ facts: { clientAddress } })),
    ABSENT,
  ],
  acr: (all) =>
    [...all.flatMap(({ acr = [] }) => acr), OTHER].map((acr): Choice => ({ claims: { acr } })).concat(ABSENT),
  amr: (all) =>
    subsets(distinctMethods(all))
      .map((amr): Choice => ({ claims: { amr: amr.length === 0 ? [OTHER] : amr } }))
      .concat(ABSENT),
  authenticatedWithin: (all) =>
    all
      .flatMap(({ authenticatedWithin = [] }) => authenticatedWithin)
      .flatMap((ms): Choice[] => [{ secondsSinceLogin: ms / 1000 }, { secondsSinceLogin: ms / 1000 + 1 }])
      .concat(ABSENT),
  tokenKind: () => TOKEN_KINDS.map((tokenKind): Choice => ({ tokenKind })).concat(ABSENT),
  wayIn: () => WAYS_IN.map((wayIn) => ({ facts: { wayIn } })),
  size: (all) =>
    all
      .flatMap(({ size: { min = 0, max } = {} }) => [min - 1, min, ...(max === undefined ? [] : [max, max + 1])])
      .filter((sizeBytes) => sizeBytes >= 0)
      .map((sizeBytes): Choice => ({ stored: { sizeBytes } }))
      .concat(ABSENT),
  contentTypes: (all) =>
    all
      .flatMap(({ contentTypes = [] }) => contentTypes)
      .flatMap((each) => [each.replace('*', OTHER), each.replace(/[^/]*$/, `x-${OTHER}`)])
      .concat(`x-${OTHER}/x-${OTHER}`)
      .map((contentType): Choice => ({ stored: { contentType } }))
      .concat(ABSENT),
  tags: (all) =>
    tagSets(all)
      .map((tags): Choice => ({ stored: { tags } }))
      .concat(ABSENT),
  createOnly: () => [{ stored: { createsOnly: true } }, { stored: { createsOnly: false } }, ABSENT],
};

interface Row {
  /** Of each rule whether it may apply yet, as `1` or `0`. */
  readonly alive: string;
  readonly choice: Choice;
}

/** Lists the situations. @throws CannotTell */
export function situationsOf(rules: readonly Conditional[]): readonly Situation[] {
  if (rules.length === 0) return [NOTHING];
  const conditions = rules.map(({ when }) => when);
  const compiled = conditions.map((when) => compileConditions(when, NO_AGENTS));
  let rows: readonly Row[] = [{ alive: '1'.repeat(rules.length), choice: ABSENT }];
  for (const choices of new Set(Object.values(CHOICES))) {
    const own = compiled.map((all) => all.filter(({ name }) => name !== 'via' && CHOICES[name] === choices));
    if (own.every((each) => each.length === 0)) continue;
    const next = new Map<string, Row>();
    const chosen = new Map<string, Choice>();
    for (const choice of choices(conditions)) {
      const { login, facts } = assembled(choice);
      const asker = { principal: { ...NOBODY, ...login }, facts };
      const alive = rules.map(({ effect }, index) => (applies(effect, own[index] ?? [], asker) ? '1' : '0')).join('');
      if (!chosen.has(alive)) chosen.set(alive, choice);
    }
    for (const row of rows) {
      for (const [alive, choice] of chosen) {
        const both = Array.from(row.alive, (each, index) => (each === '1' ? alive[index] : '0')).join('');
        if (!next.has(both)) next.set(both, { alive: both, choice: merged(row.choice, choice) });
      }
    }
    if (next.size > MAX_SITUATIONS)
      throw new CannotTell('the conditions of rules that meet have too many combinations');
    rows = [...next.values()];
  }
  return rows.map(({ choice }) => assembled(choice));
}

const NO_AGENTS = new Map<string, ReadonlySet<string>>();

const merged = (one: Choice, other: Choice): Choice => ({
  ...{ ...one, ...other },
  claims: { ...one.claims, ...other.claims },
  facts: { ...one.facts, ...other.facts },
  ...((one.stored ?? other.stored) && { stored: { ...one.stored, ...other.stored } }),
});

function assembled({ nowMs, secondsSinceLogin, claims = {}, tokenKind, facts = {}, stored }: Choice): Situation {
  const atMs = nowMs ?? (secondsSinceLogin === undefined ? undefined : SOME_TIME_MS);
  return {
    login: {
      claims: {
        ...claims,
        ...(secondsSinceLogin !== undefined && atMs !== undefined && { auth_time: atMs / 1000 - secondsSinceLogin }),
      },
      ...(tokenKind !== undefined && { tokenKind }),
    },
    facts: { ...(atMs !== undefined && { nowMs: atMs }), ...facts, ...(stored !== undefined && { stored }) },
  };
}

/** Of methods that stand in the same conditions one is as good as the other. */
function distinctMethods(all: readonly Conditions[]): readonly string[] {
  const byPlaces = new Map<string, string>();
  for (const method of all.flatMap(({ amr = [] }) => amr)) {
    const places = all.map(({ amr = [] }) => (amr.includes(method) ? '1' : '0')).join('');
    if (!byPlaces.has(places)) byPlaces.set(places, method);
  }
  return [...byPlaces.values()];
}

function subsets<T>(list: readonly T[]): readonly (readonly T[])[] {
  if (2 ** list.length > MAX_SITUATIONS) throw new CannotTell('conditions name too many methods of authentication');
  return list.reduce<readonly (readonly T[])[]>((some, each) => [...some, ...some.map((set) => [...set, each])], [[]]);
}

function tagSets(all: readonly Conditions[]): readonly ReadonlyMap<string, string>[] {
  const values = new Map<string, Set<string>>();
  for (const [key, value] of all.flatMap(({ tags = {} }) => Object.entries(tags))) {
    values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  let sets: readonly ReadonlyMap<string, string>[] = [new Map()];
  for (const [key, each] of values) {
    sets = sets.flatMap((set) => [set, ...[...each].map((value) => new Map([...set, [key, value]]))]);
    if (sets.length > MAX_SITUATIONS) throw new CannotTell('conditions name too many tags');
  }
  return sets;
}
