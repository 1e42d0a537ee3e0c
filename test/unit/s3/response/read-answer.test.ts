import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { readAnswer } from '../../../../src/s3/response/read-answer.ts';

const MIB = Buffer.alloc(1024 * 1024);

describe("a store's answer", () => {
  let ended = false;
  beforeEach(() => (ended = false));

  async function* answer(pieces: number, piece: Buffer, everyMs = 0): AsyncGenerator<Buffer> {
    try {
      for (let sent = 0; sent < pieces; sent += 1) {
        if (everyMs > 0) await after(everyMs);
        yield piece;
      }
    } finally {
      ended = true;
    }
  }

  it('is read whole', async () => {
    assert.equal((await readAnswer(answer(16, MIB))).length, 16 * MIB.length);
  });

  it('of more than 16 MiB is aborted', async () => {
    await assert.rejects(readAnswer(answer(17, MIB)), { code: 'ServiceUnavailable' });
    assert.ok(ended);
  });

  it('that goes on in blanks is aborted after its time, and its connection with it', async () => {
    await assert.rejects(readAnswer(answer(1000, Buffer.from(' '), 5), 30), { code: 'ServiceUnavailable' });
    assert.ok(ended);
  });
});
