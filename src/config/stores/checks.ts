/** The rules of a store that concern more than one key. Single keys may be wrong; the schema reports these. */
import { isIP } from 'node:net';
import { carriedClaims, presetOf } from '../issuers/presets.ts';
import type { FileIssuer } from '../issuers/schema.ts';
import { entries, text, url, type Loose, type Report } from '../loading/loose.ts';
import { awsEndpoint } from '../values/aws.ts';
import type { FileStore } from './schema.ts';

type Store = Loose<FileStore>;
type Issuers = Loose<Record<string, FileIssuer>>;

const MAX_TAGS = 50;
/** What the gateway knows of a caller without any claim being configured. */
const KNOWN_OF_ALL = ['sub', 'iss', 'groups', 'act'];

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Checks that a bucket can stand before the host of a store. `path` is the key that says so. */
export const checkVirtualHosts = (path: readonly string[], store: Store, report: Report): void => {
  const host = url(store?.endpoint)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (isIP(host) !== 0)
    report(path, 'is `virtual`, and no bucket can stand before an address; name the store by a host');
};

const checkEndpoints = (path: readonly string[], store: Store, report: Report): void => {
  const plaintext = 'is plain http; use https, or set `allowPlaintextHttp: true` on this store';
  if (url(store?.endpoint)?.protocol === 'http:' && store?.allowPlaintextHttp !== true) {
    report([...path, 'endpoint'], plaintext);
  }
  if (url(store?.sts?.endpoint)?.protocol === 'http:' && store?.allowPlaintextHttp !== true) {
    report([...path, 'sts', 'endpoint'], plaintext);
  }
  const region = text(store?.region);
  if (store?.region === undefined) report([...path, 'region'], 'is missing; must be the name of a region');
  if (text(store?.style) === 'virtual') checkVirtualHosts([...path, 'style'], store, report);
  if (store?.endpoint === undefined && region !== undefined && awsEndpoint('s3', region) === undefined) {
    report([...path, 'endpoint'], 'is missing, and the region is none of AWS; must be an https URL');
  }
};

const checkCredentials = (path: readonly string[], store: Store, report: Report): void => {
  const { accessKeyIdFile, secretAccessKeyFile, sessionTokenFile } = store?.credentials ?? {};
  const hasFiles = [accessKeyIdFile, secretAccessKeyFile, sessionTokenFile].some((file) => file !== undefined);
  if (hasFiles && accessKeyIdFile === undefined) report([...path, 'credentials', 'accessKeyIdFile'], 'is missing');
  if (hasFiles && secretAccessKeyFile === undefined)
    report([...path, 'credentials', 'secretAccessKeyFile'], 'is missing');
  if (store?.credentials !== undefined && !hasFiles) {
    report([...path, 'credentials'], 'is empty; name accessKeyIdFile and secretAccessKeyFile, or remove it');
  }
};

/** Checks what the store, or one bucket in it, is to encrypt with. */
export const checkStoreEncryption = (
  path: readonly string[],
  configured: NonNullable<Store>['serverSideEncryption'],
  report: Report,
): void => {
  if (configured?.kmsKeyId === undefined || text(configured.algorithm)?.startsWith('aws:kms') === true) return;
  report([...path, 'serverSideEncryption', 'kmsKeyId'], 'is a key for `algorithm: aws:kms`; set it, or remove the key');
};

const checkMethod = (path: readonly string[], store: Store, report: Report): void => {
  if (store?.method !== 'static') return;
  if (store.credentials === undefined) {
    report([...path, 'credentials'], 'is missing; `method: static` uses the keys that stand here');
  }
  const { roleArn, externalId, sourceIdentity, sessionTags } = store.sts ?? {};
  const meant = {
    ...{
      roleArn: roleArn !== undefined,
      externalId: externalId !== undefined,
      sourceIdentity: sourceIdentity === true,
    },
    sessionTags: entries<unknown>(sessionTags).length > 0,
  };
  for (const [name, isMeant] of Object.entries(meant)) {
    if (!isMeant) continue;
    report([...path, 'sts', name], 'says how roles are assumed, and `method: static` assumes none; remove it');
  }
};

/** What a token of an issuer may tell beside who its subject is. */
const carriedBy = (issuer: Loose<FileIssuer>): readonly unknown[] => {
  const { defaults } = presetOf({ preset: issuer?.preset });
  const scopes = issuer?.scopesClaim ?? defaults.scopesClaim;
  return carriedClaims(
    [...listOf(issuer?.claims), ...defaults.claims],
    [...entries<unknown>(issuer?.claimPaths).map(([name]) => name), ...Object.keys(defaults.claimPaths)],
    scopes,
  );
};

const checkTags = (path: readonly string[], sts: NonNullable<Store>['sts'], issuers: Issuers, report: Report): void => {
  const tags = entries<unknown>(sts?.sessionTags);
  const at = [...path, 'sts', 'sessionTags'];
  const claims = new Set(entries(issuers).flatMap(([, issuer]) => carriedBy(issuer)));
  // One that is an object becomes a claim `name.member` for each of its members.
  const isCarried = (claim: string): boolean => claims.has(claim) || claims.has(claim.split('.')[0]);
  if (tags.length > MAX_TAGS) report(at, `has more than the ${MAX_TAGS} tags that STS takes`);
  for (const [tag, claim] of tags) {
    // STS takes tags that differ in case only for one.
    if (tags.some(([other]) => other !== tag && other.toLowerCase() === tag.toLowerCase())) {
      report([...at, tag], 'differs from another tag in upper and lower case only');
    }
    const made = text(claim);
    if (made !== undefined && !KNOWN_OF_ALL.includes(made) && !isCarried(made)) {
      report([...at, tag], 'is made of a claim that no issuer gives; list it in `claims`');
    }
  }
  if (listOf(sts?.transitiveTags).some((tag) => !tags.some(([known]) => known === tag))) {
    report([...path, 'sts', 'transitiveTags'], 'names a tag that is not in `sessionTags`');
  }
};

/** Checks one store. */
export const checkStore = (path: readonly string[], store: Store, issuers: Issuers, report: Report): void => {
  checkEndpoints(path, store, report);
  checkCredentials(path, store, report);
  checkMethod(path, store, report);
  checkStoreEncryption(path, store?.serverSideEncryption, report);
  checkTags(path, store?.sts, issuers, report);
};
