/**
 * The rules that concern more than one key of an issuer, and more than one issuer. A setting that would let in whoever
 * has an account somewhere, or that could confuse two issuers, is found here, when the gateway starts.
 */
import { SCOPES } from '../../contracts/issuer-settings.ts';
import { AWS_ACCOUNT, pinsOf } from '../../contracts/public-issuers.ts';
import { entries, text, url, type Loose, type Report } from '../loading/loose.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { presetOf, type PresetKeys } from './presets.ts';
import { isTenant, type FileIssuer } from './schema.ts';

type LooseIssuer = Loose<FileIssuer>;

const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;

/** As far as a preset can rely on an entry. */
const presetKeysOf = (issuer: LooseIssuer): PresetKeys => ({
  preset: issuer?.preset,
  tenant: [text(issuer?.tenant)].find((tenant) => tenant !== undefined && isTenant(tenant)),
  awsAccounts: texts(issuer?.awsAccounts),
  awsOrganizations: texts(issuer?.awsOrganizations),
  requiredClaims: issuer?.requiredClaims,
});

/** The URL of an issuer as the file or its preset says it. */
const issuerUrlOf = (issuer: LooseIssuer): string | undefined =>
  issuer?.issuer === undefined ? presetOf(presetKeysOf(issuer)).issuer?.(presetKeysOf(issuer)) : text(issuer.issuer);

const checkUrl = (path: readonly string[], issuer: LooseIssuer, report: Report): void => {
  const at = [...path, 'issuer'];
  const issuerUrl = url(issuerUrlOf(issuer));
  const isEntra = issuer?.preset === 'entra';
  if (isEntra && issuer.tenant === undefined) {
    report([...path, 'tenant'], 'is missing; must be the id of the one tenant whose tokens are accepted');
  } else if (issuerUrlOf(issuer) === undefined && issuer?.issuer === undefined && !isEntra) {
    report(at, 'is missing; must be an https URL without credentials, query or fragment');
  }
  if (issuerUrl === undefined) return;
  if (issuerUrl.protocol === 'http:' && !(issuer?.allowHttp === true && isLoopback(issuerUrl.hostname))) {
    report(
      at,
      isLoopback(issuerUrl.hostname)
        ? 'is plain http; use https, or set `allowHttp: true`'
        : 'is plain http; use https: whoever can alter that traffic could forge every identity',
    );
  }
  const keys = presetKeysOf(issuer);
  const fault = isLoopback(issuerUrl.hostname) ? undefined : presetOf(keys).fault?.(issuerUrl, keys);
  if (fault !== undefined) report(at, fault);
};

/** Why a claim must be pinned, and the key that a person should set. */
const OF_ANYBODY = { key: 'requiredClaims', reason: 'this issuer gives tokens with your audience to anybody' };
const OF_ACCOUNTS = {
  key: 'awsAccounts',
  reason: 'set `awsAccounts` or `awsOrganizations`, so that a mistyped issuer lets nobody in',
};

const checkPins = (path: readonly string[], issuer: LooseIssuer, report: Report): void => {
  const keys = presetKeysOf(issuer);
  const pinned = presetOf(keys).pins?.(keys) ?? {};
  for (const [name, value] of entries<unknown>(issuer?.requiredClaims)) {
    if (!Object.hasOwn(pinned, name) || pinned[name] === value) continue;
    report([...path, 'requiredClaims', name], 'is already set by the preset; remove it here');
  }
  const owners = { tenant: 'entra', awsAccounts: 'aws', awsOrganizations: 'aws' } as const;
  for (const key of ['tenant', 'awsAccounts', 'awsOrganizations'] as const) {
    if (issuer?.[key] === undefined || issuer.preset === owners[key]) continue;
    report([...path, key], `pins nothing here; it belongs to preset \`${owners[key]}\``);
  }
  const issuerUrl = url(issuerUrlOf(issuer));
  const pins = issuerUrl && pinsOf(issuerUrl);
  const has = (claim: string): boolean => {
    // An address that nobody verified is whatever its owner has typed; the preset says so by itself.
    if (claim === 'email' && { ...issuer?.requiredClaims, ...pinned }['email_verified'] !== true) return false;
    return pinned[claim] !== undefined || issuer?.requiredClaims?.[claim] !== undefined;
  };
  if (pins?.length === 0) {
    report([...path, 'issuer'], 'speaks for every tenant; name the issuer of your own tenant');
  } else if (pins !== undefined && !pins.some(has)) {
    const { key, reason } = pins.includes(AWS_ACCOUNT) ? OF_ACCOUNTS : OF_ANYBODY;
    report([...path, key], `must pin one of ${pins.join(', ')}: ${reason}`);
  }
};

