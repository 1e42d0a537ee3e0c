import assert from 'node:assert/strict';
import type { SealedPart } from '../../../src/contracts/object-cipher.ts';
import type { Uploads } from '../../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { storeSealed } from '../../../src/operate/store-sealed.ts';
import { scriptedSession } from './store-double.ts';

/** Seals by flipping every bit: enough to see what leaves. */
async function* flipped(plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of plain) yield Buffer.from(chunk.map((byte) => ~byte));
}

const partOf = (slot: number, sizeBytes: number): SealedPart & { storeUploadId: string } => ({
  slot,
  storedSizeBytes: sizeBytes,
  keyId: 'local:1',
  storeUploadId: 'u',
  isDeferred: false,
  record: () => '',
  body: flipped,
  whole: () => Buffer.alloc(0),
});

async function* chunks(...sizes: readonly number[]): AsyncGenerator<Buffer> {
  let value = 0;
  for (const size of sizes)
    yield await Promise.resolve(Buffer.from(Array.from({ length: size }, () => value++ & 0xff)));
}

function uploadsDouble() {
  const calls: string[] = [];
  const uploads: Pick<Uploads, 'create' | 'sealPart' | 'complete' | 'abort'> = {
    create: (_session, _key, headers) => {
      calls.push(`create ${Object.keys(headers).join()}`);
      return Promise.resolve({ uploadId: 'client-u', keyId: 'local:1' });
    },
    sealPart: (session, { key }, { number, sizeBytes }) => {
      const part = partOf(number, sizeBytes);
      const query = [
        ['partNumber', String(part.slot)],
        ['uploadId', part.storeUploadId],
      ] as const;
      return Promise.resolve({ ...part, session, key, query, onStored: () => Promise.resolve() });
    },
    complete: (_session, _upload, dependencies, { sizeBytes }) => {
      calls.push(`complete ${dependencies.map(({ number, etag }) => `${number}=${etag}`).join()} ${sizeBytes}`);
      return Promise.resolve({ etag: '"x"', versionId: 'v', keyId: 'local:1' } as Awaited<
        ReturnType<Uploads['complete']>
      >);
    },
    abort: () => {
      calls.push('abort');
      return Promise.resolve();
    },
  };
  return { uploads, calls };
}

const cipher = { maxPlainSizeBytes: 10, seal: () => Promise.reject(new Error('one PUT is too small')) };
const headers = { 'x-amz-meta-sallyport-work': '1' };

describe('an object that is too large for one PUT', () => {
  it('is cut into parts wherever its chunks begin and end', async () => {
    const { uploads, calls } = uploadsDouble();
    const { session, requested } = scriptedSession((_, index) => ({ headers: { etag: `"e${index}"` } }));
    const dependencies = { cipher, uploads, partBytes: 8 };
    const versionId = await storeSealed(dependencies, session, 'k', {
      headers,
      sizeBytes: 20,
      plain: chunks(3, 0, 10, 7),
    });
    assert.equal(versionId, 'v');
    assert.deepEqual(
      requested.map(({ sent }) => sent.length),
      [8, 8, 4],
    );
    const together = Buffer.concat(requested.map(({ sent }) => sent)).map((byte) => ~byte);
    assert.deepEqual(
      [...together],
      Array.from({ length: 20 }, (_, at) => at),
    );
    assert.deepEqual(calls, ['create x-amz-meta-sallyport-work', 'complete 1=e0,2=e1,3=e2 20']);
  });

  it('is aborted when a part fails', async () => {
    const { uploads, calls } = uploadsDouble();
    const { session } = scriptedSession((_, index) => {
      if (index === 1) throw new GatewayError('SlowDown');
      return { headers: { etag: '"e"' } };
    });
    const plain = chunks(20);
    const dependencies = { cipher, uploads, partBytes: 8 };
    await assert.rejects(storeSealed(dependencies, session, 'k', { headers, sizeBytes: 20, plain }), {
      code: 'SlowDown',
    });
    assert.equal(calls.at(-1), 'abort');
  });
});
