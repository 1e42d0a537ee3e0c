import assert from 'node:assert/strict';
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from '../../../../src/contracts/keyring.ts';
import { createCachingKeyring } from '../../../../src/core/keyring/caching-keyring.ts';
import { createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';

const here = randomBytes(32);
const elsewhere = randomBytes(32);

function counting(): { keyring: Keyring; unwraps: () => number } {
  const local = createLocalKeyring({ current: 1, versions: new Map([[1, randomBytes(32)]]) });
  let unwraps = 0;
  const unwrap: Keyring['unwrap'] = (wrapped, context) => {
    unwraps += 1;
    return local.unwrap(wrapped, context);
  };
  return { keyring: { ...local, unwrap }, unwraps: () => unwraps };
}

describe('the cache of data keys', () => {
  it('asks the keyring once for a key that is used again', async () => {
    const { keyring, unwraps } = counting();
    const cached = createCachingKeyring(keyring, { maxKeys: 10, maxAgeSeconds: 60 });
    const key = await cached.newDataKey(here);
    const opened = [await cached.unwrap(key, here), await cached.unwrap(key, here)];
    assert.ok(opened.every((dataKey: KeyObject) => dataKey.equals(key.dataKey)));
    assert.equal(unwraps(), 1);
  });

  it('gives at once what it has', async () => {
    const cached = createCachingKeyring(counting().keyring, { maxKeys: 10, maxAgeSeconds: 60 });
    const key = await cached.newDataKey(here);
    assert.ok(cached.unwrap(key, here) instanceof Promise);
    await cached.unwrap(key, here);
    assert.ok(!(cached.unwrap(key, here) instanceof Promise));
  });

  it('never gives a cached key to another place, keyring, version or wrapping', async () => {
    const { keyring, unwraps } = counting();
    const cached = createCachingKeyring(keyring, { maxKeys: 10, maxAgeSeconds: 60 });
    const key = await cached.newDataKey(here);
    await cached.unwrap(key, here);
    const flipped = Buffer.from(key.wrapped);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    for (const [wrapped, context] of [
      [key, elsewhere],
      [{ ...key, wrapped: flipped }, here],
      [{ ...key, kekVersion: 2 }, here],
      [{ ...key, keyringId: 'vault' }, here],
    ] as const) {
      await assert.rejects(async () => cached.unwrap(wrapped, context), GatewayError);
    }
    assert.equal(unwraps(), 5);
  });

  it('keeps no more keys than it may, and no longer', async () => {
    const { keyring, unwraps } = counting();
    const cached = createCachingKeyring(keyring, { maxKeys: 1, maxAgeSeconds: 0.02 });
    const [a, b] = [await cached.newDataKey(here), await cached.newDataKey(here)];
    await cached.unwrap(a, here);
    await cached.unwrap(b, here);
    await cached.unwrap(a, here);
    assert.equal(unwraps(), 3);
    await sleep(60);
    await cached.unwrap(a, here);
    assert.equal(unwraps(), 4);
  });

  it('asks the keyring once for all who want a key at the same time', async () => {
    const { keyring, unwraps } = counting();
    const cached = createCachingKeyring(keyring, { maxKeys: 10, maxAgeSeconds: 60 });
    const key = await cached.newDataKey(here);
    const opened = await Promise.all(Array.from({ length: 20 }, async () => cached.unwrap(key, here)));
    assert.ok(opened.every((dataKey: KeyObject) => dataKey.equals(key.dataKey)));
    assert.equal(unwraps(), 1);
    await assert.rejects(Promise.all([cached.unwrap(key, elsewhere), cached.unwrap(key, elsewhere)]), GatewayError);
    assert.equal(unwraps(), 2);
  });

  it('goes on with what it holds while the keyring is down, and makes no new key then', async () => {
    const { keyring } = counting();
    const key = await keyring.newDataKey(here);
    let down = false;
    const unavailable = () => Promise.reject(new GatewayError('ServiceUnavailable'));
    const failing: Keyring = {
      ...keyring,
      newDataKey: (context) => (down ? unavailable() : keyring.newDataKey(context)),
      unwrap: (wrapped, context) => (down ? unavailable() : keyring.unwrap(wrapped, context)),
    };
    const cached = createCachingKeyring(failing, { maxKeys: 10, maxAgeSeconds: 60 });
    await cached.unwrap(key, here);
    down = true;
    assert.ok((await cached.unwrap(key, here)).equals(key.dataKey));
    await assert.rejects(async () => cached.newDataKey(here), { code: 'ServiceUnavailable' });
    await assert.rejects(async () => cached.unwrap(key, elsewhere), { code: 'ServiceUnavailable' });
  });

  it('does not keep failures', async () => {
    const dataKey = createSecretKey(randomBytes(32));
    let down = true;
    const keyring: Keyring = {
      newDataKey: () => Promise.reject(new Error('not used')),
      wrap: () => Promise.reject(new Error('not used')),
      current: () => Promise.reject(new Error('not used')),
      unwrap: () => (down ? Promise.reject(new GatewayError('ServiceUnavailable')) : Promise.resolve(dataKey)),
    };
    const cached = createCachingKeyring(keyring, { maxKeys: 10, maxAgeSeconds: 60 });
    const wrapped = { kekVersion: 1, wrapped: randomBytes(40) };
    await assert.rejects(async () => cached.unwrap(wrapped, here));
    down = false;
    assert.equal(await cached.unwrap(wrapped, here), dataKey);
  });
});
