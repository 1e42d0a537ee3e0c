/**
 * Text -> header and payload of a compact JWS. Unverified: everything that leaves here was written by whoever sent it,
 * and may be used for one thing only, to choose the configured issuer that has to verify it.
 */
import { decodeCanonical } from './base64url.ts';
import { invalidToken } from './refuse.ts';
import { member, parseStrictObject, type JsonObject } from './strict-json.ts';

/** Unverified: the parts of a token as they were sent. */
export interface UnverifiedToken {
  readonly compact: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

/** Header parameters that bring their own key, change what is signed, or say that the payload is another token. */
const REFUSED_PARAMETERS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'cty', 'enc', 'zip'] as const;

const MAX_KID_LENGTH = 512;

/**
 * Parses a compact JWS of three parts. Unverified: no signature is looked at.
 * @throws GatewayError InvalidToken
 * @see RFC 7515 section 7.1
 */
export const parseCompactToken = (compact: string): UnverifiedToken => {
  const parts = compact.split('.');
  const [header, payload, signature] = parts.map(decodeCanonical);
  if (parts.length !== 3 || !header || !payload || !signature) throw invalidToken('not a compact JWS of three parts');
  const headerObject = parseStrictObject(header);
  if (!headerObject) throw invalidToken('the header is not one plain JSON object');
  for (const name of REFUSED_PARAMETERS) {
    if (Object.hasOwn(headerObject, name)) throw invalidToken(`header parameter ${name}`);
  }
  const kid = member(headerObject, 'kid');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) throw invalidToken('kid');
  const payloadObject = parseStrictObject(payload);
  if (!payloadObject) throw invalidToken('the payload is not one plain JSON object');
  return { compact, header: headerObject, payload: payloadObject };
};
