/**
 * Step three of Signature Version 4: the signing key, and its cache.
 * A key lives as long as the credentials that it was derived from, one per credentials: they belong to one store, so
 * only the date changes. Nothing here outlives the credentials object, and nothing is looked up by a secret.
 * @see AWS Signature Version 4, "Derive a signing key"
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

export interface SigningScope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Derives the key of one day, region and service. */
function deriveSigningKey(secretAccessKey: string, { date, region, service }: SigningScope): KeyObject {
  const dateKey = hmac(`AWS4${secretAccessKey}`, date);
  const regionKey = hmac(dateKey, region);
  const serviceKey = hmac(regionKey, service);
  return createSecretKey(hmac(serviceKey, 'aws4_request'));
}

/** Creates a derivation that remembers the last key of each credentials object. */
export function createSigningKeys(): (credentials: SigningCredentials, scope: SigningScope) => KeyObject {
  const cache = new WeakMap<SigningCredentials, { readonly scope: SigningScope; readonly key: KeyObject }>();
  return (credentials, scope) => {
    const cached = cache.get(credentials);
    if (
      cached?.scope.date === scope.date &&
      cached.scope.region === scope.region &&
      cached.scope.service === scope.service
    ) {
      return cached.key;
    }
    const { date, region, service } = scope;
    const key = deriveSigningKey(credentials.secretAccessKey, scope);
    // These three alone: the scope of a received request comes with its session token.
    cache.set(credentials, { scope: { date, region, service }, key });
    return key;
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
