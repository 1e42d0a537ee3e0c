/**
 * Asks stores about buckets themselves. Enters: a bucket, and how its store is reached. Leaves: facts, remembered for
 * seconds, so that clients that look before each of their requests cost one request. One request at a time is in progress
 * for each fact. What is kept is bounded by the buckets and stores of configuration.
 */
import type { BucketFacts } from '../contracts/bucket-facts.ts';
import type { Clock } from '../contracts/clock.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { withinTime } from '../platform/time-limit.ts';
import { readBuckets } from '../s3/documents/list-buckets.ts';
import { readStoreDocument } from '../s3/documents/stored-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { textOf } from '../s3/documents/xml-reader.ts';
import { checkBucket } from './check-bucket.ts';
import { STATIC } from './explain-refusal.ts';

/** How long a fact is believed: longer than a burst of lookups, shorter than anybody waits for a new bucket. */
const PRESENT_MS = 10_000;
const ABSENT_MS = 1000;
const DATES_MS = 300_000;
/** Until a store that gave no dates is asked again. */
const NO_DATES_MS = 30_000;
/** A listing of buckets does not wait longer for dates. */
const DATES_WITHIN_MS = 2000;

const NO_DATES: ReadonlyMap<string, string> = new Map();

interface Remembered<Fact> {
  readonly fact: Promise<Fact>;
  /** Infinity while the request is in progress. */
  untilMs: number;
}

/** Creates the facts of a process. */
export function createBucketFacts({ clock }: { readonly clock: Clock }): BucketFacts {
  const existing = new Map<string, Remembered<boolean | undefined>>();
  const locks = new Map<string, Remembered<boolean | undefined>>();
  const dates = new Map<string, Remembered<ReadonlyMap<string, string>>>();

  function remember<Fact>(
    facts: Map<string, Remembered<Fact>>,
    name: string,
    find: () => Promise<Fact>,
    lifeMs: (fact: Fact) => number,
  ): Promise<Fact> {
    const known = facts.get(name);
    if (known !== undefined && known.untilMs > clock.now()) return known.fact;
    const entry: Remembered<Fact> = { fact: find(), untilMs: Infinity };
    facts.set(name, entry);
    entry.fact.then(
      (fact) => {
        entry.untilMs = clock.now() + lifeMs(fact);
      },
      () => {
        if (facts.get(name) === entry) facts.delete(name);
      },
    );
    return entry.fact;
  }

  return {
    exists: ({ name }, open) =>
      remember(
        existing,
        name,
        async () => isThere(await open()),
        (fact) => (fact === false ? ABSENT_MS : PRESENT_MS),
      ),
    created: (storeName, open) =>
      withinTime(
        remember(
          dates,
          storeName,
          () => datesOf(open).catch(() => NO_DATES),
          ({ size }) => (size === 0 ? NO_DATES_MS : DATES_MS),
        ),
        DATES_WITHIN_MS,
        () => NO_DATES,
      ),
    keepsLocks: ({ name }, open) =>
      remember(
        locks,
        name,
        async () => hasLocks(await open()),
        (fact) => (fact === true ? PRESENT_MS : ABSENT_MS),
      ),
    forget: ({ name, store }) => {
      existing.delete(name);
      locks.delete(name);
      dates.delete(store.name);
    },
  };
}

async function isThere(session: StoreSession): Promise<boolean | undefined> {
  try {
    await checkBucket(session);
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'NoSuchBucket') return false;
    // The store does not say: the role may not list the bucket, or another endpoint serves it. Configuration names it.
    // Of fixed keys it may mean that they are wrong.
    const mayNotList = error.code === 'AccessDeniedByStore' && session.bucket.roleArn !== STATIC;
    if (mayNotList || isElsewhere(error)) return undefined;
    throw error;
  }
}

async function hasLocks(session: StoreSession): Promise<boolean | undefined> {
  try {
    const response = await session.send({ method: 'GET', key: '', query: [['object-lock', '']], headers: {} });
    const telling = ['ObjectLockEnabled'];
    const root = readStoreDocument(await readAnswer(response.body), 'ObjectLockConfiguration', { telling });
    return textOf(root, 'ObjectLockEnabled') === 'Enabled';
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'NoSuchObjectLock') return false;
    if (UNSAID.has(error.code)) return undefined;
    throw error;
  }
}

/** What a store or a role says that does not know the request: the lookup of the written object decides. */
const UNSAID: ReadonlySet<ErrorCode> = new Set([
  'AccessDeniedByStore',
  'InternalError',
  'InvalidRequest',
  'MethodNotAllowed',
  'NotImplemented',
]);

function isElsewhere({ refusal }: GatewayError): boolean {
  return refusal?.status !== undefined && refusal.status >= 300 && refusal.status < 400;
}

async function datesOf(open: () => Promise<StoreSession>): Promise<ReadonlyMap<string, string>> {
  const session = await open();
  const response = await session.send({ method: 'GET', key: '', query: [], headers: {} });
  return readBuckets(await readAnswer(response.body));
}
