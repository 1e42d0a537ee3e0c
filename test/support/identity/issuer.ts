/**
 * Issuers for tests, on 127.0.0.1. `startProvider` is a real OpenID provider; `startTestIssuer` serves a discovery
 * document and a JWKS and can be made to fail in every way that a provider can.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';
import { MemoryAdapter, type Records } from '../../../demo/identity-provider/memory-adapter.ts';

/** A signing key, and what its issuer publishes of it. */
export interface SigningKey {
  readonly alg: 'RS256' | 'ES256' | 'ES384' | 'EdDSA';
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicJwk: JWK;
}

export const makeKey = (alg: SigningKey['alg'], kid: string, rsaBits = 2048): SigningKey => {
  const { privateKey, publicKey } = generate(alg, rsaBits);
  return {
    alg,
    kid,
    privateKey,
    publicKey,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
  };
};

const generate = (alg: SigningKey['alg'], rsaBits: number): { privateKey: KeyObject; publicKey: KeyObject } => {
  switch (alg) {
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: rsaBits });
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
  }
};

const encode = (text: string | Buffer): string => Buffer.from(text).toString('base64url');

/** Signs exactly these texts, valid JSON or not. */
export const signTexts = (key: SigningKey, header: string, payload: string | Buffer): string => {
  const input = `${encode(header)}.${encode(payload)}`;
  const digest = key.alg === 'EdDSA' ? null : key.alg === 'ES384' ? 'sha384' : 'sha256';
  const signature = sign(digest, Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${encode(signature)}`;
};

/** Signs a token; `header` adds to, or with `undefined` removes from, `alg`, `kid` and `typ`. */
export const signToken = (
  key: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): string =>
  signTexts(key, JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }), JSON.stringify(claims));

export interface TestIssuer {
  readonly url: string;
  /** What the JWKS holds; may be changed at any time. */
  keys: JWK[];
  /** Requests seen so far. */
  readonly seen: { discovery: number; jwks: number };
  /** Takes the place of the regular answers. */
  readonly faults: { discovery?: RequestListener | undefined; jwks?: RequestListener | undefined };
  readonly stop: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly restart: () => Promise<void>;
}

/** `path`: what follows host and port in its URL. */
export const startTestIssuer = async (keys: JWK[] = [], path = ''): Promise<TestIssuer> => {
  let server: Server | undefined;
  let port = 0;
  const listen = async (): Promise<void> => {
    server = createServer(answer).listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  const answer: RequestListener = (req, res) => {
    const isJwks = req.url === '/jwks';
    issuer.seen[isJwks ? 'jwks' : 'discovery'] += 1;
    const fault = isJwks ? issuer.faults.jwks : issuer.faults.discovery;
    if (fault) {
      fault(req, res);
      return;
    }
    sendJson(res, isJwks ? { keys: issuer.keys } : { issuer: issuer.url, jwks_uri: `http://127.0.0.1:${port}/jwks` });
  };
  await listen();
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${port}${path}`,
    keys,
    seen: { discovery: 0, jwks: 0 },
    faults: {},
    stop: async () => {
      const closing = server;
      server = undefined;
      if (closing) await closeServer(closing);
    },
    restart: listen,
  };
  return issuer;
};

export const sendJson = (res: ServerResponse, value: unknown): void => {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};

const closeServer = async (server: Server): Promise<void> => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
};

export interface TestProvider {
  readonly url: string;
  /** The resource that access tokens are for: their audience. */
  readonly resource: string;
  /** The `aud` of ID tokens. */
  readonly clientId: string;
  /** A JWT access token of the client-credentials grant. */
  readonly clientCredentialsToken: () => Promise<string>;
  /** Runs the authorization-code flow with PKCE as this account. `agent`: who acts in its name by the token. */
  readonly logIn: (
    account: string,
    resource?: string,
    agent?: string,
  ) => Promise<{ readonly accessToken: string; readonly idToken: string }>;
  /** The resource whose access tokens are opaque. */
  readonly opaqueResource: string;
  /** Who may ask about them. */
  readonly introspector: { readonly id: string; readonly secret: string };
  /** Signs by a new key from now on, which is published beside those before it, or instead of them. */
  readonly rotate: (how?: 'beside' | 'instead') => void;
  /** Where it listens; its `url` may be that of something that stands before it. */
  readonly port: number;
  /** Ends an opaque access token. */
  readonly revoke: (accessToken: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const RESOURCE = 'https://sallyport.test/';
const OPAQUE_RESOURCE = 'https://opaque.sallyport.test/';
const CLIENT_ID = 'files-web';
const REDIRECT_URI = 'http://127.0.0.1/callback';
const INTROSPECTOR = { id: 'sallyport-gateway', secret: randomBytes(24).toString('hex') };
const MACHINE = { id: 'ci-bot', secret: randomBytes(24).toString('hex') };

/**
 * Starts a real provider. Accounts are whatever name logs in; their group is `analytics`. `issuer`: its URL, where callers
 * of it do not come straight.
 */
export const startProvider = async (issuer?: string): Promise<TestProvider> => {
  const handler: { current?: RequestListener } = {};
  const server = createServer((req, res) => handler.current?.(req, res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = [providerKey()];
  const records: Records = new Map();
  const current = (): Provider =>
    new Provider(issuer ?? url, {
      ...providerConfiguration(keys, () => agent),
      adapter: (model: string) => new MemoryAdapter(model, records),
    });
  let provider = current();
  let callback = provider.callback();
  let account = '';
  let agent: string | undefined;
  const logInAs = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const grant = new provider.Grant({ accountId: account, clientId: CLIENT_ID });
    grant.addOIDCScope('openid groups');
    grant.addResourceScope(RESOURCE, 's3');
    grant.addResourceScope(OPAQUE_RESOURCE, 's3');
    const result = { login: { accountId: account }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(req, res, result);
  };
  handler.current = (req, res) => void (req.url?.startsWith('/log-in/') ? logInAs(req, res) : callback(req, res));

  const token = async (form: Record<string, string>): Promise<Record<string, string>> => {
    const response = await fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(form) });
    const body = (await response.json()) as Record<string, string>;
    if (!response.ok) throw new Error(`token endpoint: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    url: issuer ?? url,
    port: (server.address() as AddressInfo).port,
    rotate: (how = 'beside') => {
      if (how === 'instead') keys.splice(0);
      keys.unshift(providerKey());
      provider = current();
      callback = provider.callback();
    },
    resource: RESOURCE,
    opaqueResource: OPAQUE_RESOURCE,
    introspector: INTROSPECTOR,
    clientId: CLIENT_ID,
    clientCredentialsToken: async () => {
      const client = { client_id: MACHINE.id, client_secret: MACHINE.secret };
      const body = await token({ grant_type: 'client_credentials', resource: RESOURCE, scope: 's3', ...client });
      return body['access_token']!;
    },
    revoke: async (accessToken) => {
      const body = new URLSearchParams({ token: accessToken, client_id: CLIENT_ID });
      const response = await fetch(`${url}/token/revocation`, { method: 'POST', body });
      if (!response.ok) throw new Error(`revocation endpoint: ${response.status}`);
    },
    logIn: async (name, resource = RESOURCE, by?: string) => {
      account = name;
      agent = by;
      const verifier = randomBytes(32).toString('base64url');
      const query = new URLSearchParams({
        client_id: CLIENT_ID,
        response_type: 'code',
        redirect_uri: REDIRECT_URI,
        scope: 'openid groups s3',
        resource,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const code = await followToCode(`${url}/auth?${query.toString()}`);
      const body = await token({
        grant_type: 'authorization_code',
        client_id: CLIENT_ID,
        redirect_uri: REDIRECT_URI,
        resource,
        code_verifier: verifier,
        code,
      });
      return { accessToken: body['access_token']!, idToken: body['id_token']! };
    },
    stop: () => closeServer(server),
  };
};

/** Goes where a browser would go, with its cookies, until the provider hands out the code. */
const followToCode = async (start: string): Promise<string> => {
  const cookies = new Map<string, string>();
  let at = start;
  for (let hops = 0; hops < 10; hops += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
    const location = response.headers.get('location');
    if (location === null) throw new Error(`no redirect from ${at}: ${response.status} ${await response.text()}`);
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const next = new URL(location, at);
    const code = next.searchParams.get('code');
    if (code !== null) return code;
    at = next.href;
  }
  throw new Error('the authorization did not end');
};

const providerKey = (): Record<string, unknown> => ({
  ...makeKey('RS256', '').privateKey.export({ format: 'jwk' }),
  kid: randomBytes(8).toString('hex'),
  use: 'sig',
});

const providerConfiguration = (
  keys: readonly Record<string, unknown>[],
  agentOf: () => string | undefined,
): Configuration => ({
  clients: [
    {
      client_id: MACHINE.id,
      client_secret: MACHINE.secret,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
    {
      client_id: INTROSPECTOR.id,
      client_secret: INTROSPECTOR.secret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
    {
      client_id: CLIENT_ID,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  scopes: ['openid', 'groups'],
  claims: { openid: ['sub'], groups: ['groups'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, groups: ['analytics'] }) }),
  extraTokenClaims: (_, token) => {
    if (token.kind !== 'AccessToken') return undefined;
    const agent = agentOf();
    return { groups: ['analytics'], ...(agent !== undefined && { act: { sub: agent } }) };
  },
  interactions: { url: (_, interaction) => `/log-in/${interaction.uid}` },
  ttl: {
    AccessToken: 7200,
    AuthorizationCode: 60,
    ClientCredentials: 600,
    Grant: 7200,
    IdToken: 600,
    Interaction: 60,
    Session: 600,
  },
  cookies: { keys: [randomBytes(24).toString('hex')] },
  jwks: { keys: [...keys] as NonNullable<Configuration['jwks']>['keys'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: 's3',
        audience: resource,
        accessTokenFormat: resource === OPAQUE_RESOURCE ? 'opaque' : 'jwt',
        accessTokenTTL: 7200,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
