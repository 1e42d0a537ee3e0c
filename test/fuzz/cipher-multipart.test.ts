import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ObjectLayout, StoredPart } from '../../src/contracts/object-cipher.ts';
import { planCompletion } from '../../src/core/cipher/completion.ts';
import { partsFrom, runsOf, segmentsOf } from '../../src/core/cipher/layout.ts';
import { planRead } from '../../src/core/cipher/read-plan.ts';
import { ordinaryStoredSize, singleStoredSize, sizeMark } from '../../src/core/cipher/sizes.ts';
import { isFinalPart, slotOf } from '../../src/core/cipher/slots.ts';
import { parseUploadId } from '../../src/core/cipher/upload-id.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { triesOf } from '../support/chance.ts';
import { Dice, randomLayout, type RandomLayout } from '../support/core/random-layouts.ts';
import { cipherOf, pattern, read, SEGMENT } from '../unit/core/cipher/object-store.ts';
import { MIN, UploadInMemory } from '../unit/core/cipher/upload-store.ts';

const cipher = cipherOf();

interface PlannedPart {
  readonly number: number;
  readonly size: number;
}

interface ShownPart {
  readonly number: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Sizes of parts that are not the last, most of them such that layouts differ: aligned, odd, just above the least. */
const large = fc.oneof(
  fc.constantFrom(MIN, MIN + 1, MIN + SEGMENT - 1, MIN + SEGMENT, 8 * 2 ** 20, 2 * MIN),
  fc.nat(100_000).map((more) => MIN + more),
);
const small = fc.oneof(fc.constantFrom(0, 1, SEGMENT, MIN - 160, MIN - 1), fc.nat(MIN - 1));

/** Layouts as clients make them: of one size, growing, of any sizes, with gaps; the last one as large as the others or not. */
const layout = (maxParts: number): fc.Arbitrary<PlannedPart[]> =>
  fc
    .record({
      count: fc.integer({ min: 0, max: maxParts - 1 }),
      sizes: fc.oneof(
        large.map((size) => [size]),
        fc.array(large, { minLength: 1, maxLength: 8 }),
      ),
      gaps: fc.oneof(fc.constant([1]), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 })),
      last: fc.oneof(small, large),
      endsAt10000: fc.boolean().map((at) => at && maxParts < 9000),
    })
    .map(({ count, sizes, gaps, last, endsAt10000 }) => {
      let number = 0;
      const next = (at: number): number => (number += gaps[at % gaps.length]!);
      const parts = Array.from({ length: count }, (_, at) => ({ number: next(at), size: sizes[at % sizes.length]! }));
      return [...parts, { number: endsAt10000 ? 10_000 : next(count), size: last }].filter(
        (part) => part.number <= 10_000,
      );
    })
    .filter((parts) => parts.length > 0 && parts.slice(0, -1).every((part) => !isFinalPart(part.number, part.size)));

const storedSize = (number: number, size: number): number =>
  isFinalPart(number, size) ? singleStoredSize(size) : ordinaryStoredSize(size);
const listed = ({ number, size }: PlannedPart): StoredPart => ({
  slot: slotOf(number, size),
  etag: `"${number}"`,
  sizeBytes: storedSize(number, size),
});
const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);

/** Plans the completion of exactly these parts, or gives `undefined` where no slot is left. */
function completed(parts: readonly PlannedPart[]): ReturnType<typeof planCompletion> | undefined {
  try {
    return planCompletion(
      parts.map(({ number }) => ({ number, etag: String(number) })),
      parts.map(listed),
    );
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === 'InvalidRequest', String(error));
    assert.ok(parts.at(-1)?.number === 10_000 && parts.at(-2)?.number === 9999);
    return undefined;
  }
}

