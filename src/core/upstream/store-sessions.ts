/**
 * Sessions at a store: each request in one is signed with the short-lived credentials of its plan and sent, streaming, and
 * every answer but 2xx becomes a failure. Credentials that the store no longer takes are dropped; where there are others, a
 * request whose body can be sent again is signed anew and sent once more. Credentials never leave a session.
 */
import type { BucketWitness } from '../../contracts/bucket-watch.ts';
import type { Bucket } from '../../contracts/bucket.ts';
import type { Clock } from '../../contracts/clock.ts';
import type { CredentialBroker, StoreCredentials } from '../../contracts/credential-broker.ts';
import type { StoreQuestion, StoreSession, StoreSessionOptions, StoreSessions } from '../../contracts/store-session.ts';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { asksForEncryption, encryptionHeaders } from '../../s3/encryption-headers.ts';
import type { Upstream } from './http-upstream.ts';
import type { Signer } from './signer.ts';
import { CredentialsRefused, storeFailure } from './store-failure.ts';

export interface StoreSessionParts {
  readonly upstream: Upstream;
  readonly broker: CredentialBroker;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly witness?: BucketWitness;
}

/** Creates the sessions of a process. */
export function createStoreSessions(parts: StoreSessionParts): StoreSessions {
  const { broker, witness } = parts;
  const witnessed = async <Result>(bucket: Bucket, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      witness?.failed(bucket, error);
      throw error;
    }
  };
  return {
    open: async (options) => {
      const { bucket, plan } = options;
      let credentials = await witnessed(bucket, () => broker.credentials(plan));
      const ask: StoreSession['ask'] = async (question) => {
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
      };
      return {
        bucket,
        ask: async (question) => {
          const answer = await witnessed(bucket, () => ask(question));
          witness?.succeeded(bucket);
          return answer;
        },
      } satisfies StoreSession;
    },
  };
}

/** Said here once, so that no writer of objects can leave it out: clients' writes, copies, uploads and operators' commands. */
function withEncryption(
  question: Omit<StoreQuestion, 'outlivesClient'>,
  { storeEncryption }: Bucket,
): Omit<StoreQuestion, 'outlivesClient'> {
  const { headers } = question;
  if (storeEncryption === undefined || !makesObject(question) || asksForEncryption(headers)) return question;
  return { ...question, headers: { ...headers, ...encryptionHeaders(storeEncryption) } };
}

/** PutObject, CopyObject and CreateMultipartUpload; parts have what their upload has. */
function makesObject({ method, key, query }: Pick<StoreQuestion, 'method' | 'key' | 'query'>): boolean {
  if (key === '') return false;
  return method === 'PUT' ? query.length === 0 : method === 'POST' && query.some(([name]) => name === 'uploads');
}

async function attempt(
  { upstream, signer, clock }: StoreSessionParts,
  { bucket, signal, onAnswer }: StoreSessionOptions,
  credentials: StoreCredentials,
  { outlivesClient = false, ...question }: StoreQuestion,
): Promise<UpstreamResponse> {
  const client = outlivesClient ? undefined : signal;
  // Nothing takes effect for a client that is gone: it may have repeated the request elsewhere.
  if (client?.aborted === true) throw new GatewayError('RequestTimeout', { detail: 'the client is gone' });
  const request = signer.sign({ ...withEncryption(question, bucket), bucket }, credentials, clock.now());
  const isRead = question.method === 'GET' || question.method === 'HEAD';
  const response = await upstream.send(request, isRead ? client : undefined);
  onAnswer?.(response);
  if (response.status >= 200 && response.status < 300) return response;
  throw await storeFailure(response, question, bucket);
}
