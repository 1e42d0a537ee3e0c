/**
 * What whoever runs the store can do to an object of several parts: whatever it is, no read of it, whole or in part, ends
 * cleanly with bytes that the client never uploaded there, and each that fails is on record as what it is.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isTried } from '../support/chance.ts';
import type { Answer } from '../support/client/client.ts';
import { ObjectCalls, type PartOf } from '../support/store/object-calls.ts';
import { sharedKind } from '../support/stack/stack.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const CELL = 65_564;
const SEGMENT = 65_536;
const TRAILER = 160;
const PART = 5 * 1024 ** 2;
const SMALL = 100_000;

interface Stored {
  readonly body: Buffer;
  readonly envelope: string | undefined;
}

/** What is there to steal from: the object, another upload of the same parts, and one of the same upload id. */
interface World {
  readonly own: Stored;
  readonly other: Stored;
  readonly single: Stored;
}

type Attack = (world: World) => Stored;

const flip =
  (at: (length: number) => number): Attack =>
  ({ own }) => {
    const body = Buffer.from(own.body);
    const offset = at(body.length);
    body.writeUInt8(body.readUInt8(offset) ^ 1, offset);
    return { ...own, body };
  };
const cut =
  (...spans: readonly (readonly [from: number, to?: number])[]): Attack =>
  ({ own }) => ({ ...own, body: Buffer.concat(spans.map(([from, to]) => own.body.subarray(from, to))) });
const spliced =
  (from: number, to: number): Attack =>
  ({ own, other }) => {
    const body = Buffer.from(own.body);
    other.body.copy(body, from, from, to);
    return { ...own, body };
  };

