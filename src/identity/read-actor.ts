/**
 * The `act` claim -> who acts in the subject's name. Its outermost party is the one that acts now; those inside acted
 * before it, and nothing may be decided by them. An actor that cannot be told refuses the token: without it, an agent
 * would pass for the person.
 * @see RFC 8693 section 4.1
 */
import type { Actor } from '../contracts/principal.ts';
import { isObject } from './claim-path.ts';
import { invalidToken } from './refuse.ts';
import { isSafeText } from './safe-text.ts';
import { member, type JsonObject } from './strict-json.ts';

const MAX_SUBJECT_LENGTH = 1024;
const MAX_ISSUER_LENGTH = 512;

/**
 * Reads the current actor; `undefined` where the token was not delegated.
 * @throws GatewayError InvalidToken
 */
export const readActor = (payload: JsonObject): Actor | undefined => {
  const act = member(payload, 'act');
  if (act === undefined) return undefined;
  if (!isObject(act)) throw invalidToken('act');
  const subject = member(act, 'sub');
  const issuer = member(act, 'iss');
  if (!isSafeText(subject, MAX_SUBJECT_LENGTH)) throw invalidToken('act: its sub');
  if (issuer !== undefined && !isSafeText(issuer, MAX_ISSUER_LENGTH)) throw invalidToken('act: its iss');
  return Object.freeze({ ...(issuer !== undefined && { issuer }), subject });
};
