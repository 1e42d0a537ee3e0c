/** `sallyport keys rotate`: what it does itself with a local keyring, and what it tells to do with others. */
import type { KmsKeyringSettings, VaultKeyringSettings } from '../../contracts/keyring-settings.ts';
import { ConfigError } from '../../config/loading/config-error.ts';
import { loadConfig } from '../../config/load-config.ts';
import { activateVersion, addVersion, RotationRefused, type LocalVersions } from '../../operate/rotate-local.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { configFile, readConfig, shownPath } from '../read-config.ts';

export interface RotateFlags {
  readonly config?: string;
  readonly activate?: true;
  readonly json?: true;
}

interface Rotation {
  readonly keyring: 'local' | 'vault' | 'kms';
  /** What was done; absent where it is the operator who does it. */
  readonly added?: { readonly version: number; readonly seedFile: string };
  readonly activated?: { readonly version: number; readonly previous: number };
  readonly next: readonly string[];
}

/** Runs it. @throws CommandError */
export async function rotateKeys(io: CommandIo, flags: RotateFlags): Promise<void> {
  const { keyring } = await readConfig(io, flags.config);
  if (keyring === undefined) throw new CommandError('no keyring is configured', 2);
  const rotation = await rotationOf(io, flags, keyring);
  io.stdout.write(flags.json === true ? `${JSON.stringify(rotation)}\n` : textOf(rotation));
}

function rotationOf(
  io: CommandIo,
  { config, activate }: RotateFlags,
  { current, vault, kms }: NonNullable<Awaited<ReturnType<typeof readConfig>>['keyring']>,
): Promise<Rotation> | Rotation {
  if (current === 'vault' && vault !== undefined) return ofVault(vault);
  if (current === 'kms' && kms !== undefined) return ofKms(kms);
  const overriding = Object.keys(io.env).find((name) => name.startsWith('SALLYPORT_KEYRING_'));
  if (overriding !== undefined) {
    throw new CommandError(`${overriding} overrides the configuration file: rotate where that variable is set`);
  }
  const path = configFile(io, config);
  if (path === undefined) throw new CommandError('there is no configuration file to change');
  return ofLocal(io, path, activate === true);
}

async function ofLocal(io: CommandIo, configPath: string, activate: boolean): Promise<Rotation> {
  const load = async (path: string): Promise<LocalVersions> => {
    const { keyring } = await loadConfig({ path, env: io.env, cwd: io.cwd });
    if (keyring?.local === undefined) throw new RotationRefused('the configuration has no `keyring.local`');
    return { current: keyring.local.current, versions: [...keyring.local.versions.keys()] };
  };
  const name = shownPath(io, configPath);
  try {
    if (activate) {
      const activated = await activateVersion({ configPath, load });
      return { keyring: 'local', activated, next: afterActivation(name, activated.previous) };
    }
    const { version, current, seedPath } = await addVersion({ configPath, load });
    const seedFile = shownPath(io, seedPath);
    return { keyring: 'local', added: { version, seedFile }, next: afterAddition(name, seedFile, current) };
  } catch (error) {
    if (error instanceof RotationRefused) throw new CommandError(error.message);
    if (error instanceof ConfigError)
      throw new CommandError(`the new configuration is not valid: ${error.lines.join('; ')}`);
    throw error;
  }
}

function afterAddition(config: string, seedFile: string, current: number): readonly string[] {
  return [
    `back up ${seedFile} with the seed of version ${current}: without it, objects wrapped by it are lost`,
    'give the file and the configuration to every replica, and restart them one after the other',
    `then: sallyport keys rotate --config ${config} --activate`,
  ];
}

function afterActivation(config: string, previous: number): readonly string[] {
  return [
    'give the configuration to every replica, and restart them one after the other',
    `then, for each bucket: sallyport keys rewrap --config ${config} s3://<bucket>`,
    `keep version ${previous} until: sallyport keys status --config ${config} --all says that it may be retired`,
  ];
}

/** The gateway's own token may use the key and not change it, and should stay so. */
function ofVault({ mount, key }: VaultKeyringSettings): Rotation {
  return {
    keyring: 'vault',
    next: [
      `with a token that may rotate: vault write -f ${mount}/keys/${key}/rotate`,
      'nothing is restarted: new objects are wrapped by the newest version, as Vault does it',
      'then re-wrap each bucket (sallyport keys rewrap), and raise min_decryption_version only after sallyport keys status',
    ],
  };
}

function ofKms({ current, versions }: KmsKeyringSettings): Rotation {
  const next = Math.max(...versions.keys()) + 1;
  return {
    keyring: 'kms',
    next: [
      'KMS rotates the material of a key by itself (aws kms enable-key-rotation): nothing is to be done here for that',
      `for another key: add it as keyring.kms.versions.${next}, keep current: ${current}, and restart every replica`,
      `then set keyring.kms.current: ${next}, restart them again, and re-wrap each bucket (sallyport keys rewrap)`,
    ],
  };
}

function textOf({ added, activated, next }: Rotation): string {
  const done =
    added !== undefined
      ? `Version ${added.version} was added (${added.seedFile}); it is not current yet.\n`
      : activated !== undefined
        ? `Version ${activated.version} is current in the configuration; it was ${activated.previous}.\n`
        : 'Nothing was changed.\n';
  return `${done}Next:\n${next.map((step, index) => `  ${index + 1}. ${step}\n`).join('')}`;
}
