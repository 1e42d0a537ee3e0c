/**
 * What the gateway uses of AWS KMS, on 127.0.0.1. It takes nothing whose signature another implementation (aws4) would not
 * make, wraps with the EncryptionContext as associated data, and refuses in KMS's shape and words.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import aws4 from 'aws4';

type Body = Readonly<Record<string, unknown>>;

class Refusal extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, status = 400) {
    super(type);
    this.type = type;
    this.status = status;
  }
}

export const KMS_CREDENTIALS = {
  accessKeyId: 'AKIAKMSEXAMPLE',
  secretAccessKey: 'kms-secret/kms-secret/kms-secret/1234567',
  sessionToken: 'kms-session-token+kms-session-token==',
};
export const KMS_REGION = 'eu-central-1';
const SIGNED = ['content-type', 'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'];
const MAX_SKEW_MS = 5 * 60_000;

export class KmsDouble {
  readonly keys = new Map<string, { readonly secret: Buffer; state: 'Enabled' | 'Disabled' | 'PendingDeletion' }>();
  /** Every request so far. */
  readonly calls: { readonly operation: string; readonly body: Body }[] = [];
  expired = false;
  /** Takes a request over, to make a fault of it; false: not this one. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  createKey(): string {
    const arn = `arn:aws:kms:${KMS_REGION}:111122223333:key/${randomBytes(16).toString('hex')}`;
    this.keys.set(arn, { secret: randomBytes(32), state: 'Enabled' });
    return arn;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.fault(request, response)) return;
    const send = (status: number, document: object): void => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(document));
    };
    try {
      const raw = await text(request);
      this.#authenticate(request, raw);
      const [, operation = ''] = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? [];
      if (request.headers['content-type'] !== 'application/x-amz-json-1.1')
        throw new Refusal('UnknownOperationException');
      const body = JSON.parse(raw) as Body;
      this.calls.push({ operation, body });
      send(200, this.#answer(operation, body));
    } catch (error) {
      if (error instanceof Refusal) send(error.status, { __type: error.type, message: 'as KMS would say' });
      else send(500, { __type: 'KMSInternalException' });
    }
  }

  #authenticate(request: IncomingMessage, body: string): void {
    const { authorization = '', 'x-amz-date': date = '', 'x-amz-security-token': token } = request.headers;
    const [, keyId, region, names = ''] =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/kms\/aws4_request, SignedHeaders=([^,]+), /.exec(
        authorization,
      ) ?? [];
    if (keyId === undefined) throw new Refusal('MissingAuthenticationTokenException');
    if (keyId !== KMS_CREDENTIALS.accessKeyId || token !== KMS_CREDENTIALS.sessionToken) {
      throw new Refusal('UnrecognizedClientException');
    }
    if (this.expired) throw new Refusal('ExpiredTokenException');
    const signed = names.split(';');
    if (region !== KMS_REGION || !SIGNED.every((name) => signed.includes(name))) {
      throw new Refusal('IncompleteSignatureException');
    }
    const atMs = Date.parse(String(date).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (!(Math.abs(atMs - Date.now()) < MAX_SKEW_MS)) throw new Refusal('InvalidSignatureException');
    const headers = Object.fromEntries(signed.map((name) => [name, String(request.headers[name])]));
    const payloadHash = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== payloadHash) throw new Refusal('InvalidSignatureException');
    // Without the body: aws4 would add its length to what is signed.
    const again = aws4.sign(
      { service: 'kms', region, method: request.method ?? '', path: request.url ?? '', headers },
      KMS_CREDENTIALS,
    );
    const signatureOf = (value: unknown) => /Signature=([0-9a-f]{64})$/.exec(String(value))?.[1];
    if (signatureOf(again.headers?.['Authorization']) !== signatureOf(authorization)) {
      throw new Refusal('InvalidSignatureException');
    }
  }

  #answer(operation: string, body: Body): object {
    const { KeyId, EncryptionContext } = body;
    const context = JSON.stringify(Object.entries(EncryptionContext ?? {}).sort());
    if (operation === 'Decrypt') {
      const Plaintext = this.#decrypt(KeyId, context, fromBase64(body['CiphertextBlob'])).toString('base64');
      return { KeyId, Plaintext, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    }
    if (operation === 'GenerateDataKey' && body['KeySpec'] !== 'AES_256') throw new Refusal('ValidationException');
    if (operation !== 'GenerateDataKey' && operation !== 'Encrypt') throw new Refusal('UnknownOperationException');
    const plaintext = operation === 'Encrypt' ? fromBase64(body['Plaintext']) : randomBytes(32);
    const { secret } = this.#key(KeyId);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(context));
    const name = Buffer.from(String(KeyId));
    const blob = Buffer.concat([
      ...[Buffer.of(name.length), name, nonce],
      ...[cipher.update(plaintext), cipher.final(), cipher.getAuthTag()],
    ]);
    return {
      ...{ KeyId, CiphertextBlob: blob.toString('base64') },
      ...(operation === 'Encrypt' ? {} : { Plaintext: plaintext.toString('base64') }),
    };
  }

  #decrypt(keyId: unknown, context: string, blob: Buffer): Buffer {
    const end = 1 + (blob[0] ?? 0);
    const name = blob.toString('utf8', 1, end);
    if (!this.keys.has(name)) throw new Refusal('InvalidCiphertextException');
    if (keyId !== undefined && keyId !== name) throw new Refusal('IncorrectKeyException');
    const { secret } = this.#key(name);
    const decipher = createDecipheriv('aes-256-gcm', secret, blob.subarray(end, end + 12));
    decipher.setAAD(Buffer.from(context)).setAuthTag(blob.subarray(-16));
    try {
      return Buffer.concat([decipher.update(blob.subarray(end + 12, -16)), decipher.final()]);
    } catch {
      throw new Refusal('InvalidCiphertextException');
    }
  }

  #key(keyId: unknown): { readonly secret: Buffer } {
    const key = this.keys.get(String(keyId));
    if (key === undefined) throw new Refusal('NotFoundException');
    if (key.state === 'Disabled') throw new Refusal('DisabledException');
    if (key.state === 'PendingDeletion') throw new Refusal('KMSInvalidStateException');
    return key;
  }
}

function fromBase64(value: unknown): Buffer {
  const bytes = Buffer.from(String(value), 'base64');
  if (bytes.toString('base64') !== value) throw new Refusal('SerializationException');
  return bytes;
}
