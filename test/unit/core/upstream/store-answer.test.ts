/** By a connection whose every step is scripted; how undici's behaves, the tests of http-upstream and of the whole product show. */
import assert from 'node:assert/strict';
import type { Dispatcher } from 'undici';
import { StoreAnswer } from '../../../../src/core/upstream/store-answer.ts';
import type { UpstreamResponse } from '../../../../src/contracts/upstream.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';

/** A connection that does what undici's would: `onResume` may deliver at once, and an abort is an error of the answer. */
class Connection implements Dispatcher.DispatchController {
  aborted = false;
  paused = false;
  reason: Error | null = null;
  onResume = (): void => undefined;
  readonly answer: StoreAnswer;

  constructor(answer: StoreAnswer) {
    this.answer = answer;
    answer.onRequestStart(this);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.onResume();
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.answer.onResponseError(this, reason);
  }

  async begin(headers: Record<string, string> = {}): Promise<UpstreamResponse> {
    this.answer.onResponseStart(this, 200, headers);
    return this.answer.head;
  }

  give(...sizes: readonly number[]): void {
    for (const size of sizes) this.answer.onResponseData(this, Buffer.alloc(size, 1));
  }
}

const connect = (signal?: AbortSignal) => new Connection(new StoreAnswer('main', signal));
const isBrokenOff = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'ServiceUnavailable' && /broke off/.test(error.detail ?? '');

async function sizes(body: AsyncIterable<Buffer>): Promise<number[]> {
  const seen: number[] = [];
  for await (const chunk of body) seen.push(chunk.length);
  return seen;
}

describe('core/upstream/store-answer', () => {
  it('gives the head once, after what comes before an answer, with repeated headers joined', async () => {
    const { answer } = connect();
    const connection = new Connection(answer);
    answer.onResponseStart(connection, 103, { link: 'x' });
    answer.onResponseStart(connection, 206, { etag: '"e"', vary: ['a', 'b'], gone: undefined });
    const { status, headers } = await answer.head;
    assert.equal(status, 206);
    assert.deepEqual(
      [...headers],
      [
        ['etag', '"e"'],
        ['vary', 'a, b'],
      ],
    );
  });

  it('rejects without a head, with the error of the connection', async () => {
    const { answer } = connect();
    answer.onResponseError(new Connection(answer), Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    await assert.rejects(answer.head, { code: 'ECONNRESET' });
  });

  it('gives the body in order, and ends when the answer has', async () => {
    const connection = connect();
    const { body } = await connection.begin();
    connection.give(1, 2);
    const seen = sizes(body);
    await new Promise(setImmediate);
    connection.give(3);
    connection.answer.onResponseEnd();
    assert.deepEqual(await seen, [1, 2, 3]);
  });

  it('pauses the connection while 64 KiB wait, and takes what it delivers in the moment in which it goes on', async () => {
    const connection = connect();
    const { body } = await connection.begin();
    connection.give(65_535);
    assert.equal(connection.paused, false);
    connection.give(1);
    assert.equal(connection.paused, true);
    connection.onResume = () => {
      connection.onResume = () => undefined;
      connection.give(7);
      connection.answer.onResponseEnd();
    };
    assert.deepEqual(await sizes(body), [65_535, 1, 7]);
  });

  it('pauses the connection while 256 pieces wait: a store that sends byte by byte costs no more memory than another', async () => {
    const connection = connect();
    await connection.begin();
    connection.give(...Array.from({ length: 255 }, () => 1));
    assert.equal(connection.paused, false);
    connection.give(1);
    assert.equal(connection.paused, true);
  });

  it('never ends a body that broke off, read before or after', async () => {
    for (const isWaiting of [true, false]) {
      const connection = connect();
      const { body } = await connection.begin();
      connection.give(5);
      const early = isWaiting ? sizes(body) : undefined;
      await new Promise(setImmediate);
      connection.answer.onResponseError(connection, new Error('cut'));
      await assert.rejects(early ?? sizes(body), isBrokenOff);
    }
  });

  it('is whole in one buffer, or broke off', async () => {
    const connection = connect();
    const response = await connection.begin();
    connection.give(2, 3);
    connection.answer.onResponseEnd();
    assert.equal((await response.whole()).length, 5);
    const broken = connect();
    const { whole } = await broken.begin();
    broken.give(2);
    broken.answer.onResponseError(broken, new Error('cut'));
    await assert.rejects(Promise.resolve(whole()), isBrokenOff);
  });

  it('reads a small rest that is given up, and cuts a large one, announced or not', async () => {
    const small = connect();
    const given = (await small.begin({ 'content-length': '9' })).discard();
    small.give(9);
    small.answer.onResponseEnd();
    await given;
    assert.equal(small.aborted, false);

    const announced = connect();
    await (await announced.begin({ 'content-length': '65537' })).discard();
    assert.equal(announced.aborted, true);

    const unannounced = connect();
    const cut = (await unannounced.begin()).discard();
    unannounced.give(65_536);
    assert.equal(unannounced.aborted, false);
    unannounced.give(1);
    await cut;
    assert.equal(unannounced.aborted, true);
  });

  it('goes on with a paused connection that is given up', async () => {
    const connection = connect();
    const { discard } = await connection.begin();
    connection.give(65_536);
    connection.onResume = () => connection.answer.onResponseEnd();
    await discard();
    assert.equal(connection.aborted, false);
  });

  it('tells whoever waits for a body that is given up that it broke off, and nobody that it ended', async () => {
    const connection = connect();
    const { body, discard, whole } = await connection.begin();
    const waiting = sizes(body);
    const given = discard();
    await assert.rejects(waiting, isBrokenOff);
    connection.answer.onResponseEnd();
    await given;
    await assert.rejects(Promise.resolve(whole()), isBrokenOff);
  });

  it('is cut by a reader that leaves early, and not by one that has all', async () => {
    const connection = connect();
    const { body } = await connection.begin();
    connection.give(1, 1);
    for await (const chunk of body) {
      assert.equal(chunk.length, 1);
      break;
    }
    assert.equal(connection.aborted, true);
    const ended = connect();
    const second = await ended.begin();
    ended.give(1, 1);
    ended.answer.onResponseEnd();
    for await (const chunk of second.body) if (chunk.length === 1) break;
    assert.equal(ended.aborted, false);
  });

  it('is cut by its signal before it begins, before its head, and in its body; never after its end', async () => {
    const before = new AbortController();
    before.abort();
    await assert.rejects(connect(before.signal).answer.head, { name: 'AbortError' });

    const headless = new AbortController();
    const waiting = connect(headless.signal);
    headless.abort();
    await assert.rejects(waiting.answer.head, { name: 'AbortError' });

    const inBody = new AbortController();
    const connection = connect(inBody.signal);
    const { body } = await connection.begin();
    inBody.abort();
    await assert.rejects(sizes(body), isBrokenOff);

    const late = new AbortController();
    const done = connect(late.signal);
    await done.begin();
    done.answer.onResponseEnd();
    late.abort();
    assert.equal(done.aborted, false);
  });
});
