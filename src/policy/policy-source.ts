/**
 * The policies in force, and their replacement while requests run. Enters: a directory that others write. Leaves: a whole
 * set, always: one that cannot be read, is not valid or cannot be kept is refused, reported, and changes nothing.
 * Never waits for the directory where a request is served.
 */
import type { HealthReport, HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { watchChanges } from '../platform/watch-changes.ts';
import { InvalidPolicies } from './invalid-policies.ts';
import type { LoadedPolicies, PolicySet } from './load-policies.ts';

/** What a reload came to; `version` is the one in force afterwards. */
export type PolicyReload =
  | { readonly outcome: 'replaced' | 'unchanged'; readonly version: string }
  | { readonly outcome: 'refused'; readonly version: string; readonly problem: string };

export interface PolicySource extends HealthSource {
  readonly current: () => PolicySet;
  /** Loads again, at once. Never rejects. Calls wait for one another, so that an older set never replaces a newer one. */
  readonly reload: () => Promise<PolicyReload>;
  /** Begins to look at the directory again and again, until `close`. */
  readonly watch: () => void;
  /** The version that was refused last, where no good set has come since; `unreadable` where no text could be read. */
  readonly refused: () => string | undefined;
  /** Keeps the set in force again, should somebody have deleted it. @throws what `keep` throws */
  readonly keepAgain: () => Promise<void>;
  readonly close: () => void;
}

export interface PolicySourceOptions {
  /** How reports name it. Default `policies`. */
  readonly name?: string;
  /** In force at first, where none that is loaded has to be good at once. */
  readonly first?: LoadedPolicies;
  /** @throws InvalidPolicies */
  readonly load: () => Promise<LoadedPolicies>;
  /** What the directory is like, without reading its files. */
  readonly stamp: () => Promise<string>;
  /** Makes a set durable, which comes before it is in force. @throws Error */
  readonly keep: (set: LoadedPolicies) => Promise<void>;
  /** Puts a set that is kept in force in other processes: in all of them, or in none. @throws Error when in none */
  readonly share?: ((version: string) => Promise<void>) | undefined;
  readonly event: Observer['event'];
  /** How often the directory is looked at, in milliseconds. Default 1000. */
  readonly pollMs?: number;
  /** For how long a directory that changed must stay as it is before it is read, in milliseconds. Default 500. */
  readonly settleMs?: number;
}

/** How often it is tried again what may go away by itself, such as a full disk. */
const RETRY_MS = 10_000;
/** A directory of a file server that is away keeps who asks waiting. */
const STUCK_MS = 10_000;
/** Readings of a directory that goes on changing. */
const MAX_READINGS = 3;
const MAX_SHOWN = 500;
const MAX_LOGGED = 4000;

/**
 * Loads the first set, which must be good unless there is a `first`; it is shared with nobody.
 * @throws InvalidPolicies; what `keep` throws
 */
export async function openPolicySource(options: PolicySourceOptions): Promise<PolicySource> {
  const { name = 'policies', first, keep, share, event, pollMs, settleMs } = options;
  let busySinceMs: number | undefined;
  const timed = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    busySinceMs = performance.now();
    try {
      return await ask();
    } finally {
      busySinceMs = undefined;
    }
  };
  const stamp = () => timed(options.stamp);
  const load = () => timed(options.load);

  let readAt = await stamp();
  let inForce = first ?? (await load());
  if (first === undefined) await keep(inForce);
  let refused: { readonly version: string; readonly problem: string; readonly first: string } | undefined;
  let triedMs = performance.now();
  let last: Promise<unknown> = Promise.resolve();
  let waiting: Promise<PolicyReload> | undefined;

  const read = async (): Promise<LoadedPolicies> => {
    for (let reading = 1; ; reading += 1) {
      readAt = await stamp();
      try {
        return await load();
      } catch (error) {
        if (reading === MAX_READINGS || (await stamp()) === readAt) throw error;
      }
    }
  };

  const refuse = (error: unknown, version: string): PolicyReload => {
    const lines = (error instanceof Error ? error.message : String(error)).split('\n');
    const [first = '', ...more] = lines;
    const problem = clipped(lines.join('\n'), MAX_LOGGED);
    const isNews = refused?.problem !== problem || refused.version !== version;
    refused = {
      version,
      problem,
      first: `${clipped(first, MAX_SHOWN)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`,
    };
    if (isNews) {
      event('policies_reload_failed', { policyVersion: inForce.version, refusedVersion: version, problems: problem });
    }
    return { outcome: 'refused', version: inForce.version, problem };
  };

  const replace = async (): Promise<PolicyReload> => {
    waiting = undefined;
    triedMs = performance.now();
    let loaded: LoadedPolicies;
    try {
      loaded = await read();
    } catch (error) {
      return refuse(error, (error instanceof InvalidPolicies ? error.version : undefined) ?? 'unreadable');
    }
    // By its texts: two sets that somebody made to have one version are two sets.
    const isSame = JSON.stringify(loaded.files) === JSON.stringify(inForce.files);
    try {
      if (!isSame) {
        await keep(loaded);
        await share?.(loaded.version);
      }
    } catch (error) {
      return refuse(error, loaded.version);
    }
    if (!isSame) inForce = loaded;
    refused = undefined;
    const outcome = isSame ? 'unchanged' : 'replaced';
    event('policies_reloaded', { outcome, policyVersion: inForce.version });
    return { outcome, version: inForce.version };
  };

  const reload = (): Promise<PolicyReload> => {
    // Who asks while another one waits for its turn is served by that one, which reads after both have asked.
    waiting ??= last.then(replace);
    last = waiting;
    return waiting;
  };

  let unwatch = (): void => undefined;

  const health = (): readonly HealthReport[] => {
    const { version } = inForce;
    const isStuck = busySinceMs !== undefined && performance.now() - busySinceMs > STUCK_MS;
    const problem = isStuck ? 'the directory of the policies does not answer' : refused?.first;
    if (problem === undefined) return [{ name, state: 'ok' }];
    const stays = version === '' ? 'there is no other' : `version ${version} stays in force`;
    return [{ name, state: 'degraded', detail: `${problem}; ${stays}` }];
  };

  return {
    current: () => inForce,
    reload,
    watch: () => {
      const isDue = (): boolean => refused !== undefined && performance.now() - triedMs >= RETRY_MS;
      unwatch = watchChanges({ stamp, readAt: () => readAt, changed: reload, isDue, pollMs, settleMs });
    },
    refused: () => refused?.version,
    keepAgain: async () => {
      if (inForce.version !== '') await keep(inForce);
    },
    health,
    close: () => unwatch(),
  };
}

const clipped = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}...` : text);
