/** `sallyport login`: a person signs in once; the commands after it need no more than the profile that it keeps. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { ClientFailure } from '../../client/failure.ts';
import { withLock } from '../../client/file-lock.ts';
import { fetchWhoami } from '../../client/gateway.ts';
import { endLoginAt, isLeftOver } from '../../client/end-login.ts';
import { openHttp, type Http } from '../../client/http.ts';
import { openIssuer, sessionOf, type Granted, type Issuer } from '../../client/issuer.ts';
import { hasBrowser, openBrowser } from '../../client/open-browser.ts';
import { pathsOf, type ProfilePaths } from '../../client/profile-paths.ts';
import { readSession, writeSession, type Session } from '../../client/session-file.ts';
import {
  mergeSettings,
  readSettings,
  settingsOfEnvironment,
  writeSettings,
  type PartialSettings,
  type Settings,
} from '../../client/settings.ts';
import { signInByBrowser, signInByDevice, type Show } from '../../client/sign-in.ts';
import { LoginEnded, lockOf, validToken } from '../../client/tokens.ts';
import type { CommandIo } from '../io.ts';
import {
  asPerson,
  asUsage,
  machineOf,
  PEOPLE_EXIT_CODES,
  personCommand,
  profileOf,
  type ProfileFlag,
} from './person.ts';
import { whoamiText } from './whoami.ts';

interface LoginFlags extends ProfileFlag, Omit<PartialSettings, 'token'> {
  readonly tokenKind?: string;
  readonly device?: true;
  readonly browser?: true;
  readonly open: boolean;
}

/** Registers the command. */
export function registerLogin(program: Command, io: CommandIo): void {
  personCommand(program, 'login', 'Logs in with a browser on this machine or on another device.')
    .option('--gateway <url>', 'the gateway, such as https://s3.example.com')
    .option('--issuer <url>', 'the identity provider')
    .option('--client-id <id>', 'the public client that is registered there for people')
    .option('--scopes <scopes>', 'scopes to request (default: "openid offline_access")')
    .option('--resource <uri>', 'the API that the token is for (RFC 8707)')
    .option('--audience <name>', 'the audience to request, for providers that use this parameter')
    .option('--prompt <word>', 'asks the provider for a prompt, such as consent')
    .addOption(new Option('--token-kind <kind>', 'which token to send to the gateway').choices(['access', 'id']))
    .option('--region <name>', 'the region to sign for (default: us-east-1)')
    .option('--ca-file <file>', 'CA certificates beside those of the system, as PEM')
    .addOption(new Option('--device', 'signs in on another device, by a code').conflicts('browser'))
    .addOption(new Option('--browser', 'signs in by a browser on this machine'))
    .option('--no-open', 'prints the URL instead of opening a browser')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport login --gateway https://s3.example.com --issuer https://id.example.com --client-id sallyport\n  sallyport login --device\n  sallyport login\n\nWhat is given is kept for the next time; each flag is also a variable, such as SALLYPORT_CLIENT_ISSUER (docs/people.md).${PEOPLE_EXIT_CODES}`,
    )
    .action((flags: LoginFlags) => asPerson(() => logIn(io, flags)));
}

async function logIn(io: CommandIo, flags: LoginFlags): Promise<void> {
  const paths = asUsage(() => pathsOf(machineOf(io), profileOf(io, flags)));
  const last = await readSettings(paths);
  const settings = asUsage(() =>
    mergeSettings(absolute(io, settingsOf(flags)), absolute(io, settingsOfEnvironment(io.env)), last ?? {}),
  );
  const http = await openHttp(io.env, settings.caFile);
  try {
    const issuer = await openIssuer(settings, http);
    const signInAnew = async (): Promise<Replaced> =>
      keepLogin(paths, settings, last, sessionOf(await signIn(io, flags, issuer, settings), settings));
    const replaced = await signInAnew();
    if (last !== undefined && (await endReplaced(io, last, replaced)) && !(await livesOn(paths, settings, http))) {
      io.stderr.write('The issuer has ended this login together with the one before it. Once more:\n\n');
      await signInAnew();
    }
    const { token } = await validToken(paths, settings, http);
    try {
      io.stdout.write(whoamiText(await fetchWhoami(http, settings.gateway, token)));
    } catch (error) {
      if (!(error instanceof ClientFailure)) throw error;
      throw new ClientFailure(`the issuer accepted the login, but ${error.message}`, error.remedy);
    }
  } finally {
    await http.close();
  }
}

interface Replaced {
  readonly before: Session | undefined;
  readonly now: Session;
}

/** Keeps the new login, and gives the one that it replaces as it was last: another command may just have renewed it. */
function keepLogin(
  paths: ProfilePaths,
  settings: Settings,
  last: Settings | undefined,
  now: Session,
): Promise<Replaced> {
  return withLock(lockOf(paths), async () => {
    const before = last && (await readSession(paths, last).catch(() => undefined));
    await writeSettings(paths, settings);
    await writeSession(paths, now);
    return { before, now };
  });
}

/** Ends what nobody can end any more once it is forgotten here; only warns where it cannot. Gives whether it has. */
async function endReplaced(io: CommandIo, last: Settings, { before, now }: Replaced): Promise<boolean> {
  if (!isLeftOver(before, now)) return false;
  const ended = await endLoginAt(before, last, io.env);
  if (!ended.revoked) io.stderr.write(`The previous login could not be revoked at its issuer: ${ended.reason}.\n`);
  return ended.revoked;
}

/** Some issuers end all logins of a person and client when one of them is revoked. */
async function livesOn(paths: ProfilePaths, settings: Settings, http: Http): Promise<boolean> {
  try {
    await validToken(paths, settings, http, { force: true });
    return true;
  } catch (error) {
    if (error instanceof LoginEnded) return false;
    throw error;
  }
}

function settingsOf(flags: LoginFlags): PartialSettings {
  const { gateway, issuer, clientId, scopes, resource, audience, prompt, tokenKind, region, caFile } = flags;
  return { gateway, issuer, clientId, scopes, resource, audience, prompt, token: tokenKind, region, caFile };
}

/** The file is meant from here, and read from anywhere later. */
function absolute(io: CommandIo, settings: PartialSettings): PartialSettings {
  return settings.caFile === undefined ? settings : { ...settings, caFile: resolve(io.cwd, settings.caFile) };
}

function signIn(io: CommandIo, flags: LoginFlags, issuer: Issuer, settings: Settings): Promise<Granted> {
  const machine = machineOf(io);
  const metadata = issuer.serverMetadata();
  const canOpen = flags.open && hasBrowser(machine);
  const byDevice =
    flags.device === true ||
    (flags.browser !== true && !canOpen && metadata.device_authorization_endpoint !== undefined) ||
    (flags.browser !== true && metadata.authorization_endpoint === undefined);
  const show: Show = async ({ url, code }) => {
    io.stderr.write(`Sign in at\n\n  ${url.href}\n\n`);
    if (code !== undefined) io.stderr.write(`and see that it shows this code: ${code}\n\n`);
    if (canOpen && !(await openBrowser(url, machine))) io.stderr.write('(no browser could be opened)\n');
  };
  return byDevice ? signInByDevice(issuer, settings, show) : signInByBrowser(issuer, settings, show);
}
