/**
 * What `login` was told and keeps: who issues tokens, for which client, and where the gateway is. Enters: flags, environment
 * and the file of last time, in this order of weight. Leaves: settings that are whole and safe. Holds no secret.
 */
import { z } from 'zod';
import { ClientFailure } from './failure.ts';
import type { ProfilePaths } from './profile-paths.ts';
import { readPrivate, writeWhole } from './private-file.ts';
import { gatewayOrigin, safeUrl } from './safe-url.ts';

const TEXT = z.string().regex(/^[\x21-\x7e]{1,512}$/);
const WORDS = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+){0,31}$/);
const PATH = z.string().regex(/^[^\x00-\x1f"]{1,1024}$/);

const schema = z.strictObject({
  issuer: TEXT,
  clientId: TEXT,
  scopes: WORDS,
  gateway: TEXT,
  region: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** Which of the two tokens the gateway is shown. */
  token: z.enum(['access', 'id']),
  /** RFC 8707; most providers of custom APIs want it, or `audience`. */
  resource: TEXT.optional(),
  audience: TEXT.optional(),
  /** Some providers give a refresh token only with `consent`. */
  prompt: z
    .string()
    .regex(/^[a-z_]{1,32}$/)
    .optional(),
  /** CA certificates beside those of the system, as PEM. */
  caFile: PATH.optional(),
});

export type Settings = z.infer<typeof schema>;
/** What was said, before it is known to be enough. */
export type PartialSettings = { readonly [Name in keyof Settings]?: string | undefined };

/** Environment variables by setting. */
const VARIABLES: Readonly<Record<keyof Settings, string>> = {
  issuer: 'SALLYPORT_CLIENT_ISSUER',
  clientId: 'SALLYPORT_CLIENT_ID',
  scopes: 'SALLYPORT_CLIENT_SCOPES',
  gateway: 'SALLYPORT_CLIENT_GATEWAY',
  region: 'SALLYPORT_CLIENT_REGION',
  token: 'SALLYPORT_CLIENT_TOKEN_KIND',
  resource: 'SALLYPORT_CLIENT_RESOURCE',
  audience: 'SALLYPORT_CLIENT_AUDIENCE',
  prompt: 'SALLYPORT_CLIENT_PROMPT',
  caFile: 'SALLYPORT_CLIENT_CA_FILE',
};
const DEFAULTS: PartialSettings = { scopes: 'openid offline_access', region: 'us-east-1', token: 'access' };
const REQUIRED = ['gateway', 'issuer', 'clientId'] as const;
const FLAGS = { gateway: '--gateway', issuer: '--issuer', clientId: '--client-id' } as const;

/** What the environment says. */
export function settingsOfEnvironment(env: Readonly<Record<string, string | undefined>>): PartialSettings {
  const names = Object.entries(VARIABLES) as [keyof Settings, string][];
  return Object.fromEntries(names.map(([name, variable]) => [name, env[variable] === '' ? undefined : env[variable]]));
}

/** Puts settings together; what stands first wins. @throws ClientFailure which is missing or wrong */
export function mergeSettings(...settings: readonly PartialSettings[]): Settings {
  const merged: Record<string, string> = {};
  for (const layer of [...settings, DEFAULTS].toReversed()) {
    for (const [name, value] of Object.entries(layer)) if (value !== undefined) merged[name] = value;
  }
  for (const name of REQUIRED) {
    if (merged[name] === undefined) {
      throw new ClientFailure(`the ${name} is not known yet`, `give it as ${FLAGS[name]}, or as ${VARIABLES[name]}`);
    }
  }
  return parse(merged, 'what was given');
}

/** Reads what the last `login` kept; `undefined` before the first. @throws ClientFailure */
export async function readSettings({ settingsFile, knowsModes }: ProfilePaths): Promise<Settings | undefined> {
  const content = await readPrivate(settingsFile, knowsModes);
  if (content === undefined) return undefined;
  try {
    return parse(JSON.parse(content.toString()), settingsFile);
  } catch (error) {
    if (error instanceof ClientFailure) throw error;
    throw new ClientFailure(`${settingsFile} is damaged`, 'remove it and log in again');
  }
}

/** Keeps settings for the commands that follow. */
export async function writeSettings({ settingsFile }: ProfilePaths, settings: Settings): Promise<void> {
  await writeWhole(settingsFile, `${JSON.stringify(settings, null, 2)}\n`);
}

function parse(value: unknown, where: string): Settings {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map(({ path }) => path.join('.')))].join(', ');
    throw new ClientFailure(`${where} has no valid ${names === '' ? 'settings' : names}`);
  }
  safeUrl(parsed.data.issuer, 'the issuer');
  return { ...parsed.data, gateway: gatewayOrigin(parsed.data.gateway) };
}
