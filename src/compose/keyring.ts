/** The keyrings of a configuration, as one, with the cache before them. Nothing is asked of anybody yet. */
import type { StoreAccessConfig } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthProbe, HealthSource } from '../contracts/health.ts';
import type { Keyring } from '../contracts/keyring.ts';
import type { KeyVersions, KmsKeyringSettings } from '../contracts/keyring-settings.ts';
import type { Observer } from '../contracts/observer.ts';
import type { SecretValue } from '../contracts/secret.ts';
import { createCachingKeyring } from '../core/keyring/caching-keyring.ts';
import { createKeyrings, LOCAL } from '../core/keyring/keyrings.ts';
import { createKmsKeyring } from '../core/keyring/kms-keyring.ts';
import { createLocalKeyring } from '../core/keyring/local-keyring.ts';
import type { RemoteKeyring } from '../core/keyring/remote-keyring.ts';
import { createVaultKeyring } from '../core/keyring/vault-keyring.ts';
import { derived } from '../platform/derived.ts';
import { createLiveConfig, type LiveConfig } from './live-config.ts';
import { baseSourceOf } from '../credentials/base-source.ts';
import { createKeyringProbe } from './keyring-probe.ts';

export interface ConfiguredKeyring extends HealthSource {
  readonly keyring: Keyring;
  /** Of the service that wraps new keys, where one does. */
  readonly probes: readonly HealthProbe[];
  readonly close: () => Promise<void>;
}

interface KeyringDependencies {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly timeoutMs: number;
}

/** Builds it of the configuration that a process starts with; `state`: where seeds come from later. */
export function keyringOf(
  first: StoreAccessConfig,
  { clock, observer }: Pick<KeyringDependencies, 'clock' | 'observer'>,
  state: LiveConfig<StoreAccessConfig>['state'] = createLiveConfig(first).state,
): ConfiguredKeyring {
  const { keyring: config, timeouts } = first;
  // Without a keyring every bucket has encryption off (configuration sees to it); sealing is then refused all the same.
  if (config === undefined) {
    const none = () => Promise.reject(new Error('no keyring is configured'));
    const keyring = { newDataKey: none, wrap: none, unwrap: none, current: none };
    return { keyring, health: () => [], probes: [], close: () => Promise.resolve() };
  }
  const dependencies = { clock, observer, timeoutMs: timeouts.keyringMs };
  const keyrings = new Map<string, Keyring>();
  const remote = new Map<string, HealthProbe & Pick<RemoteKeyring, 'close'>>();
  const addRemote = (id: string, keyring: RemoteKeyring): void => {
    keyrings.set(id, keyring);
    remote.set(id, { ...createKeyringProbe(keyring, dependencies.clock), close: keyring.close });
  };
  const { local, vault, kms, cache } = config;
  if (local !== undefined) keyrings.set(LOCAL, liveLocal(local, state));
  if (vault !== undefined) addRemote(vault.id, createVaultKeyring({ ...vault, ...dependencies }));
  if (kms !== undefined) addRemote(kms.id, kmsOf(kms, dependencies));

  const currentId = config.current === 'local' ? LOCAL : (config[config.current]?.id ?? '');
  const all = createKeyrings(keyrings, currentId);
  // One that only unwraps what is old need not be allowed more.
  const probe = remote.get(currentId);
  return {
    keyring: cache.maxKeys === 0 ? all : createCachingKeyring(all, cache),
    health: () => [...remote.values()].map(({ report }) => report()),
    probes: probe === undefined ? [] : [probe],
    close: async () => {
      await Promise.all([...remote.values()].map(({ close }) => close()));
    },
  };
}

/** Writes by what is in force, and reads also by what is coming: another process may write by it in a moment. */
function liveLocal(first: KeyVersions<SecretValue>, state: LiveConfig<StoreAccessConfig>['state']): Keyring {
  const seedsOf = ({ keyring }: StoreAccessConfig) => keyring?.local ?? first;
  const now = derived(() => seedsOf(state().inForce), localOf);
  const coming = derived(() => seedsOf(state().next), localOf);
  now();
  return {
    newDataKey: (context) => now().newDataKey(context),
    wrap: (dataKey, context) => now().wrap(dataKey, context),
    current: () => now().current(),
    unwrap: (wrapped, context) =>
      (seedsOf(state().inForce).versions.has(wrapped.kekVersion) ? now() : coming()).unwrap(wrapped, context),
  };
}

function localOf({ current, versions }: KeyVersions<SecretValue>): Keyring {
  const seeds = [...versions].map(([version, seed]) => [version, seed.revealBytes()] as const);
  return createLocalKeyring({ current, versions: new Map(seeds) });
}

function kmsOf({ credentials, ...kms }: KmsKeyringSettings, dependencies: KeyringDependencies): RemoteKeyring {
  const source = baseSourceOf('kms', kms.region, credentials, dependencies);
  return createKmsKeyring({
    ...kms,
    ...dependencies,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await source.current();
      return { accessKeyId, secretAccessKey, sessionToken };
    },
  });
}
