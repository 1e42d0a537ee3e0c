/**
 * The issuer as this machine's client of it: discovered, and spoken to through our own bounded calls. Every endpoint that it
 * names must be as safe as itself. A public client: it has no secret, and its proofs are PKCE and the person.
 */
import * as oidc from 'openid-client';
import { ClientFailure, networkRemedy, printable, reasonOf } from './failure.ts';
import type { Http } from './http.ts';
import { safeUrl } from './safe-url.ts';
import type { Session } from './session-file.ts';
import type { Settings } from './settings.ts';
import { unverifiedClaims } from './unverified-claims.ts';

export type Issuer = oidc.Configuration;
/** What a token endpoint gave. */
export type Granted = oidc.TokenEndpointResponse;

const TIMEOUT_SECONDS = 20;

/** Discovers the issuer of the settings. @throws ClientFailure it is away, or is not who it says */
export async function openIssuer(settings: Settings, http: Http): Promise<Issuer> {
  const url = safeUrl(settings.issuer, 'the issuer');
  try {
    const issuer = await oidc.discovery(url, settings.clientId, undefined, oidc.None(), {
      [oidc.customFetch]: fetchBy(http),
      timeout: TIMEOUT_SECONDS,
      // `http.call` allows plain http to this machine only, whatever this says.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to make it stand out
      ...(url.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : {}),
    });
    const { authorization_endpoint: authorization, token_endpoint: token } = issuer.serverMetadata();
    if (authorization !== undefined) safeUrl(authorization, 'the authorization endpoint');
    if (token === undefined) throw new ClientFailure(`${settings.issuer} names no token endpoint`);
    return issuer;
  } catch (error) {
    throw issuerFailure(error, `the issuer ${settings.issuer} could not be discovered`);
  }
}

/** Parameters that providers want when a token for an API is requested. */
export function apiParameters({ resource, audience }: Settings): Record<string, string> {
  return { ...(resource === undefined ? {} : { resource }), ...(audience === undefined ? {} : { audience }) };
}

/** Makes the session of what was granted; what a refresh does not repeat is kept. */
export function sessionOf(granted: Granted, { issuer, clientId }: Settings, before?: Session): Session {
  const nowMs = Date.now();
  const { access_token: accessToken, expires_in: seconds } = granted;
  const idToken = granted.id_token ?? before?.idToken;
  const refreshToken = granted.refresh_token ?? before?.refreshToken;
  const expiresAtMs = seconds === undefined ? unverifiedClaims(accessToken)?.expiresAtMs : nowMs + seconds * 1000;
  return {
    issuer,
    clientId,
    obtainedAtMs: nowMs,
    accessToken,
    ...(expiresAtMs === undefined ? {} : { accessExpiresAtMs: expiresAtMs }),
    ...(idToken === undefined ? {} : { idToken }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  };
}

/** Says what an issuer did, in one line and without what it was sent. */
export function issuerFailure(error: unknown, what: string): ClientFailure {
  if (error instanceof ClientFailure) return error;
  if (error instanceof oidc.ResponseBodyError || error instanceof oidc.AuthorizationResponseError) {
    const { error: code, error_description: description } = error;
    const said = description === undefined ? code : `${code}: ${description}`;
    return new ClientFailure(`${what}: ${printable(said)}`, REMEDIES[code], { cause: error });
  }
  return new ClientFailure(`${what}: ${reasonOf(error)}`, networkRemedy(error), { cause: error });
}

/** Whether the issuer said that this grant is over, rather than that something is in the way. */
export function isOver(error: unknown): boolean {
  return error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant';
}

const REMEDIES: Readonly<Record<string, string>> = {
  access_denied: 'the sign-in was refused; ask who runs the identity provider whether you may use this client',
  expired_token: 'the code was not used in time; log in again',
  invalid_client: 'check --client-id: it must be a public (native) client of this issuer',
  invalid_scope: 'check --scopes',
  invalid_target: 'check --resource and --audience',
  unauthorized_client: 'the client must be allowed this flow at the issuer; try --device or --browser',
};

function fetchBy(http: Http): oidc.CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const answer = await http.call(url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...(body === undefined || body === null ? {} : { body: textOf(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const received = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const each of [value ?? []].flat()) received.append(name, each);
    }
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : new Uint8Array(answer.body), { status: answer.status, headers: received });
  };
}

function textOf(body: NonNullable<oidc.FetchBody>): string {
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new TypeError('a form was expected');
}
