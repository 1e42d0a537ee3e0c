/**
 * People, from nothing to the first object: real commands in a home of their own, the real identity provider, HAProxy, and
 * the tools that people have. Only the browser is a script. The first steps, and what runs side by side, are processes.
 */
import assert from 'node:assert/strict';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Finding } from '../../src/client/finding.ts';
import type { CanI, Whoami } from '../../src/client/gateway.ts';
import { atLeast, findProgram, attributesOf } from '../conformance/run/runner.ts';
import { needsProgram, triedWhere } from '../support/needs.ts';
import { startPersonMachine, type Commands, type PersonMachine } from '../support/client/person-machine.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

const JS_SDK = fileURLToPath(new URL('../support/client/profile-alone.ts', import.meta.url));
const CLI_VERSION = /aws-cli\/([\d.]+)/;

describe('people with a browser and AWS tools', function () {
  this.timeout(120_000);
  let stack: Stack;
  let machine: PersonMachine;
  let commands: Commands;
  let flags: readonly string[];
  let gateway: string;

  before(async () => {
    stack = await startStack('embedded');
    // By address, so that SDKs put the bucket into the path.
    gateway = stack.frontUrl.replace('localhost', '127.0.0.1');
    flags = ['--gateway', gateway, '--issuer', stack.issuer, '--client-id', 'sallyport-cli'];
    flags = [...flags, '--scopes', 'openid groups offline_access', '--ca-file', stack.caFile];
  });
  after(() => stack.stop());
  beforeEach(async () => {
    machine = await startPersonMachine();
    commands = machine;
  });
  afterEach(() => machine.stop());

  const person = (name: string) => ({ name, password: stack.password(name) });
  const sessionFile = () => join(machine.home, '.config', 'sallyport', 'default.session.json');
  const session = async () => JSON.parse(await readFile(sessionFile(), 'utf8')) as Record<string, string>;
  const change = async (changes: Record<string, unknown>) => {
    await writeFile(sessionFile(), JSON.stringify({ ...(await session()), ...changes }));
  };
  const expire = () => change({ accessExpiresAtMs: Date.now() - 1000 });
  const logIn = async (...more: readonly string[]) => {
    const ran = await commands.logIn(person('alice'), ...flags, ...more);
    assert.equal(ran.code, 0, ran.stderr);
    return ran;
  };
  const succeed = async (...parameters: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await commands.sallyport(...parameters);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const fail = async (...parameters: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await commands.sallyport(...parameters);
    assert.deepEqual([code, stdout], [1, '']);
    return stderr;
  };
  /** By commands within this process from here on. */
  const areLoggedIn = () => {
    commands = machine.within;
    return logIn('--browser');
  };
  const refreshBy = async (refreshToken: string): Promise<string | undefined> => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'sallyport-cli' });
    body.set('refresh_token', refreshToken);
    const answer = await fetch(`${stack.issuer}/token`, { method: 'POST', body });
    return ((await answer.json()) as { error?: string }).error;
  };

  it('come from nothing to the first object in less than a minute: browser, profile, JS SDK', async () => {
    const startedMs = Date.now();
    const { stdout, page } = await logIn('--browser');
    assert.match(stdout, /you are +alice, by demo/);
    assert.match(stdout, /reports +allow .* on 2026\/\*/);
    assert.match(page.text, /Signed in/);
    await succeed('configure');
    const env = { AWS_PROFILE: 'sallyport', NODE_EXTRA_CA_CERTS: stack.caFile };
    const sdk = await machine.run(process.execPath, [JS_SDK], env);
    assert.equal(sdk.code, 0, sdk.stderr);
    assert.deepEqual(JSON.parse(sdk.stdout), { listed: ['2026/by-profile.txt'], got: 'by profile alone' });
    assert.ok(Date.now() - startedMs < 60_000);
  });

  describe('with a current AWS CLI, by profile alone', () => {
    it('list, put and get after a sign-in on another device', async function () {
      const found = await findProgram(
        attributesOf('aws').map((path) => [path, '--version'] as const),
        CLI_VERSION,
        (version) => atLeast(version, version[0] === 1 ? [1, 37] : [2, 23]) || (version[0] ?? 0) > 2,
      );
      const present = typeof found !== 'string';
      triedWhere(this, present);
      const { stderr, page } = await logIn('--device');
      assert.match(stderr, /shows this code: \w{4}-\w{4}/);
      assert.match(page.text, /Go back to your device/);
      await succeed('configure');
      await writeFile(join(machine.home, 'q3.csv'), 'region,total\n');
      const aws = (...parameters: string[]) => machine.run(found.path, parameters, { AWS_PROFILE: 'sallyport' });
      const put = await aws('s3', 'cp', 'q3.csv', 's3://reports/2026/q3.csv');
      assert.equal(put.code, 0, put.stderr);
      assert.match((await aws('s3', 'ls', 's3://reports/2026/')).stdout, / 13 q3\.csv/);
      assert.equal((await aws('s3', 'cp', 's3://reports/2026/q3.csv', '-')).stdout, 'region,total\n');
      assert.match((await aws('s3', 'rm', 's3://reports/2026/q3.csv')).stderr, /AccessDenied/);
    });
  });

  describe('with the AWS CLI 2.9 of Debian, and --endpoint-url', () => {
    it('list, put and get', async function () {
      const found = await findProgram(
        attributesOf('aws').map((path) => [path, '--version'] as const),
        CLI_VERSION,
        ([major, minor]) => major === 2 && minor === 9,
      );
      needsProgram(this, 'the AWS CLI 2.9 of Debian', found);
      await logIn('--browser');
      await succeed('configure', '--role', 'analytics', '--aws-profile', 'narrow');
      await writeFile(join(machine.home, 'q4.csv'), 'region,total\n');
      const aws = (...parameters: string[]) =>
        machine.run(found.path, ['--endpoint-url', gateway, '--profile', 'narrow', ...parameters]);
      const put = await aws('s3', 'cp', 'q4.csv', 's3://reports/2026/q4.csv');
      assert.equal(put.code, 0, put.stderr);
      assert.match((await aws('s3', 'ls', 's3://reports/2026/')).stdout, / 13 q4\.csv/);
      assert.equal((await aws('s3', 'cp', 's3://reports/2026/q4.csv', '-')).stdout, 'region,total\n');
      const access = (await stack.audit()).findLast(({ operation }) => operation === 'GetObject');
      assert.deepEqual([access?.subject, access?.binding], ['alice', 'analytics']);
    });
  });

  describe('once logged in', () => {
    beforeEach(areLoggedIn);

    it('have their tokens in a file that nobody else can read, and in no output but that of `token`', async () => {
      assert.equal((await stat(sessionFile())).mode & 0o777, 0o600);
      const { accessToken, refreshToken, idToken } = await session();
      assert.equal(await succeed('token'), accessToken ?? '');
      const outputs = [await succeed('whoami'), await succeed('doctor', '--json'), await succeed('credentials')];
      outputs.push((await commands.sallyport('configure', '--shell', 'bash')).stdout);
      outputs.push(await readFile(join(machine.home, '.aws', 'config'), 'utf8'));
      outputs.push(...(await Promise.all(stack.logs().map((path) => readFile(path, 'utf8')))));
      for (const secret of [accessToken, refreshToken, idToken]) {
        assert.ok(secret !== undefined && secret.length > 20);
        for (const output of outputs) assert.equal(output.includes(secret), false);
      }
    });

    it('are refused their own tokens where others could have read them', async () => {
      await chmod(sessionFile(), 0o644);
      assert.match(await fail('token'), /others may read or write .*chmod 600/);
    });

    it('learn who the gateway takes them for, which is on record', async () => {
      const known = JSON.parse(await succeed('whoami', '--json')) as Whoami;
      assert.deepEqual([known.subject, known.issuer, known.roles], ['alice', stack.issuer, ['sallyport', 'analytics']]);
      const access = (await stack.audit()).findLast(({ operation }) => operation === 'WhoAmI');
      assert.deepEqual([access?.subject, access?.result, access?.rule], ['alice', 'completed', 'own-identity']);
    });

    it('ask before they try, and are told what a request is then told', async () => {
      const { code, stdout } = await commands.sallyport('can-i', 'GET', 's3://reports/2025/q3.csv', '--json');
      const known = JSON.parse(stdout) as CanI;
      assert.deepEqual([code, known.decision, known.rule], [3, 'deny', 'default-deny']);
      assert.match(
        await succeed('can-i', 'PUT', 's3://reports/2026/q3.csv'),
        /^yes: .*\nrule: analytics\/work-on-2026\n/,
      );
      const access = (await stack.audit()).findLast(({ operation }) => operation === 'CanI');
      assert.deepEqual([access?.subject, access?.rule], ['alice', 'analytics/work-on-2026']);
    });

    it('have their login renewed by rotation', async () => {
      const before = await session();
      await expire();
      const token = (await succeed('token')).trim();
      const after = await session();
      assert.notEqual(token, before['accessToken']);
      assert.equal(token, after['accessToken']);
      assert.notEqual(after['refreshToken'], before['refreshToken']);
      // The issuer ends the whole login when an old one comes back: proof that it was rotated.
      assert.equal(await refreshBy(before['refreshToken']!), 'invalid_grant');
      await expire();
      assert.match(await fail('token'), /the login has ended; log in: sallyport login/);
    });

    it('may run many tools at once: one of them renews the login, and all get credentials', async () => {
      await expire();
      const ran = await Promise.all(Array.from({ length: 5 }, () => machine.sallyport('credentials')));
      for (const { code, stdout, stderr } of ran) {
        assert.equal(code, 0, stderr);
        const { Version, AccessKeyId, Expiration, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
        assert.deepEqual([Version, Object.keys(rest)], [1, ['SecretAccessKey', 'SessionToken']]);
        assert.match(String(AccessKeyId), /^SPLY/);
        assert.ok(Date.parse(String(Expiration)) > Date.now());
      }
      // Had two of them used the same refresh token, nothing could be renewed any more.
      await expire();
      await succeed('token');
    });

    it('keep a token that is still good when the issuer is away, and are told of one that is not', async () => {
      await change({ accessExpiresAtMs: Date.now() + 30_000, obtainedAtMs: Date.now() - 3_600_000 });
      await stack.identityProvider.stop();
      try {
        await succeed('token');
        await expire();
        assert.match(await fail('token'), /the issuer .* could not be discovered: .*ECONNREFUSED/);
      } finally {
        await stack.identityProvider.start();
      }
      await succeed('token');
    });

    it('are logged out here and at the issuer', async () => {
      const { refreshToken } = await session();
      assert.match(await succeed('logout'), /here and at the issuer/);
      await assert.rejects(stat(sessionFile()), { code: 'ENOENT' });
      assert.equal(await refreshBy(refreshToken!), 'invalid_grant');
      assert.match(await succeed('logout'), /Nobody was logged in/);
      assert.match(await fail('credentials'), /nobody is logged in; log in: sallyport login/);
    });

    it('send their tokens to no issuer but the one that gave them', async () => {
      await change({ issuer: 'https://other.example' });
      assert.match(await fail('token'), /nobody is logged in/);
    });
  });

  describe('who ask the doctor', () => {
    const diagnose = async () => {
      const { code, stdout } = await commands.sallyport('doctor', '--json');
      const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: readonly Finding[] };
      assert.equal(code, ok ? 0 : 1);
      return new Map(findings.map((finding) => [finding.check, finding]));
    };
    const states = (findings: ReadonlyMap<string, Finding>) => [...findings.values()].map(({ state }) => state);

    beforeEach(areLoggedIn);

    it('hear that all is well when it is', async () => {
      await succeed('configure');
      const findings = await diagnose();
      assert.deepEqual(new Set(states(findings)), new Set(['ok']), JSON.stringify([...findings.values()]));
      assert.match(findings.get('signature')?.found ?? '', /taken for alice/);
    });

    it('hear that a token is for somebody else, and for whom', async () => {
      await change({ accessToken: await stack.forge({ sub: 'alice', aud: 'urn:another:api' }) });
      const findings = await diagnose();
      const { state, found, remedy } = findings.get('audience')!;
      assert.equal(state, 'wrong');
      assert.match(found, /for urn:another:api/);
      assert.match(remedy ?? '', /--audience/);
      assert.equal(findings.get('signature')?.state, 'skipped');
    });

    it('hear that a certificate is not trusted, and how to trust it', async () => {
      const path = join(machine.home, '.config', 'sallyport', 'default.settings.json');
      const { caFile, ...settings } = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
      assert.equal(caFile, stack.caFile);
      await writeFile(path, JSON.stringify(settings));
      const { state, remedy } = (await diagnose()).get('way to the gateway')!;
      assert.deepEqual([state, /--ca-file/.test(remedy ?? '')], ['wrong', true]);
    });

    it('hear that the gateway is none', async () => {
      const path = join(machine.home, '.config', 'sallyport', 'default.settings.json');
      const settings = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
      await writeFile(path, JSON.stringify({ ...settings, gateway: new URL(stack.issuer).origin }));
      const { state, found } = (await diagnose()).get('gateway')!;
      assert.equal(state, 'wrong');
      assert.match(found, /not like a gateway/);
    });

    it('hear that nobody is logged in', async () => {
      await rm(sessionFile());
      const findings = await diagnose();
      assert.deepEqual([findings.get('login')?.state, findings.get('credentials')?.state], ['wrong', 'skipped']);
    });
  });
});
