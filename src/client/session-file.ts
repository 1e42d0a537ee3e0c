/**
 * The tokens of one login, in a file for their owner alone. They belong to the issuer and client that they came from, and
 * are never shown to another one.
 */
import { z } from 'zod';
import { ClientFailure } from './failure.ts';
import type { ProfilePaths } from './profile-paths.ts';
import { readPrivate, writeWhole } from './private-file.ts';
import type { Settings } from './settings.ts';

const schema = z.object({
  issuer: z.string(),
  clientId: z.string(),
  obtainedAtMs: z.number(),
  accessToken: z.string().min(1),
  /** Absent where neither the issuer nor the token says. */
  accessExpiresAtMs: z.number().optional(),
  idToken: z.string().optional(),
  refreshToken: z.string().optional(),
});

export type Session = z.infer<typeof schema>;

/** Reads the session; `undefined` where nobody is logged in, or was at another issuer. @throws ClientFailure */
export async function readSession(
  { sessionFile, knowsModes }: ProfilePaths,
  { issuer, clientId }: Pick<Settings, 'issuer' | 'clientId'>,
): Promise<Session | undefined> {
  const content = await readPrivate(sessionFile, knowsModes);
  if (content === undefined) return undefined;
  let session: Session;
  try {
    session = schema.parse(JSON.parse(content.toString()));
  } catch {
    // What is wrong could be part of a token, and is not repeated.
    throw new ClientFailure(`${sessionFile} is damaged`, 'log in again: sallyport login');
  }
  return session.issuer === issuer && session.clientId === clientId ? session : undefined;
}

/** Replaces the session. */
export async function writeSession({ sessionFile }: ProfilePaths, session: Session): Promise<void> {
  await writeWhole(sessionFile, `${JSON.stringify(session)}\n`);
}
