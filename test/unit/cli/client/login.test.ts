/** `sallyport login` a second time, at an issuer (and a gateway) that does what a test wants, with the person as a script. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { request } from 'undici';
import { runCommand } from '../../../support/client/run-command.ts';

const WHOAMI = {
  ...{ subject: 'alice', issuer: 'i', issuerName: 'test', groups: [], expiresAt: '2030-01-01T00:00:00Z', role: 'r' },
  ...{ roles: ['r'], buckets: [], policyVersion: 'v' },
};

class Issuer {
  readonly clientIds: string[] = [];
  /** Refresh tokens that were revoked, in order, and with what was stored at that moment. */
  readonly revoked: { readonly token: string; readonly stored: string }[] = [];
  readonly refreshed: string[] = [];
  readonly live = new Set<string>();
  logins = 0;
  revocation: 'one' | 'all' | 'fails' | 'hangs up' | 'none' = 'one';
  refreshToken = (): string => `refresh-${this.logins}`;
  sessionId: string | undefined;
  stored = (): Promise<string> => Promise.resolve('');
  readonly #server: Server = createServer((incoming, response) => {
    void (async () => {
      const form = new URLSearchParams(await text(incoming));
      if (incoming.url === '/revoke' && this.revocation === 'hangs up') {
        response.destroy();
        return;
      }
      const [status, body] = await this.#answer(incoming.url ?? '', form);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    })();
  });

  async start(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(url: string, form: URLSearchParams): Promise<[number, unknown]> {
    if (url === '/-/whoami') return [200, WHOAMI];
    if (url === '/.well-known/openid-configuration') return [200, this.#metadata()];
    if (url === '/revoke') return this.#revoke(form.get('token') ?? '');
    if (form.get('grant_type') === 'refresh_token') return this.#refresh(form.get('refresh_token') ?? '');
    this.logins += 1;
    return [200, this.#grant(`access-${this.logins}`, this.refreshToken(), form.get('client_id') ?? '')];
  }

  #metadata(): object {
    const { origin } = this;
    return {
      ...{ issuer: origin, authorization_endpoint: `${origin}/auth`, token_endpoint: `${origin}/token` },
      ...(this.revocation === 'none' ? {} : { revocation_endpoint: `${origin}/revoke` }),
    };
  }

  #grant(accessToken: string, refreshToken: string, clientId: string): object {
    this.live.add(refreshToken);
    const common = { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer', expires_in: 600 };
    if (this.sessionId === undefined) return common;
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = { iss: this.origin, aud: clientId, sub: 'alice', iat: nowSeconds, exp: nowSeconds + 600 };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return { ...common, id_token: `${part({ alg: 'RS256' })}.${part({ ...claims, sid: this.sessionId })}.c2ln` };
  }

  async #revoke(token: string): Promise<[number, unknown]> {
    this.revoked.push({ token, stored: await this.stored() });
    if (this.revocation === 'fails') return [503, { error: 'temporarily_unavailable' }];
    if (this.revocation === 'all') this.live.clear();
    this.live.delete(token);
    return [200, {}];
  }

  #refresh(token: string): [number, unknown] {
    this.refreshed.push(token);
    if (!this.live.delete(token)) return [400, { error: 'invalid_grant' }];
    return [200, this.#grant(`renewed-of-${token}`, `${token}+`, 'cli')];
  }
}

describe('sallyport login, where the issuer cannot be reached', () => {
  const logInAt = (issuer: string) =>
    runCommand(['login', '--gateway', 'https://g.example', '--issuer', issuer, '--client-id', 'c']);

  it('says in one line what a person can do about it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-login-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    await promisify(execFile)('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', cert]);
    const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const strange = await logInAt(`https://localhost:${port}`);
    server.close();
    await rm(folder, { recursive: true });
    assert.equal(strange.code, 1);
    assert.match(
      strange.stderr,
      /^sallyport: the issuer https:\/\/localhost:\d+ could not be discovered: .*--ca-file.*\n$/,
    );
    const nobody = await logInAt(`https://localhost:${port}`);
    assert.match(nobody.stderr, /^sallyport: .*ECONNREFUSED.*check the port.*\n$/);
  });
});

