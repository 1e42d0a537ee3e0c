/** Ends a login: at the issuer where it can be told, and here in any case. */
import { rm } from 'node:fs/promises';
import { endLogin, type Ended } from './end-login.ts';
import { withLock } from './file-lock.ts';
import type { Http } from './http.ts';
import type { ProfilePaths } from './profile-paths.ts';
import { readSession } from './session-file.ts';
import type { Settings } from './settings.ts';
import { lockOf } from './tokens.ts';

/** Forgets the tokens; they are gone from here whatever the issuer says. `undefined`: nobody was logged in. */
export async function logOut(paths: ProfilePaths, settings: Settings, http: Http): Promise<Ended | undefined> {
  return withLock(lockOf(paths), async () => {
    const session = await readSession(paths, settings).catch(() => undefined);
    await rm(paths.sessionFile, { force: true });
    return session && endLogin(session, settings, http);
  });
}
