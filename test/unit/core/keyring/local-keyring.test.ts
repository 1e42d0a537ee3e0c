import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { kekFromSeed } from '../../../../src/core/keyring/kek.ts';
import { createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';

const CONTEXT = Buffer.alloc(32, 1);
const OLD = Buffer.alloc(32, 0x11);
const NEW = Buffer.alloc(48, 0x22);

describe('local keyring', () => {
  it('derives key-encryption keys as the reference does', () => {
    const path = new URL('../../../vectors/object-format/kek.json', import.meta.url);
    const keks = JSON.parse(readFileSync(path, 'utf8')) as { seed: string; version: number; kek: string }[];
    for (const { seed, version, kek } of keks) {
      assert.equal(kekFromSeed(Buffer.from(seed, 'hex'), version).export().toString('hex'), kek);
    }
  });

  it('unwraps what it wrapped', async () => {
    const keyring = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const made = await keyring.newDataKey(CONTEXT);
    assert.equal(made.kekVersion, 1);
    assert.equal(made.wrapped.length, 40);
    assert.equal(made.dataKey.symmetricKeySize, 32);
    assert.ok((await keyring.unwrap(made, CONTEXT)).equals(made.dataKey));
  });

  it('never gives the same data key twice', async () => {
    const keyring = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const [a, b] = [await keyring.newDataKey(CONTEXT), await keyring.newDataKey(CONTEXT)];
    assert.equal(a.dataKey.equals(b.dataKey), false);
  });

  it('wraps with the current version and keeps reading the older one', async () => {
    const before = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const after = createLocalKeyring({
      current: 2,
      versions: new Map([
        [1, OLD],
        [2, NEW],
      ]),
    });
    const old = await before.newDataKey(CONTEXT);
    assert.ok((await after.unwrap(old, CONTEXT)).equals(old.dataKey));
    assert.equal((await after.newDataKey(CONTEXT)).kekVersion, 2);
  });

  it('says which version wraps, and wraps a key that exists for another place by it', async () => {
    const before = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const after = createLocalKeyring({
      current: 2,
      versions: new Map([
        [1, OLD],
        [2, NEW],
      ]),
    });
    assert.deepEqual(await after.current(), { kekVersion: 2 });
    const old = await before.newDataKey(CONTEXT);
    const elsewhere = Buffer.alloc(32, 2);
    const moved = await after.wrap(old.dataKey, elsewhere);
    assert.equal(moved.kekVersion, 2);
    assert.equal(moved.keyringId, undefined);
    assert.ok((await after.unwrap(moved, elsewhere)).equals(old.dataKey));
    await assert.rejects(async () => after.unwrap(moved, CONTEXT), { code: 'IntegrityFailure' });
  });

  it('calls a key of another keyring unavailable, not lost', async () => {
    const keyring = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const key = await keyring.newDataKey(CONTEXT);
    await assert.rejects(async () => keyring.unwrap({ ...key, keyringId: 'vault' }, CONTEXT), {
      code: 'ServiceUnavailable',
    });
  });

  it('calls an unknown version unavailable, not lost', async () => {
    const keyring = createLocalKeyring({ current: 1, versions: new Map([[1, OLD]]) });
    const { wrapped } = await keyring.newDataKey(CONTEXT);
    await assert.rejects(async () => keyring.unwrap({ kekVersion: 2, wrapped }, CONTEXT), {
      code: 'ServiceUnavailable',
    });
  });

  it('refuses another context, another version of the same seed, another seed, and altered bytes', async () => {
    const keyring = createLocalKeyring({
      current: 1,
      versions: new Map([
        [1, OLD],
        [2, OLD],
        [3, NEW],
      ]),
    });
    const { wrapped } = await keyring.newDataKey(CONTEXT);
    const failure = { code: 'IntegrityFailure' };
    await assert.rejects(async () => keyring.unwrap({ kekVersion: 1, wrapped }, Buffer.alloc(32, 2)), failure);
    await assert.rejects(async () => keyring.unwrap({ kekVersion: 2, wrapped }, CONTEXT), failure);
    await assert.rejects(async () => keyring.unwrap({ kekVersion: 3, wrapped }, CONTEXT), failure);
    for (let at = 0; at < wrapped.length; at += 1) {
      const altered = Buffer.from(wrapped);
      altered.writeUInt8(altered.readUInt8(at) ^ 0x80, at);
      await assert.rejects(async () => keyring.unwrap({ kekVersion: 1, wrapped: altered }, CONTEXT), failure);
    }
    for (const length of [0, 8, 24, 39, 41, 48, 256]) {
      await assert.rejects(
        async () => keyring.unwrap({ kekVersion: 1, wrapped: Buffer.alloc(length) }, CONTEXT),
        failure,
      );
    }
  });

  it('refuses bad options with one line that holds no seed', () => {
    const short = Buffer.from('too short a seed for this keyri');
    for (const options of [
      { current: 1, versions: new Map<number, Buffer>() },
      { current: 2, versions: new Map([[1, OLD]]) },
      { current: 1, versions: new Map([[1, short]]) },
      { current: 0, versions: new Map([[0, OLD]]) },
      { current: 1.5, versions: new Map([[1.5, OLD]]) },
      { current: 2 ** 32, versions: new Map([[2 ** 32, OLD]]) },
    ]) {
      assert.throws(
        () => createLocalKeyring(options),
        (error: Error) => /^keyring: [^\n]+$/.test(error.message) && !error.message.includes(short.toString()),
      );
    }
  });
});
