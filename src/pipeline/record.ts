/**
 * Planned -> Recorded. Makes the intents durable before anything is asked of STS or a store, or told to the caller. If an
 * entry cannot be written the request is refused, and nothing was done.
 */
import { intend, intendEach, type Allowed, type Recorded, type RecordedEach } from './access.ts';
import type { Authenticated, Divided, Planned, Batch } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `record`; what is answered here has no plan. @throws GatewayError AuditUnavailable */
export function createRecord<In extends Authenticated & Allowed & Partial<Pick<Planned, 'plan'>>>(): Stage<
  In,
  In & Recorded
> {
  return { name: 'record', run: (context) => intend(context, context.plan) };
}

/** The stage `record` of the class BATCH: every entry is durable before the first batch goes out. @throws GatewayError AuditUnavailable */
export function createRecordEach(): Stage<Divided, Divided & RecordedEach<Batch>> {
  return { name: 'record', run: intendEach };
}
