/** What an operator wrote -> what is revoked, and for how long at least: an entry outlives all that it takes away. */
import { isIPv6 } from 'node:net';
import type { Config } from '../../config/config.ts';
import { isText } from '../../lists/line.ts';
import { isSound, MAX_TEXT, type Revoked } from '../../revocation/entry.ts';
import { isTokenIdHash, readTokenId, tokenIdOfJti } from '../../revocation/token-id.ts';
import { CommandError } from '../io.ts';

export interface Named {
  readonly issuer?: string;
  readonly subject?: string;
  readonly jti?: true;
}

export interface Wanted {
  readonly revoked: Revoked;
  /** When the entry ends where the operator does not say; `undefined`: never. */
  readonly endMs: number | undefined;
  /** An end before this would bring back to life what was revoked; `undefined`: nobody knows. */
  readonly leastMs: number | undefined;
}

const ACCESS_KEY_ID = /^SPLY[A-Z2-7]{16}$/;
/** Ends are compared by clocks of gateways and issuers; the largest tolerance that can be configured is 60 s. */
const SLACK_MS = 360_000;
/** The last instant that a Date can hold. */
const MAX_TIME_MS = 8.64e15;
/** Beyond this a time is a mistake: it would revoke what nobody has been given yet. */
const MAX_AHEAD_MS = 300_000;

/** One token. @throws CommandError (2) */
export function tokenToRevoke(config: Config, argument: string, { jti, issuer }: Named, nowMs: number): Wanted {
  const named = issuer === undefined ? undefined : issuerOf(config, issuer);
  if (jti === true || isTokenIdHash(argument)) {
    if (argument === '') throw new CommandError('name the `jti`', 2);
    const endMs = longestLifeOf(config, named, nowMs);
    return { revoked: token(jti === true ? tokenIdOfJti(argument) : argument, named), endMs, leastMs: endMs };
  }
  const read = readTokenId(argument);
  if (read === undefined) {
    throw new CommandError(
      'expected a JWT or the token id of an audit record (32 hex digits); for a `jti`, use --jti',
      2,
    );
  }
  if (typeof read.issuer !== 'string') throw new CommandError('the token names no issuer', 2);
  const iss = issuerOf(config, read.issuer);
  if (named !== undefined && named !== iss) throw new CommandError('the token was not issued by that issuer', 2);
  const longestMs = longestLifeOf(config, iss, nowMs);
  // Nobody verified what the token says of its end: that can make the entry longer, never shorter.
  const saidMs = typeof read.expiresAt === 'number' ? Math.ceil(read.expiresAt * 1000) + SLACK_MS : undefined;
  const ownEndMs = saidMs === undefined ? undefined : Math.min(saidMs, MAX_TIME_MS);
  return { revoked: token(read.tokenIdHash, iss), endMs: longestMs, leastMs: longestMs ?? ownEndMs };
}

function token(tokenIdHash: string, issuer: string | undefined): Revoked {
  return { kind: 'token', tokenIdHash, ...(issuer === undefined ? {} : { issuer }) };
}

/** Credentials of the gateway, or a login. @throws CommandError (2) */
export function sessionToRevoke(config: Config, argument: string, { issuer }: Named, nowMs: number): Wanted {
  if (ACCESS_KEY_ID.test(argument)) {
    if (issuer !== undefined) throw new CommandError('an access key id of the gateway needs no --issuer', 2);
    const endMs = nowMs + (config.sessions?.maxSeconds ?? 0) * 1000 + SLACK_MS;
    return { revoked: { kind: 'session', accessKeyId: argument }, endMs, leastMs: endMs };
  }
  if (!isText(argument, MAX_TEXT.sessionId)) throw new CommandError('this can be no `sid`', 2);
  // A login goes on for as long as its refresh tokens, of which nothing is known here.
  const revoked: Revoked = { kind: 'login', issuer: issuerOrOnly(config, issuer), sessionId: argument };
  return { revoked, endMs: undefined, leastMs: undefined };
}

/** A person or a workload: for good unless the operator says otherwise. @throws CommandError (2) */
export function subjectToRevoke(config: Config, argument: string | undefined, named: Named): Wanted {
  if (argument !== undefined && named.subject !== undefined) throw new CommandError('name the subject once', 2);
  const subject = argument ?? named.subject;
  if (!isText(subject, MAX_TEXT.subject)) throw new CommandError('use --subject to name the subject', 2);
  const revoked: Revoked = { kind: 'subject', issuer: issuerOrOnly(config, named.issuer), subject };
  return { revoked, endMs: undefined, leastMs: undefined };
}

/** Whoever comes from an address or a network: for good unless the operator says otherwise. @throws CommandError (2) */
export function addressToRevoke(argument: string): Wanted {
  const [, written = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(argument) ?? [];
  // IPv6 in the one form that everybody writes.
  const address = isIPv6(written) ? new URL(`http://[${written}]`).hostname.slice(1, -1) : written;
  const revoked: Revoked = { kind: 'address', network: `${address}/${bits ?? (isIPv6(address) ? 128 : 32)}` };
  if (isSound(revoked)) return { revoked, endMs: undefined, leastMs: undefined };
  throw new CommandError('expected an address or a network, such as 198.51.100.7 or 2001:db8::/32', 2);
}

/** What was issued before a time. @throws CommandError (2) */
export function issuedBeforeToRevoke(
  config: Config,
  time: number | 'now',
  { issuer, subject }: Named,
  nowMs: number,
): Wanted {
  const beforeMs = time === 'now' ? nowMs : time;
  if (beforeMs > nowMs + MAX_AHEAD_MS) throw new CommandError('the time is in the future', 2);
  if (subject !== undefined && !isText(subject, MAX_TEXT.subject)) throw new CommandError('this can be no subject', 2);
  const named = issuer === undefined ? undefined : issuerOf(config, issuer);
  const iss = subject === undefined ? named : issuerOrOnly(config, issuer);
  const endMs = longestLifeOf(config, iss, nowMs);
  const revoked: Revoked = {
    ...{ kind: 'issued-before', beforeMs },
    ...(iss === undefined ? {} : { issuer: iss }),
    ...(subject === undefined ? {} : { subject }),
  };
  return { revoked, endMs, leastMs: endMs };
}

/** Gives the `iss` that is meant by a name of configuration or by the URL itself. */
function issuerOf({ issuers }: Config, named: string): string {
  const found = issuers.find(({ name, issuer }) => name === named || issuer === named);
  if (found !== undefined) return found.issuer;
  const known = issuers.map(({ name }) => name).join(', ');
  throw new CommandError(`no issuer ${JSON.stringify(named)} is configured; known here: ${known}`, 2);
}

/** Gives the one that was named, or the only one there is. @throws CommandError (2) */
export function issuerOrOnly(config: Config, named: string | undefined): string {
  if (named !== undefined) return issuerOf(config, named);
  const [only, ...more] = config.issuers;
  if (only !== undefined && more.length === 0) return only.issuer;
  throw new CommandError('use --issuer: subjects and ids are unique within their issuer only', 2);
}

/** Until when what there is now can live, where configuration bounds that; of all issuers where none is named. */
function longestLifeOf({ issuers }: Config, iss: string | undefined, nowMs: number): number | undefined {
  const ages = issuers.filter(({ issuer }) => iss === undefined || issuer === iss).map((of) => of.maxTokenAgeSeconds);
  if (ages.length === 0 || ages.includes(undefined)) return undefined;
  return nowMs + Math.max(...ages.map((seconds) => (seconds ?? 0) * 1000)) + SLACK_MS;
}