describe('a stored upload that was tampered with', function () {
  this.timeout(240_000);
  let twins: TwinGateways;
  let token: string;
  let turn = 0;
  const at = (key: string): ObjectCalls =>
    new ObjectCalls(() => twins.clients[(turn += 1) % 2 === 0 ? 0 : 1], token, 'reports', key);
  const fetched = async (key: string): Promise<Stored> => {
    const { status, body, headers } = await twins.raw({ method: 'GET', bucket: 'reports', key });
    assert.equal(status, 200);
    const envelope = headers['x-amz-meta-sallyport'];
    return { body, envelope: typeof envelope === 'string' ? envelope : undefined };
  };
  const plant = async (key: string, { body, envelope }: Stored, bucket = 'reports'): Promise<void> => {
    const headers = envelope === undefined ? {} : { 'x-amz-meta-sallyport': envelope };
    const { status } = await twins.raw({ method: 'PUT', bucket, key, headers, body });
    assert.equal(status, 200);
  };

  before(async () => {
    twins = await startTwinGateways({ reports: {}, artifacts: {} }, { kind: sharedKind() });
    token = await twins.token('alice');
  });
  after(() => twins.stop());

  /** Reads of all of it, of its first and last bytes, across every edge, and of a part. */
  async function readsOf(object: ObjectCalls, plain: Buffer, edges: readonly number[]): Promise<void> {
    const refused: (readonly [requestId: string, what: string])[] = [];
    const judge = (answer: Answer, genuine: Buffer, what: string): void => {
      if (answer.status < 300 && answer.complete) {
        assert.ok(answer.body.equals(genuine), `${what} ended cleanly with other bytes`);
        return;
      }
      refused.push([answer.requestId, what]);
      const sent = answer.status < 300 ? answer.body : Buffer.alloc(0);
      assert.ok(genuine.subarray(0, sent.length).equals(sent), `${what} gave other bytes before it broke off`);
    };
    judge(await object.call('GET'), plain, 'a read of all');
    for (const edge of [0, ...edges, plain.length - 1]) {
      const [first, last] = [Math.max(0, edge - 10), Math.min(plain.length - 1, edge + 10)];
      judge(await object.range(`bytes=${first}-${last}`), plain.subarray(first, last + 1), `bytes ${first}-${last}`);
    }
    judge(await object.range('bytes=-1000'), plain.subarray(-1000), 'the last 1000 bytes');
    assert.ok(refused.length > 0, 'nothing noticed');
    const errors = new Map((await twins.audit()).map(({ requestId, error }) => [requestId, error]));
    for (const [requestId, what] of refused) {
      const code = errors.get(requestId);
      assert.ok(
        code === 'IntegrityFailure' || code === 'ObjectNotEncrypted' || code === 'InvalidRange',
        `${what}: ${code ?? 'nothing on record'}`,
      );
    }
  }

  interface Layout {
    readonly name: string;
    /** Numbers and plaintext sizes. */
    readonly parts: readonly (readonly [number: number, sizeBytes: number])[];
    /** Where parts begin in the stored object, after the first. */
    readonly boundaries: readonly number[];
  }
  const g = (p: number): number => p + 28 * Math.floor(p / SEGMENT);
  const layouts: readonly Layout[] = [
    {
      name: 'equal parts and a small last one',
      parts: [
        [1, PART],
        [2, PART],
        [3, SMALL],
      ],
      boundaries: [g(PART), 2 * g(PART)],
    },
    {
      name: 'equal parts, the last one as large',
      parts: [
        [1, PART],
        [2, PART],
      ],
      boundaries: [g(PART)],
    },
    {
      name: 'odd parts and gaps',
      parts: [
        [2, PART + 77],
        [5, PART + 1000],
        [9, SMALL],
      ],
      boundaries: [g(PART + 77), g(PART + 77) + g(PART + 1000)],
    },
  ];

  for (const [number, { name, parts, boundaries }] of layouts.entries()) {
    describe(`of ${name}`, () => {
      let plain: Buffer;
      let world: World;
      let edges: readonly number[];
      const key = `2026/attacked/${name}`;

      const upload = async (object: ObjectCalls): Promise<Buffer> => {
        const uploadId = await object.create();
        const contents = parts.map(([, sizeBytes]) => randomBytes(sizeBytes));
        const done: PartOf[] = [];
        for (const [index, [number]] of parts.entries()) {
          done.push(await object.uploadPart(uploadId, number, contents[index] ?? Buffer.alloc(0)));
        }
        const completed = await object.complete(uploadId, done);
        assert.equal(completed.status, 200, completed.body.toString());
        return Buffer.concat(contents);
      };

      before(async () => {
        plain = await upload(at(key));
        const own = await fetched(key);
        await upload(at(key));
        const other = await fetched(key);
        await at(key).must('PUT', '', {}, plain.subarray(0, 300_000));
        world = { own, other, single: await fetched(key) };
        let start = 0;
        edges = parts.slice(0, -1).map(([, sizeBytes]) => (start += sizeBytes));
      });

      const first = boundaries[0] ?? 0;
      const last = boundaries.at(-1) ?? 0;
      const attacks: Readonly<Record<string, Attack>> = {
        'flipped in its first segment': flip(() => 100),
        'flipped in a salt': flip(() => 3 * CELL + 5),
        'flipped in a tag': flip(() => 4 * CELL - 3),
        'flipped where the second part begins': flip(() => first + 20),
        'flipped in its last trailer': flip((length) => length - 40),
        'with two segments swapped': ({ own }) =>
          cut([CELL, 2 * CELL], [0, CELL], [2 * CELL])({ own, other: own, single: own }),
        'with its first two parts swapped': ({ own }) =>
          cut([first, 2 * first], [0, first], [2 * first])({ own, other: own, single: own }),
        'cut by a byte': ({ own }) => ({ ...own, body: own.body.subarray(0, -1) }),
        'cut where a part ends': cut([0, first]),
        'cut where its last part begins': cut([0, last]),
        'cut where a segment ends': cut([0, 5 * CELL]),
        'without its first part': cut([first]),
        'without its second part': ({ own }) =>
          cut([0, first], [Math.max(last, 2 * first)])({ own, other: own, single: own }),
        'without a segment in its midst': cut([0, CELL], [2 * CELL]),
        'cut to its last trailer': ({ own }) => ({ ...own, body: own.body.subarray(-TRAILER) }),
        'cut to nothing': ({ own }) => ({ ...own, body: Buffer.alloc(0) }),
        'extended by a byte': ({ own }) => ({ ...own, body: Buffer.concat([own.body, Buffer.alloc(1)]) }),
        'extended by its own first part': ({ own }) => ({
          ...own,
          body: Buffer.concat([own.body, own.body.subarray(0, first)]),
        }),
        'extended in front': ({ own }) => ({ ...own, body: Buffer.concat([own.body.subarray(0, first), own.body]) }),
        'twice in a row': ({ own }) => ({ ...own, body: Buffer.concat([own.body, own.body]) }),
        'with a segment of another upload': spliced(CELL, 2 * CELL),
        'with the first part of another upload': spliced(0, first),
        'with the end of another upload': ({ own, other }) => ({
          ...own,
          body: Buffer.concat([own.body.subarray(0, last), other.body.subarray(last)]),
        }),
        'with the trailer of another upload': ({ own, other }) => ({
          ...own,
          body: Buffer.concat([own.body.subarray(0, -TRAILER), other.body.subarray(-TRAILER)]),
        }),
        'under the envelope of another upload': ({ own, other }) => ({ body: own.body, envelope: other.envelope }),
        'under the envelope of a single PUT': ({ own, single }) => ({ body: own.body, envelope: single.envelope }),
        'called a single PUT': ({ own }) => ({ body: own.body, envelope: own.envelope?.replace(';m;', ';s;') }),
        'replaced by the body of a single PUT': ({ own, single }) => ({ body: single.body, envelope: own.envelope }),
        'without its envelope': ({ own }) => ({ body: own.body, envelope: undefined }),
        'replaced by plaintext': ({ own }) => ({ body: Buffer.alloc(own.body.length, 'planted'), envelope: undefined }),
        'replaced by plaintext under its envelope': ({ own }) => ({
          body: Buffer.alloc(own.body.length, 'planted'),
          envelope: own.envelope,
        }),
      };
      // Where not all are tried, each is on one of the three layouts.
      const tried = Object.entries(attacks).filter((_, index) => isTried(index + number));
      for (const [attack, tamper] of tried) {
        it(`and ${attack}, is never taken for what it was`, async () => {
          await plant(key, tamper(world));
          await readsOf(at(key), plain, edges);
        });
      }

      it('and moved to another key or bucket, is never taken for one of there', async () => {
        await plant('2026/attacked/elsewhere', world.own);
        const moved = await at('2026/attacked/elsewhere').call('GET');
        assert.equal(moved.status, 500);
        await plant(key, world.own, 'artifacts');
        assert.equal((await new ObjectCalls(() => twins.clients[0], token, 'artifacts', key).call('GET')).status, 500);
        const codes = (await twins.audit()).filter(
          ({ operation, result }) => operation === 'GetObject' && result === 'failed',
        );
        assert.ok(codes.every(({ error }) => error !== undefined));
      });

      it('and put back as it was, reads as before', async () => {
        await plant(key, world.own);
        assert.ok((await at(key).must('GET')).body.equals(plain));
      });
    });
  }
});
