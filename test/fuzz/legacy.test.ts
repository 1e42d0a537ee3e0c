import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { keksOf } from '../../src/core/legacy/legacy-keys.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { headersOf, legacyOf, openStored, SEED, sealIsec } from '../unit/core/legacy/stored-vectors.ts';

const FEW = { numRuns: 100 };
const seed = Buffer.from(SEED);
const legacy = legacyOf({ seed, acceptZeroKek: true });

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((list) => Buffer.from(list));
const plain = fc.uint8Array({ maxLength: 600 }).map((list) => Buffer.from(list));

function isecOf(dataKey: Buffer): string {
  const cipher = createCipheriv('id-aes256-wrap-pad', keksOf(seed).v1, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(dataKey), cipher.final()]).toString('hex');
}

function sealGcm(dataKey: Buffer, nonce: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce);
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

describe('legacy objects (fuzz)', () => {
  it('open to what was sealed, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(32), bytes(12), plain, async (dataKey, nonce, text) => {
        const metadata = { isec: isecOf(dataKey), 'isec-kek-ver': '1' };
        const opened = await openStored(legacy, { metadata, body: sealIsec(dataKey, nonce, text) });
        assert.ok(opened.equals(text));
      }),
      FEW,
    );
  });

  it('open alike below and above the size that takes a thread', async () => {
    const dataKey = Buffer.alloc(32, 5);
    const metadata = { isec: isecOf(dataKey), 'isec-kek-ver': '1' };
    for (const sizeBytes of [262_115, 262_116, 262_117]) {
      const text = Buffer.alloc(sizeBytes, sizeBytes);
      const body = sealIsec(dataKey, Buffer.alloc(12), text);
      assert.ok((await openStored(legacy, { metadata, body })).equals(text));
    }
  });

  it('never open after any change of the body, nor under the other cipher', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(32), bytes(12), plain, fc.nat(), fc.integer({ min: 1, max: 255 }), async (...input) => {
        const [dataKey, nonce, text, offset, mask] = input;
        const metadata = { isec: isecOf(dataKey), 'isec-kek-ver': '1' };
        const altered = sealIsec(dataKey, nonce, text);
        const at = offset % altered.length;
        altered.writeUInt8(altered.readUInt8(at) ^ mask, at);
        for (const body of [altered, sealGcm(dataKey, nonce, text)]) {
          await assert.rejects(openStored(legacy, { metadata, body }), { code: 'IntegrityFailure' });
        }
      }),
      FEW,
    );
  });

  it('refuse any metadata that no gateway wrote with one of two codes, and nothing else', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.stringMatching(/^[0-9a-f]{80}$/),
      fc.stringMatching(/^[A-Za-z0-9+/]{54}==$/),
    );
    fc.assert(
      fc.property(value, fc.option(fc.oneof(fc.constant('1'), fc.string({ maxLength: 4 }))), (isec, version) => {
        const metadata = { isec, ...(version === null ? {} : { 'isec-kek-ver': version }) };
        assert.throws(
          () => legacy.recognise('old', headersOf(metadata)),
          (error) => error instanceof GatewayError && ['IntegrityFailure', 'ServiceUnavailable'].includes(error.code),
        );
      }),
      { numRuns: 500 },
    );
  });
});
