/**
 * Published keys -> what HAProxy verifies by. Enters: the keys of an issuer. Leaves: one PEM file for each, and the algorithms
 * that HAProxy can check with it. What is left out here, the gateway alone verifies. Public parts only. A file holds a key
 * twice: as such, which HAProxy reads at its start alone, and in a certificate, which HAProxy 3.3 takes while it runs.
 */
import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto';

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

const [SEQUENCE, INTEGER, BIT_STRING, OBJECT_ID, UTC_TIME] = [0x30, 0x02, 0x03, 0x06, 0x17];
const ECDSA_WITH_SHA256 = der(SEQUENCE, [der(OBJECT_ID, [Buffer.from('2a8648ce3d040302', 'hex')])]);
const NOBODY = der(SEQUENCE, []);

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
    const pem = `${key.export({ type: 'spki', format: 'pem' }).toString()}${certificateOf(key)}`;
    return [{ issuer, kid, algorithms, file: `${hash('sha256', pem, 'hex').slice(0, 32)}.pem`, pem }];
  });
  // Two keys of one name: which of them a token means, the gateway finds out.
  return known.filter(({ kid }) => known.filter((other) => other.kid === kid).length === 1);
}

/** An X.509 certificate around a key: of nobody, and signed by nobody. HAProxy looks at nothing in it but the key. */
function certificateOf(key: KeyObject): string {
  const body = der(SEQUENCE, [
    der(INTEGER, [Buffer.of(1)]),
    ECDSA_WITH_SHA256,
    NOBODY,
    der(
      SEQUENCE,
      ['700101000000Z', '491231235959Z'].map((time) => der(UTC_TIME, [Buffer.from(time)])),
    ),
    NOBODY,
    key.export({ type: 'spki', format: 'der' }),
  ]);
  const text = der(SEQUENCE, [body, ECDSA_WITH_SHA256, der(BIT_STRING, [Buffer.of(0)])]).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${text.replaceAll(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}

/** One value in DER: its tag, its length in as few bytes as will do, and its parts. */
function der(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const long = content.length < 0x80 ? '' : content.length.toString(16);
  const length =
    long === '' ? Buffer.of(content.length) : Buffer.from(long.padStart(long.length + (long.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag), long === '' ? Buffer.of() : Buffer.of(0x80 + length.length), length, content]);
}