const checkIntrospection = (path: readonly string[], issuer: LooseIssuer, report: Report): void => {
  const { introspection } = issuer ?? {};
  if (introspection === undefined || introspection === null) return;
  const at = [...path, 'introspection'];
  if (introspection.clientIdFile === undefined)
    report([...at, 'clientIdFile'], 'is missing; must be the path of a file');
  if (introspection.clientSecretFile === undefined) {
    report([...at, 'clientSecretFile'], 'is missing; must be the path of a file');
  }
  const endpoint = url(introspection.endpoint);
  if (endpoint?.protocol === 'http:' && !(issuer?.allowHttp === true && isLoopback(endpoint.hostname))) {
    report([...at, 'endpoint'], 'is plain http; use https: tokens and the secret of the gateway go over it');
  }
};

/** Claims of policies that would have the same name: one that callers choose could stand for one that is vouched for. */
const checkNames = (path: readonly string[], issuer: LooseIssuer, report: Report): void => {
  const { defaults } = presetOf(presetKeysOf(issuer));
  const paths = new Set([...Object.keys(defaults.claimPaths), ...entries(issuer?.claimPaths).map(([name]) => name)]);
  const scopes = issuer?.scopesClaim ?? defaults.scopesClaim;
  if (scopes !== undefined && paths.has(SCOPES)) report([...path, 'claimPaths', SCOPES], 'is what `scopesClaim` gives');
  if (scopes !== undefined) paths.add(SCOPES);
  if (scopes === undefined && texts(issuer?.requiredScopes)?.length) {
    report([...path, 'requiredScopes'], 'needs `scopesClaim`: the claim in which tokens have them');
  }
  const claims = texts(issuer?.claims) ?? [];
  if (claims.some((claim) => paths.has(claim.split('.')[0] ?? ''))) {
    report([...path, 'claims'], 'names what `claimPaths`, `scopesClaim` or the preset give another meaning');
  }
};

const checkIssuer = (path: readonly string[], issuer: LooseIssuer, report: Report): void => {
  checkUrl(path, issuer, report);
  checkPins(path, issuer, report);
  checkIntrospection(path, issuer, report);
  checkNames(path, issuer, report);
  const { jwksRefreshSeconds: refresh, jwksMaxStaleSeconds: stale } = issuer ?? {};
  if (typeof refresh === 'number' && typeof stale === 'number' && stale < refresh) {
    report([...path, 'jwksMaxStaleSeconds'], 'must not be less than jwksRefreshSeconds');
  }
};

/** Every issuer that introspects a token sees it. */
const MAX_INTROSPECTING = 4;

/** Checks all issuers, each by itself and against the others. */
export const checkIssuers = (issuers: Loose<Record<string, FileIssuer>>, report: Report): void => {
  const seen = new Map<string, string>();
  let introspecting = 0;
  for (const [name, issuer] of entries(issuers)) {
    const path = ['issuers', name];
    checkIssuer(path, issuer, report);
    if (issuer?.introspection && ++introspecting > MAX_INTROSPECTING) {
      report([...path, 'introspection'], `is one more than the ${MAX_INTROSPECTING} issuers that may introspect`);
    }
    // Two that differ by a slash or a letter's case are one to whoever reads the audit.
    const one = url(issuerUrlOf(issuer))?.href.toLowerCase().replace(/\/+$/, '');
    if (one === undefined) continue;
    const first = seen.get(one);
    if (first === undefined) seen.set(one, name);
    else report([...path, 'issuer'], `is also that of ${first}; list all audiences in one entry`);
  }
};
