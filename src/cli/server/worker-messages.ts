/** What a primary and its workers say to each other over IPC. Of requests there are hashes in it, and amounts. */
import type { Worker } from 'node:cluster';
import type { ConfigSnapshot } from '../../config/loading/load.ts';
import type { Amounts } from '../../contracts/guardrails.ts';
import type { Ask, Taking } from '../../guardrails/counters.ts';
import type { Readiness } from '../../http/admin-server.ts';
import type { Measured } from '../../telemetry/exposition.ts';

/** The variable by which a worker knows which of them it is. Not ours to be set by an operator, hence not SALLYPORT_. */
export const WORKER_SLOT = 'WORKER_SLOT';

/** The variable by which a worker knows which policies are in force when it starts. */
export const WORKER_POLICIES = 'WORKER_POLICIES';

/** What a configuration is made of, secrets among it: it stays between the processes of one gateway. */
export interface NumberedSnapshot {
  readonly configuration: number;
  readonly snapshot: ConfigSnapshot;
}

export type FromWorker =
  /** It listens; again whenever it is asked. */
  | {
      readonly kind: 'sallyport:readiness';
      readonly readiness: Readiness;
      readonly policyVersion: string;
      /** Counts the configurations of this gateway. */
      readonly configuration: number;
      /** Of the set that it previews; empty: none. */
      readonly previewVersion: string;
    }
  /** What it has measured so far; again whenever it is asked, and when it has drained. */
  | { readonly kind: 'sallyport:measured'; readonly measured: readonly Measured[] }
  /** It has a set of policies ready, or says why not. */
  | { readonly kind: 'sallyport:prepared'; readonly policyVersion: string; readonly problem?: string }
  /** It would start, and has no configuration yet. */
  | { readonly kind: 'sallyport:configure' }
  /** It accepts what a configuration has, or says why not. */
  | { readonly kind: 'sallyport:configuration-prepared'; readonly configuration: number; readonly problem?: string }
  /** It could not start, and ends. */
  | { readonly kind: 'sallyport:failed'; readonly reason: string }
  /** It would take from budgets. */
  | {
      readonly kind: 'sallyport:spend';
      readonly number: number;
      readonly asks: readonly Ask[];
      readonly touched: readonly number[];
    }
  | { readonly kind: 'sallyport:add'; readonly id: string; readonly amounts: Amounts }
  /** Something happened that nobody caught: it wants to be replaced. */
  | { readonly kind: 'sallyport:leaving' };

export type FromPrimary =
  | { readonly kind: 'sallyport:report' }
  | { readonly kind: 'sallyport:measure' }
  /** Accept the keys of this configuration, beside those in force. */
  | ({ readonly kind: 'sallyport:prepare-configuration' } & NumberedSnapshot)
  /** Put it in force. */
  | ({ readonly kind: 'sallyport:use-configuration' } & NumberedSnapshot)
  /** Have this set of policies ready. */
  | { readonly kind: 'sallyport:prepare'; readonly policyVersion: string }
  /** Put it in force. */
  | { readonly kind: 'sallyport:use'; readonly policyVersion: string }
  /** What became of what a worker would take. */
  | { readonly kind: 'sallyport:spent'; readonly number: number; readonly taking: Taking }
  /** Preview it from now on. */
  | { readonly kind: 'sallyport:preview'; readonly policyVersion: string }
  /** Another one has taken over. */
  | { readonly kind: 'sallyport:drain' };

/** Says it, where the other side is still there. */
export function tell(to: Worker, message: FromWorker | FromPrimary, onSent: () => void = () => undefined): void {
  to.send(message, onSent);
}

/** Tells whether it is one of ours: the channel carries those of libraries as well. */
export function isMessage(message: unknown): message is FromWorker | FromPrimary {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    typeof message.kind === 'string' &&
    message.kind.startsWith('sallyport:')
  );
}
