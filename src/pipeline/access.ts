/**
 * What a stage may rely on: its caller's turn has come, policy allows every access of the request, and that is on record. All
 * are types that only the functions of this file give, each to a context for which it has made sure, so that a table without
 * the stage that calls it does not compile. At run time they are nothing, and cost nothing.
 */
import type { Access, Decision, Grant } from '../contracts/authorizer.ts';
import { accessDenied } from '../errors/access-denied.ts';
import type { GatewayError } from '../errors/gateway-error.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { insteadOf } from './instead.ts';
import type { Stage } from './stage.ts';

declare const hasSeat: unique symbol;
declare const allowed: unique symbol;
declare const recorded: unique symbol;
declare const responded: unique symbol;

/** Its caller's turn has come. */
export interface Seated {
  readonly [hasSeat]: true;
}

/** Policy allows all that the request would do. */
export interface Allowed {
  readonly [allowed]: true;
}

/** Every entry of the request that stands before its effects is durable. */
export interface Recorded {
  readonly [recorded]: true;
}

/** The same of a DeleteObjects request, and of each of its batches. */
export interface RecordedEach<Batch> extends Recorded {
  readonly batches: readonly (Batch & Recorded)[];
}

/** The caller has an answer that is on record. A route of the table ends in this. */
export interface Responded {
  readonly [responded]: true;
}

/** A last stage. */
export type Responder<In extends Recorded> = Stage<In, Responded>;

/** What was decided, and what a denial is explained by. */
interface Denying {
  readonly targets: readonly {
    readonly bucket: string;
    readonly accesses: readonly Access[];
    readonly decision: Decision;
  }[];
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
}

/** Gives a context when its caller's turn has come; `turn`: what it waits for. @throws what `turn` does */
export function seated<Context>(
  context: Context,
  turn: Promise<void> | undefined,
): (Context & Seated) | Promise<Context & Seated> {
  return turn === undefined ? (context as Context & Seated) : turn.then(() => context as Context & Seated);
}

/** Gives a decided context as an allowed one. @throws GatewayError AccessDenied, by the first denial */
export function allow<Context extends Denying>(context: Context): Context & Allowed {
  const denied = context.targets.find(({ decision }) => decision.effect !== 'allow');
  if (denied !== undefined) throw deniedTo(context, denied);
  return context as Context & Allowed;
}

function deniedTo({ grants }: Denying, { bucket, accesses, decision }: Denying['targets'][number]): GatewayError {
  return accessDenied({ ...insteadOf(grants.get(bucket) ?? [], accesses), ...decision });
}

/** Gives an allowed context as a recorded one, when its intents are durable. @throws GatewayError AuditUnavailable */
export function intend<Context extends Allowed & { readonly trail: AuditTrail }>(
  context: Context,
  plan: Parameters<AuditTrail['intent']>[0],
): Promise<Context & Recorded> {
  return context.trail.intent(plan).then(() => context as Context & Recorded);
}

/** An allowed batch of a DeleteObjects request. */
type Intended = Allowed & Parameters<AuditTrail['intentEach']>[0][number];

/** Gives a DeleteObjects request as a recorded one, when the intents of all its batches are durable. @throws GatewayError AuditUnavailable */
export async function intendEach<Context extends { readonly trail: AuditTrail; readonly batches: readonly Intended[] }>(
  context: Context,
): Promise<Context & RecordedEach<Context['batches'][number]>> {
  await context.trail.intentEach(context.batches);
  return context as Context & RecordedEach<Context['batches'][number]>;
}

/** Makes the stage `respond`: nobody is answered by what is not on record. */
export function responder<In extends Recorded>(run: (context: In) => Promise<void>): Responder<In> {
  return { name: 'respond', run: run as (context: In) => Promise<never> };
}
