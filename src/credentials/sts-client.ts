/**
 * The connection to one store's STS, bounded in time and size, and what is taken out of its answers. Nothing is looked for
 * in variables or files that our configuration does not name.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { STSClient, type Credentials } from '@aws-sdk/client-sts';
import type { Traces } from '../contracts/tracing.ts';
import type { StoreCredentials } from '../contracts/credential-broker.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { bounded } from '../platform/bounded-body.ts';
import type { BaseCredentials } from './base-credentials.ts';
import { stsFailure, type Action } from './sts-failure.ts';
import type { AssumeRoleOptions, StsStore } from './sts-store.ts';

const MAX_SOCKETS = 64;
/** The SDK reads an answer whole, however long it is. */
const LIMITS = { maxBytes: 65_536, refuse: () => new Error('the answer is too long') };

/** Makes the client. `credentials`: what calls are signed with, requested again each time. */
export function createStsClient(
  store: StsStore,
  credentials: () => Promise<BaseCredentials>,
  timeoutMs: number,
  traces?: Traces,
): STSClient {
  const { tls } = store;
  const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: 60_000 };
  const client = new STSClient({
    endpoint: store.endpoint,
    region: store.region,
    // Each of these is given, or the SDK would look for it in variables and files that our configuration does not name.
    maxAttempts: 2,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    userAgentAppId: 'sallyport',
    authSchemePreference: ['sigv4'],
    disableClockSkewCorrection: false,
    // A source keeps them itself; the SDK would keep for ever what has no expiration.
    credentials: Object.assign(async () => credentials(), { memoized: true }),
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeoutMs,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent({
        ...sockets,
        minVersion: tls?.minVersion ?? 'TLSv1.2',
        ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
      }),
    },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const span = traces?.current();
      // After the call is signed: the context is no part of it.
      if (span !== undefined) Object.assign((args.request as { headers: object }).headers, span.headers);
      const result = await next(args);
      const { response } = result;
      if (typeof response === 'object' && response !== null && 'body' in response) {
        const { body } = response;
        if (body instanceof Readable) response.body = Readable.from(bounded(body, LIMITS));
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundResponse' },
  );
  return client;
}

/** Makes a call, counts how it went, and tells a failure as `stsFailure` does. @throws GatewayError */
export async function counted<Result>(
  call: () => Promise<Result>,
  { clock, observer }: Pick<AssumeRoleOptions, 'clock' | 'observer'>,
  ...target: readonly [action: Action, storeName: string, roleArn: string]
): Promise<Result> {
  const startedMs = clock.now();
  try {
    const result = await (observer.traces?.call(`STS.${target[0]}`, { 'sallyport.store': target[1] }, call) ?? call());
    observer.call('sts', 'ok', clock.now() - startedMs);
    return result;
  } catch (error) {
    observer.call('sts', 'error', clock.now() - startedMs);
    throw stsFailure(error, ...target);
  }
}

/** Of what may stand in a header, and long enough to be meant. */
const VISIBLE = /^[\x21-\x7e]{1,16384}$/;

/**
 * Reads the credentials of an answer; they are not used after `latestMs`, whatever the answer says.
 * @throws GatewayError ServiceUnavailable (it holds none)
 */
export function credentialsOf(issued: Credentials | undefined, latestMs: number): StoreCredentials {
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken: sessionToken = '',
  } = issued ?? {};
  if (![accessKeyId, secretAccessKey, sessionToken].every((part) => VISIBLE.test(part))) {
    throw new GatewayError('ServiceUnavailable', { detail: 'the answer of STS holds no credentials' });
  }
  const expiresAtMs = Math.min(issued?.Expiration?.getTime() ?? Number.NaN, latestMs);
  if (Number.isNaN(expiresAtMs)) {
    throw new GatewayError('ServiceUnavailable', { detail: 'the answer of STS holds no expiration' });
  }
  return Object.freeze({ accessKeyId, secretAccessKey, sessionToken, expiresAtMs });
}
