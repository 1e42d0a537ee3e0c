/**
 * Ends a login at the issuer that gave it. Enters: what was kept of the login. Leaves: whether the issuer has ended it, or why
 * not. Never: a token anywhere but at that issuer.
 */
import * as oidc from 'openid-client';
import { reasonOf } from './failure.ts';
import { openHttp, type Http } from './http.ts';
import { openIssuer } from './issuer.ts';
import type { Session } from './session-file.ts';
import type { Settings } from './settings.ts';
import { unverifiedClaims } from './unverified-claims.ts';

type Environment = Parameters<typeof openHttp>[0];

/** `revoked`: nothing of the login can be renewed any more; otherwise `reason` says why it may be. */
export type Ended = { readonly revoked: true } | { readonly revoked: false; readonly reason: string };

/** Revokes the refresh token, and with it the login. Never throws. @see RFC 7009 */
export async function endLogin({ refreshToken }: Session, settings: Settings, http: Http): Promise<Ended> {
  if (refreshToken === undefined) return { revoked: false, reason: 'there was nothing to revoke' };
  try {
    const issuer = await openIssuer(settings, http);
    if (issuer.serverMetadata().revocation_endpoint === undefined) {
      return { revoked: false, reason: 'the issuer has no revocation endpoint' };
    }
    await oidc.tokenRevocation(issuer, refreshToken, { token_type_hint: 'refresh_token' });
    return { revoked: true };
  } catch (error) {
    return { revoked: false, reason: reasonOf(error) };
  }
}

/** The same by a connection of its own: another login may have been given other certificates. */
export async function endLoginAt(session: Session, settings: Settings, env: Environment): Promise<Ended> {
  let http: Http;
  try {
    http = await openHttp(env, settings.caFile);
  } catch (error) {
    return { revoked: false, reason: reasonOf(error) };
  }
  return endLogin(session, settings, http).finally(() => http.close());
}

/** Whether a login has been replaced and can live on: not where it is the same one, by its token or by its session. */
export function isLeftOver(before: Session | undefined, now: Session): before is Session {
  if (before?.refreshToken === undefined) return false;
  if (before.issuer !== now.issuer) return true;
  const old = sessionIdOf(before);
  return before.refreshToken !== now.refreshToken && (old === undefined || old !== sessionIdOf(now));
}

function sessionIdOf({ idToken = '' }: Session): string | undefined {
  return unverifiedClaims(idToken)?.sessionId;
}
