/**
 * What a stage may rely on: policy allows every access of the request, and that is on record. Both are types that only the
 * functions of this file give, each to a context for which it has made sure, so that a table without the stage that calls it
 * does not compile. At run time they are nothing, and cost nothing.
 */
import type { Decision } from '../contracts/authorizer.ts';
import { accessDenied } from '../errors/access-denied.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { Stage } from './stage.ts';

declare const allowed: unique symbol;
declare const recorded: unique symbol;
declare const responded: unique symbol;

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

/** Gives a decided context as an allowed one. @throws GatewayError AccessDenied, by the first denial */
export function allow<Context extends { readonly targets: readonly { readonly decision: Decision }[] }>(
  context: Context,
): Context & Allowed {
  const denied = context.targets.find(({ decision }) => decision.effect !== 'allow');
  if (denied !== undefined) throw accessDenied(denied.decision);
  return context as Context & Allowed;
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
