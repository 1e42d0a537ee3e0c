import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJsonService, type JsonService } from '../../../../src/core/keyring/json-calls.ts';
import type { VaultAuth } from '../../../../src/contracts/keyring-settings.ts';
import { createVaultSession, type VaultSession } from '../../../../src/core/keyring/vault-session.ts';
import { JWT, ROLE_ID, SECRET_ID, VaultDouble } from '../../../support/core/vault-double.ts';
import { MovedClock, observer, reported, unavailable } from './fixture.ts';

const KEY = 'transit/keys/sallyport';

/** Waits for what timers do. */
async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 6000;
  while (!holds()) {
    assert.ok(Date.now() < endMs, 'it did not come to be');
    await sleep(20);
  }
}

describe('a session at Vault', () => {
  let directory: string;
  let vault: VaultDouble;
  let clock: MovedClock;
  let service: JsonService;
  let session: VaultSession;

  const file = (name: string): string => join(directory, name);
  const methods: Readonly<Record<string, () => VaultAuth>> = {
    approle: () => ({ method: 'approle', mount: 'approle', roleId: ROLE_ID, secretIdFile: file('secret-id') }),
    kubernetes: () => ({ method: 'kubernetes', mount: 'kubernetes', role: 'sallyport', jwtFile: file('jwt') }),
    jwt: () => ({ method: 'jwt', mount: 'jwt', role: 'sallyport', jwtFile: file('jwt') }),
    token: () => ({ method: 'token', tokenFile: file('token') }),
  };
  const start = (method: string): void => {
    session.close();
    const auth = methods[method]?.();
    assert.ok(auth !== undefined);
    session = createVaultSession({ api: { service }, auth, clock });
  };
  const status = async (): Promise<number> => (await session.call(KEY)).status;
  const logins = (): number => vault.count(/\/login$|lookup-self/);
  const renewals = (): number => vault.count(/renew-self/);
  const giveToken = async (options?: Parameters<VaultDouble['createToken']>[0]): Promise<string> => {
    const token = vault.createToken(options);
    await writeFile(file('token'), token);
    return token;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-vault-'));
    clock = new MovedClock();
    vault = await new VaultDouble(clock.now).start();
    vault.createKey('sallyport');
    await writeFile(file('secret-id'), `${SECRET_ID}\n`);
    await writeFile(file('jwt'), JWT);
    service = createJsonService({ service: 'vault', endpoint: vault.address, timeoutMs: 5000, clock, observer });
    session = createVaultSession({ api: { service }, auth: { method: 'token', tokenFile: file('token') }, clock });
    await giveToken();
  });

  afterEach(async () => {
    session.close();
    await service.close();
    await vault.stop();
    await rm(directory, { recursive: true });
  });

  for (const method of Object.keys(methods)) {
    it(`begins by ${method}`, async () => {
      start(method);
      assert.equal(await status(), 200);
    });

    it(`logs in once by ${method} for all who call at once`, async () => {
      start(method);
      assert.deepEqual([...new Set(await Promise.all(Array.from({ length: 40 }, status)))], [200]);
      assert.equal(logins(), 1);
    });

    it(`begins again by ${method} when its token was revoked`, async () => {
      start(method);
      await status();
      vault.tokens.clear();
      await giveToken();
      clock.aheadMs += 10_000;
      assert.deepEqual([...new Set(await Promise.all(Array.from({ length: 20 }, status)))], [200]);
      assert.equal(logins(), 2);
    });

    it(`begins again by ${method} before it uses a token that has ended`, async () => {
      start(method);
      await status();
      clock.aheadMs += vault.leaseSeconds * 1000;
      await giveToken();
      assert.equal(await status(), 200);
      assert.equal(new Set(vault.shownTokens).size, 2);
      assert.equal(vault.count(new RegExp(KEY)), 2);
    });

    it(`renews by ${method} ahead of the end, though nobody calls`, async () => {
      vault.leaseSeconds = 1;
      await giveToken();
      start(method);
      await status();
      await until(() => renewals() >= 2);
      assert.equal(await status(), 200);
      assert.equal(logins(), 1);
    });
  }

  it('logs in anew where a token cannot be renewed', async () => {
    vault.leaseSeconds = 1;
    vault.renewable = false;
    start('approle');
    await status();
    await until(() => logins() >= 2);
    assert.equal(renewals(), 0);
  });

  it('logs in anew where renewals give less and less, near the longest life of a token', async () => {
    vault.leaseSeconds = 2;
    vault.maxSeconds = 2;
    start('approle');
    await status();
    await until(() => logins() >= 2);
    assert.ok(renewals() >= 1);
  });

  it('takes a token that may not look at itself, and one that never ends', async () => {
    vault.permitted = /^transit\//;
    assert.equal(await status(), 200);
    vault.permitted = /./;
    await giveToken({ leaseSeconds: 0 });
    start('token');
    clock.aheadMs += 1e12;
    assert.equal(await status(), 200);
  });

  it('reads its secrets again at each login, for others renew them in place', async () => {
    start('kubernetes');
    await status();
    vault.jwt = `${JWT}renewed`;
    await writeFile(file('jwt'), vault.jwt);
    vault.tokens.clear();
    clock.aheadMs += 10_000;
    assert.equal(await status(), 200);
  });

  it('does not log in again and again where permission is what lacks', async () => {
    start('approle');
    vault.permitted = /nothing/;
    for (let count = 0; count < 10; count += 1) assert.equal(await status(), 403);
    assert.equal(logins(), 1);
  });

  it('does not storm Vault with logins that fail', async () => {
    vault.secretId = 'another';
    start('approle');
    for (let count = 0; count < 10; count += 1) await assert.rejects(status(), unavailable);
    assert.equal(logins(), 1);
    vault.secretId = SECRET_ID;
    clock.aheadMs += 1000;
    assert.equal(await status(), 200);
  });

  it('tells no secret when a login fails, whatever Vault repeats of it', async () => {
    vault.fault = (request, response) => {
      response.writeHead(400);
      request.pipe(response);
      return true;
    };
    for (const method of ['approle', 'kubernetes', 'jwt', 'token']) {
      start(method);
      await assert.rejects(status(), (error) => {
        assert.ok([SECRET_ID, JWT, ...vault.tokens.keys()].every((secret) => !reported(error).includes(secret)));
        assert.ok(!reported(error).includes(directory));
        return true;
      });
    }
  });

  it('refuses a login that gives no token of its shape', async () => {
    start('approle');
    for (const auth of [
      null,
      {},
      { client_token: 7 },
      { client_token: 'a b', lease_duration: 1 },
      { client_token: 'a', lease_duration: -1 },
    ]) {
      vault.fault = (_, response) => {
        response.end(JSON.stringify({ auth }));
        return true;
      };
      clock.aheadMs += 2000;
      await assert.rejects(status(), unavailable);
    }
  });

  it('is unavailable where a file is missing, empty, huge, or no line of text', async () => {
    start('kubernetes');
    for (const content of [undefined, '', 'a\nb', 'a b', '\u0000', 'x'.repeat(20_000)]) {
      await rm(file('jwt'), { force: true });
      if (content !== undefined) await writeFile(file('jwt'), content);
      clock.aheadMs += 2000;
      await assert.rejects(status(), unavailable);
    }
    assert.equal(vault.calls.length, 0);
  });

  it('shows its token to nobody else, though it is sent there', async () => {
    await status();
    vault.fault = (_, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
      return true;
    };
    assert.equal(await status(), 307);
  });
});
