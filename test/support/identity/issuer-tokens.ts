/**
 * Tokens as the issuers of the field make them: header and claims in their shapes, and an entry of the configuration
 * that accepts them. Of each, what somebody would change who comes from elsewhere; where an issuer has no such thing as
 * an account or a client, the next closest thing that its entry pins.
 */
import type { SigningKey } from './issuer.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface TokenShape {
  readonly preset: string;
  /** Of the issuer's URL. */
  readonly path: string;
  readonly alg: SigningKey['alg'];
  /** Beside `alg` and `kid`; `undefined` removes. */
  readonly header: Claims;
  /** The entry of the configuration, without preset and issuer. */
  readonly entry: Claims;
  /** Without `iss`, `iat`, `nbf` and `exp`. */
  readonly claims: Claims;
  readonly lifeSeconds: number;
  /** What replaces claims; of `iss`, a function of the right one. */
  readonly wrong: Readonly<Record<'account' | 'organization' | 'tenant' | 'client', Claims>>;
  readonly expected: { readonly subject: string; readonly groups: readonly string[]; readonly claims: Claims };
}

const AUDIENCE = 'https://sallyport.example.com';
const elsewhere = (path: string) => (iss: string) => new URL(path, iss).href;

const AWS = 'https://sts.amazonaws.com/';
const aws = {
  aws_account: '123456789012',
  source_region: 'eu-central-1',
  org_id: 'o-a1b2c3d4e5',
  ou_path: ['o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/'],
  principal_tags: { environment: 'production' },
  request_tags: { team: 'analytics', 'job-id': 'nightly 7' },
};
const ROLE = 'arn:aws:iam::123456789012:role/Reporter';

const kubernetes = {
  namespace: 'data',
  node: { name: 'ip-10-0-1-7.internal', uid: '6e8a0f2c-0c5f-4a2e-9a3c-000000000001' },
  pod: { name: 'reporter-7d9c', uid: '6e8a0f2c-0c5f-4a2e-9a3c-000000000002' },
  serviceaccount: { name: 'reporter', uid: '6e8a0f2c-0c5f-4a2e-9a3c-000000000003' },
  warnafter: 1_900_000_000,
};

const TENANT = '11111111-2222-3333-4444-555555555555';
const OTHER_TENANT = '99999999-2222-3333-4444-555555555555';
const JWT = { typ: 'JWT' };

const okta: TokenShape = {
  preset: 'okta',
  path: '/oauth2/default',
  alg: 'RS256',
  header: { typ: undefined },
  entry: { audiences: ['api://default'], allowedClients: ['0oa1gjh63g214q0Hq0g4'] },
  claims: {
    ver: 1,
    jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
    aud: 'api://default',
    cid: '0oa1gjh63g214q0Hq0g4',
    uid: '00u1gjh63g214q0Hq0g5',
    scp: ['openid', 's3.read'],
    auth_time: 1_700_000_000,
    sub: 'alice@example.com',
    groups: ['Everyone', 'analytics'],
  },
  lifeSeconds: 3600,
  wrong: {
    account: { iss: elsewhere('/oauth2/aus9999') },
    organization: { iss: elsewhere('/') },
    tenant: { iss: () => 'https://other.okta.com/oauth2/default' },
    client: { cid: '0oa9999' },
  },
  expected: {
    subject: 'alice@example.com',
    groups: ['Everyone', 'analytics'],
    claims: { cid: '0oa1gjh63g214q0Hq0g4', uid: '00u1gjh63g214q0Hq0g5', scopes: ['openid', 's3.read'] },
  },
};

const outbound: TokenShape = {
  preset: 'aws',
  path: '',
  alg: 'ES384',
  header: JWT,
  entry: {
    audiences: [AUDIENCE],
    awsAccounts: ['123456789012'],
    awsOrganizations: ['o-a1b2c3d4e5'],
    requiredClaims: { sub: [ROLE] },
  },
  claims: { aud: AUDIENCE, sub: ROLE, jti: '0b1c2d3e-aaaa-bbbb-cccc-000000000001', [AWS]: aws },
  lifeSeconds: 300,
  wrong: {
    account: { [AWS]: { ...aws, aws_account: '210987654321' } },
    organization: { [AWS]: { ...aws, org_id: 'o-zzzzzzzzzz' } },
    tenant: { [AWS]: undefined, aws_account: aws.aws_account, org_id: aws.org_id },
    client: { sub: 'arn:aws:iam::123456789012:role/Other' },
  },
  expected: {
    subject: ROLE,
    groups: [],
    claims: {
      aws_account: '123456789012',
      org_id: 'o-a1b2c3d4e5',
      ou_path: aws.ou_path,
      source_region: 'eu-central-1',
      'principal_tags.environment': 'production',
      'request_tags.team': 'analytics',
      'request_tags.job-id': 'nightly 7',
    },
  },
};

