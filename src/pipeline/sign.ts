/** Credentialed -> Signed. Builds what the store is asked and signs it with the short-lived credentials. */
import type { Clock } from '../contracts/clock.ts';
import type { OutboundRequest, Signer } from '../contracts/upstream.ts';
import type { Credentialed, Signed } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `sign`; `outbound` says what one class of operation asks. */
export function createSign<In extends Credentialed>(
  signer: Signer,
  clock: Clock,
  outbound: (context: In) => OutboundRequest,
): Stage<In, In & Signed> {
  return {
    name: 'sign',
    run: (context) => {
      const request = outbound(context);
      return { ...context, outbound: request, signed: signer.sign(request, context.credentials, clock.now()) };
    },
  };
}
