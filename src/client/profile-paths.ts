/**
 * Where things lie on a person's machine, by the customs of its system. Enters: home, platform and environment. Leaves:
 * absolute paths; nothing is read or made here.
 */
import { posix, win32 } from 'node:path';
import { ClientFailure } from './failure.ts';

/** The machine as `main.ts` found it. */
export interface Machine {
  readonly home: string;
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ProfilePaths {
  /** What `login` was told: issuer, client, gateway. No secret. */
  readonly settingsFile: string;
  /** The tokens. */
  readonly sessionFile: string;
  readonly awsConfigFile: string;
  /** Whether files here have an owner, a group and others, whom a mode can keep out. */
  readonly knowsModes: boolean;
}

const PROFILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Gives the paths of one profile. @throws ClientFailure a name that could be a path, or an option of a command */
export function pathsOf(machine: Machine, profile: string): ProfilePaths {
  if (!PROFILE.test(profile)) {
    throw new ClientFailure(
      'the name of a profile is made of letters, digits, dots, dashes and underscores',
      'choose another name with --profile',
    );
  }
  const path = machine.platform === 'win32' ? win32 : posix;
  const folder = folderOf(machine);
  return {
    settingsFile: path.join(folder, `${profile}.settings.json`),
    sessionFile: path.join(folder, `${profile}.session.json`),
    awsConfigFile: nonEmpty(machine.env['AWS_CONFIG_FILE']) ?? path.join(machine.home, '.aws', 'config'),
    knowsModes: machine.platform !== 'win32',
  };
}

function folderOf({ home, platform, env }: Machine): string {
  const own = nonEmpty(env['SALLYPORT_CLIENT_HOME']);
  if (own !== undefined) return own;
  if (platform === 'win32') {
    // Not the roaming one: tokens belong to this machine.
    return win32.join(nonEmpty(env['LOCALAPPDATA']) ?? win32.join(home, 'AppData', 'Local'), 'sallyport');
  }
  const xdg = nonEmpty(env['XDG_CONFIG_HOME']);
  // The specification has relative paths ignored.
  if (xdg !== undefined && posix.isAbsolute(xdg)) return posix.join(xdg, 'sallyport');
  return platform === 'darwin'
    ? posix.join(home, 'Library', 'Application Support', 'sallyport')
    : posix.join(home, '.config', 'sallyport');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
