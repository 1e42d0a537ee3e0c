/**
 * Bytes -> session token -> the same bytes, for whoever has the keys of one deployment; and the secrets of sessions,
 * derived from the same keys. Nothing that comes out of `open` was ever seen in clear by the client, and nothing comes
 * out of it that was not sealed here whole.
 * @see docs/spec/session-token.md; NIST SP 800-38D; RFC 5869
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { decodeCanonical } from './base64url.ts';
import { invalidSession } from './refuse.ts';

/** A key of configuration; its id stands in every token that it seals. */
export interface SessionKey {
  /** 1 to 32 of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  /** At least 32 random bytes. */
  readonly secret: Buffer;
}

export interface SessionKeys {
  /** Seals, and opens. */
  readonly current: SessionKey;
  /** Opens only: the last one, or the next one while a change of keys reaches every replica. */
  readonly previous?: SessionKey;
  /** Open only: those that others of this gateway may use in a moment. */
  readonly coming?: readonly SessionKey[];
}

interface Unsealed {
  readonly plaintext: Buffer;
  readonly keyId: string;
}

export interface SessionSeal {
  /** Seals at most `MAX_PLAINTEXT_BYTES` with the current key. */
  readonly seal: (plaintext: Buffer) => { readonly token: string; readonly keyId: string };
  /** Verified: all of it was sealed by a key of this deployment. @throws GatewayError InvalidSession */
  readonly open: (token: string) => Unsealed;
  /** Gives the secret access key, 40 characters, of an access key id whose session that key has sealed. */
  readonly secretAccessKey: (keyId: string, accessKeyId: string) => string;
}

export const MAX_PLAINTEXT_BYTES = 2048;

const VERSION = 1;
const HEADER_BYTES = 2;
const MAX_KEY_ID_BYTES = 32;
const MIN_SECRET_BYTES = 32;
const MAX_DEPLOYMENT_ID_LENGTH = 128;
const SALT_BYTES = 24;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_BYTES = 30;
/** Characters of the longest token that can be. */
export const MAX_TOKEN_LENGTH = Math.ceil(
  ((HEADER_BYTES + MAX_KEY_ID_BYTES + SALT_BYTES + MAX_PLAINTEXT_BYTES + TAG_BYTES) * 4) / 3,
);

const CIPHER = 'aes-256-gcm';
const TOKEN_LABEL = Buffer.from('sallyport/1/session-token');
const SECRET_LABEL = Buffer.from('sallyport/1/session-secret');
const NO_SALT = Buffer.alloc(0);
const KEY_ID = /^[\w-]{1,32}$/;

/**
 * Makes the seal of one deployment.
 * @throws TypeError when a key or the deployment's name is not sound; never with a secret in it
 */
export const createSessionSeal = (keys: SessionKeys, deploymentId: string): SessionSeal => {
  const known = keys.previous === undefined ? [keys.current] : [keys.current, keys.previous];
  const all = [...known, ...(keys.coming ?? []).filter((key) => known.every(({ id }) => id !== key.id))];
  for (const { id, secret } of all) {
    if (!KEY_ID.test(id)) throw new TypeError('session keys: an id must be 1 to 32 of A-Z a-z 0-9 _ -');
    if (secret.length < MIN_SECRET_BYTES) {
      throw new TypeError(`session keys: ${id} has ${secret.length} bytes; at least ${MIN_SECRET_BYTES} are needed`);
    }
  }
  if (keys.current.id === keys.previous?.id) throw new TypeError('session keys: two have the same id');
  if (keys.previous !== undefined && keys.current.secret.equals(keys.previous.secret)) {
    throw new TypeError('session keys: the previous one is the current one under another name');
  }
  if (deploymentId === '' || deploymentId.length > MAX_DEPLOYMENT_ID_LENGTH) {
    throw new TypeError(`session keys: a deployment id has 1 to ${MAX_DEPLOYMENT_ID_LENGTH} characters`);
  }
  const deployment = Buffer.from(deploymentId);
  const secrets = new Map(all.map(({ id, secret }) => [id, createSecretKey(secret)]));
  const secretOf = (keyId: string): KeyObject => {
    const secret = secrets.get(keyId);
    if (secret === undefined) throw invalidSession('the id of its key is not known here');
    return secret;
  };

  const seal: SessionSeal['seal'] = (plaintext) => {
    if (plaintext.length > MAX_PLAINTEXT_BYTES) throw new RangeError('more than a session token may hold');
    const keyId = keys.current.id;
    const header = Buffer.concat([Buffer.of(VERSION, keyId.length), Buffer.from(keyId, 'latin1')]);
    const salt = randomBytes(SALT_BYTES);
    const { key, nonce } = tokenKey(secretOf(keyId), salt);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.concat([header, deployment]));
    const sealed = [header, salt, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
    return { token: Buffer.concat(sealed).toString('base64url'), keyId };
  };

  const open: SessionSeal['open'] = (token) => {
    const bytes = decodeCanonical(token);
    if (bytes?.[0] !== VERSION) throw invalidSession('not a session token of this version');
    const saltAt = HEADER_BYTES + (bytes[1] ?? 0);
    const sealedAt = saltAt + SALT_BYTES;
    const tagAt = bytes.length - TAG_BYTES;
    if (tagAt <= sealedAt) throw invalidSession('too short');
    const keyId = bytes.toString('latin1', HEADER_BYTES, saltAt);
    const { key, nonce } = tokenKey(secretOf(keyId), bytes.subarray(saltAt, sealedAt));
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.concat([bytes.subarray(0, saltAt), deployment]));
    decipher.setAuthTag(bytes.subarray(tagAt));
    try {
      return { plaintext: Buffer.concat([decipher.update(bytes.subarray(sealedAt, tagAt)), decipher.final()]), keyId };
    } catch {
      throw invalidSession('altered, or of another deployment');
    }
  };

  return {
    seal,
    open,
    secretAccessKey: (keyId, accessKeyId) => {
      const info = Buffer.concat([SECRET_LABEL, Buffer.from(accessKeyId, 'latin1')]);
      return Buffer.from(hkdfSync('sha256', secretOf(keyId), NO_SALT, info, SECRET_BYTES)).toString('base64');
    },
  };
};

/** Each token has a key of its own: random nonces under one key would put a bound on how many may be issued. */
const tokenKey = (secret: KeyObject, salt: Buffer): { readonly key: Buffer; readonly nonce: Buffer } => {
  const derived = Buffer.from(hkdfSync('sha256', secret, salt, TOKEN_LABEL, KEY_BYTES + NONCE_BYTES));
  return { key: derived.subarray(0, KEY_BYTES), nonce: derived.subarray(KEY_BYTES) };
};
