/**
 * Sessions at a store: each request in one is signed with the short-lived credentials of its plan and sent, streaming, and
 * every answer but 2xx becomes a failure. Credentials that the store no longer takes are dropped; where there are others, a
 * request whose body can be sent again is signed anew and sent once more. Credentials never leave a session.
 */
import type { BucketWitness } from '../../contracts/bucket-watch.ts';
import type { Bucket } from '../../contracts/bucket.ts';
import type { Clock } from '../../contracts/clock.ts';
import type { CredentialBroker, StoreCredentials } from '../../contracts/credential-broker.ts';
import type { StoreRequest, StoreSession, StoreSessionOptions, StoreSessions } from '../../contracts/store-session.ts';
import type { Span, SpanAttributes, Traces } from '../../contracts/tracing.ts';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { detectOperation } from '../../s3/request/detect-operation.ts';
import { requestsEncryption, encryptionHeaders } from '../../s3/request/encryption-headers.ts';
import type { Upstream } from './http-upstream.ts';
import type { SignedRequest, Signer } from './signer.ts';
import { CredentialsRefused, storeFailure } from './store-failure.ts';

export interface StoreSessionDependencies {
  readonly upstream: Upstream;
  readonly broker: CredentialBroker;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly witness?: BucketWitness;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
}

/** Creates the sessions of a process. */
export function createStoreSessions(dependencies: StoreSessionDependencies): StoreSessions {
  const { broker, witness } = dependencies;
  return {
    open: (options) => {
      const { bucket, planned } = options;
      const failed = (error: unknown): never => {
        witness?.failed(bucket, error);
        throw error;
      };
      const succeeded = (answer: UpstreamResponse): UpstreamResponse => {
        witness?.succeeded(bucket);
        return answer;
      };
      const sessionWith = (obtained: StoreCredentials): StoreSession => {
        let credentials = obtained;
        const sendAgain = async (request: StoreRequest, error: unknown): Promise<UpstreamResponse> => {
          if (!(error instanceof CredentialsRefused)) throw error;
          broker.forget(planned);
          if (request.body !== undefined && !Buffer.isBuffer(request.body.content)) throw error;
          const refused = credentials;
          credentials = await broker.credentials(planned);
          // The same ones would be refused again; and a signer that is wrong now and then must not go unnoticed.
          if (credentials === refused) throw error;
          return attempt(dependencies, options, credentials, request);
        };
        return {
          bucket,
          send: (request) =>
            attempt(dependencies, options, credentials, request).then(succeeded, (error: unknown) =>
              sendAgain(request, error).then(succeeded, failed),
            ),
        };
      };
      const obtained = broker.credentials(planned);
      return obtained instanceof Promise ? obtained.then(sessionWith, failed) : sessionWith(obtained);
    },
  };
}

/** Said here once, so that no writer of objects can leave it out: clients' writes, copies, uploads and operators' commands. */
function withEncryption(
  request: Omit<StoreRequest, 'outlivesClient'>,
  { storeEncryption }: Bucket,
): Omit<StoreRequest, 'outlivesClient'> {
  const { headers } = request;
  if (storeEncryption === undefined || !makesObject(request) || requestsEncryption(headers)) return request;
  return { ...request, headers: { ...headers, ...encryptionHeaders(storeEncryption) } };
}

/** PutObject, CopyObject and CreateMultipartUpload; parts have what their upload has. */
function makesObject({ method, key, query }: Pick<StoreRequest, 'method' | 'key' | 'query'>): boolean {
  if (key === '') return false;
  return method === 'PUT' ? query.length === 0 : method === 'POST' && query.some(([name]) => name === 'uploads');
}

function attempt(
  { upstream, signer, clock, traces }: StoreSessionDependencies,
  { bucket, signal, onAnswer }: StoreSessionOptions,
  credentials: StoreCredentials,
  { outlivesClient = false, ...rest }: StoreRequest,
): Promise<UpstreamResponse> {
  const client = outlivesClient ? undefined : signal;
  // Nothing takes effect for a client that is gone: it may have repeated the request elsewhere.
  if (client?.aborted === true) {
    return Promise.reject(new GatewayError('RequestTimeout', { detail: 'the client is gone' }));
  }
  let request: SignedRequest;
  try {
    request = signer.sign({ ...withEncryption(rest, bucket), bucket }, credentials, clock.now());
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
  const isRead = rest.method === 'GET' || rest.method === 'HEAD';
  const sent = isRead ? client : undefined;
  const answer =
    traces === undefined
      ? upstream.send(request, sent)
      : traces.call(nameOf(rest), attributesOf(bucket, rest), (span) => sendTraced(upstream, request, sent, span));
  return answer.then((response) => {
    onAnswer?.(response);
    if (response.status >= 200 && response.status < 300) return response;
    return storeFailure(response, rest, bucket).then((failure) => {
      throw failure;
    });
  });
}

/** The context goes beside what is signed: a store that does not know it passes over it. */
function sendTraced(
  upstream: Upstream,
  request: SignedRequest,
  signal: AbortSignal | undefined,
  span: Span | undefined,
): Promise<UpstreamResponse> {
  if (span === undefined) return upstream.send(request, signal);
  return upstream.send({ ...request, headers: { ...request.headers, ...span.headers } }, signal).then((response) => {
    const { status, headers } = response;
    span.set({
      'http.response.status_code': status,
      'aws.request_id': headers.get('x-amz-request-id'),
      'aws.extended_request_id': headers.get('x-amz-id-2'),
    });
    if (status >= 400) span.fail(String(status));
    return response;
  });
}

/** The name of the conventions of object stores, without a key. */
function nameOf({ method, key, query, headers }: StoreRequest): string {
  try {
    const target = { bucket: 'bucket', key, query: new Map(query) };
    return `S3.${detectOperation(method, target, headers['x-amz-copy-source'] !== undefined)}`;
  } catch {
    return `S3.${method}`;
  }
}

function attributesOf({ store, storeBucket }: Bucket, { method }: StoreRequest): SpanAttributes {
  return {
    'http.request.method': method,
    'aws.s3.bucket': storeBucket,
    'server.address': new URL(store.endpoint).hostname,
    'sallyport.store': store.name,
  };
}
