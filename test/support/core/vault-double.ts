/**
 * What the gateway uses of HashiCorp Vault, on 127.0.0.1: login, leases of tokens, and the Transit engine with keys that
 * derive. It refuses as Vault does: status, JSON shape and words of each error follow Vault's documentation and source,
 * and nothing is taken that Vault would not take.
 * @see https://developer.hashicorp.com/vault/api-docs
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Token {
  readonly renewable: boolean;
  readonly leaseSeconds: number;
  readonly endsLatestMs: number;
  endsMs: number;
}

interface TransitKey {
  derived: boolean;
  type: string;
  readonly versions: Buffer[];
  minDecryptionVersion: number;
}

type Body = Readonly<Record<string, unknown>>;

class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, ...errors: readonly string[]) {
    super(errors.join());
    this.status = status;
    this.errors = errors;
  }
}

export const ROLE_ID = 'db02de05-fa39-4855-059b-67221c5c2f63';
export const SECRET_ID = '6a174c20-f6de-a53c-74d2-6018fcceff64';
export const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJnYXRld2F5In0.c2lnbmF0dXJl';
/** What Vault 1.4 to 1.6 answered to a wrong context was a 500; the releases around them say 400, in these words. */
export const WRONG_CONTEXT = [
  [400, 'invalid ciphertext: unable to decrypt'],
  [400, 'cipher: message authentication failed'],
  [500, '1 error occurred:\n\t* cipher: message authentication failed\n\n'],
] as const;

export class VaultDouble {
  readonly keys = new Map<string, TransitKey>();
  readonly tokens = new Map<string, Token>();
  /** Method and path of every request so far. */
  readonly calls: string[] = [];
  /** Every token that was shown. */
  readonly shownTokens: string[] = [];
  sealed = false;
  namespace: string | undefined;
  leaseSeconds = 3600;
  /** The longest life of tokens that logins give. */
  maxSeconds = 86_400;
  renewable = true;
  jwt = JWT;
  secretId = SECRET_ID;
  /** Paths below `v1/` that tokens may use; all others are denied. */
  permitted = /^(?:transit\/|auth\/token\/(?:lookup|renew)-self$)/;
  wrongContext: (typeof WRONG_CONTEXT)[number] = WRONG_CONTEXT[0];
  /** Takes a request over, to make a fault of it; false: not this one. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Creates a Transit key of one version, as `vault write transit/keys/NAME derived=true` does. */
  createKey(name: string, { derived = true, type = 'aes256-gcm96' } = {}): TransitKey {
    const key = { derived, type, versions: [randomBytes(32)], minDecryptionVersion: 1 };
    this.keys.set(name, key);
    return key;
  }

  createToken({ leaseSeconds = this.leaseSeconds, renewable = this.renewable } = {}): string {
    const token = `hvs.${randomBytes(24).toString('base64url')}`;
    const nowMs = this.#now();
    this.tokens.set(token, {
      ...{ renewable, leaseSeconds },
      endsMs: leaseSeconds === 0 ? Infinity : nowMs + leaseSeconds * 1000,
      endsLatestMs: nowMs + this.maxSeconds * 1000,
    });
    return token;
  }

