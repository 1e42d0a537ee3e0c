/**
 * Gets real tokens from the running identity provider, the way its users do: a person's through the sign-in page
 * (authorization code with PKCE), a robot's by client credentials.
 */
import { createHash, randomBytes } from 'node:crypto';
import { DEMO_AUDIENCE, DEMO_CLIENT_ID, DEMO_REDIRECT_URI } from './identity-provider.ts';

export interface Tokens {
  readonly accessToken: string;
  /** Absent for robots. */
  readonly idToken: string | undefined;
}

const MAX_HOPS = 8;

/** Signs a person in. @throws Error when the provider cannot be reached or does not accept the password */
export async function signIn(issuer: string, name: string, password: string): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url');
  const authorization = new URL(`${issuer}/auth`);
  authorization.search = new URLSearchParams({
    client_id: DEMO_CLIENT_ID,
    response_type: 'code',
    redirect_uri: DEMO_REDIRECT_URI,
    scope: 'openid groups',
    resource: DEMO_AUDIENCE,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const code = await browse(authorization, new URLSearchParams({ username: name, password }));
  return requestTokens(issuer, {
    grant_type: 'authorization_code',
    client_id: DEMO_CLIENT_ID,
    redirect_uri: DEMO_REDIRECT_URI,
    code_verifier: verifier,
    code,
  });
}

/** Gets a token by client credentials. @throws Error */
export async function robotToken(issuer: string, clientId: string, clientSecret: string): Promise<Tokens> {
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  const form = { grant_type: 'client_credentials', resource: DEMO_AUDIENCE };
  return requestTokens(issuer, form, { authorization: `Basic ${basic}` });
}

/** Follows redirects with cookies, fills in the form that it meets, and ends at the redirect that carries the code. */
async function browse(start: URL, form: URLSearchParams): Promise<string> {
  const cookies = new Map<string, string>();
  let at = start;
  let submits = false;
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const response = await fetch(at, {
      method: submits ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(submits ? { body: form } : {}),
    });
    await response.arrayBuffer();
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) {
      const next = new URL(location, at);
      if (next.href.startsWith(DEMO_REDIRECT_URI)) {
        const code = next.searchParams.get('code');
        if (code === null) throw new Error(`the provider refused: ${next.searchParams.get('error') ?? 'no code'}`);
        return code;
      }
      at = next;
      submits = false;
    } else if (response.ok && !submits) submits = true;
    else throw new Error('the identity provider did not accept the name and password');
  }
  throw new Error('the sign-in did not end');
}

async function requestTokens(
  issuer: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form), headers });
  const answer = (await response.json()) as { access_token?: string; id_token?: string; error?: string };
  if (answer.access_token === undefined) throw new Error(`the provider gave no token: ${answer.error ?? 'no reason'}`);
  return { accessToken: answer.access_token, idToken: answer.id_token };
}
