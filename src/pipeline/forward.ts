/**
 * Signed -> Forwarded. Sends, streaming, and turns every answer but 2xx into a failure. Credentials that the store no
 * longer takes are dropped; a request whose body can be sent again is signed anew and sent once more.
 */
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { Signer, Upstream, UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Forwarded, Signed } from './contexts.ts';
import type { Stage } from './stage.ts';
import { CredentialsRefused, storeFailure } from './store-failure.ts';

export interface ForwardParts {
  readonly upstream: Upstream;
  readonly broker: CredentialBroker;
  readonly signer: Signer;
  readonly clock: Clock;
}

/**
 * The stage `forward`. `abortable`: whether the store's answer is given up when the client goes away; a write is carried
 * to its end instead, so that its outcome is known.
 * @throws GatewayError whatever the store's answer means
 */
export function createForward<In extends Signed>(
  { upstream, broker, signer, clock }: ForwardParts,
  abortable: boolean,
): Stage<In, In & Forwarded> {
  const attempt = async (context: Signed): Promise<UpstreamResponse> => {
    // Nothing takes effect for a client that is gone: it may have repeated the request elsewhere.
    if (context.exchange.signal.aborted)
      throw new GatewayError('RequestTimeout', 'forward', { detail: 'the client is gone' });
    const response = await upstream.send(context.signed, abortable ? context.exchange.signal : undefined);
    const { ledger } = context;
    ledger.upstreamRequestId = response.headers.get('x-amz-request-id');
    ledger.versionId = response.headers.get('x-amz-version-id');
    if (response.status >= 200 && response.status < 300) return response;
    throw await storeFailure(response, context);
  };
  return {
    name: 'forward',
    run: async (context) => {
      try {
        return { ...context, response: await attempt(context) };
      } catch (error) {
        if (!(error instanceof CredentialsRefused)) throw error;
        broker.forget(context.plan);
        const { outbound, plan } = context;
        if (outbound.body !== undefined && !Buffer.isBuffer(outbound.body.content)) throw error;
        const credentials = await broker.credentials(plan);
        const again = { ...context, credentials, signed: signer.sign(outbound, credentials, clock.now()) };
        return { ...again, response: await attempt(again) };
      }
    },
  };
}
