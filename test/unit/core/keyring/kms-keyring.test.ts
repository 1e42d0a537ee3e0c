import assert from 'node:assert/strict';
import { createKmsKeyring, type KmsKeyringOptions } from '../../../../src/core/keyring/kms-keyring.ts';
import type { RemoteKeyring } from '../../../../src/core/keyring/remote-keyring.ts';
import { KMS_CREDENTIALS, KMS_REGION, KmsDouble } from '../../../support/core/kms-double.ts';
import {
  ELSEWHERE,
  FAULTS,
  HERE,
  integrity,
  itIsAKeyring,
  MovedClock,
  observer,
  reported,
  unavailable,
} from './fixture.ts';

describe('the keyring of AWS KMS', () => {
  let kms: KmsDouble;
  let clock: MovedClock;
  let first: string;
  let second: string;
  let keyring: RemoteKeyring;
  const opened: RemoteKeyring[] = [];

  const open = (more: Partial<KmsKeyringOptions> = {}): RemoteKeyring => {
    const made = createKmsKeyring({
      ...{ id: 'kms', endpoint: kms.endpoint, region: KMS_REGION, timeoutMs: 400, clock, observer },
      credentials: () => Promise.resolve(KMS_CREDENTIALS),
      current: 1,
      versions: new Map([
        [1, first],
        [2, second],
      ]),
      ...more,
    });
    opened.push(made);
    return made;
  };
  const faulty = (document: object): void => {
    kms.fault = (_, response) => {
      response.end(JSON.stringify(document));
      return true;
    };
  };

  beforeEach(async () => {
    clock = new MovedClock();
    kms = await new KmsDouble().start();
    first = kms.createKey();
    second = kms.createKey();
    keyring = open();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ close }) => close()));
    await kms.stop();
  });

  itIsAKeyring(() => keyring);

  it('hands the place over as EncryptionContext, and names the key in every call', async () => {
    const made = await keyring.newDataKey(HERE);
    await keyring.wrap(made.dataKey, HERE);
    await keyring.unwrap(made, HERE);
    assert.deepEqual(
      kms.calls.map(({ operation }) => operation),
      ['GenerateDataKey', 'Encrypt', 'Decrypt'],
    );
    for (const { body } of kms.calls) {
      assert.deepEqual(body['EncryptionContext'], { 'sallyport-context': HERE.toString('hex') });
      assert.equal(body['KeyId'], first);
    }
  });

  it('reads older versions after a rotation', async () => {
    const old = await keyring.newDataKey(HERE);
    const rotated = open({ current: 2 });
    assert.equal((await rotated.newDataKey(HERE)).kekVersion, 2);
    assert.ok((await rotated.unwrap(old, HERE)).equals(old.dataKey));
    assert.deepEqual(await rotated.current(), { keyringId: 'kms', kekVersion: 2 });
  });

  it('opens nothing by a version that did not wrap it', async () => {
    const made = await keyring.newDataKey(HERE);
    await assert.rejects(keyring.unwrap({ ...made, kekVersion: 2 }, HERE), unavailable);
  });

  for (const state of ['Disabled', 'PendingDeletion'] as const) {
    it(`is unavailable while its key is ${state}, and reads again when it is not`, async () => {
      const made = await keyring.newDataKey(HERE);
      const key = kms.keys.get(first);
      assert.ok(key !== undefined);
      key.state = state;
      await assert.rejects(keyring.newDataKey(HERE), unavailable);
      await assert.rejects(keyring.unwrap(made, HERE), unavailable);
      key.state = 'Enabled';
      assert.ok(await keyring.unwrap(made, HERE));
    });
  }

  it('asks for credentials at each call, so that new ones are used', async () => {
    let requested = 0;
    const renewing = open({
      credentials: () => {
        requested += 1;
        return Promise.resolve({
          ...KMS_CREDENTIALS,
          sessionToken: requested === 1 ? 'old' : KMS_CREDENTIALS.sessionToken,
        });
      },
    });
    await assert.rejects(renewing.newDataKey(HERE), unavailable);
    assert.ok(await renewing.newDataKey(HERE));
  });

  it('is unavailable without credentials, with wrong ones, with expired ones, and by a wrong clock', async () => {
    const wrong = { ...KMS_CREDENTIALS, secretAccessKey: 'another' };
    await assert.rejects(open({ credentials: () => Promise.resolve(wrong) }).newDataKey(HERE), unavailable);
    await assert.rejects(open({ credentials: () => Promise.reject(new Error('no')) }).newDataKey(HERE), unavailable);
    kms.expired = true;
    await assert.rejects(keyring.newDataKey(HERE), /ExpiredTokenException/);
    kms.expired = false;
    clock.aheadMs = 3_600_000;
    await assert.rejects(keyring.newDataKey(HERE), /InvalidSignatureException/);
  });

  for (const [fault, make] of Object.entries(FAULTS)) {
    it(`is unavailable, soon, where KMS ${fault}; and works again after`, async () => {
      const made = await keyring.newDataKey(HERE);
      kms.fault = (_, response) => {
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
      kms.fault = () => false;
      assert.ok((await keyring.unwrap(made, HERE)).equals(made.dataKey));
    });
  }

  for (const [type, status] of [
    ['ThrottlingException', 400],
    ['AccessDeniedException', 400],
    ['com.amazonaws.kms#NotFoundException', 400],
    ['KeyUnavailableException', 500],
    ['DependencyTimeoutException', 503],
    ['InvalidCiphertextException', 500],
    ['<script>', 400],
  ] as const) {
    it(`never takes ${status} ${type} for a lost key`, async () => {
      const made = await keyring.newDataKey(HERE);
      kms.fault = (_, response) => {
        response.writeHead(status).end(JSON.stringify({ __type: type, message: 'a secret' }));
        return true;
      };
      await assert.rejects(keyring.unwrap(made, HERE), (error) => {
        assert.equal((error as { code?: unknown }).code, 'ServiceUnavailable');
        assert.ok(!/a secret|script/.test(reported(error)));
        return true;
      });
    });
  }

  it('refuses data keys that are not 32 bytes long', async () => {
    const made = await keyring.newDataKey(HERE);
    for (const length of [0, 16, 31, 33, 64]) {
      const Plaintext = Buffer.alloc(length).toString('base64');
      faulty({ Plaintext, CiphertextBlob: Buffer.alloc(184).toString('base64') });
      await assert.rejects(keyring.newDataKey(HERE), unavailable);
      await assert.rejects(keyring.unwrap(made, HERE), integrity);
    }
  });

  it('writes nothing whose wrapped key would not fit into an envelope', async () => {
    const Plaintext = Buffer.alloc(32).toString('base64');
    for (const CiphertextBlob of [undefined, 'AAAA', 'A!', Buffer.alloc(257).toString('base64'), 7]) {
      faulty({ Plaintext, CiphertextBlob });
      await assert.rejects(keyring.newDataKey(HERE), unavailable);
    }
  });

  it('tells no credential or key in an error', async () => {
    const made = await keyring.newDataKey(HERE);
    const secrets = [...Object.values(KMS_CREDENTIALS), made.dataKey.export().toString('base64'), 'Signature='];
    kms.fault = (request, response) => {
      response.writeHead(400, { 'x-echo': String(request.headers.authorization) });
      request.pipe(response);
      return true;
    };
    for (const requested of [keyring.wrap(made.dataKey, ELSEWHERE), keyring.unwrap(made, ELSEWHERE)]) {
      await assert.rejects(requested, (error) => {
        assert.ok(secrets.every((secret) => !reported(error).includes(secret)));
        return true;
      });
    }
  });

  it('is not built without its current version', () => {
    assert.throws(() => open({ current: 3 }), /^Error: keyring: the current version 3/);
  });
});