describe('multipart, properties of layouts up to 10,000 parts', function () {
  this.timeout(30_000);
  const any = fc.oneof(layout(6), layout(40), layout(10_000));

  it('never give a stored size that lists another size than the plaintext has', () => {
    let completions = 0;
    fc.assert(
      fc.property(any, (parts) => {
        const plan = completed(parts);
        if (plan === undefined) return;
        completions += 1;
        assert.equal(plan.plainSizeBytes, sumOf(parts.map(({ size }) => size)));
        const shown = cipher.plainSize(plan.storedSizeBytes);
        assert.ok(shown === undefined || shown === plan.plainSizeBytes);
        if (shown === undefined) {
          assert.ok(plan.storedSizeBytes >= 52_445_954_880 || sizeMark(plan.storedSizeBytes) === 'layout');
        }
      }),
      { numRuns: triesOf(300) },
    );
    assert.ok(completions > triesOf(200), `${completions} cases looked at anything`);
  });

  it('are regular for equal parts of a multiple of 64 KiB', () => {
    const uniform = fc.tuple(fc.integer({ min: 80, max: 400 }), fc.integer({ min: 1, max: 500 }), fc.nat());
    fc.assert(
      fc.property(uniform, ([segments, count, last]) => {
        const size = segments * SEGMENT;
        const sizes = [...Array.from({ length: count }, () => size), last % (size + 1)];
        const plan = completed(sizes.map((plain, at) => ({ number: at + 1, size: plain })));
        assert.equal(plan?.storedSizeBytes, singleStoredSize(sumOf(sizes)));
        assert.ok((plan.layoutPart?.sizeBytes ?? 160) <= 188);
      }),
    );
  });

  it('fill a slot that no named part has, by no less than S3 asks of its place', () => {
    let inserted = 0;
    fc.assert(
      fc.property(any, (parts) => {
        const plan = completed(parts);
        if (plan?.layoutPart === undefined) return;
        inserted += 1;
        const { slot, sizeBytes } = plan.layoutPart;
        assert.ok(slot >= 1 && slot <= 10_000 && plan.parts.every((part) => part.slot !== slot));
        if (slot < plan.parts.at(-1)!.slot) assert.ok(sizeBytes >= MIN);
        assert.ok(sizeBytes >= 160);
      }),
      { numRuns: triesOf(300) },
    );
    assert.ok(inserted > triesOf(200), `${inserted} cases looked at anything`);
  });

  it('cover every byte of a range by segments that follow each other', () => {
    let covered = 0;
    fc.assert(
      fc.property(any, fc.nat(), fc.nat(300_000), fc.boolean(), (parts, at, length, joins) => {
        const plan = completed(parts);
        if (plan === undefined || plan.plainSizeBytes === 0) return;
        covered += 1;
        const last = parts.at(-1)!;
        const object: ObjectLayout = {
          kind: 'm',
          plainSizeBytes: plan.plainSizeBytes,
          storedSizeBytes: plan.storedSizeBytes,
          runs: runsOf(parts.map(({ number, size }) => ({ number, plainSizeBytes: size }))),
          endsInFinalPart: isFinalPart(last.number, last.size),
        };
        // Half of the ranges lie around the start of a part.
        const index = at % parts.length;
        const edge = sumOf(parts.slice(0, index).map(({ size }) => size));
        const first = Math.max(
          0,
          Math.min(plan.plainSizeBytes - 1, joins ? edge - (length >> 1) : at % plan.plainSizeBytes),
        );
        const { extent, ...read } = planRead(object, { kind: 'closed', first, last: first + length });
        let plain = first;
        let stored = extent.first;
        for (const segment of segmentsOf(object, read.first, read.last)) {
          assert.ok(segment.plainStart <= plain && plain < segment.plainStart + segment.plainBytes);
          assert.ok(segment.storedStart >= stored && segment.plainBytes < 2 * SEGMENT);
          plain = segment.plainStart + segment.plainBytes;
          stored = segment.storedStart + segment.storedBytes;
        }
        assert.ok(plain > read.last && stored === extent.last + 1 && stored <= plan.storedSizeBytes);
        const [part] = partsFrom(object, first);
        assert.ok(
          part !== undefined &&
            parts.some(({ number, size }) => number === part.number && size === part.plainSizeBytes),
        );
      }),
      { numRuns: triesOf(300) },
    );
    assert.ok(covered > triesOf(200), `${covered} cases looked at anything`);
  });

  it('are listed in the numbers and sizes that the client gave, or left out', () => {
    fc.assert(
      fc.property(any, (parts) => {
        const shown = cipher.clientParts(parts.map(listed));
        for (const { number, plainSizeBytes } of shown) {
          assert.ok(parts.some((part) => part.number === number && part.size === plainSizeBytes));
        }
        const hidden = parts.length - shown.length;
        const doubtful = parts.filter(
          ({ number, size }) => storedSize(number, size) < ordinaryStoredSize(MIN) + 160,
        ).length;
        assert.ok(hidden <= 2 * doubtful);
      }),
      { numRuns: triesOf(300) },
    );
  });
});

