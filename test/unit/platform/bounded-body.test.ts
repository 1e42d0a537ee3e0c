import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { bounded, readBounded, type BodyFault } from '../../../src/platform/bounded-body.ts';

describe('a bounded body', () => {
  const refuse = (fault: BodyFault): Error => Object.assign(new Error(fault), { code: fault });
  let received = 0;
  let ended = false;
  beforeEach(() => {
    received = 0;
    ended = false;
  });

  async function* body(pieces: readonly Buffer[], everyMs = 0): AsyncGenerator<Buffer> {
    try {
      for (const piece of pieces) {
        if (everyMs > 0) await after(everyMs);
        received += 1;
        yield piece;
      }
    } finally {
      ended = true;
    }
  }
  const pieces = (count: number, sizeBytes: number): Buffer[] =>
    Array.from({ length: count }, (_, index) => Buffer.alloc(sizeBytes, index));

  it('is read whole, in whatever pieces it comes, up to its last byte', async () => {
    for (const [count, sizeBytes] of [
      [0, 0],
      [1, 100],
      [100, 1],
      [7, 14],
      [2, 50],
    ] as const) {
      const sent = pieces(count, sizeBytes);
      const read = await readBounded(body(sent), { maxBytes: 100, refuse });
      assert.deepEqual(read, Buffer.concat(sent));
    }
  });

  it('of one byte too many is aborted at that byte, and what comes behind it is never read', async () => {
    await assert.rejects(readBounded(body(pieces(1000, 10)), { maxBytes: 99, refuse }), { code: 'too long' });
    assert.equal(received, 10);
    assert.ok(ended);
  });

  it('that goes on in drops is aborted after its time', async () => {
    const limits = { maxBytes: 100_000, withinMs: 30, refuse };
    await assert.rejects(readBounded(body(pieces(1000, 1), 5), limits), { code: 'too slow' });
    assert.ok(received < 100);
    assert.ok(ended);
  });

  it('fails as its source fails', async () => {
    // eslint-disable-next-line @typescript-eslint/require-await -- as a socket gives it
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a');
      throw new Error('cut');
    }
    await assert.rejects(readBounded(broken(), { maxBytes: 100, refuse }), { message: 'cut' });
  });

  it('is passed on chunk by chunk, without the chunk that is too many', async () => {
    const seen: Buffer[] = [];
    const passing = async (): Promise<void> => {
      for await (const chunk of bounded(body(pieces(5, 30)), { maxBytes: 100, refuse })) seen.push(chunk);
    };
    await assert.rejects(passing(), { code: 'too long' });
    assert.equal(seen.length, 3);
    assert.ok(ended);
  });
});