  count(pattern: RegExp): number {
    return this.calls.filter((call) => pattern.test(call)).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    this.calls.push(`${method} ${url}`);
    if (this.fault(request, response)) return;
    const send = (status: number, document: object): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(document));
    };
    try {
      const raw = await text(request);
      send(200, {
        ...{ request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0 },
        ...{ data: null, wrap_info: null, warnings: null, auth: null },
        ...this.#answer(request, method, url, raw),
      });
    } catch (error) {
      if (error instanceof Refusal) send(error.status, { errors: error.errors });
      else send(500, { errors: ['1 error occurred:\n\t* internal error\n\n'] });
    }
  }

  #answer(request: IncomingMessage, method: string, url: string, raw: string): object {
    if (!url.startsWith('/v1/')) throw new Refusal(404);
    if (this.sealed) throw new Refusal(503, 'Vault is sealed');
    const path = url.slice('/v1/'.length);
    const noRoute = () => new Refusal(404, `no handler for route "${path}". route entry not found.`);
    if (request.headers['x-vault-namespace'] !== this.namespace) throw noRoute();
    // Agents may require it (`require_request_header`).
    if (request.headers['x-vault-request'] !== 'true') throw new Refusal(412, "missing 'X-Vault-Request' header");
    const body = (): Body => {
      if (method !== 'POST' && method !== 'PUT') throw new Refusal(405, 'unsupported operation');
      try {
        return JSON.parse(raw) as Body;
      } catch {
        throw new Refusal(400, 'failed to parse JSON input: invalid character');
      }
    };
    const [, loginMount] = /^auth\/(.+)\/login$/.exec(path) ?? [];
    if (loginMount !== undefined) return this.#login(loginMount, body(), noRoute);

    const shown = this.#authenticate(request);
    if (!this.permitted.test(path)) throw new Refusal(403, '1 error occurred:\n\t* permission denied\n\n');
    if (path === 'auth/token/lookup-self') return this.#lookup(shown);
    if (path === 'auth/token/renew-self') {
      body();
      return this.#renew(shown);
    }
    const [, operation = '', name = ''] =
      /^transit\/(keys|encrypt|decrypt|datakey\/[^/]+)\/(\w(?:[\w.-]*\w)?)$/.exec(path) ?? [];
    if (operation === 'keys') return this.#describe(name, method);
    if (operation === '') throw noRoute();
    return { data: this.#transit(operation, name, body()) };
  }

  #authenticate(request: IncomingMessage): string {
    const shown = request.headers['x-vault-token'];
    if (typeof shown !== 'string') throw new Refusal(400, 'missing client token');
    this.shownTokens.push(shown);
    const token = this.tokens.get(shown);
    if (token === undefined || this.#now() >= token.endsMs) {
      this.tokens.delete(shown);
      throw new Refusal(403, 'permission denied');
    }
    return shown;
  }

  #login(mount: string, body: Body, noRoute: () => Refusal): object {
    if (mount === 'approle') {
      if (body['role_id'] === undefined) throw new Refusal(400, 'missing role_id');
      if (body['secret_id'] === undefined) throw new Refusal(400, 'missing secret_id');
      if (body['role_id'] !== ROLE_ID) throw new Refusal(400, 'invalid role ID');
      if (body['secret_id'] !== this.secretId) throw new Refusal(400, 'invalid secret id');
    } else if (mount === 'kubernetes' || mount === 'jwt') {
      if (body['role'] !== 'sallyport') throw new Refusal(400, `role "${String(body['role'])}" could not be found`);
      if (body['jwt'] !== this.jwt) throw new Refusal(mount === 'jwt' ? 400 : 403, 'permission denied');
    } else throw noRoute();
    return { auth: this.#auth(this.createToken()) };
  }

  #auth(shown: string): object {
    const token = this.tokens.get(shown) as Token;
    return {
      ...{ client_token: shown, accessor: randomUUID(), policies: ['default', 'sallyport'], metadata: null },
      lease_duration: token.endsMs === Infinity ? 0 : Math.round((token.endsMs - this.#now()) / 1000),
      renewable: token.renewable,
    };
  }

  #lookup(shown: string): object {
    const { endsMs, renewable } = this.tokens.get(shown) as Token;
    const lease =
      endsMs === Infinity
        ? { ttl: 0, expire_time: null }
        : { ttl: Math.floor((endsMs - this.#now()) / 1000), expire_time: new Date(endsMs).toISOString() };
    return { data: { id: shown, ...lease, renewable } };
  }

  #renew(shown: string): object {
    const token = this.tokens.get(shown) as Token;
    if (!token.renewable) throw new Refusal(400, 'lease is not renewable');
    token.endsMs = Math.min(this.#now() + token.leaseSeconds * 1000, token.endsLatestMs);
    return { auth: this.#auth(shown) };
  }

  #describe(name: string, method: string): object {
    if (method !== 'GET') throw new Refusal(405, 'unsupported operation');
    const key = this.keys.get(name);
    if (key === undefined) throw new Refusal(404);
    const { derived, type, versions } = key;
    return {
      data: {
        ...{ name, type, derived, latest_version: versions.length, min_decryption_version: key.minDecryptionVersion },
        ...{ min_encryption_version: 0, deletion_allowed: false, exportable: false, allow_plaintext_backup: false },
        keys: Object.fromEntries(versions.map((_, at) => [String(at + 1), 1_700_000_000])),
        ...{ supports_encryption: true, supports_decryption: true, supports_derivation: true, supports_signing: false },
        ...(derived ? { kdf: 'hkdf_sha256' } : {}),
      },
    };
  }

  #transit(operation: string, name: string, body: Body): object {
    const key = this.keys.get(name);
    if (key === undefined) throw new Refusal(400, 'encryption key not found');
    const context = base64(body['context'] ?? '', 'failed to base64-decode context');
    if (operation === 'decrypt')
      return { plaintext: this.#decrypt(key, context, body['ciphertext']).toString('base64') };
    if (operation === 'encrypt') {
      if (body['plaintext'] === undefined) throw new Refusal(400, 'missing plaintext to encrypt');
      const plaintext = base64(body['plaintext'], 'failed to base64-decode plaintext');
      return { ciphertext: encrypt(key, context, plaintext), key_version: key.versions.length };
    }
    const [, kind] = operation.split('/');
    if (kind !== 'plaintext' && kind !== 'wrapped') {
      throw new Refusal(400, "Invalid path, must be 'plaintext' or 'wrapped'");
    }
    const bits = body['bits'] ?? 256;
    if (bits !== 128 && bits !== 256 && bits !== 512) throw new Refusal(400, 'invalid bit length');
    const made = randomBytes(bits / 8);
    const ciphertext = encrypt(key, context, made);
    const common = { ciphertext, key_version: key.versions.length };
    return kind === 'plaintext' ? { ...common, plaintext: made.toString('base64') } : common;
  }

  #decrypt(key: TransitKey, context: Buffer, ciphertext: unknown): Buffer {
    if (typeof ciphertext !== 'string' || ciphertext === '') throw new Refusal(400, 'missing ciphertext to decrypt');
    if (!ciphertext.startsWith('vault:v')) throw new Refusal(400, 'invalid ciphertext: no prefix');
    const [said = '', encoded] = ciphertext.slice('vault:v'.length).split(':', 2);
    if (encoded === undefined) throw new Refusal(400, 'invalid ciphertext: wrong number of fields');
    if (!/^\d+$/.test(said)) throw new Refusal(400, 'invalid ciphertext: version number could not be decoded');
    const version = Number(said);
    if (version > key.versions.length) throw new Refusal(400, 'invalid ciphertext: version is too new');
    if (version < key.minDecryptionVersion) {
      throw new Refusal(400, 'ciphertext or signature version is disallowed by policy (too old)');
    }
    const bytes = base64(encoded, 'invalid ciphertext: could not decode base64');
    if (bytes.length < 28) throw new Refusal(400, 'invalid ciphertext length');
    const decipher = createDecipheriv('aes-256-gcm', derive(key, version, context), bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    } catch {
      const [status, words] = this.wrongContext;
      throw new Refusal(status, words);
    }
  }
}

function encrypt(key: TransitKey, context: Buffer, plaintext: Buffer): string {
  const version = key.versions.length;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', derive(key, version, context), nonce);
  const bytes = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return `vault:v${version}:${bytes.toString('base64')}`;
}

function derive(key: TransitKey, version: number, context: Buffer): Buffer {
  const secret = key.versions[version - 1];
  if (secret === undefined) throw new Refusal(400, 'invalid key version');
  if (!key.derived) return secret;
  if (context.length === 0) {
    throw new Refusal(
      400,
      "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key",
    );
  }
  return Buffer.from(hkdfSync('sha256', secret, '', context, 32));
}

function base64(value: unknown, refusal: string): Buffer {
  const bytes = Buffer.from(String(value), 'base64');
  if (bytes.toString('base64') !== value) throw new Refusal(400, refusal);
  return bytes;
}
