/**
 * Issuers that give a token with anybody's audience to anybody: such a token says nothing until one of its claims is
 * pinned to an owner, an organisation or a tenant.
 */
import { AWS_ACCOUNT, AWS_ORGANIZATION } from './presets.ts';

interface RequiredPins {
  /** A token must be pinned by at least one of these; empty: the issuer is never acceptable. */
  readonly claims: readonly string[];
  readonly reason: string;
  /** The key that a person should set. Default `requiredClaims`. */
  readonly key?: string;
}

interface PublicIssuer {
  readonly matches: (issuer: URL) => boolean;
  readonly pins: readonly string[];
}

const PERSONAL_ACCOUNTS = '9188040d-6c67-4c5b-b112-36a304b66dad';
const ANYBODY = 'this issuer gives tokens with your audience to anybody';

const microsoftTenant = ({ hostname, pathname }: URL): string =>
  hostname === 'login.microsoftonline.com' ? (pathname.split('/')[1] ?? '') : '';

const PUBLIC_ISSUERS: readonly PublicIssuer[] = [
  {
    matches: ({ hostname, pathname }) => hostname === 'token.actions.githubusercontent.com' && pathname === '/',
    pins: ['repository_owner_id', 'repository_id', 'repository_owner', 'repository', 'sub'],
  },
  { matches: ({ hostname }) => hostname === 'accounts.google.com', pins: ['hd', 'email', 'sub'] },
  {
    matches: ({ hostname }) => hostname === 'gitlab.com',
    pins: ['namespace_id', 'project_id', 'namespace_path', 'project_path', 'sub'],
  },
  {
    matches: ({ hostname }) => hostname === 'app.terraform.io',
    pins: ['terraform_organization_id', 'terraform_organization_name', 'terraform_workspace_id', 'sub'],
  },
  { matches: (issuer) => microsoftTenant(issuer) === PERSONAL_ACCOUNTS, pins: ['oid', 'sub'] },
  { matches: (issuer) => ['common', 'organizations', 'consumers'].includes(microsoftTenant(issuer)), pins: [] },
];

/** Says which claims must be pinned for an issuer; undefined where the issuer serves one organisation. */
export const requiredPins = (issuer: URL): RequiredPins | undefined => {
  if (issuer.hostname.endsWith('.tokens.sts.global.api.aws')) {
    const reason = 'set `awsAccounts` or `awsOrganizations`, so that a mistyped issuer lets nobody in';
    return { claims: [AWS_ACCOUNT, AWS_ORGANIZATION], reason, key: 'awsAccounts' };
  }
  const claims = PUBLIC_ISSUERS.find(({ matches }) => matches(issuer))?.pins;
  return claims && { claims, reason: ANYBODY };
};
