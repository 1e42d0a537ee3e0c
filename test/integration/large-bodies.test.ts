/**
 * Large bodies whose memory is released as they pass: many at once, with clients that pause, send in odd pieces, and go away.
 * Gateway, store and clients share a process, so that memory released too early would be somebody's.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../support/random.ts';
import { startSmallGateway, type SmallGateway } from '../support/stack/small-gateway.ts';
import { fixedSeed } from '../support/chance.ts';

const MIB = 1_048_576;
const SEGMENT = 65_536;

describe('large bodies', function () {
  this.timeout(60_000);
  const seed = fixedSeed ?? Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  let gateway: SmallGateway;

  before(async () => {
    gateway = await startSmallGateway({ buckets: { reports: {}, artifacts: { encryption: 'off' } } });
  });
  after(() => gateway.stop());

  const upTo = (bound: number): number => Math.floor(random() * bound);

  /** Bytes that repeat nowhere near a segment, other ones for each name. */
  function contentOf(name: string, sizeBytes: number): Buffer {
    return createHash('shake128', { outputLength: sizeBytes }).update(name).digest();
  }

  function start(method: string, path: string, headers: Record<string, string> = {}) {
    const sent = request(gateway.client.options({ method, target: path, headers, token: gateway.token('analysts') }));
    const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
    answer.catch(() => undefined);
    sent.on('error', () => undefined);
    return { sent, answer };
  }

  /** Sends a body in pieces of odd sizes, with pauses; `leaveAt`: goes away after so many bytes. Gives the status. */
  async function put(path: string, content: Buffer, leaveAt = Infinity): Promise<number> {
    const { sent, answer } = start('PUT', path, { 'content-length': String(content.length) });
    for (let at = 0; at < content.length;) {
      if (at >= leaveAt) {
        sent.destroy();
        return 0;
      }
      const piece = content.subarray(at, at + 1 + upTo(3 * SEGMENT));
      at += piece.length;
      if (!sent.write(piece)) await once(sent, 'drain');
      if (random() < 0.1) await sleep(upTo(10));
    }
    sent.end();
    const [response] = await answer;
    response.resume();
    return response.statusCode ?? 0;
  }

  /** Reads with pauses; goes away after so many bytes. */
  async function get(path: string, headers: Record<string, string> = {}, leaveAt = Infinity): Promise<Buffer> {
    const { sent, answer } = start('GET', path, headers);
    sent.end();
    const [response] = await answer;
    assert.ok([200, 206].includes(response.statusCode ?? 0), `${path}: ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= leaveAt) break;
      if (random() < 0.05) await sleep(upTo(20));
    }
    return Buffer.concat(chunks);
  }

  const SIZES = [MIB, 2 * MIB + 7, 3 * MIB - 1, 4 * MIB + SEGMENT];

  for (const bucket of ['reports', 'artifacts']) {
    it(`keep every byte in ${bucket}, whatever their clients do (seed ${seed})`, async () => {
      const objects = SIZES.flatMap((sizeBytes) =>
        [0, 1].map((turn) => ({ sizeBytes, path: `/${bucket}/${sizeBytes}-${turn}` })),
      );
      await Promise.all(
        objects.flatMap(({ path, sizeBytes }) => [
          put(path, contentOf(path, sizeBytes)).then((status) => assert.equal(status, 200, path)),
          put(`${path}-left`, contentOf(path, sizeBytes), upTo(sizeBytes)),
        ]),
      );
      await Promise.all(
        objects.flatMap(({ path, sizeBytes }) => {
          const content = contentOf(path, sizeBytes);
          const first = upTo(sizeBytes);
          const last = first + upTo(sizeBytes - first);
          const leaveAt = upTo(sizeBytes);
          return [
            get(path).then((found) => assert.ok(found.equals(content), path)),
            get(path, { range: `bytes=${first}-${last}` }).then((found) =>
              assert.ok(found.equals(content.subarray(first, last + 1)), `${path} ${first}-${last}`),
            ),
            get(path, {}, leaveAt).then((found) =>
              assert.ok(found.equals(content.subarray(0, found.length)), `${path} up to ${leaveAt}`),
            ),
            put(`${path}-again`, content).then((status) => assert.equal(status, 200, path)),
          ];
        }),
      );
      for (const { path, sizeBytes } of objects) {
        assert.ok((await get(`${path}-again`)).equals(contentOf(path, sizeBytes)), `${path}-again`);
      }
    });
  }

  it('keep every byte when they are copied between buckets, both ways', async () => {
    const content = contentOf('copied', 3 * MIB + 5);
    assert.equal(await put('/reports/copied', content), 200);
    for (const [from, to] of [
      ['/reports/copied', '/artifacts/copied'],
      ['/artifacts/copied', '/reports/copied-back'],
    ] as const) {
      const { sent, answer } = start('PUT', to, { 'x-amz-copy-source': from });
      sent.end();
      const [response] = await answer;
      response.resume();
      assert.equal(response.statusCode, 200);
      assert.ok((await get(to)).equals(content), to);
    }
  });
});
