/** The section `issuers`: who may say who a caller is. What their presets stand for is in `presets.ts`. */
import { z } from 'zod';
import {
  CLIENT_AUTHENTICATIONS,
  CLOCK_SKEW_SECONDS,
  INTROSPECTION_CACHE_SECONDS,
  INTROSPECTION_SESSION_SECONDS,
  isClaimPath,
  isMappedName,
  isScope,
  JWKS_MAX_STALE_SECONDS,
  JWKS_REFRESH_SECONDS,
  MAX_TOKEN_AGE_SECONDS,
  SIGNATURE_ALGORITHMS,
  TOKEN_TYPES,
} from '../../contracts/issuer-settings.ts';
import { TOKEN_KINDS } from '../../contracts/principal.ts';
import { countWithin, file, flag, group, key, name, text, whole } from '../values/schema-words.ts';
import { parseUrl } from '../values/shapes.ts';
import { PRESET_NAMES } from './presets.ts';

/** A tenant of Entra ID by its id: tokens never name it otherwise. */
export const isTenant = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** The id of an organization of AWS. */
const isAwsOrganization = (text: string): boolean => /^o-[a-z0-9]{10,32}$/.test(text);

const claimPath = text(isClaimPath);
const CLAIM = 'the name of a claim, or a JSON pointer into nested ones, such as `/realm_access/roles`';
const endpointUrl = text((value) => parseUrl(value) !== undefined);

const introspection = group(
  {
    clientIdFile: file('secret', 'Client id of the gateway at this issuer.'),
    clientSecretFile: file('secret', 'Client secret of the gateway at this issuer.'),
    authentication: key(
      z.enum(CLIENT_AUTHENTICATIONS).default('client_secret_basic'),
      '`client_secret_basic` or `client_secret_post`',
      'How the gateway shows them.',
    ),
    endpoint: key(endpointUrl.optional(), 'an https URL', 'Where tokens are introspected.', {
      derivedDefault: 'that of discovery',
    }),
    prefix: key(
      text((value) => /^[\w.~+/-]{1,64}$/.test(value)).optional(),
      '1 to 64 characters of a token',
      'Only opaque tokens that begin so are sent there. Name it where several issuers introspect: each one asked sees the token.',
    ),
    jwts: flag(
      'Asks about JWTs of this issuer as well, once its keys are found to have signed them: what was ended there is refused after `cacheSeconds`, and claims are those of the answer.',
    ),
    cacheSeconds: countWithin(
      INTROSPECTION_CACHE_SECONDS,
      'How long an answer is kept, never past the end of the token: so long a token that was revoked at the issuer may still work.',
    ),
    sessionSeconds: countWithin(
      INTROSPECTION_SESSION_SECONDS,
      'Longest life of credentials that are issued for such a token: the issuer is introspected it again only when they are renewed.',
    ),
  },
  'How tokens that are no JWTs are verified (RFC 7662): the issuer is asked. Without this section they are refused. JWTs only with `jwts`.',
);

