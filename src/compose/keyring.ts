/** The keyrings of a configuration, as one, with the cache before them. Nothing is asked of anybody yet. */
import { baseSourceOf } from './base-credentials.ts';
import type { FoundationConfig } from '../config/config.ts';
import type { KmsKeyringConfig, LocalKeyringConfig, VaultKeyringConfig } from '../config/keyring/assemble.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Keyring } from '../contracts/keyring.ts';
import type { Observer } from '../contracts/observer.ts';
import { createCachingKeyring } from '../core/keyring/caching-keyring.ts';
import { createKeyrings, LOCAL } from '../core/keyring/keyrings.ts';
import { createKmsKeyring } from '../core/keyring/kms-keyring.ts';
import { createLocalKeyring } from '../core/keyring/local-keyring.ts';
import type { RemoteKeyring } from '../core/keyring/remote-keyring.ts';
import { createVaultKeyring } from '../core/keyring/vault-keyring.ts';

export interface ConfiguredKeyring extends HealthSource {
  readonly keyring: Keyring;
  readonly close: () => Promise<void>;
}

interface Parts {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly timeoutMs: number;
}

/** Builds it. */
export function keyringOf(
  { keyring: config, timeouts }: FoundationConfig,
  { clock, observer }: Pick<Parts, 'clock' | 'observer'>,
): ConfiguredKeyring {
  // Without a keyring every bucket has encryption off (configuration sees to it); sealing is then refused all the same.
  if (config === undefined) {
    const none = () => Promise.reject(new Error('no keyring is configured'));
    const keyring = { newDataKey: none, wrap: none, unwrap: none, current: none };
    return { keyring, health: () => [], close: () => Promise.resolve() };
  }
  const parts = { clock, observer, timeoutMs: timeouts.keyringMs };
  const keyrings = new Map<string, Keyring>();
  const remote: RemoteKeyring[] = [];
  const addRemote = (id: string, keyring: RemoteKeyring): void => {
    keyrings.set(id, keyring);
    remote.push(keyring);
  };
  const { local, vault, kms, cache } = config;
  if (local !== undefined) keyrings.set(LOCAL, localOf(local));
  if (vault !== undefined) addRemote(vault.id, vaultOf(vault, parts));
  if (kms !== undefined) addRemote(kms.id, kmsOf(kms, parts));

  const all = createKeyrings(keyrings, config.current === 'local' ? LOCAL : (config[config.current]?.id ?? ''));
  return {
    keyring:
      cache.maxKeys === 0
        ? all
        : createCachingKeyring(all, { maxKeys: cache.maxKeys, maxAgeMs: cache.maxAgeSeconds * 1000 }),
    health: () => remote.flatMap(({ health }) => health()),
    close: async () => {
      await Promise.all(remote.map(({ close }) => close()));
    },
  };
}

function localOf({ current, seeds }: LocalKeyringConfig): Keyring {
  const versions = new Map([...seeds].map(([version, seed]) => [version, seed.revealBytes()]));
  return createLocalKeyring({ current, versions });
}

function vaultOf({ ca, namespace, ...vault }: VaultKeyringConfig, parts: Parts): RemoteKeyring {
  return createVaultKeyring({
    ...vault,
    ...parts,
    ...(ca === undefined ? {} : { ca }),
    ...(namespace === undefined ? {} : { namespace }),
  });
}

function kmsOf({ ca, credentials, keyIds, ...kms }: KmsKeyringConfig, parts: Parts): RemoteKeyring {
  return createKmsKeyring({
    ...kms,
    ...parts,
    versions: keyIds,
    credentials: credentialsOf(kms.region, credentials, parts),
    ...(ca === undefined ? {} : { ca }),
  });
}

function credentialsOf(
  region: string,
  credentials: KmsKeyringConfig['credentials'],
  parts: Parts,
): Parameters<typeof createKmsKeyring>[0]['credentials'] {
  const source = baseSourceOf('kms', region, credentials, parts);
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await source.current();
    return { accessKeyId, secretAccessKey, sessionToken };
  };
}
