import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CopyEnds } from '../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createCopies } from '../../src/objects/copies.ts';
import { createObjectReader } from '../../src/objects/object-reader.ts';
import { createUploads } from '../../src/objects/uploads.ts';
import type { Encryption } from '../../src/s3/encryption.ts';
import { cipherOf, collect, pattern } from '../unit/core/cipher/object-store.ts';
import { CopyingStore } from '../unit/objects/copying-store.ts';

const cipher = cipherOf();
const reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
const uploads = createUploads({ cipher, clock: Date });
const copies = createCopies({ cipher, reader, uploads, clock: { now: () => 0 } });

const encryption = fc.constantFrom<Encryption>('required', 'migrating', 'off');
const size = fc.oneof(fc.nat(200_000), fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 131_072));

async function storeWith(source: Encryption, target: Encryption, body: Buffer, isSealed: boolean) {
  const store = new CopyingStore();
  const ends: CopyEnds = { from: store.session('from', source), to: store.session('to', target) };
  const sealed = isSealed ? await cipher.seal({ bucketId: 'id-of-from', key: 'a' }, body.length, undefined) : undefined;
  if (sealed === undefined) store.put('from', 'a', body);
  else store.put('from', 'a', sealed.whole(body), { 'x-amz-meta-sallyport': sealed.envelope });
  return { store, ends };
}

const origin = { key: 'a', versionId: undefined, conditions: {} };
const wholly = { headers: {}, conditions: {}, kept: undefined, tags: undefined, checksum: undefined };

describe('copies', () => {
  it('give the bytes of the source whatever the places and the size', async () => {
    await fc.assert(
      fc.asyncProperty(encryption, encryption, size, async (source, target, bytes) => {
        const body = pattern(bytes);
        const { ends } = await storeWith(source, target, body, source !== 'off');
        await copies.copyObject(ends, { origin, key: 'b', ...wholly });
        const requested = { key: 'b', versionId: undefined, range: undefined, partNumber: undefined, conditions: {} };
        const read = await reader.read(ends.to, { ...requested, wantsChecksum: false });
        assert.deepEqual(Buffer.isBuffer(read.body) ? read.body : await collect(read.body), body);
      }),
      { numRuns: 60 },
    );
  });

  it('give exactly the range as a part, or refuse it where the source does not have all of it', async () => {
    const range = fc.record({ first: fc.nat(210_000), last: fc.nat(210_000) });
    await fc.assert(
      fc.asyncProperty(encryption, size, range, async (source, bytes, wanted) => {
        const body = pattern(bytes);
        const { store, ends } = await storeWith(source, 'off', body, source !== 'off');
        await ends.to.send({ method: 'POST', key: 'b', query: [['uploads', '']], headers: {} });
        const [[uploadId, upload] = assert.fail()] = store.uploads;
        const copy = { origin, upload: { key: 'b', uploadId }, number: 1, range: wanted };
        if (wanted.first > wanted.last || wanted.last >= bytes) {
          const isRefusal = (error: unknown) => error instanceof GatewayError && error.code === 'InvalidArgument';
          await assert.rejects(copies.copyPart(ends, copy), isRefusal);
          assert.equal(upload.parts.size, 0);
          return;
        }
        await copies.copyPart(ends, copy);
        assert.deepEqual(upload.parts.get('1')?.body, body.subarray(wanted.first, wanted.last + 1));
      }),
      { numRuns: 100 },
    );
  });

  it('leave no plaintext and no object of a source of which a bit was flipped, unless the store copied it as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 150_000 }), fc.nat(), async (bytes, at) => {
        const body = pattern(bytes);
        const { store, ends } = await storeWith('required', 'off', body, true);
        const stored = store.get('from', 'a') ?? assert.fail();
        const flipped = Buffer.from(stored.body);
        const index = at % flipped.length;
        flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
        store.put('from', 'a', flipped, stored.headers);
        const isIntegrity = (error: unknown) => error instanceof GatewayError && error.code === 'IntegrityFailure';
        await assert.rejects(copies.copyObject(ends, { origin, key: 'b', ...wholly }), isIntegrity);
        assert.equal(store.get('to', 'b'), undefined);
      }),
      { numRuns: 60 },
    );
  });
});
