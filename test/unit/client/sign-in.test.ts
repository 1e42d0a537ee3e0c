/** An issuer that does whatever a test wants it to, against the client of people. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openHttp, type Http } from '../../../src/client/http.ts';
import { openIssuer } from '../../../src/client/issuer.ts';
import { logOut } from '../../../src/client/log-out.ts';
import { pathsOf, type ProfilePaths } from '../../../src/client/profile-paths.ts';
import { readSession, writeSession, type Session } from '../../../src/client/session-file.ts';
import { mergeSettings, type Settings } from '../../../src/client/settings.ts';
import { signInByBrowser, signInByDevice } from '../../../src/client/sign-in.ts';
import { validToken } from '../../../src/client/tokens.ts';

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

describe('people at an issuer', () => {
  let server: Server;
  let origin: string;
  let settings: Settings;
  let http: Http;
  /** Forms that came to the token endpoint. */
  let forms: URLSearchParams[];
  /** The one that asked for a device code. */
  let requested: URLSearchParams;
  let metadata: Record<string, unknown>;
  let reply: (form: URLSearchParams) => Reply | Promise<Reply>;

  beforeEach(async () => {
    server = createServer((request, response) => {
      void (async () => {
        const form = new URLSearchParams(await text(request));
        let received: Reply = { status: 404, body: '' };
        if (request.url === '/.well-known/openid-configuration') received = { body: metadata };
        else if (request.url === '/device') {
          requested = form;
          received = { body: device };
        } else {
          forms.push(form);
          received = await reply(form);
        }
        response.writeHead(received.status ?? 200, { 'content-type': 'application/json', ...received.headers });
        response.end(JSON.stringify(received.body));
      })();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    settings = mergeSettings({ issuer: origin, clientId: 'cli', gateway: 'https://g.example', scopes: 'groups' });
    http = await openHttp({}, undefined);
    forms = [];
    metadata = {
      issuer: origin,
      authorization_endpoint: `${origin}/auth`,
      token_endpoint: `${origin}/token`,
      device_authorization_endpoint: `${origin}/device`,
      revocation_endpoint: `${origin}/revoke`,
      authorization_response_iss_parameter_supported: true,
    };
    reply = () => ({ body: granted });
  });
  afterEach(async () => {
    await http.close();
    server.closeAllConnections();
    server.close();
  });

  const granted = { access_token: 'new-access', token_type: 'bearer', expires_in: 600, refresh_token: 'new-refresh' };
  const device: Record<string, unknown> = { device_code: 'd', user_code: 'c', expires_in: 60, interval: 1 };
  /** Signs in; the browser comes back with these parameters beside the right state. */
  const comeBack = async (parameters: Record<string, string>) =>
    signInByBrowser(await openIssuer(settings, http), settings, async ({ url }) => {
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({ state: url.searchParams.get('state') ?? '', ...parameters }).toString();
      await http.call(back.href);
    });
  const right = () => ({ code: 'the-code', iss: origin });

  it('send its code back with their proof, and get a token', async () => {
    assert.equal((await comeBack(right())).access_token, 'new-access');
    const form = forms[0]!;
    assert.equal(form.get('code'), 'the-code');
    assert.ok((form.get('code_verifier')?.length ?? 0) >= 43);
    assert.match(form.get('redirect_uri') ?? '', /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    assert.equal(form.has('client_secret'), false);
  });

  it('send no code to it that came from another issuer, or from one that does not say who it is', async () => {
    for (const parameters of [
      { code: 'c', iss: 'https://other.example' },
      { code: 'c' },
      { code: 'c', iss: `${origin}/` },
    ]) {
      await assert.rejects(comeBack(parameters), { name: 'ClientFailure' });
    }
    assert.equal(forms.length, 0);
  });

  it('learn from its refusal why, and what to do', async () => {
    const refusal = { iss: origin, error: 'access_denied', error_description: 'not \u001b[2Jyou' };
    await assert.rejects(comeBack(refusal), (error: Error & { remedy?: string }) => {
      assert.match(error.message, /access_denied: not \ufffd\[2Jyou/);
      assert.match(error.remedy ?? '', /who runs the identity provider/);
      return true;
    });
    assert.equal(forms.length, 0);
  });

  it('believe no ID token that was not made for this sign-in', async () => {
    settings = { ...settings, scopes: 'openid' };
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = { iss: origin, aud: 'cli', sub: 'a', iat: nowSeconds, exp: nowSeconds + 60, nonce: 'of another' };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    reply = () => ({ body: { ...granted, id_token: `${part({ alg: 'RS256' })}.${part(claims)}.c2ln` } });
    await assert.rejects(comeBack(right()), { name: 'ClientFailure' });
    reply = () => ({ body: granted });
    await assert.rejects(comeBack(right()), { name: 'ClientFailure' });
  });

  it('do not follow it elsewhere', async () => {
    let visited = false;
    const elsewhere = createServer((_request, response) => {
      visited = true;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    reply = () => ({ status: 307, headers: { location }, body: {} });
    await assert.rejects(comeBack(right()), { name: 'ClientFailure' });
    elsewhere.close();
    assert.equal(visited, false);
  });

  it('take no answer from it that would fill their memory', async () => {
    reply = () => ({ body: { ...granted, padding: 'x'.repeat(1_100_000) } });
    await assert.rejects(comeBack(right()), /answers too much/);
  });

  it('open no page that is none, and use no endpoint in plain text', async () => {
    for (const changes of [
      { issuer: 'https://other.example' },
      { authorization_endpoint: 'javascript:alert(1)' },
      { authorization_endpoint: 'http://other.example/auth' },
      { token_endpoint: undefined },
    ]) {
      const before = metadata;
      metadata = { ...metadata, ...changes };
      await assert.rejects(openIssuer(settings, http), { name: 'ClientFailure' }, JSON.stringify(changes));
      metadata = before;
    }
    metadata = { ...metadata, token_endpoint: 'http://other.example/token' };
    await assert.rejects(comeBack(right()), /must be https/);
    for (const uri of ['file:///etc/passwd', 'http://other.example/']) {
      device['verification_uri'] = uri;
      const issuer = await openIssuer(settings, http);
      await assert.rejects(
        signInByDevice(issuer, settings, () => Promise.reject(new Error('shown'))),
        /the page to sign in/,
      );
    }
  });

  it('are shown a code that cannot command their terminal', async () => {
    Object.assign(device, { verification_uri: 'https://i.example/d', user_code: 'AB\u001b[31mCD' });
    let shown: string | undefined;
    const show = (page: { code: string | undefined }) => {
      shown = page.code;
      return Promise.resolve();
    };
    await signInByDevice(await openIssuer(settings, http), settings, show);
    assert.equal(shown, 'AB\ufffd[31mCD');
    device['user_code'] = 'c';
  });

  it('show that who asks for the tokens of a device code is who asked for the code', async () => {
    reply = () => ({ body: { access_token: 'a', token_type: 'bearer' } });
    await signInByDevice(await openIssuer(settings, http), settings, () => Promise.resolve());
    const verifier = forms[0]?.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    assert.deepEqual([requested.get('code_challenge'), requested.get('code_challenge_method')], [challenge, 'S256']);
  });

  describe('whose login is renewed', () => {
    let home: string;
    let paths: ProfilePaths;
    const over: Reply = { status: 400, body: { error: 'invalid_grant' } };
    const old = (): Session => ({
      ...{ issuer: origin, clientId: 'cli', accessToken: 'old-access', refreshToken: 'old-refresh' },
      ...{ obtainedAtMs: Date.now() - 3_600_000, accessExpiresAtMs: Date.now() - 1 },
    });

    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), 'sallyport-client-'));
      paths = pathsOf({ home, platform: 'linux', env: {} }, 'default');
      await writeSession(paths, old());
    });
    afterEach(() => rm(home, { recursive: true }));

    it('do so once, however many ask at a time', async () => {
      const tokens = await Promise.all(Array.from({ length: 6 }, () => validToken(paths, settings, http)));
      assert.deepEqual(new Set(tokens.map(({ token }) => token)), new Set(['new-access']));
      assert.deepEqual(
        forms.map((form) => form.get('refresh_token')),
        ['old-refresh'],
      );
      assert.equal((await readSession(paths, settings))?.refreshToken, 'new-refresh');
    });

    it('keep a refresh token that the issuer does not rotate', async () => {
      reply = () => ({ body: { ...granted, refresh_token: undefined } });
      await validToken(paths, settings, http);
      assert.equal((await readSession(paths, settings))?.refreshToken, 'old-refresh');
    });

    it('read again what another machine has written when they lose a race', async () => {
      reply = async () => {
        await writeSession(paths, { ...old(), accessToken: 'of-the-winner', accessExpiresAtMs: Date.now() + 600_000 });
        return over;
      };
      assert.equal((await validToken(paths, settings, http)).token, 'of-the-winner');
    });

    it('are told when it is over', async () => {
      reply = () => over;
      await assert.rejects(validToken(paths, settings, http), {
        message: 'the login has ended',
        remedy: 'log in: sallyport login',
      });
    });

    it('are shown no token of another issuer or client', async () => {
      for (const changed of [{ issuer: 'https://i.example' }, { clientId: 'other' }]) {
        await assert.rejects(validToken(paths, { ...settings, ...changed }, http), { message: 'nobody is logged in' });
      }
      assert.equal(forms.length, 0);
    });

    it('forget it here even where the issuer does not answer', async () => {
      reply = () => ({ status: 500, body: {} });
      assert.equal((await logOut(paths, settings, http))?.revoked, false);
      assert.equal(await readSession(paths, settings), undefined);
    });

    it('see no token in an error', async () => {
      for (const body of [
        { error: 'server_error', error_description: 'no' },
        'old-refresh is wrong',
        { access_token: 5 },
      ]) {
        reply = () => ({ status: 500, body });
        await assert.rejects(validToken(paths, settings, http), (error: Error) => {
          assert.equal(error.message.includes('old-refresh'), false);
          return true;
        });
      }
    });
  });
});
