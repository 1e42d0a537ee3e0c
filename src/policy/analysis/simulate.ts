/**
 * Recorded accesses, one after the other, and a new set of policies in; what would have been decided otherwise out, counted by
 * who, what, where and why. What it holds does not grow with the number of accesses.
 */
import type { Decision } from '../../contracts/authorizer.ts';
import type { PolicySet } from '../load-policies.ts';
import { redecideBy, replayOf, type RecordedAccess } from './replay.ts';

/** Changes, and facts that are missing, that are told apart; others are only counted. */
const MAX_KINDS = 1000;

/** What a set makes of an access. */
export type Outcome = 'allow' | 'deny' | 'filtered';

/** Accesses of one caller that would change in the same way. */
export interface Change {
  readonly issuer: string;
  readonly subject: string;
  readonly verbs: string;
  readonly bucket: string;
  readonly from: Outcome;
  readonly to: Outcome;
  /** The rules that decided, and that would. */
  readonly fromRule: string;
  readonly toRule: string;
  readonly count: number;
  /** The first of them that was read. */
  readonly example: { readonly requestId: string; readonly time: string; readonly key: string };
}

export interface SimulationReport {
  /** Accesses that policies decided. */
  readonly accesses: number;
  readonly unchanged: number;
  readonly changed: number;
  readonly changes: readonly Change[];
  readonly notReplayable: number;
  /** How many lack each fact. */
  readonly missing: readonly { readonly fact: string; readonly count: number; readonly requestId: string }[];
  /** Whether there are more kinds of changes, or of missing facts, than are told apart. */
  readonly isCut: boolean;
}

export interface Simulation {
  /** Takes the next one. `then`: the set that decided; `undefined`: it is not known. */
  readonly add: (access: RecordedAccess, then: PolicySet | undefined) => void;
  readonly report: () => SimulationReport;
}

/** Begins to try a set. */
export function simulate(set: PolicySet): Simulation {
  const redecide = redecideBy(set);
  const changes = new Kinds<Omit<Change, 'count'>>();
  const missing = new Kinds<{ readonly fact: string; readonly requestId: string }>();
  let unchanged = 0;

  return {
    add: (access, then) => {
      const replay = replayOf(access);
      const decision = 'missing' in replay ? replay : redecide(replay, then);
      if ('missing' in replay || 'missing' in decision) {
        const fact = 'missing' in decision ? decision.missing : '';
        missing.count(fact, () => ({ fact, requestId: access.requestId }));
        return;
      }
      const { effect, filtered, rule: fromRule } = replay.recorded;
      const [from, to]: [Outcome, Outcome] = [filtered ? 'filtered' : effect, outcomeOf(decision)];
      if (from === to) {
        unchanged += 1;
        return;
      }
      const { issuerName: issuer = '', subject, bucket, requestId, time, key } = access;
      const of = { issuer, subject, verbs: (access.verbs ?? []).join(', '), bucket, from, to };
      const kind = { ...of, fromRule, toRule: decision.rule };
      changes.count(JSON.stringify(kind), () => ({ ...kind, example: { requestId, time, key } }));
    },
    report: () => ({
      accesses: unchanged + changes.total + missing.total,
      ...{ unchanged, changed: changes.total, changes: changes.all() },
      ...{ notReplayable: missing.total, missing: missing.all() },
      isCut: changes.isCut || missing.isCut,
    }),
  };
}

/** What a decision comes to. */
export const outcomeOf = ({ effect, parts }: Pick<Decision, 'effect' | 'parts'>): Outcome =>
  parts === undefined ? effect : 'filtered';

/** Things by kind, with how many there are of each; as many kinds as are told apart. */
class Kinds<Kind extends object> {
  readonly #known = new Map<string, { readonly kind: Kind; count: number }>();
  total = 0;
  isCut = false;

  count(name: string, kind: () => Kind): void {
    this.total += 1;
    const known = this.#known.get(name);
    if (known !== undefined) known.count += 1;
    else if (this.#known.size < MAX_KINDS) this.#known.set(name, { kind: kind(), count: 1 });
    else this.isCut = true;
  }

  /** The most frequent first. */
  all(): readonly (Kind & { readonly count: number })[] {
    return [...this.#known.values()].sort((a, b) => b.count - a.count).map(({ kind, count }) => ({ ...kind, count }));
  }
}
