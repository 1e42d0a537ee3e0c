/**
 * Issuers that give a token with anybody's audience to anybody: such a token says nothing until one of its claims is
 * pinned to an owner, an organisation or a tenant.
 */

/** AWS keeps what it says of a principal in one namespaced claim: a JSON pointer to it. */
export const AWS_CLAIM = '/https:~1~1sts.amazonaws.com~1';
export const AWS_ACCOUNT = `${AWS_CLAIM}/aws_account`;
export const AWS_ORGANIZATION = `${AWS_CLAIM}/org_id`;

interface PublicIssuer {
  readonly matches: (issuer: URL) => boolean;
  readonly pins: readonly string[];
}

const PERSONAL_ACCOUNTS = '9188040d-6c67-4c5b-b112-36a304b66dad';

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
  // A mistyped account's issuer must let nobody in.
  { matches: ({ hostname }) => hostname.endsWith('.tokens.sts.global.api.aws'), pins: [AWS_ACCOUNT, AWS_ORGANIZATION] },
  { matches: (issuer) => microsoftTenant(issuer) === PERSONAL_ACCOUNTS, pins: ['oid', 'sub'] },
  { matches: (issuer) => ['common', 'organizations', 'consumers'].includes(microsoftTenant(issuer)), pins: [] },
];

/**
 * Gives the claims (names or JSON pointers) of which at least one must be pinned for an issuer, none where it is never
 * acceptable; undefined where the issuer serves one organisation.
 */
export const pinsOf = (issuer: URL): readonly string[] | undefined =>
  PUBLIC_ISSUERS.find(({ matches }) => matches(issuer))?.pins;
