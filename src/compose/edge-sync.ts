/**
 * The composition root of `sallyport haproxy sync`: the gateway's configuration in; a folder and a HAProxy that know its issuers'
 * keys and whom it has revoked out. An issuer that cannot be reached leaves its keys as they are; one that no longer publishes a
 * key has it kept for a while. Files are written first, so that a reload by anybody loses nothing.
 */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { edgeKeysOf, type EdgeKey } from '../edge/edge-keys.ts';
import {
  MAPS,
  mapsOf,
  nameOf,
  readFolder,
  subjectDigest,
  tidyFolder,
  writeFolder,
  type EdgeMaps,
  type EdgeState,
} from '../edge/edge-folder.ts';
import { haproxyAt, HaproxyFault, type Haproxy } from '../edge/haproxy-cli.ts';
import { createIssuerKeys } from '../identity/issuer-keys.ts';
import { resolveIssuerOptions } from '../identity/issuer-options.ts';
import { ListStoreError } from '../lists/list-store.ts';
import { isInForce, type Entries } from '../revocation/entry.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createObserver } from '../telemetry/observer.ts';
import { revocationStoreOf } from './revocations.ts';

export interface EdgeSyncOptions {
  /** Absolute: what HAProxy includes. */
  readonly folder: string;
  /** Of HAProxy's master; absent: files alone are written. */
  readonly socket: string | undefined;
  /** How long a key is kept that its issuer does not publish any more. */
  readonly graceMs: number;
  readonly logStream: NodeJS.WritableStream;
}

/** What is in force after a pass. */
export interface EdgeSyncReport {
  readonly issuers: number;
  readonly keys: number;
  readonly deniedSubjects: number;
  readonly deniedAddresses: number;
  /** Names of issuers whose keys could not be fetched. */
  readonly unreachable: readonly string[];
  readonly reloaded: boolean;
}

