/**
 * The ways to get a token of Vault: a token file, or a login by AppRole, Kubernetes or JWT. What leaves is a token and how
 * long it lives. Secrets are read from their files at each login, since others renew them there.
 * @see https://developer.hashicorp.com/vault/api-docs/auth
 */
import type { VaultAuth } from '../../contracts/keyring-settings.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { asObject, type JsonAnswer, type JsonService } from './json-calls.ts';
import { readSecretFile } from './secret-file.ts';

/** A token and its lease. */
export interface VaultToken {
  readonly token: string;
  /** 0: it does not end. */
  readonly leaseSeconds: number;
  readonly renewable: boolean;
}

export interface VaultApi {
  readonly service: JsonService;
  readonly namespace?: string | undefined;
}

const MAX_LEASE_SECONDS = 100 * 365 * 86_400;
const VISIBLE = /^[\x21-\x7e]{1,16384}$/;

/** Calls a path below `/v1/`. Gives any answer. @throws GatewayError ServiceUnavailable */
export function callVault(
  { service, namespace }: VaultApi,
  request: { readonly path: string; readonly token?: string; readonly body?: object },
): Promise<JsonAnswer> {
  const { path, token, body } = request;
  return service.call({
    method: body === undefined ? 'GET' : 'POST',
    path: `/v1/${path}`,
    headers: {
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
  });
}

/** Says what an answer other than the wanted one means, by its status alone. */
export function vaultRefusal(what: string, { status }: JsonAnswer): GatewayError {
  const meaning = MEANINGS[status];
  const detail = `vault: ${what} answered ${status}${meaning === undefined ? '' : ` (${meaning})`}`;
  return new GatewayError('ServiceUnavailable', { detail });
}

const MEANINGS: Readonly<Record<number, string>> = {
  200: 'not as Vault answers',
  307: 'a standby node; name the address of the active one, or of the cluster',
  403: 'permission denied',
  404: 'no such path: the mount, or the namespace',
  412: 'a replica that lags behind',
  429: 'a standby node, or a rate limit',
  472: 'a recovery replica',
  473: 'a performance standby',
  501: 'not initialised',
  503: 'sealed, or down for maintenance',
};

/** Gets a token. @throws GatewayError ServiceUnavailable */
export async function logIn(api: VaultApi, auth: VaultAuth): Promise<VaultToken> {
  if (auth.method === 'token') return takeToken(api, auth.tokenFile);
  const body =
    auth.method === 'approle'
      ? { role_id: auth.roleId, secret_id: await readSecretFile(auth.secretIdFile, 'the SecretID') }
      : { role: auth.role, jwt: await readSecretFile(auth.jwtFile, 'the JWT') };
  const answer = await callVault(api, { path: `auth/${auth.mount}/login`, body });
  const token = tokenOf(answer);
  if (token === undefined) throw vaultRefusal(`the login by ${auth.method}`, answer);
  return token;
}

/** Renews the lease of a token; `undefined` where Vault does not. @throws GatewayError ServiceUnavailable */
export async function renew(api: VaultApi, token: string): Promise<VaultToken | undefined> {
  const renewed = tokenOf(await callVault(api, { path: 'auth/token/renew-self', token, body: {} }));
  return renewed === undefined ? undefined : { ...renewed, token };
}

async function takeToken(api: VaultApi, tokenFile: string): Promise<VaultToken> {
  const token = await readSecretFile(tokenFile, 'the token');
  const answer = await callVault(api, { path: 'auth/token/lookup-self', token });
  const data = asObject(answer.document?.['data']);
  const { ttl, renewable, expire_time: ends } = data ?? {};
  if (answer.status === 200 && isLease(ttl)) {
    // In its last second a token has a ttl of 0, as one has that never ends.
    const leaseSeconds = typeof ends === 'string' ? Math.max(ttl, 1) : ttl;
    return { token, leaseSeconds, renewable: renewable === true };
  }
  if (answer.status !== 403) throw vaultRefusal('the lookup of the token', answer);
  // Its policies need not let a token look at itself. A token that is no good shows at its first use.
  return { token, leaseSeconds: 0, renewable: false };
}

function tokenOf({ status, document }: JsonAnswer): VaultToken | undefined {
  const { client_token: token, lease_duration: leaseSeconds, renewable } = asObject(document?.['auth']) ?? {};
  if (status !== 200 || typeof token !== 'string' || !VISIBLE.test(token) || !isLease(leaseSeconds)) return undefined;
  return { token, leaseSeconds, renewable: renewable === true };
}

function isLease(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_LEASE_SECONDS;
}
