/** What whoever may write to the store can try on legacy objects, and the one thing that these formats let pass. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import type { LegacyBucket } from '../../../../src/core/legacy/legacy-objects.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { headersOf, legacyOf, openStored, SEED, sealIsec, vector } from './stored-vectors.ts';

const seed = Buffer.from(SEED);
const FORMATS = ['isec-kek-v1', 'isec-kek-legacy', 's3proxy-python'];

type Metadata = Readonly<Record<string, string>>;

function open(metadata: Metadata, body: Buffer, bucket: Partial<LegacyBucket> = { seed }): Promise<Buffer> {
  return openStored(legacyOf(bucket), { metadata, body });
}

async function assertRefused(
  code: 'IntegrityFailure' | 'ServiceUnavailable',
  ...args: Parameters<typeof open>
): Promise<void> {
  await assert.rejects(open(...args), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, code);
    assert.ok(error.detail !== undefined && !error.detail.includes(SEED));
    return true;
  });
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function wrap(kek: Buffer, dataKey: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(dataKey), cipher.final()]);
}

describe('attacks on legacy objects', () => {
  for (const name of FORMATS) {
    const { metadata, body } = vector(name);

    it(`${name}: a flipped byte anywhere in the body is noticed`, async () => {
      for (let at = 0; at < body.length; at += 1) await assertRefused('IntegrityFailure', metadata, flipped(body, at));
    });

    it(`${name}: a body cut short anywhere is noticed`, async () => {
      for (let length = 0; length < body.length; length += 1) {
        await assertRefused('IntegrityFailure', metadata, body.subarray(0, length));
      }
    });

    it(`${name}: a body that goes on is noticed`, async () => {
      await assertRefused('IntegrityFailure', metadata, Buffer.concat([body, Buffer.alloc(1)]));
      await assertRefused('IntegrityFailure', metadata, Buffer.concat([body, body]));
    });

    it(`${name}: another seed does not open it`, async () => {
      await assertRefused('IntegrityFailure', metadata, body, { seed: Buffer.from('another seed') });
    });

    it(`${name}: an altered wrapped key is noticed`, async () => {
      const isec = metadata['isec'] ?? '';
      for (let at = 0; at < isec.length; at += 1) {
        const altered = `${isec.slice(0, at)}${isec[at] === '0' ? '1' : '0'}${isec.slice(at + 1)}`;
        await assertRefused('IntegrityFailure', { ...metadata, isec: altered }, body);
      }
    });

    it(`${name}: is not lost where no seed is configured`, async () => {
      await assertRefused('ServiceUnavailable', metadata, body, {});
      assert.throws(() => legacyOf(undefined).recognise('elsewhere', headersOf(metadata)), {
        code: 'ServiceUnavailable',
      });
    });
  }

  it('a large body that was altered is noticed in its thread, and the next one opens', async () => {
    const { metadata, body, plain } = vector('isec-kek-v1, large');
    const legacy = legacyOf({ seed });
    const [altered, genuine] = await Promise.allSettled([
      openStored(legacy, { metadata, body: flipped(body, 200_000) }),
      openStored(legacy, { metadata, body }),
    ]);
    assert.ok(altered.status === 'rejected' && altered.reason instanceof GatewayError);
    assert.equal(altered.reason.code, 'IntegrityFailure');
    assert.ok(genuine.status === 'fulfilled' && genuine.value.equals(plain));
  });

  it('the version of the key cannot be exchanged', async () => {
    const v1 = vector('isec-kek-v1');
    const legacy = vector('isec-kek-legacy');
    await assertRefused('IntegrityFailure', { ...v1.metadata, 'isec-kek-ver': '' }, v1.body);
    await assertRefused('IntegrityFailure', { isec: v1.metadata['isec'] ?? '' }, v1.body);
    await assertRefused('IntegrityFailure', { ...legacy.metadata, 'isec-kek-ver': '1' }, legacy.body);
  });

  it('a version of the key that is not known is not guessed at', async () => {
    const { metadata, body } = vector('isec-kek-v1');
    for (const version of ['2', '0', '01', ' 1', '1,1', 'legacy', '__proto__']) {
      await assertRefused('ServiceUnavailable', { ...metadata, 'isec-kek-ver': version }, body);
    }
  });

  it('one family of gateways is not taken for the other', async () => {
    const wrapped = Buffer.from(vector('isec-kek-legacy').metadata['isec'] ?? '', 'hex');
    // The same key-encryption key, so that only the cipher tells them apart.
    await assertRefused('IntegrityFailure', { isec: wrapped.toString('base64') }, vector('isec-kek-legacy').body);
    await assertRefused('IntegrityFailure', { isec: wrapped.toString('hex') }, vector('s3proxy-python').body);
  });

  it('metadata of any other shape is refused where legacy objects are expected', () => {
    const isec = vector('isec-kek-v1').metadata['isec'] ?? '';
    const base64 = vector('s3proxy-python').metadata['isec'] ?? '';
    const malformed = [
      ...['', ' ', 'isec', isec.toUpperCase(), isec.slice(2), `${isec}00`, `${isec},${isec}`, `${isec}\n`, ` ${isec}`],
      ...[base64.slice(0, -1), base64.slice(0, -2), `${base64}=`, base64.replace(/.==$/, 'B=='), `${base64}\n`],
      ...[base64.replaceAll(/[+/]/g, '-').replace(/^./, '-'), '='.repeat(56), 'A'.repeat(56), '0'.repeat(1_000_000)],
    ];
    const legacy = legacyOf({ seed, acceptZeroKek: true });
    for (const value of malformed) {
      assert.throws(() => legacy.recognise('old', headersOf({ isec: value })), { code: 'IntegrityFailure' });
    }
  });

  it('a wrapped key that is not of 32 bytes is refused', () => {
    const kek = Buffer.alloc(32);
    const legacy = legacyOf({ seed, acceptZeroKek: true });
    for (const sizeBytes of [25, 31]) {
      const isec = wrap(kek, Buffer.alloc(sizeBytes, 7)).toString('hex');
      assert.equal(isec.length, 80);
      assert.throws(() => legacy.recognise('old', headersOf({ isec })), { code: 'IntegrityFailure' });
    }
  });

  it('a key wrapped with zeros is refused unless the bucket accepts it', async () => {
    const { metadata, body, plain } = vector('isec-kek-zero');
    await assertRefused('IntegrityFailure', metadata, body);
    await assertRefused('IntegrityFailure', metadata, body, {});
    assert.throws(() => legacyOf({ seed }).recognise('old', headersOf(metadata)), /acceptZeroKek/);
    assert.ok((await open(metadata, body, { acceptZeroKek: true })).equals(plain));
  });

  it('a key wrapped with zeros is refused under every later format', async () => {
    const { metadata, body } = vector('isec-kek-zero');
    const isec = metadata['isec'] ?? '';
    const accepting = { seed, acceptZeroKek: true };
    await assertRefused('IntegrityFailure', { isec, 'isec-kek-ver': '1' }, body, accepting);
    await assertRefused('IntegrityFailure', { isec: Buffer.from(isec, 'hex').toString('base64') }, body, accepting);
  });

  it('accepting keys wrapped with zeros is warned of at start, and shows in the format of each object', () => {
    const legacy = legacyOf({ seed, acceptZeroKek: true });
    assert.deepEqual(legacy.warnings, ['legacy_zero_kek_accepted {"bucket":"old"}']);
    assert.equal(legacy.recognise('old', headersOf(vector('isec-kek-zero').metadata))?.format, 'isec-kek-zero');
    assert.equal(legacy.recognise('old', headersOf(vector('isec-kek-legacy').metadata))?.format, 'isec-kek-legacy');
    assert.deepEqual(legacyOf({ seed }).warnings, []);
  });

  it('what one bucket accepts, another does not', () => {
    const legacy = legacyOf({ seed, acceptZeroKek: true });
    assert.throws(() => legacy.recognise('other', headersOf(vector('isec-kek-zero').metadata)), {
      code: 'IntegrityFailure',
    });
  });

  it('LET PASS: these formats bind nothing to its place, so an object that was moved with its metadata opens', async () => {
    const dataKey = Buffer.alloc(32, 9);
    const body = sealIsec(dataKey, Buffer.alloc(12, 3), Buffer.from('the salary of somebody else'));
    const zero = { isec: wrap(Buffer.alloc(32), dataKey).toString('hex') };
    // Nothing that is given names a bucket or a key: the reader cannot know where the object came from.
    assert.equal((await open(zero, body, { acceptZeroKek: true })).toString(), 'the salary of somebody else');
  });
});