const issuer = z.strictObject({
  preset: key(
    z.enum(PRESET_NAMES).default('generic'),
    `one of ${PRESET_NAMES.map((preset) => `\`${preset}\``).join(', ')}`,
    'Kind of issuer: gives defaults to the other keys, and pins what tokens of that kind must be held to (docs/identity.md).',
  ),
  issuer: key(
    endpointUrl.optional(),
    'an https URL without credentials, query or fragment',
    'The issuer, exactly as it stands in the `iss` claim. Its keys are found by OpenID Connect discovery.',
    { derivedDefault: 'that of the preset; else **required**' },
  ),
  tenant: key(
    text(isTenant).optional(),
    'the id of a tenant, such as `11111111-2222-3333-4444-555555555555`',
    'Entra ID: the only tenant whose tokens are accepted. Another tenant is another entry, with names of its own.',
  ),
  awsAccounts: key(
    z
      .array(text((value) => /^\d{12}$/.test(value)))
      .min(1)
      .max(64)
      .optional(),
    'a list of 1 to 64 account ids in quotes',
    'AWS: tokens of principals of these accounts only.',
  ),
  awsOrganizations: key(
    z.array(text(isAwsOrganization)).min(1).max(16).optional(),
    'a list of 1 to 16 ids of organizations, such as `o-a1b2c3d4e5`',
    'AWS: tokens of principals of these organizations only.',
  ),
  audiences: key(
    z.array(name).min(1).max(16),
    'a list of 1 to 16 names',
    'A token is accepted when its `aud` names one of these.',
  ),
  allowedClients: key(
    z.array(name).min(1).max(64).optional(),
    'a list of 1 to 64 client ids',
    'Clients whose tokens are accepted: `azp`, `client_id`, `cid` and `appid`, as far as a token has them, must each name one.',
    { derivedDefault: 'any' },
  ),
  algorithms: key(
    z.array(z.enum(SIGNATURE_ALGORITHMS)).min(1).optional(),
    `a list out of ${SIGNATURE_ALGORITHMS.join(', ')}`,
    'Signature algorithms that are accepted.',
    { derivedDefault: 'those of the preset; else `RS256`, `ES256`' },
  ),
  tokenTypes: key(
    z.array(z.enum(TOKEN_TYPES)).min(1).optional(),
    'a list out of `at+jwt` and `jwt`',
    '`at+jwt`: access tokens of RFC 9068. `jwt`: ID tokens and all that say `JWT` or nothing in `typ`.',
    { derivedDefault: 'those of the preset; else both' },
  ),
  tokenKind: key(
    z.enum(TOKEN_KINDS).optional(),
    `one of ${TOKEN_KINDS.join(', ')}`,
    'What its tokens are that do not say it themselves, for rules with `tokenKind` ([identity.md](identity.md#kinds-of-tokens)).',
    { derivedDefault: 'that of the preset; else not known' },
  ),
  maxTokenAgeSeconds: key(
    whole(MAX_TOKEN_AGE_SECONDS.min, MAX_TOKEN_AGE_SECONDS.max).optional(),
    `a whole number from ${MAX_TOKEN_AGE_SECONDS.min} to ${MAX_TOKEN_AGE_SECONDS.max}`,
    'Tokens issued longer ago are refused, whatever their `exp`.',
    { derivedDefault: 'that of the preset; else `exp` alone decides' },
  ),
  subjectClaim: key(claimPath.optional(), CLAIM, 'Claim that identifies the caller.', {
    derivedDefault: 'that of the preset; else `sub`',
  }),
  groupsClaim: key(claimPath.optional(), CLAIM, 'Claim that lists the groups of the caller.', {
    derivedDefault: 'that of the preset; else `groups`',
  }),
  scopesClaim: key(
    claimPath.optional(),
    CLAIM,
    'Claim that holds scopes, a list or one text with spaces. Policies find them as the claim `scopes`.',
    { derivedDefault: 'that of the preset; else none' },
  ),
  claims: key(
    z.array(name).max(32).default([]),
    'a list of at most 32 names of claims',
    'Further claims that policies may use, beside those of the preset.',
  ),
  agentClients: key(
    z.array(name).max(64).default([]),
    'a list of at most 64 client ids',
    'Clients whose callers count as agents, for rules with `via: agent` (the claim `client_id`, or `azp`, which must be among the claims). Whoever acts for somebody (`act`) is one without being named.',
  ),
  claimPaths: key(
    z
      .record(text(isMappedName), claimPath)
      .refine((paths) => Object.keys(paths).length <= 32)
      .default({}),
    `a map of at most 32 names, each with ${CLAIM}`,
    'The same for nested claims, by the name that policies use. One that is an object becomes a claim `name.member` for each of its members.',
  ),
  requiredClaims: key(
    z
      .record(claimPath, z.union([z.string().min(1), z.number(), z.boolean(), z.array(z.string().min(1)).min(1)]))
      .default({}),
    'claims, by name or JSON pointer, with a text, a number, `true`, `false` or a list of texts',
    'Claims that a token must carry with this value, or with one of these values, beside what the preset pins.',
  ),
  requiredScopes: key(
    z.array(text(isScope)).max(16).default([]),
    'a list of at most 16 scopes',
    'Scopes that a token must have, all of them, in the claim that `scopesClaim` or the preset names. Without one, an otherwise good token gets 403 `AccessDenied` with `insufficient_scope` (RFC 6750).',
  ),
  introspection,
  clockSkewSeconds: countWithin(CLOCK_SKEW_SECONDS, 'Tolerance for `exp`, `nbf` and `iat`.'),
  jwksRefreshSeconds: countWithin(JWKS_REFRESH_SECONDS, 'Keys older than this are fetched again.'),
  jwksMaxStaleSeconds: countWithin(
    JWKS_MAX_STALE_SECONDS,
    'How long the last good keys are used while the issuer cannot be reached.',
  ),
  caFile: file('certificates', 'CA certificates (PEM) to trust for this issuer, instead of the system ones.'),
  allowHttp: flag(
    'Accepts an http issuer on a loopback address. Whoever can alter that traffic can forge every identity of it.',
  ),
});

export const issuers = key(z.record(z.string(), issuer), 'a map of issuers by name', 'Who may say who a caller is.', {
  entry: '<issuer>',
});

/** One issuer as the file has it, each key by itself right. */
export type FileIssuer = z.output<typeof issuer>;
