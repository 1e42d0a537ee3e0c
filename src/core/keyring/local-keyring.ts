/**
 * A keyring whose key-encryption keys are made from seeds in configuration. Versions stand side by side: new data keys
 * are wrapped by the current one, older ones stay readable. Seeds and keys never leave it, nor stand in any error.
 * @see docs/spec/object-format.md, "Keys"
 */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Keyring } from '../../contracts/keyring.ts';
import type { KeyVersions } from '../../contracts/keyring-settings.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { DATA_KEY_BYTES, kekFromSeed, unwrapDataKey, wrapDataKey } from './kek.ts';

const MIN_SEED_BYTES = 32;
const MAX_VERSION = 0xffff_ffff;

/** Builds the local keyring from seeds of at least 32 random bytes. @throws Error (one line for the operator, without secrets) */
export function createLocalKeyring({ current, versions }: KeyVersions<Buffer>): Keyring {
  for (const [version, seed] of versions) {
    if (!Number.isInteger(version) || version < 1 || version > MAX_VERSION) {
      throw new Error(`keyring: a version must be a whole number from 1 to ${MAX_VERSION}, not ${version}`);
    }
    if (seed.length < MIN_SEED_BYTES) {
      throw new Error(
        `keyring: the seed of version ${version} has ${seed.length} bytes; at least ${MIN_SEED_BYTES} are needed`,
      );
    }
  }
  const keks = [...versions].map(([version, seed]) => [version, kekFromSeed(seed, version)] as const);
  return createKekKeyring({ current, versions: new Map(keks) });
}

/** Builds it from the 32-byte key-encryption keys themselves. `random` gives that many bytes; only vectors replace it. */
export function createKekKeyring(
  { current, versions }: KeyVersions<KeyObject>,
  random: (sizeBytes: number) => Buffer = randomBytes,
): Keyring {
  const currentKek = versions.get(current);
  if (currentKek === undefined) throw new Error(`keyring: the current version ${current} is not among its versions`);
  const newDataKey: Keyring['newDataKey'] = (context) => {
    const dataKey = random(DATA_KEY_BYTES);
    const wrapped = wrapDataKey(currentKek, context, dataKey);
    return { kekVersion: current, wrapped, dataKey: createSecretKey(dataKey) };
  };
  const wrap: Keyring['wrap'] = (dataKey, context) =>
    Promise.resolve({ kekVersion: current, wrapped: wrapDataKey(currentKek, context, dataKey.export()) });
  const unwrap: Keyring['unwrap'] = ({ keyringId, kekVersion, wrapped }, context) => {
    // The object is not lost: another replica, or this one after a change of configuration, can read it.
    const unavailable = (detail: string) => new GatewayError('ServiceUnavailable', { detail });
    if (keyringId !== undefined) throw unavailable('a key of another keyring was given to the local one');
    const kek = versions.get(kekVersion);
    if (kek === undefined) throw unavailable(`the local keyring has no KEK version ${kekVersion}`);
    const dataKey = unwrapDataKey(kek, context, wrapped);
    if (dataKey === undefined) {
      throw new GatewayError('IntegrityFailure', {
        detail: `the wrapped key is not of KEK version ${kekVersion} and this place`,
      });
    }
    return dataKey;
  };
  return { newDataKey, wrap, unwrap, current: () => Promise.resolve({ kekVersion: current }) };
}
