import type { Principal } from './principal.ts';

/** What a budget counts: things, or bytes that clients are given (`read`) and give (`written`). */
export const MEASURES = ['requests', 'deletes', 'overwrites', 'keys', 'read', 'written'] as const;
export type Measure = (typeof MEASURES)[number];

/** So much of each measure; absent: nothing, or no bound. */
export type Amounts = Readonly<Partial<Record<Measure, number | undefined>>>;

/** Budgets of one window, as a policy file has them. */
export interface Guardrail {
  /** `<policy id>/<guardrail id>` */
  readonly name: string;
  /** Each identity has budgets of its own, or all whom the policy names share them. */
  readonly per: 'identity' | 'policy';
  readonly windowMs: number;
  readonly limits: Amounts;
  /** Refused until the window has ended (`wait`), or until a person has closed the breaker that opens (`stop`). */
  readonly whenSpent: 'stop' | 'wait';
  /** Whom to ask, where the policy names somebody. */
  readonly owner?: string;
}

/** What a request is about to spend. */
export interface Spending {
  /** `read` is 1 where bytes will be read, of which it is not known how many; `keys` is in `touched`. */
  readonly amounts: Omit<Amounts, 'keys'>;
  /** `<bucket>/<key>` of each object, repeats among them. */
  readonly touched: readonly string[];
}

/** Why a request is not performed. */
export interface Overspent {
  readonly kind: 'spent';
  /** The name of the guardrail. */
  readonly rule: string;
  /** Sentences that may be shown to the caller. */
  readonly reason: string;
  /** Until the budget refills. */
  readonly retryAfterSeconds: number;
}

/** A breaker is open. */
export interface Stopped {
  readonly kind: 'stopped';
  /** The name of the guardrail. */
  readonly rule: string;
  /** Sentences that may be shown to the caller. */
  readonly reason: string;
  /** Whom to ask, where the policy names somebody. */
  readonly owner?: string;
}

/** Taken; `notes` say for the record what is left. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly notes: readonly string[];
}

export interface Guardrails {
  /**
   * Takes what a request spends from every budget that bears on its caller, or nothing from any. `undefined`: there is none,
   * and nothing was asked. `request`: any object that stands for it until `settle`.
   */
  readonly take: (
    request: object,
    principal: Principal,
    spending: () => Spending,
  ) => Admitted | Overspent | Stopped | undefined | Promise<Admitted | Overspent | Stopped>;
  /** Says how many bytes it were in the end. */
  readonly settle: (request: object, bytes: { readonly bytesIn: number; readonly bytesOut: number }) => void;
}
