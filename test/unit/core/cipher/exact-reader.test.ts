import assert from 'node:assert/strict';
import { ExactReader } from '../../../../src/core/cipher/exact-reader.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
async function* bodyOf(...chunks: Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  yield* chunks;
}

describe('core/cipher/exact-reader', () => {
  it('releases a chunk when it goes on to the next, and no piece that it gave before that', async () => {
    const chunks = ['a', 'b', 'c'].map((letter) => Buffer.alloc(10_000, letter));
    const lengths = (): number[] => chunks.map(({ length }) => length);
    const reader = new ExactReader(bodyOf(...chunks));
    assert.equal(String(await reader.take(5000)), 'a'.repeat(5000));
    assert.equal(String(await reader.take(5000)), 'a'.repeat(5000));
    assert.deepEqual(lengths(), [10_000, 10_000, 10_000]);
    const across = await reader.take(12_000);
    assert.equal(String(across), 'b'.repeat(10_000) + 'c'.repeat(2000));
    assert.deepEqual(lengths(), [0, 0, 10_000]);
    await reader.skip(8000);
    await reader.end();
  });

  it('reads chunks that share their memory, with empty ones between', async () => {
    const whole = Buffer.alloc(30_000, 'x');
    const empty = whole.subarray(30_000);
    const reader = new ExactReader(bodyOf(whole.subarray(0, 7), empty, whole.subarray(7, 20_000), empty));
    assert.equal((await reader.take(20_000)).length, 20_000);
    await reader.end();
    assert.equal(whole.length, 30_000);
  });
});
