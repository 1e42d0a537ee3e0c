/**
 * Do the configured keyrings serve? Enters: a configuration. Leaves: one line for each that does not. Every keyring, and
 * every version that configuration numbers, wraps a data key and unwraps it; the key is thrown away, and nothing is stored.
 */
import type { StoreAccessConfig } from '../config/config.ts';
import type { KeyringSettings } from '../contracts/keyring-settings.ts';
import type { Finding } from './finding.ts';
import { keyringOf } from './keyring.ts';
import { keyringProblem } from './keyring-probe.ts';
import { UNOBSERVED } from './silent-observer.ts';

interface Part {
  readonly name: string;
  /** The keyring by itself, with this version as the current one. */
  readonly config: KeyringSettings;
}

/** Asks all of them at once; each call ends within `timeouts.keyringMs`. Gives what is wrong, and no secret. */
export async function checkKeyring(config: StoreAccessConfig): Promise<readonly Finding[]> {
  const parts = config.keyring === undefined ? [] : partsOf(config.keyring);
  return Promise.all(
    parts.map(async ({ name, config: keyring }) => {
      const problem = await problemOf({ ...config, keyring });
      if (problem === undefined) return { name: `keyring:${name}`, state: 'ok' } as const;
      const detail = `keyring ${name} cannot wrap and unwrap: ${problem}`;
      return { name: `keyring:${name}`, state: 'wrong', detail } as const;
    }),
  );
}

function partsOf({ local, vault, kms }: KeyringSettings): readonly Part[] {
  const none = { local: undefined, vault: undefined, kms: undefined, cache: { maxKeys: 0, maxAgeSeconds: 0 } };
  const parts: Part[] = [];
  for (const current of local?.versions.keys() ?? []) {
    const config = { ...none, current: 'local', local: local && { ...local, current } } as const;
    parts.push({ name: `local:${current}`, config });
  }
  if (vault !== undefined) parts.push({ name: vault.id, config: { ...none, current: 'vault', vault } });
  for (const current of kms?.versions.keys() ?? []) {
    const config = { ...none, current: 'kms', kms: kms && { ...kms, current } } as const;
    parts.push({ name: `${kms?.id}:${current}`, config });
  }
  return parts;
}

async function problemOf(config: StoreAccessConfig): Promise<string | undefined> {
  const { keyring, close } = keyringOf(config, { clock: { now: Date.now }, observer: UNOBSERVED });
  try {
    return await keyringProblem(keyring);
  } finally {
    await close();
  }
}