describe('sallyport login, where somebody is logged in already', () => {
  let home: string;
  let issuer: Issuer;
  const more: Issuer[] = [];
  const sessionFile = () => join(home, '.config', 'sallyport', 'default.session.json');
  const session = async () => JSON.parse(await readFile(sessionFile(), 'utf8')) as Record<string, string>;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sallyport-login-'));
    issuer = await new Issuer().start();
    issuer.stored = () => readFile(sessionFile(), 'utf8');
  });
  afterEach(async () => {
    for (const each of [issuer, ...more.splice(0)]) each.stop();
    await rm(home, { recursive: true });
  });

  /** Logs in; where the person is shown an address, the browser comes back from there at once. */
  const logIn = async (...flags: readonly string[]) => {
    let said = '';
    const stderr = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        said += chunk.toString();
        const [, shown] = /Sign in at\s+(\S+)\s/.exec(chunk.toString()) ?? [];
        if (shown !== undefined) {
          const { searchParams } = new URL(shown);
          const back = new URL(searchParams.get('redirect_uri') ?? '');
          back.search = new URLSearchParams({ state: searchParams.get('state') ?? '', code: 'c' }).toString();
          void request(back).then(({ body }) => body.dump());
        }
        done();
      },
    });
    const args = ['--gateway', issuer.origin, '--issuer', issuer.origin, '--client-id', 'cli', '--scopes', 'groups'];
    const ran = await runCommand(['login', '--browser', '--no-open', ...args, ...flags], { home, stderr });
    return { ...ran, stderr: said };
  };
  const succeed = async (...flags: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await logIn(...flags);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /you are +alice/);
    return stderr;
  };

  it('ends the login before it, at its issuer, once the new one is stored', async () => {
    await succeed();
    assert.deepEqual(issuer.revoked, []);
    assert.doesNotMatch(await succeed(), /before/);
    assert.deepEqual(
      issuer.revoked.map(({ token }) => token),
      ['refresh-1'],
    );
    assert.match(issuer.revoked.map(({ stored }) => stored).join(), /refresh-2/);
    assert.deepEqual([...issuer.live], ['refresh-2+']);
    assert.equal((await session())['refreshToken'], 'refresh-2+');
  });

  for (const [revocation, why] of [
    ['fails', /temporarily_unavailable|503/],
    ['hangs up', /UND_ERR_SOCKET|other side closed/],
    ['none', /no revocation endpoint/],
  ] as const) {
    it(`warns and goes on where that cannot be done: ${revocation}`, async () => {
      await succeed();
      issuer.revocation = revocation;
      const said = await succeed();
      assert.match(said, /^The previous login could not be revoked at its issuer: .+\.$/m);
      assert.match(said, why);
      assert.doesNotMatch(said, /refresh-1/);
      assert.equal((await session())['refreshToken'], 'refresh-2');
    });
  }

  it('signs in once more, and once only, where the issuer ends both at a time', async () => {
    await succeed();
    issuer.revocation = 'all';
    assert.match(await succeed(), /ended this login together with the one before it. Once more/);
    assert.equal(issuer.logins, 3);
    assert.deepEqual(
      issuer.revoked.map(({ token }) => token),
      ['refresh-1'],
    );
    assert.deepEqual([...issuer.live], ['refresh-3']);
  });

  it('revokes nothing where it is the same login: by its refresh token, or by its session', async () => {
    issuer.refreshToken = () => 'always-the-same';
    await succeed();
    await succeed();
    issuer.refreshToken = () => `refresh-${issuer.logins}`;
    issuer.sessionId = 'one-session';
    await succeed();
    assert.deepEqual(
      issuer.revoked.splice(0).map(({ token }) => token),
      ['always-the-same'],
    );
    await succeed();
    assert.deepEqual(issuer.revoked, []);
    issuer.sessionId = 'another-session';
    await succeed();
    assert.equal(issuer.revoked.length, 1);
  });

  it('ends it at the issuer that gave it, and shows its token to no other', async () => {
    await succeed();
    const other = await new Issuer().start();
    more.push(other);
    await succeed('--issuer', other.origin, '--gateway', other.origin);
    assert.deepEqual(
      [issuer.revoked.map(({ token }) => token), other.revoked, other.refreshed],
      [['refresh-1'], [], ['refresh-1']],
    );
  });

  it('is not stopped by what is damaged, or was open to others', async () => {
    await succeed();
    await writeFile(sessionFile(), '{');
    await succeed();
    await chmod(sessionFile(), 0o644);
    await succeed();
    assert.deepEqual(issuer.revoked, []);
  });

  it('is ended as it is last: a command that renewed it meanwhile is heard', async () => {
    await succeed();
    await writeFile(sessionFile(), JSON.stringify({ ...(await session()), accessExpiresAtMs: 1 }));
    assert.equal((await runCommand(['token'], { home })).code, 0);
    await succeed();
    assert.deepEqual(
      issuer.revoked.map(({ token }) => token),
      ['refresh-1+'],
    );
  });
});
