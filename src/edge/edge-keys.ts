/**
 * Published keys -> what HAProxy verifies by. Enters: the keys of an issuer. Leaves: one PEM file for each, and the algorithms
 * that HAProxy can check with it. What is left out here, the gateway alone verifies. Public parts only.
 */
import { createPublicKey, hash, type JsonWebKey } from 'node:crypto';

export interface EdgeKey {
  /** The `iss` of tokens. */
  readonly issuer: string;
  readonly kid: string;
  readonly algorithms: readonly string[];
  /** Named by its content, so that a file never changes. */
  readonly file: string;
  readonly pem: string;
}

/** What a key of a kind can be used with; HAProxy 2.6 checks neither PS256 nor EdDSA. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'RS384', 'RS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
};
/** What neither ends a word in a map nor separates the parts of one. */
const KID = /^[\w.~=+/:@-]{1,128}$/;
const MIN_RSA_BITS = 2048;

/** Gives those of an issuer's keys that HAProxy can use. `allowed`: the algorithms that the issuer is configured with. */
export function edgeKeysOf(
  issuer: string,
  allowed: readonly string[],
  published: readonly (JsonWebKey & { readonly kid?: unknown; readonly alg?: unknown; readonly use?: unknown })[],
): readonly EdgeKey[] {
  const known = published.flatMap((jwk): EdgeKey[] => {
    const { kid, alg, use } = jwk;
    if (typeof kid !== 'string' || !KID.test(kid) || (use !== undefined && use !== 'sig')) return [];
    const kind = jwk.kty === 'RSA' ? 'RSA' : (jwk.crv ?? '');
    const algorithms = (ALGORITHMS[kind] ?? []).filter((each) => allowed.includes(each) && (alg ?? each) === each);
    if (algorithms.length === 0) return [];
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    if ((key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) return [];
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    return [{ issuer, kid, algorithms, file: `${hash('sha256', pem, 'hex').slice(0, 32)}.pem`, pem }];
  });
  // Two keys of one name: which of them a token means, the gateway finds out.
  return known.filter(({ kid }) => known.filter((other) => other.kid === kid).length === 1);
}
