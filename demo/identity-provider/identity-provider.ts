/**
 * The demo's identity provider: `oidc-provider` on loopback, with people who have passwords, a command-line client
 * (authorization code with PKCE, device flow, refresh tokens) and a robot (client credentials). FOR THE DEMO AND TESTS
 * ONLY: `serve` refuses its issuer. Never: an answer to a request from another web page.
 */
import { createHash, timingSafeEqual, type JsonWebKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Provider, { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { readBounded } from '../../src/platform/bounded-body.ts';
import { createLoopbackServer } from '../loopback-server.ts';
import { MemoryAdapter, type Records } from './memory-adapter.ts';
import { devicePage, loginPage, messagePage } from './pages.ts';

/** The path of the issuer, by which `serve` knows the demo. */
const DEMO_ISSUER_PATH = '/sallyport-demo';
/** The resource that access tokens are for: their audience. */
export const DEMO_AUDIENCE = 'urn:sallyport:demo';
/** The public client of people; the audience of their ID tokens. */
export const DEMO_CLIENT_ID = 'sallyport-cli';
/** The redirect of the command-line client; any port of 127.0.0.1 will do (RFC 8252 section 7.3). */
export const DEMO_REDIRECT_URI = 'http://127.0.0.1/callback';

export interface DemoPerson {
  readonly name: string;
  readonly password: string;
  readonly groups: readonly string[];
}

export interface IdentityProviderOptions {
  readonly port: number;
  readonly people: readonly DemoPerson[];
  readonly robot: { readonly clientId: string; readonly clientSecret: string };
  /** A private RSA key; kept between runs, so that tokens outlive a restart. */
  readonly signingKey: JsonWebKey & { readonly kid: string };
  readonly cookieKey: string;
  readonly log: (line: string) => void;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly port: number;
  /** Adds, or replaces, someone who can sign in. */
  readonly addPerson: (person: DemoPerson) => void;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const TOKEN_SECONDS = 3600;
/** How long a login can be renewed. */
const LOGIN_SECONDS = 43_200;
const MAX_FORM_BYTES = 8192;

/** Makes a provider that is not yet started. */
export function createIdentityProvider(options: IdentityProviderOptions): IdentityProvider {
  const { port, log } = options;
  const origin = `http://localhost:${port}`;
  const issuer = `${origin}${DEMO_ISSUER_PATH}`;
  const people = new Map(options.people.map((person) => [person.name, person]));
  const provider = new Provider(issuer, configuration(options, people));
  provider.on('server_error', (_context, error) => {
    log(`server error: ${error.message}`);
  });
  const callback = provider.callback();

  async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await provider.interactionDetails(request, response);
    const action = request.url ?? '';
    if (request.method !== 'POST') {
      sendPage(response, 200, loginPage(action, false));
      return;
    }
    const form = await readForm(request);
    const person = people.get(form.get('username') ?? '');
    // A name that nobody has takes the same way as a wrong password.
    if (!equal(form.get('password') ?? '', person?.password ?? '') || person === undefined) {
      sendPage(response, 401, loginPage(action, true));
      return;
    }
    await provider.interactionFinished(request, response, { login: { accountId: person.name }, consent: {} });
  }

  async function answer(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): Promise<void> {
    response.setHeader(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    );
    // Its callers are few; one that keeps a connection would meet a dead one after a restart.
    response.setHeader('connection', 'close');
    response.setHeader('referrer-policy', 'same-origin');
    response.setHeader('x-content-type-options', 'nosniff');
    const url = request.url ?? '';
    if (!url.startsWith(`${DEMO_ISSUER_PATH}/`)) sendPage(response, 404, messagePage('Not found', 'Nothing is here.'));
    else if (url.startsWith(`${DEMO_ISSUER_PATH}/sign-in/`)) await logIn(request, response);
    else {
      // How oidc-provider learns where it is mounted.
      request.originalUrl = url;
      request.url = url.slice(DEMO_ISSUER_PATH.length);
      await callback(request, response);
    }
  }

  const server = createLoopbackServer({ port, pages: 'own' }, (request, response, proceed) => {
    proceed();
    answer(request, response).catch((error: unknown) => {
      log(`refused: ${error instanceof Error ? error.message : String(error)}`);
      if (response.headersSent) response.destroy();
      else sendPage(response, 400, messagePage('Sign-in failed', 'Start again.'));
    });
  });
  return {
    issuer,
    port,
    addPerson: (person) => void people.set(person.name, person),
    start: async () => {
      await server.start();
      log(`EMBEDDED IDENTITY PROVIDER, FOR THE DEMO ONLY: ${issuer}`);
    },
    stop: server.stop,
  };
}

function configuration(options: IdentityProviderOptions, people: ReadonlyMap<string, DemoPerson>): Configuration {
  const records: Records = new Map();
  const groupsOf = (name: string | undefined) => people.get(name ?? '')?.groups;
  return {
    adapter: (model: string) => new MemoryAdapter(model, records),
    clients: [
      {
        client_id: DEMO_CLIENT_ID,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: [DEMO_REDIRECT_URI],
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: ['code'],
      },
      {
        client_id: options.robot.clientId,
        client_secret: options.robot.clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [{ ...options.signingKey, use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [options.cookieKey] },
    pkce: { required: () => true },
    scopes: ['openid', 'groups', 'offline_access'],
    claims: { openid: ['sub'], groups: ['groups'] },
    // Groups go into the ID token itself, which is what a gateway sees.
    conformIdTokenClaims: false,
    findAccount: (_context, id) => {
      const groups = groupsOf(id);
      return groups === undefined ? undefined : { accountId: id, claims: () => ({ sub: id, groups }) };
    },
    extraTokenClaims: (_context, token) => {
      const groups = token.kind === 'AccessToken' ? groupsOf(token.accountId) : undefined;
      return groups === undefined ? undefined : { groups };
    },
    // Nobody is requested consent, without which `offline_access` counts for nothing. Each is good for one refresh.
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    interactions: { url: (_context, interaction) => `${DEMO_ISSUER_PATH}/sign-in/${interaction.uid}` },
    loadExistingGrant: grantEverything,
    renderError: (context, { error, error_description: description }) => {
      context.type = 'html';
      context.body = messagePage('Sign-in failed', description ?? error);
    },
    ttl: {
      AccessToken: TOKEN_SECONDS,
      AuthorizationCode: 60,
      ClientCredentials: TOKEN_SECONDS,
      DeviceCode: 600,
      Grant: LOGIN_SECONDS,
      IdToken: TOKEN_SECONDS,
      Interaction: 600,
      RefreshToken: LOGIN_SECONDS,
      Session: TOKEN_SECONDS,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form) => {
          context.body = devicePage('Enter the code of your device', form, 'op.deviceInputForm');
        },
        userCodeConfirmSource: (context, form) => {
          context.body = devicePage('Is this the code on your device?', form, 'op.deviceConfirmForm');
        },
        successSource: (context) => {
          context.body = messagePage('Signed in', 'Go back to your device.');
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => DEMO_AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => {
          if (resource !== DEMO_AUDIENCE) throw new errors.InvalidTarget();
          return {
            scope: '',
            audience: DEMO_AUDIENCE,
            accessTokenTTL: TOKEN_SECONDS,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
  };
}

/** The client belongs to the demo itself: nobody is requested consent. */
async function grantEverything(context: KoaContextWithOIDC): Promise<InstanceType<Provider['Grant']> | undefined> {
  const { client, session, provider } = context.oidc;
  if (client === undefined || session?.accountId === undefined) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid groups offline_access');
  await grant.save();
  return grant;
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const limits = { maxBytes: MAX_FORM_BYTES, refuse: () => new Error('the form is too large') };
  return new URLSearchParams((await readBounded(request, limits)).toString('utf8'));
}

function equal(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'content-length': Buffer.byteLength(html) });
  response.end(html);
}
