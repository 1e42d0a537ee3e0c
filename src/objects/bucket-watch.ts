/**
 * What is known of each bucket: whether it can be used as it is configured. Enters: how to ask one, and how clients' requests
 * go. Leaves: a report for each, `unknown` until something was asked. A client's request that succeeds is the best proof, and
 * spares the request; one that fails only lets it be asked sooner, for the failure may be the client's. Requests are
 * bounded: so many at once, and of one bucket no two within seconds.
 */
import type { BucketWitness } from '../contracts/bucket-watch.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { BucketProbe, Verdict } from './bucket-probe.ts';
import { explainRefusal } from './explain-refusal.ts';

export interface BucketWatchOptions {
  readonly buckets: Iterable<Bucket>;
  readonly probe: BucketProbe;
  /** A bucket that works, and where nobody was served meanwhile, is asked so often; each time up to half as long again. */
  readonly usualMs?: number;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'event' | 'lookup'>;
}

export interface BucketWatch extends BucketWitness, HealthSource {
  /** Begins to ask, and goes on until it is closed. */
  readonly start: () => void;
  /**
   * Whether requests may come: each bucket has been asked once, or was not heard of in time, and not all of them fail. Once
   * true it stays so: a store that goes down later is told to clients as S3 does, and they repeat. Before the start nothing is
   * refused.
   */
  readonly mayServe: () => boolean;
  readonly close: () => void;
}

interface Watched {
  readonly bucket: Bucket;
  readonly canProbe: boolean;
  verdict: Verdict;
  /** Of what the verdict was made of. */
  checkedAtMs: number | undefined;
  isProbed: boolean;
  isProbing: boolean;
  probedAtMs: number;
  dueMs: number;
  failures: number;
}

const USUAL_MS = 60_000;
/** One that does not work: after so long, twice as long each time. */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
/** However often requests fail. */
const LEAST_PAUSE_MS = 5000;
const AT_ONCE = 4;
const TICK_MS = 500;
/** A store that does not answer at all does not delay the others for longer. */
const FIRST_ANSWER_MS = 10_000;

const NOT_PROBED: Verdict = { state: 'unknown', detail: 'not asked yet' };
const CALLERS_ONLY: Verdict = { state: 'unknown', detail: 'only callers can ask its store, and none has yet' };

/** Watches the buckets of a process. */
export function createBucketWatch({
  buckets,
  probe,
  usualMs = USUAL_MS,
  clock,
  observer,
}: BucketWatchOptions): BucketWatch {
  const watched = new Map(
    [...buckets].map((bucket): [string, Watched] => {
      const can = probe.canProbe(bucket);
      const times = { checkedAtMs: undefined, probedAtMs: -Infinity, dueMs: -Infinity, failures: 0 };
      const verdict = can ? NOT_PROBED : CALLERS_ONLY;
      return [bucket.name, { bucket, canProbe: can, verdict, isProbed: !can, isProbing: false, ...times }];
    }),
  );
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;
  let startedMs: number | undefined;
  let hasServed = false;

  const settle = (one: Watched, verdict: Verdict): void => {
    const before = one.verdict;
    one.verdict = verdict;
    one.checkedAtMs = clock.now();
    one.failures = verdict.state === 'degraded' ? one.failures + 1 : 0;
    const pauseMs = one.failures === 0 ? usualMs : Math.min(FIRST_PAUSE_MS * 2 ** (one.failures - 1), LONGEST_PAUSE_MS);
    one.dueMs = clock.now() + pauseMs * (1 + Math.random() / 2);
    if (verdict.state === 'degraded' && before.detail !== verdict.detail) {
      observer.event('bucket_unavailable', { bucket: one.bucket.name, detail: verdict.detail ?? '' });
    } else if (before.state === 'degraded' && verdict.state === 'ok') {
      observer.event('bucket_recovered', { bucket: one.bucket.name });
    }
  };

  const probeOne = async (one: Watched): Promise<void> => {
    one.isProbing = true;
    one.probedAtMs = clock.now();
    inFlight += 1;
    const verdict = await probe.probe(one.bucket);
    observer.lookup('health');
    inFlight -= 1;
    one.isProbed = true;
    one.isProbing = false;
    settle(one, verdict);
  };

  const pump = (): void => {
    for (const one of watched.values()) {
      if (timer === undefined || inFlight >= AT_ONCE) return;
      if (one.canProbe && !one.isProbing && one.dueMs <= clock.now()) void probeOne(one).then(pump);
    }
  };

  return {
    start: () => {
      startedMs = clock.now();
      timer = setInterval(pump, TICK_MS).unref();
      pump();
    },
    succeeded: ({ name, storeBucket }) => {
      const one = watched.get(name);
      // Of the store itself, before any bucket of it.
      if (one === undefined || storeBucket === '') return;
      one.isProbed = true;
      if (one.verdict.state === 'ok') {
        one.checkedAtMs = clock.now();
        one.dueMs = one.checkedAtMs + usualMs;
      } else settle(one, { state: 'ok' });
    },
    failed: ({ name }, error) => {
      const one = watched.get(name);
      if (one === undefined || !(error instanceof GatewayError) || error.refusal === undefined) return;
      if (one.canProbe) one.dueMs = Math.min(one.dueMs, Math.max(clock.now(), one.probedAtMs + LEAST_PAUSE_MS));
      else if (isOfStore(error)) settle(one, { state: 'degraded', detail: explainRefusal(one.bucket, error) });
    },
    health: () =>
      [...watched].map(([name, { verdict, checkedAtMs }]) => ({
        ...{ name: `bucket:${name}`, ...verdict },
        ...(checkedAtMs === undefined ? {} : { checkedAtMs }),
      })),
    mayServe: () => {
      if (hasServed || startedMs === undefined) return true;
      const all = [...watched.values()];
      const heard = all.every(({ isProbed }) => isProbed) || clock.now() - startedMs > FIRST_ANSWER_MS;
      const works = ({ verdict, isProbed }: Watched) => isProbed && verdict.state !== 'degraded';
      hasServed = all.length === 0 || (heard && all.some(works));
      return hasServed;
    },
    close: () => {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** No caller is to blame for it. */
function isOfStore({ code, refusal }: GatewayError): boolean {
  const { status } = refusal ?? {};
  return status === undefined || status >= 500 || code === 'NoSuchBucket';
}
