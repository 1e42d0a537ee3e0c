import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createUploads } from '../../src/objects/uploads.ts';
import { triesOf } from '../support/chance.ts';
import { cipherOf } from '../unit/core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, putPart, readBack } from '../unit/objects/multipart-store.ts';

const SEGMENT = 65_536;
const cipher = cipherOf();
/** Two processes that take turns. */
const processes = [createUploads({ cipher, clock: Date }), createUploads({ cipher: cipherOf(), clock: Date })] as const;
const bytes = randomBytes(8 * 1024 * 1024);

/** Most are of one length, as real clients make them; the others are near a boundary. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.constant(MIN + SEGMENT) },
  { weight: 2, arbitrary: fc.nat(3000) },
  { weight: 2, arbitrary: fc.integer({ min: -300, max: 300 }).map((off) => MIN + off) },
  { weight: 1, arbitrary: fc.integer({ min: MIN, max: MIN + 3 * SEGMENT }) },
);
const number = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(9_998, 9_999, 10_000) },
);
const put = fc.record({ number, size, from: fc.nat(SEGMENT), by: fc.nat(1) });
/**
 * What stands in slot 10,000 is shown as number 10,000, also where it is the small end 9,999; and a final part within 160
 * bytes of 5 MiB for an ordinary one, where the slot before it is taken.
 */
const shownPut = put.filter((one) => one.number !== 9_999 && !(one.size >= MIN - 160 && one.size < MIN));

interface Put {
  readonly number: number;
  readonly etag: string;
  readonly plain: Buffer;
  readonly slot: string;
}

async function run(puts: readonly { number: number; size: number; from: number; by: number }[]) {
  const store = new MultipartStore();
  const session = store.session();
  const { uploadId } = await processes[0].create(session, KEY, {});
  const upload = { key: KEY, uploadId };
  const history: Put[] = [];
  for (const { number, size, from, by } of puts) {
    const plain = bytes.subarray(from, from + size);
    const { etag } = await putPart(processes[by]!, session, uploadId, number, plain);
    history.push({ number, etag, plain, slot: new Map(store.requested.at(-1)?.query).get('partNumber') ?? '' });
  }
  const latest = new Map(history.map((one) => [one.number, one]));
  const inSlot = new Map(history.map((one) => [one.slot, one]));
  return { store, session, upload, history, latest, inSlot };
}

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof GatewayError) return error.code;
      throw error;
    },
  );

describe('uploads, whatever their clients do', function () {
  this.timeout(60_000);

  it('gives back what was named, in any order of uploads, again and again, or refuses it as S3 does', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(put, { minLength: 1, maxLength: 6 }),
        fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
        fc.nat(4),
        async (puts, chosen, faultAt) => {
          const { store, session, upload, latest, inSlot } = await run(puts);
          const all = [...latest.values()].toSorted((one, other) => one.number - other.number);
          const some = all.filter((_, index) => chosen[index] === true);
          const named = some.length === 0 ? all : some;
          const plain = Buffer.concat(named.map((one) => one.plain));
          const options = { sizeBytes: plain.length, conditions: {} };
          const isSmall = named.slice(0, -1).some((one) => one.plain.length < MIN);
          const isGone = named.some((one) => inSlot.get(one.slot) !== one);

          const requested = store.requested.length;
          store.fault = (nth) => (nth === requested + faultAt ? 'refused' : undefined);
          await outcome(processes[0].complete(session, upload, named, options));
          store.fault = () => undefined;
          const code = await outcome(processes[1].complete(session, upload, named, options));
          if (isSmall || isGone) {
            assert.match(code, /^(?:EntityTooSmall|InvalidPart)$/);
            assert.equal(store.objects.size, 0);
            return;
          }
          // The one layout that has no room: irregular parts up to 9,999 and a last one 10,000.
          if (code === 'InvalidRequest') {
            assert.deepEqual(
              named.slice(-2).map((one) => one.number),
              [9_999, 10_000],
            );
            return;
          }
          assert.equal(code, 'done');
          const object = store.objects.get(KEY)!;
          assert.ok((await readBack(cipher, { bucketId: 'reports', key: KEY }, object)).equals(plain));
          const listed = cipher.plainSize(object.body.length);
          assert.ok(listed === undefined || listed === plain.length);
          assert.equal(await outcome(processes[0].complete(session, upload, named, options)), 'done');
        },
      ),
      { numRuns: triesOf(30) },
    ));

  it('shows no part that was not uploaded under its number, and every one whose slot tells which it is', () =>
    fc.assert(
      fc.asyncProperty(fc.array(shownPut, { minLength: 1, maxLength: 6 }), fc.boolean(), async (puts, fails) => {
        const { store, session, upload, history, latest, inSlot } = await run(puts);
        const all = [...latest.values()].toSorted((one, other) => one.number - other.number);
        if (fails) {
          store.completeAnswer = () => '<Error><Code>SlowDown</Code></Error>';
          await outcome(processes[0].complete(session, upload, all, { sizeBytes: undefined, conditions: {} }));
        }
        const { parts } = await processes[1].parts(session, upload);
        const shown = parts.map(
          (part) => `${part.number} ${part.stored.etag.replaceAll('"', '')} ${part.plainSizeBytes}`,
        );
        const known = new Set(history.map((one) => `${one.number} ${one.etag} ${one.plain.length}`));
        const isPlain = history.every((one) => inSlot.get(one.slot) === one && latest.get(one.number) === one);
        // A layout part that was left behind is told by the parts around it: not among parts that nobody completed.
        if (isPlain || !fails) for (const one of shown) assert.ok(known.has(one), one);
        const isClear = all.every(
          ({ number, plain }) => plain.length >= MIN + 160 || (plain.length < MIN && number < 9_999),
        );
        if (isPlain && isClear) {
          assert.deepEqual(
            shown,
            all.map((one) => `${one.number} ${one.etag} ${one.plain.length}`),
          );
        }
      }),
      { numRuns: triesOf(30) },
    ));
});
