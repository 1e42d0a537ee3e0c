/** The rules across the keys of `keyring`. */
import { entries, text, url, type Loose, type Report } from '../loading/loose.ts';
import { awsEndpoint } from '../values/aws.ts';
import { isLoopback } from '../../platform/loopback.ts';
import type { FileKeyring } from './schema.ts';

type Keyring = NonNullable<Loose<FileKeyring>>;

const KINDS = ['local', 'vault', 'kms'] as const;
const METHODS = ['tokenFile', 'approle', 'kubernetes', 'jwt'] as const;

const checkVersions = (kind: 'local' | 'kms', keyring: Keyring, report: Report): void => {
  const found = keyring[kind];
  if (!found) return;
  const path = ['keyring', kind];
  const versions = entries<unknown>(found.versions).map(([version]) => version);
  for (const version of versions) {
    if (!/^[1-9]\d{0,4}$/.test(version) || Number(version) > 65_535) {
      report([...path, 'versions', version], 'must be named by a whole number from 1 to 65535');
    }
  }
  if (found.current === undefined && versions.length !== 1) {
    report([...path, 'current'], 'is missing; must be one of the versions');
  }
  if (typeof found.current === 'number' && !versions.includes(String(found.current))) {
    report([...path, 'current'], 'is none of the versions');
  }
};

const checkPlaintext = (path: readonly string[], address: unknown, allowHttp: unknown, report: Report): void => {
  const parsed = url(address);
  if (parsed?.protocol !== 'http:' || (allowHttp === true && isLoopback(parsed.hostname))) return;
  report(
    path,
    isLoopback(parsed.hostname)
      ? 'is plain http; use https, or set `allowHttp: true`'
      : 'is plain http; use https: the keys of objects go over it',
  );
};

const checkVault = (vault: Keyring['vault'], report: Report): void => {
  if (!vault) return;
  checkPlaintext(['keyring', 'vault', 'address'], vault.address, vault.allowHttp, report);
  const named = METHODS.filter((method) => vault.auth?.[method] !== undefined);
  if (vault.auth && named.length !== 1) {
    report(['keyring', 'vault', 'auth'], `needs exactly one of ${METHODS.join(', ')}`);
  }
};

const checkKms = (kms: Keyring['kms'], report: Report): void => {
  if (!kms) return;
  checkPlaintext(['keyring', 'kms', 'endpoint'], kms.endpoint, kms.allowHttp, report);
  const region = text(kms.region);
  if (kms.endpoint === undefined && region !== undefined && awsEndpoint('kms', region) === undefined) {
    report(['keyring', 'kms', 'endpoint'], 'is missing, and the region is none of AWS; must be an https URL');
  }
};

/** Reports what does not fit together in `keyring`. */
export const checkKeyring = (keyring: Loose<FileKeyring>, report: Report): void => {
  if (!keyring) return;
  const present = KINDS.filter((kind) => keyring[kind] !== undefined);
  if (present.length === 0) report(['keyring'], 'is empty; needs one of local, vault and kms');
  if (keyring.current === undefined && present.length > 1) {
    report(['keyring', 'current'], `is missing; must be one of ${present.join(', ')}`);
  }
  if (KINDS.some((kind) => kind === keyring.current) && !present.some((kind) => kind === keyring.current)) {
    report(['keyring', 'current'], 'names a keyring that is not configured');
  }
  const [vaultId, kmsId] = [text(keyring.vault?.id) ?? 'vault', text(keyring.kms?.id) ?? 'kms'];
  if (keyring.vault && vaultId === 'local') report(['keyring', 'vault', 'id'], 'must not be `local`');
  if (keyring.kms && kmsId === 'local') report(['keyring', 'kms', 'id'], 'must not be `local`');
  if (keyring.vault && keyring.kms && vaultId === kmsId) report(['keyring', 'kms', 'id'], 'is also that of `vault`');
  checkVersions('local', keyring, report);
  checkVersions('kms', keyring, report);
  checkVault(keyring.vault, report);
  checkKms(keyring.kms, report);
};