const CLUSTER = '0123456789ABCDEF0123456789ABCDEF';
const eks: TokenShape = {
  preset: 'eks',
  path: `/id/${CLUSTER}`,
  alg: 'RS256',
  header: { typ: undefined },
  entry: {
    audiences: ['sallyport'],
    requiredClaims: { '/kubernetes.io/namespace': 'data', sub: ['system:serviceaccount:data:reporter'] },
  },
  claims: {
    aud: ['sallyport'],
    jti: '5d1a7a0e-0000-4000-8000-000000000001',
    'kubernetes.io': kubernetes,
    sub: 'system:serviceaccount:data:reporter',
  },
  lifeSeconds: 3600,
  wrong: {
    account: { iss: elsewhere(`/id/${CLUSTER.replace('0', 'F')}`) },
    organization: { iss: () => `https://oidc.eks.eu-west-1.amazonaws.com/id/${CLUSTER}` },
    tenant: { 'kubernetes.io': { ...kubernetes, namespace: 'other' } },
    client: { sub: 'system:serviceaccount:data:other' },
  },
  expected: {
    subject: 'system:serviceaccount:data:reporter',
    groups: [],
    claims: { namespace: 'data', service_account: 'reporter', pod: 'reporter-7d9c' },
  },
};

const WORKFLOW = 'octo-org/octo-repo/.github/workflows/publish.yml@refs/heads/main';
const github: TokenShape = {
  preset: 'github',
  path: '',
  alg: 'RS256',
  header: { ...JWT, x5t: 'eBZ_cn3sXYAd0ch4THBKHIgOwOE' },
  entry: {
    audiences: [AUDIENCE],
    requiredClaims: { repository_owner_id: '65', repository_owner: 'octo-org', job_workflow_ref: [WORKFLOW] },
  },
  claims: {
    jti: 'example-id',
    sub: 'repo:octo-org/octo-repo:environment:prod',
    environment: 'prod',
    aud: AUDIENCE,
    ref: 'refs/heads/main',
    sha: '6dcb09b5b57875f334f61aebed695e2e4193db5e',
    repository: 'octo-org/octo-repo',
    repository_owner: 'octo-org',
    actor_id: '12',
    repository_visibility: 'private',
    repository_id: '74',
    repository_owner_id: '65',
    run_id: '30433642',
    run_number: '10',
    run_attempt: '2',
    runner_environment: 'github-hosted',
    actor: 'octocat',
    workflow: 'publish',
    head_ref: '',
    base_ref: '',
    event_name: 'workflow_dispatch',
    ref_type: 'branch',
    workflow_ref: WORKFLOW,
    job_workflow_ref: WORKFLOW,
  },
  lifeSeconds: 300,
  wrong: {
    account: { repository_owner_id: '66' },
    organization: { repository_owner: 'octo-0rg' },
    tenant: { iss: elsewhere('/octo-enterprise') },
    client: { job_workflow_ref: 'octo-org/octo-repo/.github/workflows/publish.yml@refs/pull/7/merge' },
  },
  expected: {
    subject: 'repo:octo-org/octo-repo:environment:prod',
    groups: [],
    claims: {
      repository: 'octo-org/octo-repo',
      repository_id: '74',
      repository_owner: 'octo-org',
      repository_owner_id: '65',
      repository_visibility: 'private',
      ref: 'refs/heads/main',
      environment: 'prod',
      event_name: 'workflow_dispatch',
      workflow_ref: WORKFLOW,
      job_workflow_ref: WORKFLOW,
      runner_environment: 'github-hosted',
    },
  },
};

const keycloak: TokenShape = {
  preset: 'keycloak',
  path: '/realms/corp',
  alg: 'RS256',
  header: JWT,
  entry: { audiences: ['sallyport'], allowedClients: ['files-web'], requiredClaims: { organization: ['corp'] } },
  claims: {
    auth_time: 1_700_000_000,
    jti: 'onrtac:6f9d2a54-8e3b-4c6f-9d1e-000000000001',
    aud: ['sallyport', 'account'],
    sub: '0e8a7f52-8b7d-4f5e-9a1c-000000000002',
    typ: 'Bearer',
    azp: 'files-web',
    sid: 'b6c5d4e3-0000-4000-8000-000000000003',
    acr: '1',
    'allowed-origins': ['https://files.example.com'],
    realm_access: { roles: ['offline_access', 'analytics'] },
    resource_access: { account: { roles: ['manage-account'] } },
    scope: 'openid email profile',
    organization: 'corp',
    email_verified: true,
    preferred_username: 'alice',
    email: 'alice@example.com',
  },
  lifeSeconds: 300,
  wrong: {
    account: { iss: elsewhere('/realms/Corp') },
    organization: { organization: 'other' },
    tenant: { iss: elsewhere('/realms/other') },
    client: { azp: 'other-web' },
  },
  expected: {
    subject: '0e8a7f52-8b7d-4f5e-9a1c-000000000002',
    groups: ['offline_access', 'analytics'],
    claims: { azp: 'files-web', scopes: ['openid', 'email', 'profile'] },
  },
};

