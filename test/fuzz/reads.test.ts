import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createObjectReader } from '../../src/objects/object-reader.ts';
import type { ByteRange } from '../../src/s3/request/request.ts';
import { triesOf } from '../support/chance.ts';
import { cipherOf, pattern, SEGMENT } from '../unit/core/cipher/object-store.ts';
import { MIN } from '../unit/core/cipher/upload-store.ts';
import { query, StoreInMemory, type Kept } from '../unit/objects/object-store.ts';

const cipher = cipherOf();
const PARTS = [
  [1, MIN + 7],
  [2, MIN],
  [9, 70_000],
] as const;

const offset = fc.oneof(
  fc.nat({ max: 3 * SEGMENT }),
  fc.integer({ min: MIN - 70_000, max: MIN + 70_000 }),
  fc.integer({ min: 2 * MIN - 9, max: 2 * MIN + 140_000 }),
);
const range: fc.Arbitrary<ByteRange> = fc.oneof(
  fc
    .tuple(offset, fc.nat({ max: 140_000 }))
    .map(([first, more]) => ({ kind: 'closed', first, last: first + more }) as const),
  offset.map((first) => ({ kind: 'open', first }) as const),
  fc.nat({ max: 200_000 }).map((length) => ({ kind: 'suffix', length }) as const),
);

/** One lie of a store, told at one of its answers. */
const lie = fc.record({
  at: fc.nat({ max: 4 }),
  what: fc.constantFrom('none', 'flip', 'cut', 'extend', 'shift', 'size', 'length', 'swap', 'plain', 'other', 'status'),
  where: fc.nat({ max: 400_000 }),
});

describe('reads of a store that lies (properties)', function () {
  this.timeout(60_000);
  const store = new StoreInMemory();
  let objects: Readonly<Record<'single' | 'parts', Kept>>;
  const size = { single: 5 * SEGMENT + 17, parts: 2 * MIN + 7 + 70_000 };

  before(async () => {
    objects = {
      single: await store.single(cipher, 'k', pattern(size.single)),
      parts: await store.multipart(cipher, 'k', PARTS),
    };
  });

  it('give bytes of the plaintext from where they were requested, or fail; all of them where nobody lied', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('single', 'parts'), range, lie, async (kind, wanted, { at, what, where }) => {
        const kept = objects[kind];
        store.objects.set('k', kept);
        store.reset();
        store.open = 0;
        const isNow = () => store.requests.length === at + 1;
        store.meanwhile = (requested) => {
          if (requested !== at) return;
          if (what === 'swap') store.objects.set('k', objects[kind === 'single' ? 'parts' : 'single']);
          if (what === 'plain') store.put('k', pattern(400_000));
          if (what === 'other')
            store.put('k', Buffer.from(kept.body).reverse(), {
              envelope: kept.envelope ?? '',
              etag: kept.etag,
            });
        };
        store.lies = {
          ignoresIfMatch: where % 2 === 0,
          ignoresRange: what === 'status' && isNow(),
          body: (bytes) => (isNow() ? altered(bytes, what, where) : bytes),
          head: (headers) => {
            const content = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '');
            if (!isNow() || content === null) return;
            const [first, last, total] = content.slice(1).map(Number) as [number, number, number];
            if (what === 'shift') headers.set('content-range', `bytes ${first + 1}-${last + 1}/${total + 1}`);
            if (what === 'size') headers.set('content-range', `bytes ${first}-${last}/${total + 1 + where}`);
            if (what === 'length') headers.set('content-length', String(where));
          },
        };
        const reader = createObjectReader({ cipher, smallBodyBytes: 66_000 });
        const received: Buffer[] = [];
        try {
          const opened = await reader.read(store.session(), query('k', { range: wanted }));
          const truth = pattern(opened.sizeBytes);
          try {
            if (Buffer.isBuffer(opened.body)) received.push(opened.body);
            else for await (const chunk of opened.body) received.push(Buffer.from(chunk));
          } finally {
            // As whoever sends it on does when it breaks.
            await opened.discard();
            const all = Buffer.concat(received);
            assert.ok(all.equals(truth.subarray(opened.first, opened.first + all.length)));
          }
          assert.equal(Buffer.concat(received).length, opened.last - opened.first + 1);
          assert.ok(opened.sizeBytes === size.single || opened.sizeBytes === size.parts);
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          if (what === 'none') assert.equal(error.code, 'InvalidRange');
        }
        assert.equal(store.open, 0, 'a body was left open');
      }),
      { numRuns: triesOf(250) },
    );
  });
});

function altered(bytes: Buffer, what: string, where: number): Buffer {
  if (bytes.length === 0) return bytes;
  if (what === 'cut') return bytes.subarray(0, bytes.length - 1 - (where % bytes.length));
  if (what === 'extend') return Buffer.concat([bytes, Buffer.alloc(1 + (where % 100))]);
  if (what !== 'flip') return bytes;
  const copy = Buffer.from(bytes);
  const offset = where % copy.length;
  copy[offset] = (copy[offset] ?? 0) ^ 1;
  return copy;
}
