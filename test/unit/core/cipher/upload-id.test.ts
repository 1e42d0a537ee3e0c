import assert from 'node:assert/strict';
import type { ObjectAddress } from '../../../../src/contracts/object-cipher.ts';
import type { Keyring } from '../../../../src/contracts/keyring.ts';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { ADDRESS, cipherOf, SEED } from './object-store.ts';

const STORE_ID = '2~x.Y_z-0/+= of the store';
const cipher = cipherOf();

async function newId(address: ObjectAddress = ADDRESS): Promise<string> {
  return (await cipher.newUpload(address)).sealedId(STORE_ID);
}

describe('upload id', () => {
  it('gives the upload to any process that has the keys', async () => {
    const opened = await cipherOf().openSealedId(ADDRESS, await newId());
    assert.equal(opened.storeUploadId, STORE_ID);
    assert.equal(opened.keyId, 'local:1');
  });

  it('is safe in a query and in a document', async () => {
    assert.match(await newId(), /^[A-Za-z0-9_-]+$/);
  });

  it('opens at its own place only', async () => {
    const id = await newId();
    for (const address of [
      { ...ADDRESS, key: `${ADDRESS.key}x` },
      { ...ADDRESS, bucketId: 'other' },
      { bucketId: `${ADDRESS.bucketId}2`, key: ADDRESS.key.slice(1) },
    ]) {
      await assert.rejects(cipher.openSealedId(address, id), { code: 'NoSuchUpload' });
    }
  });

  it('does not open with any character changed, left out or added', async () => {
    const id = await newId();
    for (let at = 0; at < id.length; at += 1) {
      const other = id[at] === 'A' ? 'B' : 'A';
      for (const altered of [
        id.slice(0, at) + other + id.slice(at + 1),
        id.slice(0, at) + id.slice(at + 1),
        `${id.slice(0, at)}A${id.slice(at)}`,
      ]) {
        if (altered === id) continue;
        await assert.rejects(cipher.openSealedId(ADDRESS, altered), ({ code }: { code: string }) =>
          // A changed version or keyring is one that another process may have.
          ['NoSuchUpload', 'ServiceUnavailable'].includes(code),
        );
      }
    }
  });

  it("does not open with another store's id put in, though its key unwraps", async () => {
    const [one, two] = [await newId(), (await cipher.newUpload(ADDRESS)).sealedId(`${STORE_ID}!`)];
    const cut = Buffer.from(one, 'base64url').length - 32;
    const spliced = Buffer.concat([
      Buffer.from(one, 'base64url').subarray(0, cut),
      Buffer.from(two, 'base64url').subarray(-32),
    ]);
    await assert.rejects(cipher.openSealedId(ADDRESS, spliced.toString('base64url')), { code: 'NoSuchUpload' });
    const swapped = Buffer.from(one, 'base64url');
    swapped.writeUInt8(swapped.readUInt8(cut - 1) ^ 1, cut - 1);
    await assert.rejects(cipher.openSealedId(ADDRESS, swapped.toString('base64url')), { code: 'NoSuchUpload' });
  });

  it('is not the key of a single PUT in disguise', async () => {
    const sealed = await cipher.seal(ADDRESS, 5, undefined);
    const { envelope } = await cipher.newUpload(ADDRESS);
    const [id, keys] = [Buffer.from(await newId(), 'base64url'), [sealed.envelope, envelope]];
    for (const value of keys) {
      const wrapped = Buffer.from(value.split(';')[4]!, 'base64url');
      const forged = Buffer.from(id);
      wrapped.copy(forged, 13);
      await assert.rejects(cipher.openSealedId(ADDRESS, forged.toString('base64url')), { code: 'NoSuchUpload' });
    }
  });

  it('refuses what is no id at all', async () => {
    const hostile = [
      '',
      'A',
      '0',
      '.',
      '0.',
      `0.${'x'.repeat(1025)}`,
      '0.a b',
      '0.a\r\nb',
      'A'.repeat(5000),
      '%00',
      'ä',
    ];
    const lengths = Buffer.alloc(60, 0xff);
    lengths.writeUInt8(1);
    const empty = Buffer.alloc(37);
    for (const id of [...hostile, lengths.toString('base64url'), empty.toString('base64url')]) {
      await assert.rejects(cipher.openSealedId(ADDRESS, id), { code: 'NoSuchUpload' }, id);
    }
  });

  it('asks no keyring about a wrapped key of a length that none has', async () => {
    const local = createLocalKeyring({ current: 1, versions: new Map([[1, SEED]]) });
    let requested = 0;
    const unwrap: Keyring['unwrap'] = (wrapped, context) => {
      requested += 1;
      return local.unwrap(wrapped, context);
    };
    const field = (bytes: Buffer): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    for (const length of [0, 23, 257, 2000, 40]) {
      const fields = [Buffer.alloc(0), Buffer.alloc(length), Buffer.from('id')].map(field);
      const id = Buffer.concat([Buffer.from('0100000001', 'hex'), ...fields, Buffer.alloc(32)]).toString('base64url');
      const opened = createObjectCipher({ ...local, unwrap }).openSealedId(ADDRESS, id);
      await assert.rejects(opened, { code: 'NoSuchUpload' });
    }
    assert.equal(requested, 1);
  });

  it('has a form that no id of a store has', async () => {
    assert.equal(cipher.isSealedId(await newId()), true);
    const ofStores = [
      '2~hRtd1UJYZrGeWGxUnc2b8rgcFkFVZ0q',
      'VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA',
      'ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ZQjEs.OwyF3953YdwbcQnMA2BLGn8Lx12fQNICtMw5KyteFeHw.Sjng--',
    ];
    for (const id of [...ofStores, '', '0.x']) assert.equal(cipher.isSealedId(id), false);
  });

  it('names the keyring that wrapped its key, and stays a matter of that keyring', async () => {
    const local = createLocalKeyring({ current: 3, versions: new Map([[3, SEED]]) });
    const requested: (string | undefined)[] = [];
    const remote: Keyring = {
      ...local,
      newDataKey: async (context) => ({ ...(await local.newDataKey(context)), keyringId: 'transit' }),
      unwrap: ({ keyringId, kekVersion, wrapped }, context) => {
        requested.push(keyringId);
        return local.unwrap({ kekVersion, wrapped }, context);
      },
    };
    const { sealedId, envelope, keyId } = await createObjectCipher(remote).newUpload(ADDRESS);
    assert.equal(keyId, 'transit:3');
    assert.match(envelope, /^1;1;m;3;[^;]+;transit$/);
    const upload = await createObjectCipher(remote).openSealedId(ADDRESS, sealedId('id'));
    assert.deepEqual([upload.keyId, upload.isOrigin(envelope), requested], ['transit:3', true, ['transit']]);
    assert.equal(upload.isOrigin(envelope.replace(/;transit$/, '')), false);
    await assert.rejects(cipher.openSealedId(ADDRESS, sealedId('id')), { code: 'ServiceUnavailable' });
  });

  it('knows an object that came out of the upload by its wrapped key', async () => {
    const { envelope, sealedId } = await cipher.newUpload(ADDRESS);
    const upload = await cipher.openSealedId(ADDRESS, sealedId('id'));
    const other = await cipher.newUpload(ADDRESS);
    assert.equal(upload.isOrigin(envelope), true);
    for (const value of [other.envelope, envelope.replace(';m;', ';s;'), envelope.replace(';m;1;', ';m;2;'), '', 'x']) {
      assert.equal(upload.isOrigin(value), false);
    }
  });
});
