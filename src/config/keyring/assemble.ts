/** The checked section `keyring` and the files that it names, as the configuration that the program uses. */
import { resolve } from 'node:path';
import type {
  KeyringSettings,
  KmsKeyringSettings,
  VaultAuth,
  VaultKeyringSettings,
} from '../../contracts/keyring-settings.ts';
import { assembleCredentials } from '../credentials/assemble.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files, NamedFiles } from '../loading/read-files.ts';
import { awsEndpoint } from '../values/aws.ts';
import type { FileKeyring } from './schema.ts';

type Section<K extends 'local' | 'vault' | 'kms'> = NonNullable<NonNullable<FileKeyring>[K]>;
type FileOf = (...path: readonly string[]) => ReturnType<Files['get']>;

const assembleLocal = (
  { current, versions }: Section<'local'>,
  file: FileOf,
): NonNullable<KeyringSettings['local']> => {
  const seeds = new Map(
    Object.keys(versions).map((version) => [Number(version), promised(file('local', 'versions', version, 'seedFile'))]),
  );
  return { current: current ?? promised([...seeds.keys()][0]), versions: seeds };
};

/** Tokens and SecretIDs stay paths: they are read when they are needed, since others renew them. */
const assembleAuth = (auth: Section<'vault'>['auth'], directory: string): VaultAuth => {
  const { tokenFile, approle, kubernetes, jwt } = auth;
  if (tokenFile !== undefined) return { method: 'token', tokenFile: resolve(directory, tokenFile) };
  if (approle !== undefined) {
    return { ...approle, method: 'approle', secretIdFile: resolve(directory, approle.secretIdFile) };
  }
  const method = kubernetes === undefined ? 'jwt' : 'kubernetes';
  const login = promised(kubernetes ?? jwt);
  return { ...login, method, jwtFile: resolve(directory, login.jwtFile) };
};

const assembleVault = (vault: Section<'vault'>, file: FileOf, directory: string): VaultKeyringSettings => ({
  ...{ id: vault.id, namespace: vault.namespace, mount: vault.mount, key: vault.key },
  address: new URL(vault.address).origin,
  ca: file('vault', 'caFile')?.reveal(),
  auth: assembleAuth(vault.auth, directory),
});

const assembleKms = (kms: Section<'kms'>, file: FileOf, named: NamedFiles): KmsKeyringSettings => {
  const keyIds = new Map(Object.entries(kms.versions).map(([version, { keyId }]) => [Number(version), keyId]));
  return {
    ...{ id: kms.id, region: kms.region, versions: keyIds },
    endpoint: new URL(kms.endpoint ?? promised(awsEndpoint('kms', kms.region))).origin,
    ca: file('kms', 'caFile')?.reveal(),
    current: kms.current ?? promised([...keyIds.keys()][0]),
    credentials: kms.credentials && assembleCredentials(['keyring', 'kms', 'credentials'], kms.credentials, named),
  };
};

/** Puts the keyring together. */
export const assembleKeyring = (keyring: FileKeyring, named: NamedFiles): KeyringSettings | undefined => {
  if (keyring === undefined) return undefined;
  const { files, directory } = named;
  const { local, vault, kms } = keyring;
  const file: FileOf = (...path) => files.get(pathKey(['keyring', ...path]));
  const only = (['local', 'vault', 'kms'] as const).find((kind) => keyring[kind] !== undefined);
  return {
    current: keyring.current ?? promised(only),
    cache: keyring.cache,
    local: local && assembleLocal(local, file),
    vault: vault && assembleVault(vault, file, directory),
    kms: kms && assembleKms(kms, file, named),
  };
};
