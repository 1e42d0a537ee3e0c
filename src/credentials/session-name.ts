/**
 * Issuer and subject in; a name for the STS session out. Two identities never share a name: whoever reads the store's
 * own log must be able to tell them apart, and an agent from whom it acts for. Subjects are chosen by others and may hold
 * anything.
 */
import type { Actor } from '../contracts/principal.ts';
import { digest } from './digest.ts';

/** 27 characters of base64url: 162 bits, so that no one can look for two subjects with one name. */
const HASH_LENGTH = 27;
const READABLE_LENGTH = 64 - 1 - HASH_LENGTH;
const NOT_ALLOWED = /[^\w+=,.@-]/g;

/**
 * Names a session after its identity: the start of the subject, for people, and a hash of issuer and subject, and of the
 * actor where there is one. Serves as SourceIdentity as well, which has the same rules.
 * @returns 28 to 64 characters of `[\w+=,.@-]`
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function sessionName(issuer: string, subject: string, actor?: Actor): string {
  const readable = subject.slice(0, READABLE_LENGTH).replace(NOT_ALLOWED, '_');
  const parts = actor === undefined ? [issuer, subject] : [issuer, subject, actor.issuer, actor.subject];
  return `${readable}-${digest(parts).slice(0, HASH_LENGTH)}`;
}
