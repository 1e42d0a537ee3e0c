/**
 * The token that the gateway is shown, valid when it is handed out. Refreshes by rotation, one process at a time: a refresh
 * token that is used twice makes the issuer end the whole login. Never: a token in an error, or at another issuer.
 */
import * as oidc from 'openid-client';
import { ClientFailure } from './failure.ts';
import { withLock } from './file-lock.ts';
import type { Http } from './http.ts';
import { apiParameters, isOver, issuerFailure, openIssuer, sessionOf } from './issuer.ts';
import type { ProfilePaths } from './profile-paths.ts';
import { readSession, writeSession, type Session } from './session-file.ts';
import type { Settings } from './settings.ts';
import { unverifiedClaims } from './unverified-claims.ts';

export interface ValidToken {
  readonly token: string;
  /** `undefined`: nobody says. */
  readonly expiresAtMs: number | undefined;
}

export interface TokenOptions {
  /** How much of its life must be left, in milliseconds; of a short life, half. Default: a minute. */
  readonly marginMs?: number;
  /** Gets a new one even where the present one would do. */
  readonly force?: boolean;
}

const MARGIN_MS = 60_000;
const LOG_IN = 'log in: sallyport login';

/** The issuer says that it renews this login no more. */
export class LoginEnded extends ClientFailure {
  constructor(options: ErrorOptions) {
    super('the login has ended', LOG_IN, options);
  }
}

/** Gives a valid token. @throws ClientFailure nobody is logged in, the login has ended, the issuer is away */
export async function validToken(
  paths: ProfilePaths,
  settings: Settings,
  http: Http,
  { marginMs = MARGIN_MS, force = false }: TokenOptions = {},
): Promise<ValidToken> {
  const session = await demandSession(paths, settings);
  const present = tokenOf(session, settings);
  if (!force && hasLeft(present, session, marginMs)) return present;
  if (session.refreshToken === undefined) {
    if (hasLeft(present, session, 0)) return present;
    throw new ClientFailure('the login has expired, and the issuer gave no refresh token', LOG_IN);
  }
  return withLock(lockOf(paths), async () => {
    const current = await demandSession(paths, settings);
    // While we waited, whoever held the lock did what we were about to do.
    const renewed = current.accessToken !== session.accessToken;
    if (renewed && hasLeft(tokenOf(current, settings), current, 0)) return tokenOf(current, settings);
    return refresh(paths, settings, http, current);
  });
}

/** The lock of everybody who changes the session. */
export function lockOf({ sessionFile }: ProfilePaths): string {
  return `${sessionFile}.lock`;
}

async function refresh(paths: ProfilePaths, settings: Settings, http: Http, session: Session): Promise<ValidToken> {
  const { refreshToken = '' } = session;
  try {
    const issuer = await openIssuer(settings, http);
    const granted = await oidc.refreshTokenGrant(issuer, refreshToken, apiParameters(settings));
    const renewed = sessionOf(granted, settings, session);
    // Kept before it is used: the old refresh token is worth nothing from now on.
    await writeSession(paths, renewed);
    const token = tokenOf(renewed, settings);
    if (hasLeft(token, renewed, 0)) return token;
    throw new ClientFailure('the issuer returned no ID token when the login was renewed', LOG_IN);
  } catch (error) {
    const now = await demandSession(paths, settings);
    // A lock that was passed over, or a home on two machines: somebody else's refresh has won.
    if (now.accessToken !== session.accessToken && hasLeft(tokenOf(now, settings), now, 0)) {
      return tokenOf(now, settings);
    }
    if (isOver(error)) throw new LoginEnded({ cause: error });
    const present = tokenOf(session, settings);
    if (hasLeft(present, session, 0)) return present;
    throw issuerFailure(error, 'the login could not be renewed');
  }
}

async function demandSession(paths: ProfilePaths, settings: Settings): Promise<Session> {
  const session = await readSession(paths, settings);
  if (session === undefined) throw new ClientFailure('nobody is logged in', LOG_IN);
  return session;
}

function tokenOf({ idToken, accessToken, accessExpiresAtMs }: Session, { token: kind }: Settings): ValidToken {
  if (kind === 'access') return { token: accessToken, expiresAtMs: accessExpiresAtMs };
  if (idToken === undefined) throw new ClientFailure('the issuer gave no ID token', 'add openid to --scopes');
  return { token: idToken, expiresAtMs: unverifiedClaims(idToken)?.expiresAtMs };
}

function hasLeft({ expiresAtMs }: ValidToken, { obtainedAtMs }: Session, marginMs: number): boolean {
  if (expiresAtMs === undefined) return true;
  return expiresAtMs - Date.now() > Math.min(marginMs, (expiresAtMs - obtainedAtMs) / 2);
}
