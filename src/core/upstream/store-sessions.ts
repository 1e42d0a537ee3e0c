/**
 * Sessions at a store: each request in one is signed with the short-lived credentials of its plan and sent, streaming, and
 * every answer but 2xx becomes a failure. Credentials that the store no longer takes are dropped; where there are others, a
 * request whose body can be sent again is signed anew and sent once more. Credentials never leave a session.
 */
import type { Clock } from '../../contracts/clock.ts';
import type { CredentialBroker, StoreCredentials } from '../../contracts/credential-broker.ts';
import type { StoreQuestion, StoreSession, StoreSessionOptions, StoreSessions } from '../../contracts/store-session.ts';
import type { Signer, Upstream, UpstreamResponse } from '../../contracts/upstream.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { CredentialsRefused, storeFailure } from './store-failure.ts';

export interface StoreSessionParts {
  readonly upstream: Upstream;
  readonly broker: CredentialBroker;
  readonly signer: Signer;
  readonly clock: Clock;
}

/** Creates the sessions of a process. */
export function createStoreSessions(parts: StoreSessionParts): StoreSessions {
  const { broker } = parts;
  return {
    open: async (options) => {
      const { bucket, plan } = options;
      let credentials = await broker.credentials(plan);
      return {
        bucket,
        ask: async (question) => {
          try {
            return await attempt(parts, options, credentials, question);
          } catch (error) {
            if (!(error instanceof CredentialsRefused)) throw error;
            broker.forget(plan);
            if (question.body !== undefined && !Buffer.isBuffer(question.body.content)) throw error;
            const refused = credentials;
            credentials = await broker.credentials(plan);
            // The same ones would be refused again; and a signer that is wrong now and then must not go unnoticed.
            if (credentials === refused) throw error;
            return await attempt(parts, options, credentials, question);
          }
        },
      } satisfies StoreSession;
    },
  };
}

async function attempt(
  { upstream, signer, clock }: StoreSessionParts,
  { bucket, signal, onAnswer }: StoreSessionOptions,
  credentials: StoreCredentials,
  { outlivesClient = false, ...question }: StoreQuestion,
): Promise<UpstreamResponse> {
  const client = outlivesClient ? undefined : signal;
  // Nothing takes effect for a client that is gone: it may have repeated the request elsewhere.
  if (client?.aborted === true) throw new GatewayError('RequestTimeout', 'forward', { detail: 'the client is gone' });
  const request = signer.sign({ ...question, bucket }, credentials, clock.now());
  const isRead = question.method === 'GET' || question.method === 'HEAD';
  const response = await upstream.send(request, isRead ? client : undefined);
  onAnswer?.(response);
  if (response.status >= 200 && response.status < 300) return response;
  throw await storeFailure(response, question, bucket);
}
