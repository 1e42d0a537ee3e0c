import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { createFingerprint, openRecord, sealRecord } from '../../../../src/core/cipher/upload-state.ts';
import { decodeRecord, decodeTerms, encodeRecord, encodeTerms } from '../../../../src/core/cipher/upload-fields.ts';
import type { UploadTerms } from '../../../../src/contracts/object-cipher.ts';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { kekFromSeed } from '../../../../src/core/keyring/kek.ts';
import { createKekKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { ADDRESS, pattern, vectors } from './object-store.ts';

const context = { dataKey: createSecretKey(Buffer.alloc(32, 7)), address: ADDRESS, storeUploadId: 'u' };
const record = {
  ...{ number: 10_000, slot: 9_999, plainSizeBytes: 2 ** 42, isDeferred: true, etagDigest: 'ab'.repeat(16) },
  fingerprint: Buffer.alloc(16, 3),
  checksum: { algorithm: 'SHA256', value: Buffer.alloc(32, 9) },
} as const;

interface UploadVector {
  readonly seed: string;
  readonly kekVersion: number;
  readonly bucketId: string;
  readonly key: string;
  readonly dataKey: string;
  readonly storeUploadId: string;
  readonly envelope: string;
  readonly folder: string;
  readonly salts: readonly [state: string, record: string];
  readonly terms: UploadTerms;
  readonly state: string;
  readonly part: {
    readonly number: number;
    readonly slot: number;
    readonly plainSize: number;
    readonly isSetAside: boolean;
    readonly etag: string;
    readonly fingerprint: string;
    readonly checksum: { readonly algorithm: 'CRC32'; readonly value: string };
  };
  readonly record: string;
}

describe('what is kept of an upload', () => {
  it('is what the reference makes of it: folder, state, fingerprint and record', async () => {
    const vector = vectors('upload') as UploadVector;
    const hex = (text: string): Buffer => Buffer.from(text, 'hex');
    const kek = kekFromSeed(hex(vector.seed), vector.kekVersion).export();
    const versions = new Map([[vector.kekVersion, createSecretKey(kek)]]);
    const keyring = createKekKeyring({ current: vector.kekVersion, versions }, () => hex(vector.dataKey));
    const cipher = createObjectCipher(keyring, () => hex(vector.salts[0]));
    const address = { bucketId: vector.bucketId, key: vector.key };
    const { storeUploadId, part } = vector;
    const made = await cipher.newUpload(address);
    assert.equal(made.envelope, vector.envelope);
    assert.equal(cipher.uploadFolder(address, storeUploadId), vector.folder);
    assert.equal(made.state(storeUploadId, vector.terms).toString('hex'), vector.state);
    const { state } = await cipher.openState(address, storeUploadId, hex(vector.state));
    assert.ok(state);
    assert.deepEqual(state.terms, vector.terms);

    const reference = { dataKey: createSecretKey(hex(vector.dataKey)), address, storeUploadId };
    const fingerprint = createFingerprint(reference);
    fingerprint.update(pattern(part.plainSize));
    assert.equal(fingerprint.value().toString('hex'), part.fingerprint);
    const expected = {
      ...{ number: part.number, slot: part.slot, plainSizeBytes: part.plainSize, isDeferred: part.isSetAside },
      etagDigest: state.etagDigest(part.etag),
      fingerprint: hex(part.fingerprint),
      checksum: { algorithm: part.checksum.algorithm, value: hex(part.checksum.value) },
    };
    assert.deepEqual(state.openRecord(vector.record), expected);
    assert.equal(
      sealRecord(reference, expected, () => hex(vector.salts[1])),
      vector.record,
    );
  });

  it('is written and read alike', () => {
    for (const checksum of [
      undefined,
      { algorithm: 'CRC32', type: 'FULL_OBJECT' },
      { algorithm: 'SHA1', type: 'COMPOSITE' },
    ] as const) {
      for (const onlyIfNone of [false, true]) {
        assert.deepEqual(decodeTerms(encodeTerms({ checksum, onlyIfNone })), { checksum, onlyIfNone });
      }
    }
    assert.deepEqual(decodeRecord(encodeRecord(record)), record);
    assert.deepEqual(openRecord(context, sealRecord(context, record, randomBytes)), record);
  });

  it('is not guessed at where another release says more', () => {
    const terms = encodeTerms({ checksum: { algorithm: 'CRC32', type: 'FULL_OBJECT' }, onlyIfNone: true });
    for (const [at, value] of [
      [0, 0],
      [0, 99],
      [1, 0],
      [1, 3],
      [2, 2],
      [15, 1],
    ] as const) {
      const changed = Buffer.from(terms);
      changed[at] = value;
      assert.throws(() => decodeTerms(changed), { code: 'NoSuchUpload' });
    }
    for (const [at, value] of [
      [4, 2],
      [5, 1],
      [44, 99],
      [45, 33],
    ] as const) {
      const changed = encodeRecord(record);
      changed[at] = value;
      assert.equal(decodeRecord(changed), undefined);
    }
  });

  it('opens for its own upload, key, bucket and data key, and in its own spelling', () => {
    const text = sealRecord(context, record, randomBytes);
    for (const other of [
      { ...context, storeUploadId: 'v' },
      { ...context, address: { ...ADDRESS, key: `${ADDRESS.key}x` } },
      { ...context, address: { ...ADDRESS, bucketId: 'other' } },
      { ...context, dataKey: createSecretKey(Buffer.alloc(32, 8)) },
    ]) {
      assert.equal(openRecord(other, text), undefined);
    }
    for (const other of ['', 'A', text.slice(0, -1), `${text}=`, text.slice(4), 'A'.repeat(600), 'x/y', '%']) {
      assert.equal(openRecord(context, other), undefined);
    }
  });

  it('has one fingerprint of the same bytes however they come, and another one of others, elsewhere', () => {
    const bytes = pattern(100_003);
    const of = (at: typeof context, ...pieces: readonly Buffer[]): string => {
      const fingerprint = createFingerprint(at);
      for (const piece of pieces) fingerprint.update(piece);
      return fingerprint.value().toString('hex');
    };
    const whole = of(context, bytes);
    for (const cut of [0, 1, 15, 16, 17, 65_536, 100_002]) {
      assert.equal(of(context, bytes.subarray(0, cut), bytes.subarray(cut)), whole);
    }
    assert.equal(of(context), of(context));
    const flipped = Buffer.from(bytes);
    flipped[50_000]! ^= 1;
    assert.notEqual(of(context, flipped), whole);
    assert.notEqual(of(context, bytes.subarray(1)), whole);
    assert.notEqual(of({ ...context, storeUploadId: 'v' }, bytes), whole);
  });
});
