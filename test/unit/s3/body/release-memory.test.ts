import assert from 'node:assert/strict';
import { releaseMemory, releasedOnceSent, releaseSent } from '../../../../src/s3/body/release-memory.ts';
import { withholdLast } from '../../../../src/s3/body/withhold-last.ts';

describe('the memory of chunks', () => {
  it('is released', () => {
    const chunk = Buffer.alloc(70_000, 'a');
    releaseMemory(chunk);
    assert.equal(chunk.length, 0);
  });

  it('stays where it is shared: slices of a chunk, small buffers of one pool, and empty buffers', () => {
    const whole = Buffer.alloc(70_000, 'a');
    for (const part of [whole.subarray(0, 35_000), whole.subarray(35_000), whole.subarray(70_000)]) releaseMemory(part);
    assert.equal(whole.length, 70_000);
    const [one, other] = [Buffer.from('one'), Buffer.from('other')];
    releaseMemory(one);
    assert.deepEqual([one.toString(), other.toString()], ['one', 'other']);
    const empty = Buffer.alloc(0);
    releaseMemory(Buffer.from(empty.buffer));
    assert.doesNotThrow(() => Buffer.alloc(1).set(empty));
  });

  it('stays where other threads may hold it', () => {
    const shared = Buffer.from(new SharedArrayBuffer(16));
    releaseMemory(shared);
    assert.equal(shared.length, 16);
  });

  it('is released when it is sent, only where it is marked, and only of that very buffer', () => {
    const [marked, other] = [Buffer.alloc(70_000, 'a'), Buffer.alloc(70_000, 'b')];
    assert.equal(releasedOnceSent(marked), marked);
    assert.equal(marked.length, 70_000);
    for (const chunk of [other, 'text', undefined, Buffer.from(marked.buffer)]) releaseSent(chunk);
    assert.deepEqual([marked.length, other.length], [70_000, 70_000]);
    releaseSent(marked);
    assert.deepEqual([marked.length, other.length], [0, 70_000]);
  });

  it('of a body that is stored as it is, is released when it is sent', async () => {
    const chunks = [Buffer.alloc(70_000, 'a'), Buffer.alloc(70_000, 'b')];
    // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
    const body = async function* (): AsyncGenerator<Buffer, void, undefined> {
      yield* chunks;
    };
    let text = '';
    for await (const chunk of withholdLast(body(), 140_000, () => assert.fail())) {
      text += chunk.toString();
      releaseSent(chunk);
    }
    assert.equal(text, 'a'.repeat(70_000) + 'b'.repeat(70_000));
    // The last one waits for nothing behind it.
    assert.deepEqual(
      chunks.map(({ length }) => length),
      [0, 70_000],
    );
  });
});
