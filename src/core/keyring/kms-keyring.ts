/**
 * A keyring whose key-encryption keys never leave AWS KMS. Each version is a KMS key of its own; the context goes along as
 * EncryptionContext, which KMS authenticates together with the data key and records. Three calls of its JSON protocol,
 * signed by our own signer: the SDK would be one dependency more.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../contracts/clock.ts';
import type { KmsKeyringSettings } from '../../contracts/keyring-settings.ts';
import type { Observer } from '../../contracts/observer.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { createRequestSigner } from '../../sigv4/signer.ts';
import type { SigningCredentials } from '../../sigv4/signing-key.ts';
import { createJsonService, fromBase64, type JsonAnswer } from './json-calls.ts';
import { DATA_KEY_BYTES } from './kek.ts';
import { isEnvelopeSized, type RemoteKeyring } from './remote-keyring.ts';

export interface KmsKeyringOptions extends Omit<KmsKeyringSettings, 'credentials'> {
  /** Asked at each call; keeps and renews them itself. */
  readonly credentials: () => Promise<SigningCredentials>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

type KmsOperation = 'GenerateDataKey' | 'Encrypt' | 'Decrypt';

/** Builds the keyring; nothing is asked until it is used. @throws Error (one line for the operator) */
export function createKmsKeyring(options: KmsKeyringOptions): RemoteKeyring {
  const { id, endpoint, region, current, versions, credentials, clock, observer } = options;
  const currentKey = versions.get(current);
  if (currentKey === undefined) throw new Error(`keyring: the current version ${current} is not among those of KMS`);
  const service = createJsonService({
    ...{ service: 'kms', endpoint, ca: options.ca, timeoutMs: options.timeoutMs, clock, observer },
  });
  const sign = createRequestSigner('kms');
  const { host } = new URL(endpoint);

  const call = async (operation: KmsOperation, content: object): Promise<JsonAnswer> => {
    const body = Buffer.from(JSON.stringify(content));
    const payloadHash = createHash('sha256').update(body).digest('hex');
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${operation}`,
    };
    const signer = await credentials().catch(() => {
      throw unavailable('there are no credentials to call it with');
    });
    const request = { method: 'POST', host, path: '/', query: [], headers, payloadHash, region };
    return service.call({
      method: 'POST',
      path: '/',
      headers: sign(request, signer, clock.now()).headers,
      body,
    });
  };

  return {
    newDataKey: async (context) => {
      const request = { KeyId: currentKey, KeySpec: 'AES_256', EncryptionContext: encryptionContext(context) };
      const answer = await call('GenerateDataKey', request);
      const wrapped = wrappedOf(answer);
      const dataKey = dataKeyOf(answer);
      if (wrapped === undefined || dataKey === undefined) throw refusal('GenerateDataKey', answer);
      return { keyringId: id, kekVersion: current, wrapped, dataKey };
    },
    wrap: async (dataKey, context) => {
      const Plaintext = dataKey.export().toString('base64');
      const request = { KeyId: currentKey, Plaintext, EncryptionContext: encryptionContext(context) };
      const answer = await call('Encrypt', request);
      const wrapped = wrappedOf(answer);
      if (wrapped === undefined) throw refusal('Encrypt', answer);
      return { keyringId: id, kekVersion: current, wrapped };
    },
    unwrap: async ({ kekVersion, wrapped }, context) => {
      const KeyId = versions.get(kekVersion);
      if (KeyId === undefined) throw unavailable(`no version ${kekVersion} is configured`);
      // KeyId makes KMS refuse what another key wrapped: without it, any key that we may use would do.
      const answer = await call('Decrypt', {
        ...{ KeyId, CiphertextBlob: wrapped.toString('base64') },
        EncryptionContext: encryptionContext(context),
      });
      const dataKey = dataKeyOf(answer);
      if (dataKey === undefined) throw unwrapRefusal(answer, kekVersion);
      return dataKey;
    },
    current: () => Promise.resolve({ keyringId: id, kekVersion: current }),
    health: service.health,
    close: service.close,
  };
}

function encryptionContext(context: Buffer): Readonly<Record<string, string>> {
  return { 'sallyport-context': context.toString('hex') };
}

function wrappedOf({ status, document }: JsonAnswer): Buffer | undefined {
  const wrapped = status === 200 ? fromBase64(document?.['CiphertextBlob']) : undefined;
  return wrapped !== undefined && isEnvelopeSized(wrapped) ? wrapped : undefined;
}

function dataKeyOf({ status, document }: JsonAnswer): KeyObject | undefined {
  const bytes = status === 200 ? fromBase64(document?.['Plaintext']) : undefined;
  return bytes?.length === DATA_KEY_BYTES ? createSecretKey(bytes) : undefined;
}

function unwrapRefusal(answer: JsonAnswer, kekVersion: number): GatewayError {
  if (answer.status === 400 && errorOf(answer) === 'InvalidCiphertextException') {
    const detail = `the wrapped key is not of KMS key version ${kekVersion} and this place`;
    return new GatewayError('IntegrityFailure', { detail });
  }
  if (answer.status === 200 && fromBase64(answer.document?.['Plaintext']) !== undefined) {
    return new GatewayError('IntegrityFailure', { detail: 'kms: what was wrapped is not 32 bytes long' });
  }
  return refusal('Decrypt', answer);
}

/** Says the kind of a refusal; KMS's words may name keys and principals. */
function refusal(operation: KmsOperation, answer: JsonAnswer): GatewayError {
  const kind = errorOf(answer);
  return unavailable(`${operation} answered ${answer.status}${kind === undefined ? '' : ` ${kind}`}`);
}

/** The exception's name, such as `DisabledException`; some services put a namespace before it. */
function errorOf({ document }: JsonAnswer): string | undefined {
  const { __type: type } = document ?? {};
  const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : '';
  return /^[A-Za-z]{1,64}$/.test(name) ? name : undefined;
}

function unavailable(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `kms: ${detail}` });
}
