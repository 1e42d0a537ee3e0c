/**
 * What is known of the issuers that the field uses: how their URL looks, with what they sign, where their tokens carry
 * what. A preset gives defaults, which keys of the file may replace, and pins, which they may not.
 */

import { SCOPES, TOKEN_TYPES, USUAL_CLAIMS, type IssuerSettings } from '../../contracts/issuer-settings.ts';
import { AWS_ACCOUNT, AWS_CLAIM, AWS_ORGANIZATION } from '../../contracts/public-issuers.ts';

export const PRESET_NAMES = ['generic', 'okta', 'aws', 'eks', 'github', 'keycloak', 'entra', 'google'] as const;
type PresetName = (typeof PRESET_NAMES)[number];

/** Claims with the values that a token must have in them. */
type Pins = Readonly<Record<string, string | boolean | readonly string[]>>;

/** What of an issuer's entry its preset looks at; anything may be missing. */
export interface PresetKeys {
  readonly preset?: unknown;
  readonly tenant?: string | undefined;
  readonly awsAccounts?: readonly string[] | undefined;
  readonly awsOrganizations?: readonly string[] | undefined;
  readonly requiredClaims?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Defaults of the keys of the same names. */
type PresetDefaults = Pick<
  IssuerSettings,
  'algorithms' | 'tokenTypes' | 'subjectClaim' | 'groupsClaim' | 'claims' | 'claimPaths'
> &
  Partial<Pick<IssuerSettings, 'scopesClaim' | 'maxTokenAgeSeconds' | 'tokenKind'>>;

interface Preset {
  readonly defaults: PresetDefaults;
  /** The issuer where the file names none. */
  readonly issuer?: (keys: PresetKeys) => string | undefined;
  /** Says what is wrong with the URL of an issuer; `undefined`: nothing. */
  readonly fault?: (url: URL, keys: PresetKeys) => string | undefined;
  readonly pins?: (keys: PresetKeys) => Pins;
  /** Issuers that are taken for this one and cannot be verified, and why. */
  readonly unverifiable?: (url: URL) => Readonly<Record<string, string>>;
}

const USUAL: PresetDefaults = {
  algorithms: ['RS256', 'ES256'],
  tokenTypes: TOKEN_TYPES,
  ...USUAL_CLAIMS,
  claims: [],
  claimPaths: {},
};

/** Plain `JWT` or no `typ`, RS256: most of them. */
const PLAIN: PresetDefaults = { ...USUAL, algorithms: ['RS256'], tokenTypes: ['jwt'] };

const GITHUB = 'https://token.actions.githubusercontent.com';
const GOOGLE = 'https://accounts.google.com';
const ORG_SERVER =
  "is Okta's organization server, whose access tokens nobody but Okta can verify: use a custom authorization server, such as";

const PRESETS: Readonly<Record<PresetName, Preset>> = {
  generic: { defaults: USUAL },
  okta: {
    defaults: { ...PLAIN, scopesClaim: 'scp', claims: ['cid', 'uid'] },
    fault: ({ pathname }) => {
      if (/^\/oauth2\/[\w-]+$/.test(pathname)) return undefined;
      return pathname === '/'
        ? `${ORG_SERVER} \`https://<your Okta domain>/oauth2/default\``
        : 'is not that of a custom authorization server, `https://<your Okta domain>/oauth2/<id>`';
    },
    unverifiable: ({ origin, href }) => ({ [origin]: `its iss ${ORG_SERVER} ${href}` }),
  },
  aws: {
    // `sts:GetWebIdentityToken` gives tokens of an hour at most.
    defaults: {
      ...PLAIN,
      algorithms: ['RS256', 'ES384'],
      tokenKind: 'workload_identity',
      maxTokenAgeSeconds: 3600,
      claimPaths: {
        aws_account: AWS_ACCOUNT,
        org_id: AWS_ORGANIZATION,
        ou_path: `${AWS_CLAIM}/ou_path`,
        source_region: `${AWS_CLAIM}/source_region`,
        principal_tags: `${AWS_CLAIM}/principal_tags`,
        request_tags: `${AWS_CLAIM}/request_tags`,
      },
    },
    fault: ({ hostname, pathname }) =>
      /^[\w-]+\.tokens\.sts\.global\.api\.aws$/.test(hostname) && pathname === '/'
        ? undefined
        : 'is not that of an account, `https://<id>.tokens.sts.global.api.aws`; `aws iam get-outbound-web-identity-federation-info` tells it',
    pins: ({ awsAccounts, awsOrganizations }) => ({
      ...(awsAccounts && { [AWS_ACCOUNT]: awsAccounts }),
      ...(awsOrganizations && { [AWS_ORGANIZATION]: awsOrganizations }),
    }),
  },
  eks: {
    defaults: {
      ...PLAIN,
      tokenKind: 'workload_identity',
      claimPaths: {
        namespace: '/kubernetes.io/namespace',
        service_account: '/kubernetes.io/serviceaccount/name',
        pod: '/kubernetes.io/pod/name',
      },
    },
    fault: ({ hostname, pathname }) =>
      /^oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/.test(hostname) && /^\/id\/[0-9A-F]{32}$/.test(pathname)
        ? undefined
        : 'is not that of a cluster, `https://oidc.eks.<region>.amazonaws.com/id/<32 hex digits>`',
  },
  github: {
    defaults: {
      ...PLAIN,
      tokenKind: 'workload_identity',
      claims: [
        ...['repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'repository_visibility'],
        ...['ref', 'environment', 'event_name', 'workflow_ref', 'job_workflow_ref', 'runner_environment'],
      ],
    },
    issuer: () => GITHUB,
    fault: ({ origin, pathname }) =>
      origin === GITHUB && /^\/[\w-]*$/.test(pathname) ? undefined : `is not \`${GITHUB}\`; use preset \`generic\``,
  },
  keycloak: {
    // A realm's administrator moves from one algorithm to another by a new key, and its clients choose how their tokens say `typ`.
    defaults: {
      ...USUAL,
      algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'],
      groupsClaim: '/realm_access/roles',
      scopesClaim: 'scope',
      claims: ['azp'],
    },
    fault: ({ pathname }) =>
      /\/realms\/[^/]+$/.test(pathname) ? undefined : 'is not that of a realm, `https://<host>/realms/<realm>`',
    // ID tokens have the same keys, and `typ: JWT` in their header too.
    pins: () => ({ typ: 'Bearer' }),
  },
  entra: {
    // `sub` differs from application to application; `oid` is the same person or program in all of a tenant.
    defaults: { ...PLAIN, subjectClaim: 'oid', scopesClaim: 'scp', claims: ['azp', 'appid', 'roles', 'tid'] },
    issuer: ({ tenant }) => tenant && `https://login.microsoftonline.com/${tenant}/v2.0`,
    fault: ({ origin, pathname }, { tenant }) => {
      if (tenant === undefined) return undefined;
      const known = [`https://login.microsoftonline.com/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
      return known.includes(`${origin}${pathname}`)
        ? undefined
        : 'is not that of the tenant, `https://login.microsoftonline.com/<tenant>/v2.0` or `https://sts.windows.net/<tenant>/`';
    },
    pins: ({ tenant }) => ({ ...(tenant !== undefined && { tid: tenant }) }),
  },
  google: {
    // Its access tokens are opaque.
    defaults: { ...PLAIN, tokenKind: 'id_token', claims: ['hd', 'email', 'email_verified', 'azp'] },
    issuer: () => GOOGLE,
    fault: ({ origin, pathname }) => (origin === GOOGLE && pathname === '/' ? undefined : `is not \`${GOOGLE}\``),
    // An address that nobody verified is whatever its owner has typed.
    pins: ({ requiredClaims }) => (requiredClaims?.['email'] === undefined ? {} : { email_verified: true }),
  },
};

/** The preset of an entry; a name that is none is reported by the schema, and counts as `generic`. */
export const presetOf = ({ preset }: PresetKeys): Preset =>
  PRESETS[PRESET_NAMES.find((name) => name === preset) ?? 'generic'];

/** Names of the claims that principals can carry; of one that is an object, what stands before the dot. */
export const carriedClaims = <T>(
  claims: readonly T[],
  mapped: readonly string[],
  scopesClaim: unknown,
): readonly (T | string)[] => [...claims, ...mapped, ...(scopesClaim === undefined ? [] : [SCOPES])];