describe('multipart, uploads of any layout', function () {
  this.timeout(60_000);
  const planned = fc.integer().map((seed) => randomLayout(new Dice(seed), 4));

  /** What the store holds in the end, and the last part of every number, as if each were a second later than the one before. */
  const carriedOut = ({ uploads }: RandomLayout): { stored: StoredPart[]; latest: Map<number, ShownPart> } => {
    const slots = new Map<number, StoredPart>();
    const latest = new Map<number, ShownPart>();
    for (const [at, { number, sizeBytes }] of uploads.entries()) {
      const etag = `"${at}"`;
      const slot = slotOf(number, sizeBytes);
      slots.set(slot, { slot, etag, sizeBytes: storedSize(number, sizeBytes), modifiedMs: 1000 * at });
      latest.set(number, { number, etag, sizeBytes });
    }
    return { stored: [...slots.values()].sort((a, b) => a.slot - b.slot), latest };
  };

  it('are listed as they were sent, whatever was sent before them', () => {
    fc.assert(
      fc.property(planned, (drawn) => {
        const { stored, latest } = carriedOut(drawn);
        const shown = cipher
          .clientParts(stored)
          .map(({ number, stored: { etag }, plainSizeBytes }) => ({ number, etag, sizeBytes: plainSizeBytes }));
        const sent = [...latest.values()].sort((a, b) => a.number - b.number);
        const isSure = ({ number }: ShownPart): boolean => !drawn.ambiguous.has(number);
        assert.deepEqual(shown.filter(isSure), sent.filter(isSure));
      }),
      { numRuns: triesOf(5000) },
    );
  });

  it('are completed, or refused for the reason that a model of the slots gives', () => {
    fc.assert(
      fc.property(planned, (drawn) => {
        const { stored, latest } = carriedOut(drawn);
        const named = drawn.named.map((number) => ({ number, etag: latest.get(number)!.etag }));
        const complete = (): unknown => planCompletion(named, stored);
        if (drawn.refusal === undefined) assert.doesNotThrow(complete);
        else assert.throws(complete, { code: drawn.refusal });
      }),
      { numRuns: triesOf(5000) },
    );
  });
});

describe('multipart, properties of objects', function () {
  this.timeout(60_000);

  it('read back whatever was uploaded: parts in any order, sent again, completed with a subset', async () => {
    const upload = fc
      .tuple(layout(3), fc.array(fc.nat(), { maxLength: 3 }), fc.integer())
      .filter(([parts]) => sumOf(parts.map(({ size }) => size)) < 30 * 2 ** 20);
    const ranges = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(300), fc.nat(3 * SEGMENT))), {
      minLength: 3,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(upload, ranges, async ([parts, again, seed], requested) => {
        if (completed(parts) === undefined) return;
        const plain = pattern(sumOf(parts.map(({ size }) => size)));
        const memory = await UploadInMemory.begin(cipher);
        // Sent before with other bytes, and parts that are not named in the end; the small last one may come first.
        for (const at of again) {
          const { number, size } = parts[at % parts.length]!;
          await memory.put(number, Buffer.alloc(size, 0xee));
        }
        let start = 0;
        const cuts = parts.map(({ number, size }) => ({ number, from: start, to: (start += size) }));
        for (const { number, from, to } of cuts.sort((a, b) => ((a.number ^ seed) % 7) - ((b.number ^ seed) % 7))) {
          await memory.put(number, plain.subarray(from, to));
        }
        const stored = await memory.complete(parts.map(({ number }) => number));
        const whole = await read(cipher, stored, { chunkBytes: 90_000 });
        assert.ok(whole.error === undefined && whole.received.equals(plain));
        for (const [at, length] of requested) {
          if (plain.length === 0) return;
          const first = at % plain.length;
          const range = { kind: 'closed', first, last: first + length } as const;
          const { received, error } = await read(cipher, stored, { range });
          assert.ok(error === undefined && received.equals(plain.subarray(first, first + length + 1)));
        }
      }),
      { numRuns: triesOf(25) },
    );
  });

  it('never give a byte that was not sealed at its place, whatever is done to the stored body', async () => {
    const memory = await UploadInMemory.begin(cipher);
    const plain = pattern(2 * MIN + 70_000);
    for (const [number, from, to] of [
      [1, 0, MIN],
      [2, MIN, 2 * MIN],
      [3, 2 * MIN, plain.length],
    ] as const) {
      await memory.put(number, plain.subarray(from, to));
    }
    const { envelope, body: genuine } = await memory.complete();
    const edges = fc.oneof(
      fc.nat(genuine.length),
      fc.constantFrom(0, 65_564, 80 * 65_564, 160 * 65_564, genuine.length),
    );
    const edit = fc.record({
      at: edges,
      remove: fc.oneof(fc.nat(3), edges),
      from: edges,
      length: fc.oneof(fc.nat(30), edges),
    });
    const range = fc.option(fc.tuple(fc.nat(plain.length - 1), fc.nat(200_000)), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(edit, range, async ({ at, remove, from, length }, requested) => {
        const put = genuine.subarray(from, from + length);
        const body = Buffer.concat([genuine.subarray(0, at), put, genuine.subarray(at + remove)]);
        const [first, more] = requested ?? [0, plain.length];
        const options =
          requested === undefined ? {} : { range: { kind: 'closed', first, last: first + more } as const };
        const { received, error } = await read(cipher, { envelope, body }, options);
        if (requested === undefined && !body.equals(genuine)) assert.equal(error?.code, 'IntegrityFailure');
        assert.ok(received.equals(plain.subarray(first, first + received.length)));
      }),
      { numRuns: triesOf(60) },
    );
  });
});

describe('upload id, properties', () => {
  it('reads any text, or says that there is no such upload', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from([1, ...raw]).toString('base64url'));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), bytes), (text) => {
        try {
          parseUploadId(text);
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'NoSuchUpload', String(error));
        }
      }),
      { numRuns: triesOf(1000) },
    );
  });
});
