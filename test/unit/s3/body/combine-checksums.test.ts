import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createDigest } from '../../../../src/s3/body/body-verifier.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../../../../src/s3/body/checksums.ts';
import { combineChecksums } from '../../../../src/s3/body/combine-checksums.ts';

const CRCS = ['CRC32', 'CRC32C', 'CRC64NVME'] as const;

function digestOf(algorithm: ChecksumAlgorithm, ...chunks: Buffer[]): Buffer {
  const digest = createDigest(algorithm);
  for (const chunk of chunks) digest.update(chunk);
  return digest.digest();
}

function partsOf(algorithm: ChecksumAlgorithm, parts: readonly Buffer[]) {
  return parts.map((part) => ({ value: digestOf(algorithm, part), sizeBytes: part.length }));
}

describe('s3/combine-checksums', () => {
  for (const algorithm of CRCS) {
    it(`makes of the ${algorithm} of parts that of the whole, however it was split`, () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 5000 }),
          fc.array(fc.nat({ max: 5000 }), { maxLength: 12 }),
          (bytes, cuts) => {
            const whole = Buffer.from(bytes);
            const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).toSorted((a, b) => a - b), whole.length];
            const parts = at.slice(1).map((end, index) => whole.subarray(at[index], end));
            const combined = combineChecksums({ algorithm, type: 'FULL_OBJECT' }, partsOf(algorithm, parts));
            assert.equal(combined.toString('hex'), digestOf(algorithm, whole).toString('hex'));
          },
        ),
      );
    });

    it(`counts every byte of the length of a part for ${algorithm}: one of 5 MiB and a byte, behind one of 3 bytes`, () => {
      const parts = [Buffer.from('abc'), randomBytes(5 * 1024 * 1024 + 1), Buffer.alloc(0)];
      const combined = combineChecksums({ algorithm, type: 'FULL_OBJECT' }, partsOf(algorithm, parts));
      assert.equal(combined.toString('hex'), digestOf(algorithm, ...parts).toString('hex'));
    });

    it(`takes lengths of ${algorithm} parts beyond 32 bits: a part of 5 GiB is as five of 1 GiB`, () => {
      const mib = { value: digestOf(algorithm, Buffer.alloc(1024 ** 2)), sizeBytes: 1024 ** 2 };
      const gib = combineChecksums(
        { algorithm, type: 'FULL_OBJECT' },
        Array.from({ length: 1024 }, () => mib),
      );
      const five = Array.from({ length: 5 }, () => ({ value: gib, sizeBytes: 1024 ** 3 }));
      const whole = combineChecksums({ algorithm, type: 'FULL_OBJECT' }, five);
      const behind = { value: digestOf(algorithm, Buffer.from('x')), sizeBytes: 1 };
      const head = { value: digestOf(algorithm, Buffer.from('head')), sizeBytes: 4 };
      assert.deepEqual(
        combineChecksums({ algorithm, type: 'FULL_OBJECT' }, [head, ...five, behind]),
        combineChecksums({ algorithm, type: 'FULL_OBJECT' }, [
          head,
          { value: whole, sizeBytes: 5 * 1024 ** 3 },
          behind,
        ]),
      );
    });
  }

  it('gives no part that changed, moved or fell away the same checksum', () => {
    const parts = [Buffer.from('one'), Buffer.from('two!'), Buffer.from('three')];
    for (const algorithm of CRCS) {
      const of = (...chosen: Buffer[]) =>
        combineChecksums({ algorithm, type: 'FULL_OBJECT' }, partsOf(algorithm, chosen)).toString('hex');
      const [one, two, three] = parts as [Buffer, Buffer, Buffer];
      const others = [of(one, two), of(two, one, three), of(one, two, Buffer.from('threE')), of(one, three, two)];
      assert.equal(new Set([of(one, two, three), ...others]).size, 5);
    }
  });

  for (const algorithm of CHECKSUM_ALGORITHMS) {
    it(`makes a COMPOSITE ${algorithm} of the checksums of the parts, in order`, () => {
      const parts = [Buffer.from('one'), Buffer.from('two')];
      const values = parts.map((part) => digestOf(algorithm, part));
      assert.deepEqual(
        combineChecksums({ algorithm, type: 'COMPOSITE' }, partsOf(algorithm, parts)),
        digestOf(algorithm, ...values),
      );
    });
  }

  it('combines 10,000 parts of 10,000 lengths within a turn that nobody notices', () => {
    const value = digestOf('CRC64NVME', Buffer.from('x'));
    const parts = Array.from({ length: 10_000 }, (_, at) => ({ value, sizeBytes: 5 * 1024 ** 3 - 1 - at * 7919 }));
    combineChecksums({ algorithm: 'CRC64NVME', type: 'FULL_OBJECT' }, parts.slice(0, 500));
    const startedMs = performance.now();
    combineChecksums({ algorithm: 'CRC64NVME', type: 'FULL_OBJECT' }, parts);
    // Bit by bit over BigInts it would be minutes; the bound leaves a busy machine its room.
    assert.ok(performance.now() - startedMs < 2000);
  });
});