const entra: TokenShape = {
  preset: 'entra',
  path: `/${TENANT}/v2.0`,
  alg: 'RS256',
  header: JWT,
  entry: {
    audiences: ['6e74172b-be56-4843-9ff4-e66a39bb12e3'],
    tenant: TENANT,
    allowedClients: ['72f988bf-0000-41af-91ab-2d7cd011db47'],
  },
  claims: {
    aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
    aio: 'AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4',
    azp: '72f988bf-0000-41af-91ab-2d7cd011db47',
    azpacr: '0',
    groups: ['0e129f5b-6b0a-4944-982d-f776000632af'],
    name: 'Alice Example',
    oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
    preferred_username: 'alice@contoso.com',
    rh: '0.AbcAIiIi',
    roles: ['Reader'],
    scp: 's3.read s3.list',
    sid: '005e9b27-0000-4000-8000-000000000004',
    sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
    tid: TENANT,
    uti: 'fqiBqXLPj0eQa82S-IYFAA',
    ver: '2.0',
  },
  lifeSeconds: 4200,
  wrong: {
    account: { oid: undefined },
    organization: { iss: elsewhere(`/${OTHER_TENANT}/v2.0`) },
    tenant: { tid: OTHER_TENANT },
    client: { azp: '72f988bf-0000-41af-91ab-000000000000' },
  },
  expected: {
    subject: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
    groups: ['0e129f5b-6b0a-4944-982d-f776000632af'],
    claims: {
      azp: '72f988bf-0000-41af-91ab-2d7cd011db47',
      roles: ['Reader'],
      tid: TENANT,
      scopes: ['s3.read', 's3.list'],
    },
  },
};

const CLIENT = '1234987819200.apps.googleusercontent.com';
const google: TokenShape = {
  preset: 'google',
  path: '',
  alg: 'RS256',
  header: JWT,
  entry: { audiences: [CLIENT], allowedClients: [CLIENT], requiredClaims: { hd: 'example.com' } },
  claims: {
    azp: CLIENT,
    aud: CLIENT,
    sub: '10769150350006150715113082367',
    at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
    hd: 'example.com',
    email: 'alice@example.com',
    email_verified: true,
  },
  lifeSeconds: 3600,
  wrong: {
    account: { hd: undefined },
    organization: { hd: 'example.org' },
    tenant: { iss: (iss: string) => iss.replace(/^\w+:\/\//, '') },
    client: { azp: '999.apps.googleusercontent.com' },
  },
  expected: {
    subject: '10769150350006150715113082367',
    groups: [],
    claims: { hd: 'example.com', email: 'alice@example.com', email_verified: true, azp: CLIENT },
  },
};

const generic: TokenShape = {
  preset: 'generic',
  path: '/issuer',
  alg: 'ES256',
  header: { typ: 'at+jwt' },
  entry: {
    audiences: [AUDIENCE],
    allowedClients: ['s6BhdRkqt3'],
    claims: ['client_id'],
    scopesClaim: 'scope',
    requiredClaims: { '/account/id': 'a-1', 'https://example.com/org': ['o-1', 'o-2'], tenant: 7 },
  },
  claims: {
    aud: AUDIENCE,
    sub: '5ba552d67',
    client_id: 's6BhdRkqt3',
    jti: 'dbe39bf3a3ba4238a513f51d6e1691c4',
    scope: 'openid s3',
    groups: ['analytics'],
    account: { id: 'a-1' },
    'https://example.com/org': 'o-2',
    tenant: 7,
  },
  lifeSeconds: 600,
  wrong: {
    account: { account: { id: 'a-2' } },
    organization: { 'https://example.com/org': 'o-3' },
    tenant: { tenant: '7' },
    client: { client_id: 'other' },
  },
  expected: {
    subject: '5ba552d67',
    groups: ['analytics'],
    claims: { client_id: 's6BhdRkqt3', scopes: ['openid', 's3'] },
  },
};

export const TOKEN_SHAPES: readonly TokenShape[] = [okta, outbound, eks, github, keycloak, entra, google, generic];
