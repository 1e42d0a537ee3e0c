import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { derive } from '../../../src/core/cipher/derived-keys.ts';
import { SALT_BYTES, TAG_BYTES } from '../../../src/contracts/object-format.ts';
import { openSegment, SegmentSealer } from '../../../src/core/cipher/segment.ts';
import { unwrapPadded, wrapPadded } from '../../../src/core/keyring/kek.ts';

type Vector<Field extends string> = Readonly<Record<Field | 'name', string>>;

function read(file: string): unknown {
  const path = new URL(`../../vectors/primitives/${file}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { vectors: unknown }).vectors;
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const keyOf = (hex: string) => createSecretKey(bytes(hex));

describe('the primitives that everything depends on', () => {
  describe('AES-256-GCM', () => {
    const vectors = read('aes-gcm') as Vector<'key' | 'nonce' | 'aad' | 'plain' | 'sealed' | 'tag'>[];

    for (const { name, key, nonce, aad, plain, sealed, tag } of vectors) {
      it(`is what NIST's test case ${name} says`, () => {
        const options = { authTagLength: TAG_BYTES };
        const cipher = createCipheriv('aes-256-gcm', keyOf(key), bytes(nonce), options).setAAD(bytes(aad));
        assert.equal(Buffer.concat([cipher.update(bytes(plain)), cipher.final()]).toString('hex'), sealed);
        assert.equal(cipher.getAuthTag().toString('hex'), tag);
        const decipher = createDecipheriv('aes-256-gcm', keyOf(key), bytes(nonce), options).setAAD(bytes(aad));
        decipher.setAuthTag(bytes(tag));
        assert.equal(Buffer.concat([decipher.update(bytes(sealed)), decipher.final()]).toString('hex'), plain);
      });
    }

    it('seals and opens segments as the test cases under the nonce of the first segment say', () => {
      const ofFirst = vectors.filter(({ nonce, aad }) => nonce === '00'.repeat(12) && aad === '');
      assert.equal(ofFirst.length, 2);
      const position = { index: 0, isLast: false };
      const salt = Buffer.alloc(SALT_BYTES);
      for (const { key, plain, sealed, tag } of ofFirst) {
        const cell = Buffer.alloc(SALT_BYTES + plain.length / 2 + TAG_BYTES);
        const sealer = new SegmentSealer(keyOf(key), salt, position, cell);
        sealer.update(bytes(plain));
        sealer.finish();
        assert.equal(cell.toString('hex', SALT_BYTES), sealed + tag);
        assert.equal(openSegment(keyOf(key), position, cell).toString('hex'), plain);
      }
    });
  });

  describe('HKDF-SHA256', () => {
    for (const { name, ikm, salt, info, bytes: size, okm } of read('hkdf-sha256') as (Vector<
      'ikm' | 'salt' | 'info' | 'okm'
    > & { readonly bytes: number })[]) {
      it(`derives what RFC 5869 says in ${name}`, () => {
        assert.equal(
          derive(keyOf(ikm), bytes(salt), bytes(info), size, (made) => made.toString('hex')),
          okm,
        );
      });
    }
  });

  describe('AES-KWP', () => {
    const vectors = read('aes-kwp') as (Vector<'key' | 'plain' | 'wrapped'> & { readonly valid: boolean })[];

    for (const { name, key, plain, wrapped, valid } of vectors.filter((vector) => vector.key.length === 64)) {
      it(`${valid ? 'wraps and unwraps' : 'refuses'} as ${name} says`, () => {
        assert.equal(unwrapPadded(keyOf(key), bytes(wrapped))?.toString('hex'), valid ? plain : undefined);
        assert.equal(wrapPadded(keyOf(key), bytes(plain)).toString('hex') === wrapped, valid);
      });
    }

    for (const { name, key, plain, wrapped } of vectors.filter((vector) => vector.key.length === 48)) {
      it(`is by the same implementation, under its shorter key, what ${name} says`, () => {
        const initialValue = bytes('a65959a6');
        const cipher = createCipheriv('id-aes192-wrap-pad', keyOf(key), initialValue);
        assert.equal(Buffer.concat([cipher.update(bytes(plain)), cipher.final()]).toString('hex'), wrapped);
        const decipher = createDecipheriv('id-aes192-wrap-pad', keyOf(key), initialValue);
        assert.equal(Buffer.concat([decipher.update(bytes(wrapped)), decipher.final()]).toString('hex'), plain);
      });
    }
  });
});
