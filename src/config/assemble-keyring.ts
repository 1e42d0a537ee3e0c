/** The checked section `keyring` and the files that it names, as the configuration that the program uses. */
import { resolve } from 'node:path';
import { assembleCredentials, type CredentialFiles } from './assemble-credentials.ts';
import { awsEndpoint } from './aws.ts';
import type { KeyringConfig, KmsKeyringConfig, LocalKeyringConfig, VaultKeyringConfig } from './config.ts';
import { pathKey } from './environment.ts';
import { promised } from './promised.ts';
import type { Files } from './read-files.ts';
import type { FileConfig } from './schema.ts';

type FileKeyring = NonNullable<FileConfig['keyring']>;
type Section<K extends 'local' | 'vault' | 'kms'> = NonNullable<FileKeyring[K]>;
type FileOf = (...path: readonly string[]) => ReturnType<Files['get']>;

const assembleLocal = ({ current, versions }: Section<'local'>, file: FileOf): LocalKeyringConfig => {
  const seeds = new Map(
    Object.keys(versions).map((version) => [Number(version), promised(file('local', 'versions', version, 'seedFile'))]),
  );
  return { current: current ?? promised([...seeds.keys()][0]), seeds };
};

/** Tokens and SecretIDs stay paths: they are read when they are needed, since others renew them. */
const assembleAuth = (auth: Section<'vault'>['auth'], directory: string): VaultKeyringConfig['auth'] => {
  const { tokenFile, approle, kubernetes, jwt } = auth;
  if (tokenFile !== undefined) return { method: 'token', tokenFile: resolve(directory, tokenFile) };
  if (approle !== undefined) {
    return { ...approle, method: 'approle', secretIdFile: resolve(directory, approle.secretIdFile) };
  }
  const method = kubernetes === undefined ? 'jwt' : 'kubernetes';
  const given = promised(kubernetes ?? jwt);
  return { ...given, method, jwtFile: resolve(directory, given.jwtFile) };
};

const assembleVault = (vault: Section<'vault'>, file: FileOf, directory: string): VaultKeyringConfig => ({
  ...{ id: vault.id, namespace: vault.namespace, mount: vault.mount, key: vault.key },
  address: new URL(vault.address).origin,
  ca: file('vault', 'caFile')?.reveal(),
  auth: assembleAuth(vault.auth, directory),
});

const assembleKms = (kms: Section<'kms'>, file: FileOf, named: CredentialFiles): KmsKeyringConfig => {
  const keyIds = new Map(Object.entries(kms.versions).map(([version, { keyId }]) => [Number(version), keyId]));
  return {
    ...{ id: kms.id, region: kms.region, keyIds },
    endpoint: new URL(kms.endpoint ?? promised(awsEndpoint('kms', kms.region))).origin,
    ca: file('kms', 'caFile')?.reveal(),
    current: kms.current ?? promised([...keyIds.keys()][0]),
    credentials: kms.credentials && assembleCredentials(['keyring', 'kms', 'credentials'], kms.credentials, named),
  };
};

/** Puts the keyring together. */
export const assembleKeyring = (keyring: FileConfig['keyring'], named: CredentialFiles): KeyringConfig | undefined => {
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
