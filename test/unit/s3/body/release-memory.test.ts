import assert from 'node:assert/strict';
import { releaseMemory, releasing } from '../../../../src/s3/body/release-memory.ts';

describe('the memory of chunks', () => {
  // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
  async function* bodyOf(...chunks: Buffer[]): AsyncGenerator<Buffer, void, undefined> {
    yield* chunks;
  }

  it('is given back when the next chunk is requested, and not before', async () => {
    const [first, second] = [Buffer.alloc(70_000, 'a'), Buffer.alloc(70_000, 'b')];
    const chunks = releasing(bodyOf(first, second))[Symbol.asyncIterator]();
    const { value } = await chunks.next();
    assert.ok(value?.equals(Buffer.alloc(70_000, 'a')));
    await chunks.next();
    assert.equal(first.length, 0);
    assert.equal(second.length, 70_000);
    await chunks.next();
    assert.equal(second.length, 0);
  });

  it('stays where it is shared: slices of a chunk, and small buffers of one pool', () => {
    const whole = Buffer.alloc(70_000, 'a');
    releaseMemory(whole.subarray(0, 35_000));
    assert.equal(whole.length, 70_000);
    const [one, other] = [Buffer.from('one'), Buffer.from('other')];
    releaseMemory(one);
    assert.deepEqual([one.toString(), other.toString()], ['one', 'other']);
  });

  it('stays where other threads may hold it', () => {
    const shared = Buffer.from(new SharedArrayBuffer(16));
    releaseMemory(shared);
    assert.equal(shared.length, 16);
  });
});
