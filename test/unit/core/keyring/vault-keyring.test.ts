import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVaultKeyring, type VaultKeyringOptions } from '../../../../src/core/keyring/vault-keyring.ts';
import type { RemoteKeyring } from '../../../../src/core/keyring/remote-keyring.ts';
import { VaultDouble, WRONG_CONTEXT } from '../../../support/core/vault-double.ts';
import {
  FAULTS,
  HERE,
  ELSEWHERE,
  integrity,
  itIsAKeyring,
  MovedClock,
  observer,
  reported,
  unavailable,
} from './fixture.ts';

describe('the keyring of Vault', () => {
  let directory: string;
  let vault: VaultDouble;
  let clock: MovedClock;
  let token: string;
  let keyring: RemoteKeyring;
  const opened: RemoteKeyring[] = [];

  const open = (more: Partial<VaultKeyringOptions> = {}): RemoteKeyring => {
    const made = createVaultKeyring({
      ...{ id: 'vault', address: vault.address, mount: 'transit', key: 'sallyport', timeoutMs: 400, clock, observer },
      auth: { method: 'token', tokenFile: join(directory, 'token') },
      ...more,
    });
    opened.push(made);
    return made;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-vault-'));
    clock = new MovedClock();
    vault = await new VaultDouble(clock.now).start();
    vault.createKey('sallyport');
    token = vault.createToken();
    await writeFile(join(directory, 'token'), `${token}\n`);
    keyring = open();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ close }) => close()));
    await vault.stop();
    await rm(directory, { recursive: true });
  });

  itIsAKeyring(() => keyring);

  it('keeps what Vault gave behind its prefix, and the version beside it', async () => {
    vault.keys.get('sallyport')?.versions.push(randomBytes(32));
    const { keyringId, kekVersion, wrapped } = await keyring.newDataKey(HERE);
    assert.deepEqual([keyringId, kekVersion, wrapped.length], ['vault', 2, 12 + 32 + 16]);
  });

  it('reads older versions after a rotation, and says the new one within a minute', async () => {
    const old = await keyring.newDataKey(HERE);
    assert.equal((await keyring.current()).kekVersion, 1);
    vault.keys.get('sallyport')?.versions.push(randomBytes(32));
    assert.ok((await keyring.unwrap(old, HERE)).equals(old.dataKey));
    clock.aheadMs += 61_000;
    assert.equal((await keyring.current()).kekVersion, 2);
    assert.equal((await keyring.wrap(old.dataKey, HERE)).kekVersion, 2);
  });

  it('asks Vault once for each key, and little beside it', async () => {
    for (let count = 0; count < 5; count += 1) await keyring.newDataKey(HERE);
    await keyring.current();
    assert.equal(vault.count(/datakey/), 5);
    assert.equal(vault.calls.length, 7);
  });

  it('calls a version that policy has retired unavailable, not lost', async () => {
    const key = vault.keys.get('sallyport');
    assert.ok(key !== undefined);
    const old = await keyring.newDataKey(HERE);
    key.versions.push(randomBytes(32));
    key.minDecryptionVersion = 2;
    await assert.rejects(keyring.unwrap(old, HERE), unavailable);
  });

  for (const [status, words] of WRONG_CONTEXT) {
    it(`knows a wrong place by ${status} ${JSON.stringify(words)}`, async () => {
      vault.wrongContext = [status, words] as (typeof WRONG_CONTEXT)[number];
      const made = await keyring.newDataKey(HERE);
      await assert.rejects(keyring.unwrap(made, ELSEWHERE), integrity);
    });
  }

  it('wraps and unwraps nothing by a key that would ignore the place', async () => {
    vault.createKey('sallyport', { derived: false });
    const made = { keyringId: 'vault', kekVersion: 1, wrapped: randomBytes(60) };
    await assert.rejects(keyring.newDataKey(HERE), unavailable);
    await assert.rejects(keyring.wrap(createSecretKey(randomBytes(32)), HERE), unavailable);
    await assert.rejects(keyring.unwrap(made, HERE), unavailable);
    await assert.rejects(keyring.current(), unavailable);
    assert.equal(vault.count(/datakey|encrypt|decrypt/), 0);
    assert.match(keyring.health().detail ?? '', /not derived/);
  });

  it('takes no key that is weaker than the data keys, or asymmetric', async () => {
    for (const type of ['aes128-gcm96', 'rsa-4096', 'ecdsa-p256', 'hmac']) {
      vault.createKey('sallyport', { type });
      await assert.rejects(keyring.newDataKey(HERE), unavailable);
    }
    vault.createKey('sallyport');
    assert.ok(await keyring.newDataKey(HERE));
  });

  it('refuses a wrapped key that is not 32 bytes long', async () => {
    const context = HERE.toString('base64');
    const made = await keyring.newDataKey(HERE);
    for (const length of [0, 16, 31, 33, 64]) {
      vault.fault = (request, response) => {
        if (request.url?.includes('decrypt') !== true) return false;
        response.end(JSON.stringify({ data: { plaintext: Buffer.alloc(length).toString('base64') } }));
        return true;
      };
      await assert.rejects(keyring.unwrap(made, HERE), integrity, context);
    }
  });

  for (const [why, data] of Object.entries({
    'without a plaintext': { ciphertext: `vault:v1:${'A'.repeat(80)}` },
    'with a short plaintext': { ciphertext: `vault:v1:${'A'.repeat(80)}`, plaintext: 'AAAA' },
    'with a plaintext that is no base64': {
      ciphertext: `vault:v1:${'A'.repeat(80)}`,
      plaintext: `${'A'.repeat(42)}!=`,
    },
    'without a prefix': { ciphertext: 'A'.repeat(80), plaintext: Buffer.alloc(32).toString('base64') },
    'of version 0': { ciphertext: `vault:v0:${'A'.repeat(80)}`, plaintext: Buffer.alloc(32).toString('base64') },
    'of a huge version': {
      ciphertext: `vault:v9999999999:${'A'.repeat(80)}`,
      plaintext: Buffer.alloc(32).toString('base64'),
    },
    'of two versions': {
      ciphertext: `vault:v1:${'A'.repeat(80)}`,
      key_version: 2,
      plaintext: Buffer.alloc(32).toString('base64'),
    },
    'with a ciphertext too long for an envelope': {
      ciphertext: `vault:v1:${'A'.repeat(400)}`,
      plaintext: Buffer.alloc(32).toString('base64'),
    },
  })) {
    it(`writes nothing under a data key ${why}`, async () => {
      vault.fault = (request, response) => {
        if (request.url?.includes('datakey') !== true) return false;
        response.end(JSON.stringify({ data }));
        return true;
      };
      await assert.rejects(keyring.newDataKey(HERE), unavailable);
    });
  }

  for (const [fault, make] of Object.entries(FAULTS)) {
    it(`is unavailable, soon, where Vault ${fault}; and works again after`, async () => {
      const made = await keyring.newDataKey(HERE);
      vault.fault = (_, response) => {
        make(response);
        return true;
      };
      const startedMs = Date.now();
      const wanted = [keyring.newDataKey(HERE), keyring.wrap(made.dataKey, HERE), keyring.unwrap(made, HERE)];
      for (const { status, reason } of (await Promise.allSettled(wanted)) as PromiseRejectedResult[]) {
        assert.equal(status, 'rejected');
        assert.equal((reason as { code?: unknown }).code, 'ServiceUnavailable');
      }
      assert.ok(Date.now() - startedMs < 2000);
      vault.fault = () => false;
      assert.ok((await keyring.unwrap(made, HERE)).equals(made.dataKey));
    });
  }

  it('is unavailable while Vault is sealed, and says so to the operator', async () => {
    const made = await keyring.newDataKey(HERE);
    vault.sealed = true;
    await assert.rejects(keyring.unwrap(made, HERE), /ServiceUnavailable.*503 \(sealed/);
    assert.deepEqual([keyring.health().state, keyring.health().detail], ['degraded', 'answers 503']);
    vault.sealed = false;
    assert.ok(await keyring.unwrap(made, HERE));
    assert.equal(keyring.health().state, 'ok');
  });

  for (const status of [404, 405, 412, 429, 472, 473, 501, 502, 503]) {
    it(`never takes ${status} for a lost key`, async () => {
      const made = await keyring.newDataKey(HERE);
      vault.fault = (_, response) => {
        response.writeHead(status).end('{"errors":[]}');
        return true;
      };
      await assert.rejects(keyring.unwrap(made, HERE), unavailable);
    });
  }

  it('bears a connection that closes just as it is used again', async () => {
    const made = await keyring.newDataKey(HERE);
    let broken = 0;
    vault.fault = (_, response) => {
      broken += 1;
      if (broken > 1) return false;
      response.destroy();
      return true;
    };
    assert.ok((await keyring.unwrap(made, HERE)).equals(made.dataKey));
  });

  it('is unavailable where nothing listens', async () => {
    const nowhere = open({ address: 'http://127.0.0.1:9' });
    await assert.rejects(nowhere.newDataKey(HERE), unavailable);
  });

  it('asks within its namespace', async () => {
    vault.namespace = 'team/storage';
    await assert.rejects(keyring.newDataKey(HERE), unavailable);
    assert.ok(await open({ namespace: 'team/storage' }).newDataKey(HERE));
  });

  it('needs no more permissions than its policy gives', async () => {
    vault.permitted = /^transit\/(?:keys|datakey\/plaintext|encrypt|decrypt)\/sallyport$/;
    const made = await keyring.newDataKey(HERE);
    assert.ok(await keyring.unwrap(await keyring.wrap(made.dataKey, ELSEWHERE), ELSEWHERE));
    vault.permitted = /^transit\/keys\//;
    await assert.rejects(keyring.unwrap(made, HERE), unavailable);
    assert.deepEqual([keyring.health().state, keyring.health().detail], ['degraded', 'answers 403']);
  });

  it('tells no token, key or words of Vault in an error', async () => {
    const made = await keyring.newDataKey(HERE);
    const secrets = [
      token,
      made.dataKey.export().toString('base64'),
      made.dataKey.export().toString('hex'),
      'words of Vault',
    ];
    for (const make of Object.values(FAULTS)) {
      vault.fault = (_, response) => {
        make(response);
        return true;
      };
      await assert.rejects(keyring.wrap(made.dataKey, HERE), (error) => {
        assert.ok(secrets.every((secret) => !reported(error).includes(secret)));
        return true;
      });
    }
    vault.fault = (request, response) => {
      response.writeHead(400);
      request.pipe(response);
      return true;
    };
    await assert.rejects(keyring.wrap(made.dataKey, HERE), (error) => {
      assert.ok(secrets.every((secret) => !reported(error).includes(secret)));
      return true;
    });
    vault.fault = (_, response) => {
      response.writeHead(400).end(JSON.stringify({ errors: [`words of Vault ${token}`] }));
      return true;
    };
    await assert.rejects(keyring.unwrap(made, HERE), (error) => {
      assert.ok(secrets.every((secret) => !reported(error).includes(secret)));
      return true;
    });
  });
});
