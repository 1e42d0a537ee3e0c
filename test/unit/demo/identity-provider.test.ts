import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { freePort } from '../../../demo/free-port.ts';
import { robotToken, signIn } from '../../../demo/identity-provider/demo-token.ts';
import {
  createIdentityProvider,
  DEMO_AUDIENCE,
  DEMO_CLIENT_ID,
  type IdentityProvider,
} from '../../../demo/identity-provider/identity-provider.ts';

const signingKey = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: 'demo',
};

describe("the demo's identity provider", () => {
  let provider: IdentityProvider;

  const make = async (port?: number): Promise<IdentityProvider> => {
    const made = createIdentityProvider({
      port: port ?? (await freePort()),
      people: [{ name: 'alice', password: 'alice-password', groups: ['analytics'] }],
      robot: { clientId: 'ci-bot', clientSecret: 'robot-secret' },
      signingKey,
      cookieKey: 'cookie-key',
      log: () => undefined,
    });
    await made.start();
    return made;
  };
  const claimsOf = async (token: string, audience: string) => {
    const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
    return (await jwtVerify(token, keys, { issuer: provider.issuer, audience })).payload;
  };
  const status = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port: provider.port, path, method, headers });
      request.on('error', reject).on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.end();
    });

  before(async () => (provider = await make()));
  after(() => provider.stop());

  it('gives a person who knows the password an access token and an ID token with groups', async () => {
    const { accessToken, idToken } = await signIn(provider.issuer, 'alice', 'alice-password');
    const access = await claimsOf(accessToken, DEMO_AUDIENCE);
    assert.deepEqual(
      [access.sub, access['groups'], decodeProtectedHeader(accessToken).typ],
      ['alice', ['analytics'], 'at+jwt'],
    );
    assert.ok(access.exp! - access.iat! <= 3600);
    const id = await claimsOf(idToken!, DEMO_CLIENT_ID);
    assert.deepEqual([id.sub, id['groups']], ['alice', ['analytics']]);
  });

  it('gives nothing for a wrong password, an unknown name or an empty password', async () => {
    for (const [name, password] of [
      ['alice', 'guess'],
      ['mallory', 'alice-password'],
      ['mallory', ''],
      ['alice', ''],
    ] as const)
      await assert.rejects(signIn(provider.issuer, name, password));
  });

  it('gives a robot a token of its own name and no groups, and only for its secret', async () => {
    const { accessToken } = await robotToken(provider.issuer, 'ci-bot', 'robot-secret');
    const claims = await claimsOf(accessToken, DEMO_AUDIENCE);
    assert.deepEqual([claims.sub, claims['groups']], ['ci-bot', undefined]);
    await assert.rejects(robotToken(provider.issuer, 'ci-bot', 'guess'));
  });

  it('lets people be added while it runs', async () => {
    const groups = Array.from({ length: 300 }, (_, index) => `group-${index}`);
    provider.addPerson({ name: 'manygroups', password: 'p', groups });
    const { accessToken } = await signIn(provider.issuer, 'manygroups', 'p');
    assert.deepEqual((await claimsOf(accessToken, DEMO_AUDIENCE))['groups'], groups);
  });

  it('verifies after a restart what it signed before', async () => {
    const { accessToken } = await signIn(provider.issuer, 'alice', 'alice-password');
    const { port } = provider;
    await provider.stop();
    provider = await make(port);
    assert.equal((await claimsOf(accessToken, DEMO_AUDIENCE)).sub, 'alice');
  });

  it('starts the device flow for the command-line client', async () => {
    const response = await fetch(`${provider.issuer}/device/auth`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: DEMO_CLIENT_ID, scope: 'openid groups', resource: DEMO_AUDIENCE }),
    });
    const { verification_uri: uri } = (await response.json()) as { verification_uri: string };
    const page = await fetch(uri);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /op\.deviceInputForm/);
  });

  it('answers no foreign host, no script of a page and no frame', async () => {
    const discovery = '/sallyport-demo/.well-known/openid-configuration';
    assert.equal(await status(discovery), 200);
    assert.equal(await status(discovery, { host: 'evil.example' }), 421);
    assert.equal(await status(discovery, { origin: 'https://evil.example' }), 403);
    assert.equal(await status(discovery, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }), 403);
    assert.equal(
      await status(discovery, { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }),
      403,
    );
    assert.equal(await status('/sallyport-demo/sign-in/abc', {}, 'POST'), 400);
  });
});
