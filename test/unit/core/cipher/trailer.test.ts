import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import {
  encodeRuns,
  encodeTrailerFields,
  parseRuns,
  parseTrailerFields,
  type NewTrailer,
} from '../../../../src/core/cipher/trailer-fields.ts';
import { openTrailer, sealTrailer } from '../../../../src/core/cipher/trailer.ts';
import { vectors } from './object-store.ts';

interface MultipartVector {
  name: string;
  dataKey: string;
  trailers: {
    sealed: string;
    kind: string;
    lastPartNumber: number;
    plainSize: number;
    storedSize: number;
    extension: number;
    runs: [number, number, number][];
  }[];
}

function encodeSingleTrailer(
  plainSizeBytes: number,
  storedSizeBytes: number,
  checksum?: NewTrailer['checksum'],
): Buffer {
  return encodeTrailerFields({ kind: 'single', lastPartNumber: 0, plainSizeBytes, storedSizeBytes, checksum });
}

/** Fields of a layout of two runs: parts 1 to 2 of 6 MiB, part 5 of 7 bytes. */
function layoutFields(): Buffer {
  const fields = Buffer.alloc(100);
  fields.writeUInt8(1, 0);
  fields.writeUInt8(3, 1);
  fields.writeUInt16BE(5, 2);
  fields.writeBigUInt64BE(12_582_919n, 4);
  fields.writeBigUInt64BE(99_999_999n, 12);
  fields.writeUInt16BE(2, 58);
  fields.writeUInt16BE(1, 60);
  fields.writeUInt16BE(2, 62);
  fields.writeUIntBE(6_291_456, 64, 6);
  fields.writeUInt16BE(5, 70);
  fields.writeUInt16BE(1, 72);
  fields.writeUIntBE(7, 74, 6);
  return fields;
}

