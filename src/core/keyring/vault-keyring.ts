/**
 * A keyring whose key-encryption keys never leave HashiCorp Vault (or OpenBao): its Transit engine makes, wraps and
 * unwraps data keys, each under a key that it derives for the context. A Transit key that is not `derived` ignores the
 * context, so nothing is wrapped or unwrapped before it has been seen to be.
 * @see https://developer.hashicorp.com/vault/api-docs/secret/transit
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../contracts/clock.ts';
import type { HealthReport } from '../../contracts/health.ts';
import type { VaultKeyringSettings } from '../../contracts/keyring-settings.ts';
import type { Observer } from '../../contracts/observer.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { createSingleFlight } from '../../platform/single-flight.ts';
import { asObject, createJsonService, fromBase64, type JsonAnswer } from './json-calls.ts';
import { DATA_KEY_BYTES } from './kek.ts';
import { isEnvelopeSized, MAX_KEK_VERSION, type RemoteKeyring } from './remote-keyring.ts';
import { vaultRefusal } from './vault-login.ts';
import { createVaultSession } from './vault-session.ts';

export interface VaultKeyringOptions extends VaultKeyringSettings {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

interface TransitKey {
  readonly latestVersion: number;
  readonly seenAtMs: number;
}

/** Symmetric and at least 256 bits. */
const KEY_TYPES = new Set(['aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305']);
/** How long the latest version is taken for the latest, in milliseconds. */
const VERSION_MS = 60_000;
const CIPHERTEXT = /^vault:v([1-9][0-9]{0,9}):([A-Za-z0-9+/]+={0,2})$/;
/** What Vault says of a ciphertext that is not of this key and context; with status 500 from some releases. */
const NOT_AUTHENTIC = /message authentication failed|unable to decrypt|invalid ciphertext length/;
const NO_SUCH_VERSION = /version is too new|too old|no such key version|invalid key version/;

/** Builds the keyring; nothing is asked until it is used. */
export function createVaultKeyring(options: VaultKeyringOptions): RemoteKeyring {
  const { id, mount, key, clock, observer, namespace } = options;
  const service = createJsonService({
    ...{ service: 'vault', endpoint: options.address, ca: options.ca, timeoutMs: options.timeoutMs, clock, observer },
  });
  const session = createVaultSession({ api: { service, namespace }, auth: options.auth, clock });
  let seen: TransitKey | undefined;
  const lookups = createSingleFlight<TransitKey>();
  let mismatch: string | undefined;

  const lookupKey = async (): Promise<TransitKey> => {
    const answer = await session.call(`${mount}/keys/${key}`);
    if (answer.status !== 200) throw vaultRefusal('the lookup of the key', answer);
    const data = asObject(answer.document?.['data']) ?? {};
    mismatch = mismatchOf(data);
    if (mismatch !== undefined) throw unavailable(mismatch);
    seen = { latestVersion: data['latest_version'] as number, seenAtMs: clock.now() };
    return seen;
  };
  const lookupOnce = (): Promise<TransitKey> => lookups.join(lookupKey);
  /** What a key is cannot be changed in Vault: one lookup tells it. */
  const ready = async (): Promise<void> => {
    if (seen === undefined || mismatch !== undefined) await lookupOnce();
  };

  const post = async (operation: string, body: object): Promise<JsonAnswer> => {
    await ready();
    return session.call(`${mount}/${operation}/${key}`, body);
  };

  return {
    newDataKey: async (context) => {
      const answer = await post('datakey/plaintext', { context: context.toString('base64'), bits: 256 });
      const wrapped = wrappedOf(answer);
      const dataKey = dataKeyOf(answer);
      if (wrapped === undefined || dataKey === undefined) throw vaultRefusal('the making of a data key', answer);
      return { keyringId: id, ...wrapped, dataKey };
    },
    wrap: async (dataKey, context) => {
      const plaintext = dataKey.export().toString('base64');
      const answer = await post('encrypt', { plaintext, context: context.toString('base64') });
      const wrapped = wrappedOf(answer);
      if (wrapped === undefined) throw vaultRefusal('the wrapping of a data key', answer);
      return { keyringId: id, ...wrapped };
    },
    unwrap: async ({ kekVersion, wrapped }, context) => {
      const ciphertext = `vault:v${kekVersion}:${wrapped.toString('base64')}`;
      const answer = await post('decrypt', { ciphertext, context: context.toString('base64') });
      const dataKey = dataKeyOf(answer);
      if (dataKey === undefined) throw unwrapRefusal(answer, kekVersion);
      return dataKey;
    },
    current: async () => {
      const fresh = seen !== undefined && mismatch === undefined && clock.now() - seen.seenAtMs < VERSION_MS;
      const { latestVersion } = fresh ? (seen as TransitKey) : await lookupOnce();
      return { keyringId: id, kekVersion: latestVersion };
    },
    health: (): HealthReport =>
      mismatch === undefined ? service.health() : { ...service.health(), state: 'degraded', detail: mismatch },
    close: async () => {
      session.close();
      await service.close();
    },
  };
}

function mismatchOf(data: Readonly<Record<string, unknown>>): string | undefined {
  const { derived, type, latest_version: latest } = data;
  if (derived !== true) return 'the Transit key is not derived: it would ignore where a data key belongs';
  if (typeof type !== 'string' || !KEY_TYPES.has(type)) return 'the Transit key is of a type that does not serve here';
  return isVersion(latest) ? undefined : 'the Transit key has no version';
}

/** What came back as ciphertext, in parts; `undefined` where it is none. */
function wrappedOf({ status, document }: JsonAnswer): { kekVersion: number; wrapped: Buffer } | undefined {
  const { ciphertext, key_version: said } = asObject(document?.['data']) ?? {};
  const [, version, text] = CIPHERTEXT.exec(typeof ciphertext === 'string' ? ciphertext : '') ?? [];
  const kekVersion = Number(version);
  const wrapped = fromBase64(text);
  if (status !== 200 || wrapped === undefined || !isVersion(kekVersion) || !isEnvelopeSized(wrapped)) return undefined;
  return said === undefined || said === kekVersion ? { kekVersion, wrapped } : undefined;
}

function dataKeyOf({ status, document }: JsonAnswer): KeyObject | undefined {
  const bytes = status === 200 ? fromBase64(asObject(document?.['data'])?.['plaintext']) : undefined;
  return bytes?.length === DATA_KEY_BYTES ? createSecretKey(bytes) : undefined;
}

function unwrapRefusal(answer: JsonAnswer, kekVersion: number): GatewayError {
  const { status, document } = answer;
  const { errors } = document ?? {};
  // Read to tell what kind of refusal it is; never repeated.
  const said = Array.isArray(errors) ? errors.filter((error) => typeof error === 'string').join('\n') : '';
  if ((status === 400 || status === 500) && NOT_AUTHENTIC.test(said)) {
    const detail = `the wrapped key is not of version ${kekVersion} of the Transit key and this place`;
    return new GatewayError('IntegrityFailure', { detail });
  }
  if (status === 400 && NO_SUCH_VERSION.test(said)) {
    return unavailable(`version ${kekVersion} of the Transit key is not there, or may not be used any more`);
  }
  if (status === 200 && fromBase64(asObject(document?.['data'])?.['plaintext']) !== undefined) {
    return new GatewayError('IntegrityFailure', { detail: 'vault: what was wrapped is not 32 bytes long' });
  }
  return vaultRefusal('the unwrapping', answer);
}

function unavailable(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `vault: ${detail}` });
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_KEK_VERSION;
}
