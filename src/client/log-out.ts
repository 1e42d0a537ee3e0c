/** Ends a login: at the issuer where it can be told, and here in any case. */
import { rm } from 'node:fs/promises';
import * as oidc from 'openid-client';
import { withLock } from './file-lock.ts';
import { reasonOf } from './failure.ts';
import type { Http } from './http.ts';
import { openIssuer } from './issuer.ts';
import type { Places } from './places.ts';
import { readSession } from './session-file.ts';
import type { Settings } from './settings.ts';
import { lockOf } from './tokens.ts';

export interface LoggedOut {
  readonly wasLoggedIn: boolean;
  /** Whether the issuer has ended the login as well; otherwise `reason` says why not. */
  readonly revoked: boolean;
  readonly reason?: string;
}

/** Forgets the tokens; they are gone from here whatever the issuer says. @see RFC 7009 */
export async function logOut(places: Places, settings: Settings, http: Http): Promise<LoggedOut> {
  return withLock(lockOf(places), async () => {
    const session = await readSession(places, settings).catch(() => undefined);
    await rm(places.sessionFile, { force: true });
    if (session === undefined) return { wasLoggedIn: false, revoked: false };
    const { refreshToken } = session;
    if (refreshToken === undefined) return { wasLoggedIn: true, revoked: false, reason: 'there was nothing to revoke' };
    try {
      const issuer = await openIssuer(settings, http);
      if (issuer.serverMetadata().revocation_endpoint === undefined) {
        return { wasLoggedIn: true, revoked: false, reason: 'the issuer has no revocation endpoint' };
      }
      await oidc.tokenRevocation(issuer, refreshToken, { token_type_hint: 'refresh_token' });
      return { wasLoggedIn: true, revoked: true };
    } catch (error) {
      return { wasLoggedIn: true, revoked: false, reason: reasonOf(error) };
    }
  });
}
