/**
 * The policies of a configuration: loaded from its directory, held against the names that it knows, and kept beside the
 * audit before they are in force.
 */
import { join } from 'node:path';
import { diskFiles } from '../audit/audit-files.ts';
import type { Config } from '../config/config.ts';
import type { SidecarConfig } from '../config/sidecar/load-sidecar.ts';
import type { LogEvent } from '../contracts/log-events.ts';
import type { Observer } from '../contracts/observer.ts';
import { keepSet, readKeptSet } from '../policy/kept-sets.ts';
import { openKeptSource, type KeptSource } from '../policy/kept-source.ts';
import { loadPolicies, NO_SET, type KnownNames, type LoadedPolicies } from '../policy/load-policies.ts';
import { openPolicySource, type PolicySource } from '../policy/policy-source.ts';
import { readDirectory, stampOf, textFilesOf } from '../policy/read-directory.ts';
import { SIDECAR_ISSUER_NAME } from '../sidecar/workload-authenticator.ts';

/** Loads those of a gateway. @throws InvalidPolicies */
export function policiesOf(config: Config): Promise<LoadedPolicies> {
  return loadPolicies(config.policies.directory, namesOf(config), readerOf(config.policies));
}

type SourceConfig = Pick<Config['policies'], 'directory' | 'text'>;

/** Loads those of a sidecar, from where it has them. @throws InvalidPolicies */
export function sidecarPoliciesOf(
  source: SourceConfig,
  config: Pick<SidecarConfig, 'buckets'>,
): Promise<LoadedPolicies> {
  return loadPolicies(source.directory, sidecarNamesOf(config), readerOf(source));
}

/** What reads the policies: their directory, or the variable that holds them. */
export const readerOf = ({ directory, text }: SourceConfig): typeof readDirectory =>
  text === undefined ? readDirectory : () => Promise.resolve(textFilesOf(directory, text));

interface Watching {
  readonly event: Observer['event'];
  /** Has other processes ready for a set that is kept. @throws Error */
  readonly share?: (version: string) => Promise<void>;
}

/** Opens the policies of a gateway in the one process that reads their directory. @throws InvalidPolicies; Error in one line */
export function watchedPolicies(config: Config, watching: Watching): Promise<PolicySource> {
  return watched(config.policies, () => policiesOf(config), config.audit.directory, watching);
}

/** Opens those of a sidecar. Where its audit has no directory, no set is kept. @throws InvalidPolicies; Error in one line */
export function watchedSidecarPolicies(
  source: SourceConfig,
  config: Pick<SidecarConfig, 'buckets' | 'audit'>,
  watching: Watching,
): Promise<PolicySource> {
  return watched(source, () => sidecarPoliciesOf(source, config), config.audit?.directory, watching);
}

/**
 * Opens the set that is only previewed, in the one process that reads its directory; `undefined`: there is none. A bad one is
 * reported and previewed by nobody. @throws Error of the file system
 */
export async function watchedPreview(config: Config, { event, share }: Watching): Promise<PolicySource | undefined> {
  const { preview } = config.policies;
  if (preview === undefined) return undefined;
  const source = await openPolicySource({
    name: 'policies-preview',
    first: NO_SET,
    load: () => loadPolicies(preview, namesOf(config)),
    stamp: () => stampOf(preview),
    keep: ({ files }) => keepIn(keptIn(config.audit.directory), files),
    share,
    event: (name, fields) => event(PREVIEW_EVENTS[name] ?? name, fields),
  });
  await source.reload();
  return source;
}

const PREVIEW_EVENTS: Readonly<Partial<Record<LogEvent, LogEvent>>> = {
  policies_reloaded: 'policies_preview_reloaded',
  policies_reload_failed: 'policies_preview_failed',
};

/** Opens the previewed set of a process that is told which one it is; at first there is none. */
export function keptPreview(config: Config): Promise<KeptSource> {
  return openKeptSource(async (version) => (version === '' ? NO_SET : keptSetOf(config, version)), '');
}

/** Opens the policies of a process that is told which set is in force, by a first version. @throws Error */
export function keptPolicies(config: Config, version: string): Promise<KeptSource> {
  return openKeptSource((each) => keptSetOf(config, each), version);
}

async function keptSetOf(config: Config, version: string): Promise<LoadedPolicies> {
  const directory = keptIn(config.audit.directory);
  const files = await readKeptSet(directory, version);
  return loadPolicies(directory, namesOf(config), () => Promise.resolve({ files, issues: [] }));
}

function watched(
  { directory, text }: SourceConfig,
  load: () => Promise<LoadedPolicies>,
  auditDirectory: string | undefined,
  { event, share }: Watching,
): Promise<PolicySource> {
  const keep = async ({ files }: LoadedPolicies): Promise<void> => {
    if (auditDirectory !== undefined) await keepIn(keptIn(auditDirectory), files);
  };
  // A variable does not change.
  const stamp = text === undefined ? () => stampOf(directory) : () => Promise.resolve('');
  return openPolicySource({ load, stamp, keep, share, event });
}

async function keepIn(directory: string, files: LoadedPolicies['files']): Promise<void> {
  try {
    await diskFiles.prepare(directory);
    await keepSet(directory, files);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the policies cannot be kept beside the audit: ${reason}`, { cause: error });
  }
}

/** Where the sets are kept that were in force. */
export const keptIn = (auditDirectory: string): string => join(auditDirectory, 'policies');

/** What policies of a gateway may refer to. */
export const namesOf = ({ issuers, buckets, policies }: Config): KnownNames => ({
  keepsBreakers: policies.guardrails !== undefined,
  issuers: new Map(issuers.map(({ name, carried }) => [name, carried])),
  buckets: buckets.map(({ name }) => name),
  agents: new Map(issuers.map(({ name, agentClients }) => [name, new Set(agentClients)])),
});

const sidecarNamesOf = ({ buckets }: Pick<SidecarConfig, 'buckets'>): KnownNames => ({
  keepsBreakers: false,
  issuers: new Map([[SIDECAR_ISSUER_NAME, []]]),
  buckets: buckets.map(({ name }) => name),
});
