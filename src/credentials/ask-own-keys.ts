/**
 * Asks a store whether it takes the gateway's own keys, by what costs nothing and touches nothing: GetCallerIdentity of its
 * STS, which AWS answers to whoever has valid keys; where there is none (Ceph RGW), the names of the buckets of these keys.
 * Enters: the keys. Leaves: a verdict made of codes. Nothing that a store wrote, and no name of a bucket, is kept.
 */
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { Agent } from 'undici';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { callHttp, isTimeout, networkCode } from '../platform/http-call.ts';
import { withinTime } from '../platform/time-limit.ts';
import { parseStoreError } from '../s3/documents/xml.ts';
import { createRequestSigner, EMPTY_PAYLOAD } from '../sigv4/signer.ts';
import type { BaseCredentials, BaseSource } from './base-credentials.ts';
import type { KeyVerdict } from './own-keys.ts';
import { createStsClient } from './sts-client.ts';
import { namedByStore, refusesKeys } from './sts-failure.ts';
import type { StsStore } from './sts-store.ts';

export interface AskOwnKeys {
  /** `hasWorked`: the keys were given a session once. Never rejects. */
  readonly ask: (hasWorked: boolean) => Promise<KeyVerdict>;
  readonly close: () => void;
}

export interface AskOwnKeysOptions {
  readonly base: BaseSource;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'lookup'>;
  /** One call, whole, in milliseconds. */
  readonly timeoutMs: number;
}

/** A page of AWS is 10,000 buckets at most; what comes after so many bytes is not read. */
const MAX_ANSWER_BYTES = 4_194_304;

/** Makes it; connections are made when it asks. */
export function createAskOwnKeys(store: StsStore, options: AskOwnKeysOptions): AskOwnKeys {
  const { base, clock, observer, timeoutMs } = options;
  const hasSts = store.method !== 'static';
  const client = createStsClient(store, base.current, timeoutMs);
  const sign = createRequestSigner('s3');
  const { tls } = store;
  const dispatcher = new Agent({
    connections: 1,
    maxHeaderSize: 16_384,
    connect: {
      ...{ timeout: timeoutMs, minVersion: tls?.minVersion ?? 'TLSv1.2' },
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
    },
  });
  /** Of the keys that were seen to list buckets: for them a refusal to do so is one of the keys. */
  let lister: string | undefined;

  /** `undefined`: nobody answers that here, or in words that do not tell. */
  const askIdentity = async (): Promise<KeyVerdict | undefined> => {
    try {
      observer.lookup('health');
      const answer = await client.send(new GetCallerIdentityCommand(), { abortSignal: AbortSignal.timeout(timeoutMs) });
      return answer.Arn === undefined && answer.UserId === undefined ? undefined : { keys: 'taken' };
    } catch (error) {
      const { code, status } = namedByStore(error);
      if (refusesKeys(code)) return { keys: 'refused', detail: `GetCallerIdentity: ${status ?? ''} ${code}` };
      if (status === undefined && !isUnread(error)) return unanswered('GetCallerIdentity', code);
      return status !== undefined && isTransient(status) ? unanswered('GetCallerIdentity', `${status}`) : undefined;
    }
  };

  const listBuckets = async (keys: BaseCredentials, hasWorked: boolean): Promise<KeyVerdict> => {
    if (store.buckets === undefined) return { keys: 'unclear' };
    const { endpoint, region } = store.buckets;
    const request = { method: 'GET', path: '/', query: [], headers: {}, payloadHash: EMPTY_PAYLOAD, region } as const;
    try {
      observer.lookup('health');
      const { accessKeyId, secretAccessKey, sessionToken } = keys;
      const signing = { accessKeyId, secretAccessKey, sessionToken };
      const { headers } = sign({ ...request, host: new URL(endpoint).host }, signing, clock.now());
      const limits = { dispatcher, timeoutMs, maxBytes: MAX_ANSWER_BYTES, isRepeatable: true, tooLong };
      const { status, body } = await callHttp(`${endpoint}/`, { method: 'GET', headers }, limits);
      if (status === 200) {
        lister = accessKeyId;
        return { keys: 'taken' };
      }
      if (isTransient(status)) return unanswered('ListBuckets', `${status}`);
      const code = parseStoreError(body) ?? '';
      const detail = `ListBuckets: ${status} ${code}`.trimEnd();
      if (refusesKeys(code)) return { keys: 'refused', detail };
      // Of keys that may not list buckets it tells nothing. But keys that were never seen to be good for anything are wrong,
      // or of no use: in either case no caller can do anything about it.
      const isOfKeys = (status === 401 || status === 403) && hasSts && (lister === accessKeyId || !hasWorked);
      return isOfKeys ? { keys: 'refused', detail } : { keys: 'unclear' };
    } catch (error) {
      return unanswered('ListBuckets', isTimeout(error) ? `nothing within ${timeoutMs} ms` : networkCode(error));
    }
  };

  return {
    ask: async (hasWorked) => {
      let keys: BaseCredentials;
      try {
        keys = await withinTime(base.current(), timeoutMs, () => {
          throw new Error('late');
        });
      } catch {
        return {
          keys: 'refused',
          detail: 'there are no keys where configuration, or the environment, should have them',
        };
      }
      return (hasSts ? await askIdentity() : undefined) ?? listBuckets(keys, hasWorked);
    },
    close: () => {
      client.destroy();
      void dispatcher.destroy();
    },
  };
}

const unanswered = (what: string, why: string): KeyVerdict => ({ keys: 'unanswered', detail: `${what}: ${why}` });
const isTransient = (status: number): boolean => status === 429 || (status >= 500 && status !== 501);
const tooLong = (): Error => Object.assign(new Error('the answer is too long'), { code: 'ANSWER_TOO_LONG' });

/** There was an answer, and the SDK could not read it. */
const isUnread = (error: unknown): boolean => error instanceof Error && '$response' in error;
