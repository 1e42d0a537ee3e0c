import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { openGcmSiv } from '../../../../src/core/legacy/gcm-siv.ts';
import { needs } from '../../../support/needs.ts';
import { hasPython, runPython } from '../../../support/python-programs.ts';
import {
  headersOf,
  legacyOf,
  openStored,
  readVectors,
  SEED,
  vector,
  VECTORS,
  type LegacyVector,
} from './stored-vectors.ts';

interface CipherVector {
  readonly name: string;
  readonly key: string;
  readonly nonce: string;
  readonly plain: string;
  readonly result: string;
}

const seed = Buffer.from(SEED);
/** What the name of a vector says its format is. */
const formatOf = ({ name }: LegacyVector): string => name.split(',')[0] ?? '';

describe('legacy objects', () => {
  for (const received of VECTORS) {
    it(`are opened: ${received.name}`, async () => {
      const legacy = legacyOf({
        seed: Buffer.from(received.seed),
        acceptZeroKek: formatOf(received) === 'isec-kek-zero',
      });
      const object = legacy.recognise('old', headersOf(received.metadata));
      assert.equal(object?.format, formatOf(received));
      assert.equal(object.plainSize(received.body.length), received.plain.length);
      assert.ok((await object.open(received.body)).equals(received.plain));
    });
  }

  it('name the headers that belong to the format, whether or not an object has them', () => {
    const legacy = legacyOf({ seed });
    const headers = (name: string) => legacy.recognise('old', headersOf(vector(name).metadata))?.headers;
    assert.deepEqual(headers('isec-kek-legacy'), ['x-amz-meta-isec', 'x-amz-meta-isec-kek-ver']);
    assert.deepEqual(headers('s3proxy-python'), [
      'x-amz-meta-isec',
      'x-amz-meta-s3proxy-format',
      'x-amz-meta-isec-kid',
      'x-amz-meta-client-etag',
      'x-amz-meta-plaintext-size',
    ]);
  });

  it('are found under the names of metadata that configuration gives', () => {
    const { metadata } = vector('isec-kek-v1');
    const renamed = headersOf({ dek: metadata['isec'] ?? '', 'dek-version': '1' });
    const legacy = legacyOf({ seed, metadataName: 'dek', kekVersionName: 'dek-version' });
    assert.equal(legacy.recognise('old', renamed)?.format, 'isec-kek-v1');
    assert.equal(legacy.recognise('old', headersOf(metadata)), undefined);
  });

  it('find the version of the key beside the key, whatever the name of the metadata', () => {
    const { metadata } = vector('isec-kek-v1');
    const renamed = headersOf({ dek: metadata['isec'] ?? '', 'dek-kek-ver': '1' });
    assert.equal(legacyOf({ seed, metadataName: 'dek' }).recognise('old', renamed)?.format, 'isec-kek-v1');
  });

  it('are not seen in an object without their metadata', () => {
    assert.equal(legacyOf({ seed }).recognise('old', headersOf({ colour: 'blue', 'isec-kek-ver': '1' })), undefined);
  });

  it('leave to clients metadata of that name where no legacy objects are expected', () => {
    assert.equal(legacyOf(undefined).recognise('old', headersOf({ isec: 'information security' })), undefined);
  });

  it('of a layout that is not read are refused by name, and not taken for plaintext', () => {
    for (const bucket of [{ seed }, undefined]) {
      assert.throws(() => legacyOf(bucket).recognise('old', headersOf({ 's3proxy-format': 'multipart-v3' })), {
        code: 'NotImplemented',
      });
    }
  });

  it('have a plaintext size only where nonce and tag fit', () => {
    const object = legacyOf({ seed }).recognise('old', headersOf(vector('isec-kek-v1').metadata));
    assert.deepEqual(
      [0, 27, 28, 29].map((size) => object?.plainSize(size)),
      [undefined, undefined, 0, 1],
    );
  });

  it('say how large they may be', () => {
    assert.equal(legacyOf({ seed }).maxStoredBytes, 1_000_000);
  });

  it('large and small, open at the same time', async () => {
    const legacy = legacyOf({ seed });
    const received = ['isec-kek-v1, large', 'isec-kek-v1', 'isec-kek-v1, large', 's3proxy-python'].map(vector);
    const opened = await Promise.all(received.map((stored) => openStored(legacy, stored)));
    for (const [i, { name, plain }] of received.entries()) assert.ok(opened[i]?.equals(plain), name);
  });

  it('do not hold up the process while a large one opens', async () => {
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    try {
      await openStored(legacyOf({ seed }), vector('isec-kek-v1, large'));
    } finally {
      clearInterval(ticking);
    }
    assert.ok(turns > 0);
  });
});

describe('AES-256-GCM-SIV', () => {
  for (const { name, key, nonce, plain, result } of readVectors('rfc8452.json') as CipherVector[]) {
    it(`opens the vector of RFC 8452, appendix ${name}`, () => {
      const stored = Buffer.concat([Buffer.from(nonce, 'hex'), Buffer.from(result, 'hex')]);
      const opened = openGcmSiv(Buffer.from(key, 'hex'), stored);
      assert.equal(opened && Buffer.from(opened).toString('hex'), plain);
    });
  }
});

describe('the vectors of legacy objects', function () {
  this.timeout(30_000);

  it('are what the independent program makes', async function () {
    needs(this, 'python3 with the package cryptography', hasPython());
    const program = fileURLToPath(new URL('../../../vectors/legacy/make_vectors.py', import.meta.url));
    const { status, stderr } = await runPython(program, '--check');
    assert.equal(status, 0, stderr);
  });
});
