/**
 * The configuration in force, and what is taken up of its changes while requests run. Enters: a file and the files that it
 * names, which others write. Leaves: a whole configuration, always: one that cannot be read or is not right is refused,
 * reported, and changes nothing. Never logs or reports what stands in a file.
 */
import { isDeepStrictEqual } from 'node:util';
import type { HealthReport, HealthSource } from '../../contracts/health.ts';
import type { Observer } from '../../contracts/observer.ts';
import { fileStamp } from '../../platform/file-stamp.ts';
import { watchChanges } from '../../platform/watch-changes.ts';
import type { StoreAccessConfig } from '../config.ts';
import { ConfigError } from '../loading/config-error.ts';
import type { ConfigSnapshot, LoadedConfig } from '../loading/load.ts';
import { mergeReloaded } from './merge.ts';
import { createKnownKeys } from './same-keys.ts';

export interface ConfigSource extends HealthSource {
  readonly snapshot: () => ConfigSnapshot;
  /** Loads again, at once. Never rejects; calls wait for one another. */
  readonly reload: () => Promise<void>;
  /** Begins to look at the files again and again, until `close`. */
  readonly watch: () => void;
  /** Whether what is on disk is refused. */
  readonly isRefused: () => boolean;
  /** How many changes wait for a restart. */
  readonly waiting: () => number;
  readonly close: () => void;
}

export interface ConfigSourceOptions<Config extends StoreAccessConfig> {
  readonly first: LoadedConfig<Config>;
  /** What names the files beside those that the configuration names: its own. */
  readonly path: string | undefined;
  /** @throws ConfigError */
  readonly load: () => Promise<LoadedConfig<Config>>;
  /** Makes one of what is to be in force. @throws ConfigError */
  readonly make: (snapshot: ConfigSnapshot) => Promise<LoadedConfig<Config>>;
  /** Puts it in force: in all processes, or in none. @throws Error when in none */
  readonly share: (taken: LoadedConfig<Config>) => Promise<void>;
  readonly event: Observer['event'];
}

const NAME = 'configuration';
/** How often it is tried again what may go away by itself. */
const RETRY_MS = 10_000;
/** Readings of files that go on changing. */
const MAX_READINGS = 3;
const MAX_SHOWN = 500;
const MAX_LOGGED = 4000;

/** Opens it with what the program was started with. */
export async function openConfigSource<Config extends StoreAccessConfig>(
  options: ConfigSourceOptions<Config>,
): Promise<ConfigSource> {
  const { first, path, load, make, share, event } = options;
  let inForce = first;
  const knownKeys = createKnownKeys(first.config);
  let paths = first.paths;
  let waiting: readonly string[] = [];
  let refused: string | undefined;
  let triedMs = performance.now();
  let last: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;
  let unwatch = (): void => undefined;

  const stamp = async (): Promise<string> => {
    const all = [...(path === undefined ? [] : [path]), ...paths];
    return (await Promise.all(all.map(fileStamp))).join('\n');
  };
  let readAt = await stamp();

  const read = async (): Promise<LoadedConfig<Config>> => {
    for (let reading = 1; ; reading += 1) {
      readAt = await stamp();
      try {
        const loaded = await load();
        // A file that it names for the first time makes the stamp another one: it is read once more, since it could be half written.
        paths = [...new Set([...inForce.paths, ...loaded.paths])];
        if (reading === MAX_READINGS || (await stamp()) === readAt) return loaded;
      } catch (error) {
        if (reading === MAX_READINGS || (await stamp()) === readAt) throw error;
      }
    }
  };

  /** @throws Error */
  const takeUp = async (): Promise<'unchanged' | 'replaced'> => {
    const loaded = await read();
    const merged = mergeReloaded(inForce.snapshot, loaded.snapshot);
    const isSame = isDeepStrictEqual(merged.snapshot, inForce.snapshot);
    if (!isSame) {
      const taken = await make(merged.snapshot);
      const changed = knownKeys.changed(taken.config);
      if (changed.length > 0) throw new Error(changed.join('\n'));
      await share(taken);
      inForce = taken;
      knownKeys.add(taken.config);
    }
    if (merged.waiting.join() !== waiting.join() && merged.waiting.length > 0) {
      event('configuration_waits_for_restart', { keys: merged.waiting.slice(0, 50).join(', ') });
    }
    waiting = merged.waiting;
    return isSame ? 'unchanged' : 'replaced';
  };

  const replace = async (): Promise<void> => {
    queued = undefined;
    triedMs = performance.now();
    try {
      const outcome = await takeUp();
      if (outcome === 'replaced' || refused !== undefined) event('configuration_reloaded', { outcome });
      refused = undefined;
    } catch (error) {
      const lines = error instanceof ConfigError ? error.lines : [error instanceof Error ? error.message : 'unknown'];
      const problem = clipped(lines.join('\n'), MAX_LOGGED);
      if (problem !== refused) event('configuration_reload_failed', { problems: problem });
      refused = problem;
    }
  };

  const reload = (): Promise<void> => {
    queued ??= last.then(replace);
    last = queued;
    return queued;
  };

  const health = (): readonly HealthReport[] => {
    if (refused !== undefined) {
      const [line = '', ...more] = refused.split('\n');
      const count = more.length > 0 ? ` (and ${more.length} more)` : '';
      return [
        { name: NAME, state: 'degraded', detail: `${clipped(line, MAX_SHOWN)}${count}; the last one stays in force` },
      ];
    }
    if (waiting.length === 0) return [{ name: NAME, state: 'ok' }];
    return [{ name: NAME, state: 'ok', detail: `waits for a restart: ${clipped(waiting.join(', '), MAX_SHOWN)}` }];
  };

  return {
    snapshot: () => inForce.snapshot,
    reload,
    watch: () => {
      const isDue = (): boolean => refused !== undefined && performance.now() - triedMs >= RETRY_MS;
      unwatch = watchChanges({ stamp, readAt: () => readAt, changed: reload, isDue });
    },
    isRefused: () => refused !== undefined,
    waiting: () => waiting.length,
    health,
    close: () => unwatch(),
  };
}

const clipped = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}...` : text);