export interface EdgeSync {
  /** Brings everything up to date once. @throws HaproxyFault, ListStoreError, errors of the file system */
  readonly pass: () => Promise<EdgeSyncReport>;
  /** Passes again and again until the signal; what fails is logged and tried again. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly close: () => Promise<void>;
}

const PAUSE_MS = 1000;

/** Makes it; the issuers' keys are fetched in the background from then on. */
export async function createEdgeSync(config: Config, options: EdgeSyncOptions): Promise<EdgeSync> {
  const { folder, socket, graceMs, logStream } = options;
  const clock = { now: Date.now };
  const log = createLog({ level: 'info', stream: logStream });
  const observer = createObserver({ metrics: createMetrics(), log, clock });
  const haproxy = socket === undefined ? undefined : haproxyAt(socket);
  const revocations = config.revocation && (await revocationStoreOf(config.revocation, { clock, observer }));
  const issuers = config.issuers.map((settings) => ({
    settings,
    published: createIssuerKeys(resolveIssuerOptions(settings), { clock, observer }),
  }));
  const kept = new Map<string, { readonly key: EdgeKey; readonly goneMs: number | undefined }>();
  // What a run before this one has written, of issuers that are still configured.
  const configured = new Set(config.issuers.map(({ issuer }) => issuer));
  const before = await readFolder(folder);
  for (const key of before.keys) {
    const goneMs = before.retired[nameOf(key)];
    if (!configured.has(key.issuer)) continue;
    kept.set(nameOf(key), { key, goneMs: typeof goneMs === 'number' ? goneMs : undefined });
  }
  let entries: Entries = new Map();
  let inForce: string | undefined;
  let worker: string | undefined;
  /** The files are newer than what HAProxy has read. */
  let wasNotTold = false;

  /** What is published now, and beside it what was until a moment ago. */
  const keysNow = (): readonly EdgeKey[] => {
    const nowMs = clock.now();
    for (const { settings, published } of issuers) {
      const { issuer } = settings;
      const generation = published.current();
      if (published.health().state !== 'ok' || generation === undefined) continue;
      const keys = edgeKeysOf(issuer, settings.algorithms, generation.keys);
      const names = new Set(keys.map(nameOf));
      for (const key of keys) kept.set(nameOf(key), { key, goneMs: undefined });
      for (const [name, { key, goneMs = nowMs }] of kept) {
        if (key.issuer !== issuer || names.has(name)) continue;
        if (nowMs - goneMs >= graceMs) kept.delete(name);
        else kept.set(name, { key, goneMs });
      }
    }
    return [...kept.values()].map(({ key }) => key);
  };

  const stateNow = async (): Promise<EdgeState> => {
    entries = (await revocations?.read()) ?? entries;
    // Who is known by another claim than `sub`, the gateway alone refuses.
    const bySubject = new Set(
      config.issuers.flatMap(({ issuer, subjectClaim }) => (subjectClaim === 'sub' ? issuer : [])),
    );
    const inForceNow = [...entries.values()].filter((entry) => entry.lifted !== true && isInForce(entry, clock.now()));
    const deniedSubjects = inForceNow.flatMap(({ revoked }) =>
      revoked.kind === 'subject' && bySubject.has(revoked.issuer) ? subjectDigest(revoked.issuer, revoked.subject) : [],
    );
    const deniedAddresses = inForceNow.flatMap(({ revoked }) => (revoked.kind === 'address' ? revoked.network : []));
    const keys = keysNow();
    const retired = Object.fromEntries(
      [...kept].flatMap(([name, { goneMs }]) => (goneMs === undefined ? [] : [[name, goneMs]])),
    );
    return { issuers: config.issuers, keys, deniedSubjects, deniedAddresses, retired };
  };

  /** Without a reload: keys are there before maps name them, and go when none does. */
  const tellAll = async (to: Haproxy, { keys }: EdgeState, maps: EdgeMaps): Promise<void> => {
    const known = await to.keys();
    const named = new Map(keys.map(({ file, pem }) => [join(folder, file), pem]));
    for (const [path, pem] of named) if (!known.has(path)) await to.addKey(path, pem);
    for (const name of MAPS) await to.setMap(join(folder, name), maps[name]);
    for (const path of known) if (dirname(path) === folder && !named.has(path)) await to.removeKey(path);
  };

  const pass = async (): Promise<EdgeSyncReport> => {
    const state = await stateNow();
    const unreachable = issuers.flatMap(({ settings, published }) =>
      published.health().state === 'ok' ? [] : settings.name,
    );
    const maps = mapsOf(folder, state);
    const wanted = JSON.stringify([maps, state.retired]);
    const serving = await haproxy?.worker();
    const report = {
      issuers: state.issuers.length,
      keys: state.keys.length,
      deniedSubjects: state.deniedSubjects.length,
      deniedAddresses: state.deniedAddresses.length,
      unreachable,
    };
    if (wanted === inForce && serving === worker) return { ...report, reloaded: false };
    const mustReload = await writeFolder(folder, state);
    let reloaded = false;
    if (haproxy !== undefined) {
      if (await haproxy.takesKeys()) await tellAll(haproxy, state, maps);
      else if (mustReload || wasNotTold) {
        wasNotTold = true;
        await haproxy.reload();
        wasNotTold = false;
        reloaded = true;
      } else for (const name of MAPS) await haproxy.setMap(join(folder, name), maps[name]);
      worker = await haproxy.worker();
    }
    await tidyFolder(folder, state);
    inForce = wanted;
    observer.event('edge_keys_written', {
      keys: report.keys,
      deniedSubjects: report.deniedSubjects,
      deniedAddresses: report.deniedAddresses,
    });
    return { ...report, reloaded };
  };
  return {
    pass: async () => {
      await Promise.all(issuers.map(({ published }) => published.refresh()));
      return pass();
    },
    run: async (signal) => {
      await Promise.all(issuers.map(({ published }) => published.refresh()));
      for (let failure: string | undefined; !signal.aborted;) {
        try {
          await pass();
          if (failure !== undefined) observer.event('edge_sync_recovered');
          failure = undefined;
        } catch (error) {
          const said = faultText(error);
          if (said !== failure) observer.event('edge_sync_failed', { detail: said });
          failure = said;
        }
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    },
    close: async () => {
      await Promise.all([...issuers.map(({ published }) => published.close()), revocations?.close()]);
      await log.flush();
    },
  };
}

/** What went wrong with a pass, in a clause; messages of others may hold anything. */
export function faultText(error: unknown): string {
  if (error instanceof HaproxyFault || error instanceof ListStoreError) return error.message;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return `files: ${error.code}`;
  throw error;
}