describe('trailer', () => {
  it('opens a trailer again as before, and no other one by what it remembers, whichever byte differs', () => {
    const dataKey = createSecretKey(Buffer.alloc(32, 1));
    const sealed = sealTrailer(dataKey, Buffer.alloc(12, 2), encodeSingleTrailer(1, 189));
    const fields = openTrailer(dataKey, sealed);
    assert.deepEqual(openTrailer(dataKey, Buffer.from(sealed)), fields);
    for (let index = 0; index < sealed.length; index += 1) {
      // In the very memory that was opened, as in that of a connection which goes on.
      sealed.writeUInt8(sealed.readUInt8(index) ^ 1, index);
      assert.throws(() => openTrailer(dataKey, sealed), { code: 'IntegrityFailure' });
      sealed.writeUInt8(sealed.readUInt8(index) ^ 1, index);
      assert.deepEqual(openTrailer(dataKey, sealed), fields);
    }
    assert.throws(() => openTrailer(createSecretKey(Buffer.alloc(32, 3)), sealed), { code: 'IntegrityFailure' });
    assert.throws(() => openTrailer(dataKey, sealed.subarray(1)), { code: 'IntegrityFailure' });
  });

  for (const vector of vectors('multipart') as MultipartVector[]) {
    it(`opens the trailers of the reference: ${vector.name}`, () => {
      assert.ok(vector.trailers.length > 0);
      for (const expected of vector.trailers) {
        const trailer = openTrailer(createSecretKey(vector.dataKey, 'hex'), Buffer.from(expected.sealed, 'hex'));
        assert.equal(trailer.kind, expected.kind);
        assert.equal(trailer.lastPartNumber, expected.lastPartNumber);
        assert.equal(trailer.plainSizeBytes, expected.plainSize);
        assert.equal(trailer.storedSizeBytes, expected.storedSize);
        assert.equal(trailer.extensionBytes, expected.extension);
        const runs = trailer.runs.map((run) => [run.firstNumber, run.count, run.plainSizeBytes]);
        assert.deepEqual(runs, expected.runs);
      }
    });
  }

  it('keeps a checksum of every algorithm whose value has room', () => {
    const lengths = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32, MD5: 16 } as const;
    for (const [algorithm, bytes] of Object.entries(lengths) as [keyof typeof lengths, number][]) {
      const checksum = { algorithm, value: Buffer.alloc(bytes, 0x5a) };
      const { checksum: kept } = parseTrailerFields(encodeSingleTrailer(9, 197, checksum));
      assert.deepEqual(kept, { ...checksum, type: 'FULL_OBJECT', isOfWhole: true });
    }
  });

  it('keeps no SHA512, which has no room, and is readable all the same', () => {
    const fields = encodeSingleTrailer(9, 197, { algorithm: 'SHA512', value: Buffer.alloc(64, 1) });
    assert.deepEqual(fields, encodeSingleTrailer(9, 197));
  });

  it('refuses to keep a checksum of a length that its algorithm does not have', () => {
    const checksum = { algorithm: 'CRC32', value: Buffer.alloc(5) } as const;
    assert.throws(() => encodeSingleTrailer(9, 197, checksum), { code: 'InvalidDigest' });
  });

  it('leaves out a checksum of a type that a later release may add', () => {
    const fields = encodeSingleTrailer(9, 197, { algorithm: 'SHA256', value: Buffer.alloc(32, 1) });
    fields.writeUInt8(200, 20);
    assert.equal(parseTrailerFields(fields).checksum, undefined);
  });

  it('opens under its own data key only', () => {
    const sealed = sealTrailer(createSecretKey(Buffer.alloc(32, 1)), Buffer.alloc(12, 2), encodeSingleTrailer(0, 160));
    assert.equal(openTrailer(createSecretKey(Buffer.alloc(32, 1)), sealed).kind, 'single');
    assert.throws(() => openTrailer(createSecretKey(Buffer.alloc(32, 3)), sealed), { code: 'IntegrityFailure' });
  });

  it('writes the runs of a layout as it reads them', () => {
    const runs = parseTrailerFields(layoutFields()).runs;
    const sizes = { plainSizeBytes: 12_582_919, storedSizeBytes: 99_999_999 };
    assert.deepEqual(encodeTrailerFields({ kind: 'layout', lastPartNumber: 5, ...sizes, runs }), layoutFields());
  });

  it('tells the checksum of the parts together from one of the whole', () => {
    const fields = layoutFields();
    fields.writeUInt8(0x85, 20);
    fields.writeUInt8(32, 21);
    assert.equal(parseTrailerFields(fields).checksum?.type, 'COMPOSITE');
    fields.writeUInt8(0x80, 20);
    assert.equal(parseTrailerFields(fields).checksum, undefined);
  });

  it('refuses a list of runs that is longer or shorter than its trailer says, or that does not fit it', () => {
    const trailer = { runCount: 2, lastPartNumber: 5, plainSizeBytes: 12_582_919 };
    const runs = parseTrailerFields(layoutFields()).runs;
    assert.deepEqual(parseRuns(encodeRuns(runs), trailer), runs);
    for (const [bytes, against] of [
      [encodeRuns(runs.slice(0, 1)), trailer],
      [Buffer.concat([encodeRuns(runs), Buffer.alloc(1)]), trailer],
      [encodeRuns([...runs].reverse()), trailer],
      [encodeRuns(runs), { ...trailer, lastPartNumber: 6 }],
      [encodeRuns(runs), { ...trailer, plainSizeBytes: 12_582_918 }],
    ] as const) {
      assert.throws(() => parseRuns(bytes, against), { code: 'IntegrityFailure' });
    }
  });

  it('reads the runs of a layout', () => {
    assert.deepEqual(parseTrailerFields(layoutFields()).runs, [
      { firstNumber: 1, count: 2, plainSizeBytes: 6_291_456 },
      { firstNumber: 5, count: 1, plainSizeBytes: 7 },
    ]);
  });

  const wrong: Record<string, (fields: Buffer) => void> = {
    'another version': (fields) => fields.writeUInt8(2, 0),
    'kind 0': (fields) => fields.writeUInt8(0, 1),
    'kind 4': (fields) => fields.writeUInt8(4, 1),
    'a layout without a part number': (fields) => fields.writeUInt16BE(0, 2),
    'a part number above 10000': (fields) => fields.writeUInt16BE(10_001, 2),
    'a last run that ends elsewhere': (fields) => fields.writeUInt16BE(6, 2),
    'runs that do not add up': (fields) => fields.writeBigUInt64BE(12_582_918n, 4),
    'a size beyond all objects': (fields) => fields.writeBigUInt64BE(2n ** 63n, 4),
    'a layout without a stored size': (fields) => fields.writeBigUInt64BE(0n, 12),
    'an extension where the runs fit': (fields) => fields.writeUInt32BE(36, 54),
    'five runs without an extension': (fields) => fields.writeUInt16BE(5, 58),
    'a layout without runs': (fields) => fields.fill(0, 58),
    'runs that overlap': (fields) => fields.writeUInt16BE(2, 70),
    'a run that should have gone on': (fields) => {
      fields.writeUInt16BE(3, 2);
      fields.writeBigUInt64BE(18_874_368n, 4);
      fields.writeUInt16BE(3, 70);
      fields.writeUIntBE(6_291_456, 74, 6);
    },
    'an empty run': (fields) => fields.writeUInt16BE(0, 62),
    'bytes behind the runs': (fields) => fields.writeUInt8(1, 99),
    'a checksum without a type': (fields) => fields.writeUInt8(4, 21),
    'a checksum of the wrong length': (fields) => fields.writeUInt16BE(0x0105, 20),
    'a checksum that is too long': (fields) => fields.writeUInt16BE(0xc821, 20),
    'bytes behind the checksum': (fields) => fields.writeUInt8(1, 53),
  };
  for (const [what, change] of Object.entries(wrong)) {
    it(`refuses authentic fields with ${what}`, () => {
      const fields = layoutFields();
      change(fields);
      assert.throws(() => parseTrailerFields(fields), { code: 'IntegrityFailure' });
    });
  }

  it('refuses a single PUT with a part number, and a final part with a stored size', () => {
    for (const [kind, number, stored] of [
      [1, 1, 161],
      [2, 1, 161],
      [2, 0, 0],
      [1, 0, 0],
    ] as const) {
      const fields = encodeSingleTrailer(1, stored);
      fields.writeUInt8(kind, 1);
      fields.writeUInt16BE(number, 2);
      assert.throws(() => parseTrailerFields(fields), { code: 'IntegrityFailure' });
    }
  });
});
