/** Credentialed -> Forwarded. One request to the store, and its answer. */
import type { StoreRequest } from '../contracts/store-session.ts';
import type { Credentialed, Forwarded } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `forward`; `outbound` says what one class of operation asks. @throws GatewayError whatever the store's answer means */
export function createForward<In extends Credentialed>(
  outbound: (context: In) => StoreRequest,
): Stage<In, In & Forwarded> {
  return {
    name: 'forward',
    run: (context) => context.session.send(outbound(context)).then((response) => ({ ...context, response })),
  };
}
