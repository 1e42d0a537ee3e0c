/**
 * A plan in, credentials of the store out: one call of one STS, bounded in time and size. Errors carry the code that STS
 * gave, never what it wrote: a message may repeat what was sent. Nothing here is kept.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { AssumeRoleCommand, STSClient, type AssumeRoleCommandOutput } from '@aws-sdk/client-sts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import type { Observer } from '../contracts/observer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { chainSource, type BaseSource } from './base-credentials.ts';
import type { SessionTagRules } from './session-tags.ts';
import { blamesBase, stsFailure } from './sts-failure.ts';

/** A store's STS, and how roles are assumed there. */
export interface StsStore {
  /** The store's name in configuration. */
  readonly name: string;
  readonly stsEndpoint: string;
  readonly region: string;
  /** Who the gateway is itself. Left out: the default chain of the AWS SDK. */
  readonly base?: BaseSource;
  /** `static`: it has no STS; the base credentials are used as they are. Left out: `assume-role`. */
  readonly method?: 'assume-role' | 'static';
  /** PEM; instead of the system's certificates. */
  readonly ca?: string;
  /** The name that the certificate must carry, where it is not the host of the endpoint. */
  readonly serverName?: string;
  readonly minTls?: 'TLSv1.2' | 'TLSv1.3';
  /** Whether its IAM takes `${*}`, `${?}` and `${$}` for the characters themselves. AWS does, Ceph RGW does not. */
  readonly iamEscapes: boolean;
  readonly roleDefaults: {
    readonly externalId?: string;
    readonly sourceIdentity: boolean;
    /** 900 or more. */
    readonly durationSeconds: number;
    /** Claims by the tags that are made of them. */
    readonly sessionTags?: SessionTagRules;
    /** Of these tags, those that stay when a role is assumed out of the session. */
    readonly transitiveTags?: readonly string[];
  };
}

export interface AssumeRoleOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** One call, retry included, in milliseconds. */
  readonly timeoutMs: number;
}

export interface AssumeRole {
  /** @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore */
  readonly call: (plan: AssumeRolePlan, durationSeconds: number) => Promise<StoreCredentials>;
  /** Closes idle connections. */
  readonly close: () => void;
}

const MAX_SOCKETS = 64;
const MAX_CHAINED_SECONDS = 3600;
const LATE = "the gateway's own credentials did not come in time";
const MAX_RESPONSE_BYTES = 65_536;

/**
 * Makes the caller of one store's STS.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function createAssumeRole(store: StsStore, { clock, observer, timeoutMs }: AssumeRoleOptions): AssumeRole {
  const base = store.base ?? chainSource(store.region);
  const client = createClient(store, base, timeoutMs);
  const { externalId, transitiveTags = [] } = store.roleDefaults;

  const ask = async (plan: AssumeRolePlan, wantedSeconds: number, signal: AbortSignal): Promise<StoreCredentials> => {
    const { sessionToken } = await inTime(base.current(), signal);
    // A role that is assumed out of a session lasts an hour at most; STS refuses whoever asks for more.
    const durationSeconds = sessionToken === undefined ? wantedSeconds : Math.min(wantedSeconds, MAX_CHAINED_SECONDS);
    const tags = plan.sessionTags ?? [];
    const kept = tags.flatMap(([tag]) => (transitiveTags.includes(tag) ? [tag] : []));
    const askedAtMs = clock.now();
    const command = new AssumeRoleCommand({
      RoleArn: plan.roleArn,
      RoleSessionName: plan.sessionName,
      Policy: plan.sessionPolicy,
      DurationSeconds: durationSeconds,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(plan.sourceIdentity === undefined ? {} : { SourceIdentity: plan.sourceIdentity }),
      ...(tags.length === 0 ? {} : { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
      ...(kept.length === 0 ? {} : { TransitiveTagKeys: kept }),
    });
    const output = await client.send(command, { abortSignal: signal });
    // Counted from before the call and by our own clock too: a store's clock that runs ahead must not let us use
    // credentials for longer than they live.
    return credentialsOf(output, askedAtMs + durationSeconds * 1000);
  };

  return {
    call: async (plan, durationSeconds) => {
      const startedMs = clock.now();
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        const credentials = await ask(plan, durationSeconds, signal).catch(async (error: unknown) => {
          // Keys may have been rotated since they were looked at.
          if (!blamesBase(error) || !(await inTime(base.renew(), signal))) throw error;
          return ask(plan, durationSeconds, signal);
        });
        observer.call('sts', 'ok', clock.now() - startedMs);
        return credentials;
      } catch (error) {
        observer.call('sts', 'error', clock.now() - startedMs);
        throw stsFailure(error, store.name, plan.roleArn);
      }
    },
    close: () => client.destroy(),
  };
}

/** Whatever credentials come from is not to be waited for without end, and has no way to be told to stop. */
function inTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = (): void => reject(new GatewayError('ServiceUnavailable', 'assume-role', { detail: LATE }));
  if (signal.aborted) late();
  else signal.addEventListener('abort', late, { once: true });
  return Promise.race([answer, promise]).finally(() => signal.removeEventListener('abort', late));
}

function createClient(store: StsStore, base: BaseSource, timeoutMs: number): STSClient {
  const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: 60_000 };
  const client = new STSClient({
    endpoint: store.stsEndpoint,
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
    credentials: Object.assign(async () => base.current(), { memoized: true }),
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeoutMs,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent({
        ...sockets,
        minVersion: store.minTls ?? 'TLSv1.2',
        ...(store.ca === undefined ? {} : { ca: store.ca }),
        ...(store.serverName === undefined ? {} : { servername: store.serverName }),
      }),
    },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (typeof response === 'object' && response !== null && 'body' in response) {
        const { body } = response;
        if (body instanceof Readable) response.body = Readable.from(bounded(body));
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundResponse' },
  );
  return client;
}

/** The SDK reads an answer whole, however long it is. */
async function* bounded(body: Readable): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_RESPONSE_BYTES) throw new Error('the answer is too long');
    yield chunk;
  }
}

/** Of what may stand in a header, and long enough to be meant. */
const VISIBLE = /^[\x21-\x7e]{1,16384}$/;

function credentialsOf({ Credentials: given }: AssumeRoleCommandOutput, latestMs: number): StoreCredentials {
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken: sessionToken = '',
  } = given ?? {};
  if (![accessKeyId, secretAccessKey, sessionToken].every((part) => VISIBLE.test(part))) {
    throw new GatewayError('ServiceUnavailable', 'assume-role', { detail: 'the answer of STS holds no credentials' });
  }
  const expiresAtMs = Math.min(given?.Expiration?.getTime() ?? Number.NaN, latestMs);
  if (Number.isNaN(expiresAtMs)) {
    throw new GatewayError('ServiceUnavailable', 'assume-role', { detail: 'the answer of STS holds no expiration' });
  }
  return Object.freeze({ accessKeyId, secretAccessKey, sessionToken, expiresAtMs });
}
