/** The independent reference decryptor reads what this product stores, in one PUT and in parts. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDRESS, cipherOf, pattern, SEED, SIZES, store, vectors, type StoredObject } from './object-store.ts';
import { MIN, uploaded } from './upload-store.ts';
import { needs } from '../../../support/needs.ts';
import { hasPython, runPython, runPythonAlone, type ProgramRun } from '../../../support/python-programs.ts';

interface MultipartVector {
  name: string;
  seed: string;
  bucketId: string;
  key: string;
  envelope: string;
  plainSha256: string;
  storedSha256: string;
}

const DECRYPT = fileURLToPath(new URL('../../../../tools/decrypt.py', import.meta.url));
const MAKE_VECTORS = fileURLToPath(new URL('../../../vectors/object-format/make_vectors.py', import.meta.url));

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('tools/decrypt.py', function () {
  this.timeout(60_000);
  let folder: string;
  const file = (name: string): string => join(folder, name);

  async function decrypt(
    stored: StoredObject,
    seed: Buffer,
    { bucketId, key } = ADDRESS,
    {
      more = [],
      run = runPython,
    }: { more?: string[]; run?: (...args: string[]) => ProgramRun | Promise<ProgramRun> } = {},
  ): Promise<ProgramRun> {
    writeFileSync(file('body'), stored.body);
    writeFileSync(file('seed'), seed);
    rmSync(file('plain'), { force: true });
    return run(
      ...[DECRYPT, '--body', file('body'), '--envelope', stored.envelope, '--bucket-id', bucketId, '--key', key],
      ...['--seed-file', file('seed'), '--out', file('plain'), ...more],
    );
  }

  before(function () {
    needs(this, 'python3 with the package cryptography', hasPython());
    folder = mkdtempSync(join(tmpdir(), 'sallyport-decrypt-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives the vectors that are kept here', async () => {
    const { status, stderr } = await runPython(MAKE_VECTORS, '--check');
    assert.equal(status, 0, stderr);
  });

  it('reads objects of every size that this product stores', async () => {
    for (const size of SIZES) {
      const plain = pattern(size);
      const value = createHash('sha256').update(plain).digest();
      const stored = await store(cipherOf(), plain, ADDRESS, { algorithm: 'SHA256', value: () => value });
      const { status, stderr } = await decrypt(stored, SEED);
      assert.equal(status, 0, stderr);
      assert.ok(readFileSync(file('plain')).equals(plain));
    }
  });

  for (const [what, parts] of Object.entries<readonly (readonly [number: number, size: number])[]>({
    'equal aligned parts, small last': [
      [1, MIN],
      [2, MIN],
      [3, 70_000],
    ],
    'equal odd parts, large last': [
      [1, MIN + 1],
      [2, MIN + 65_535],
    ],
    'gaps and a small last part': [
      [2, MIN],
      [7, MIN + 9],
      [9, 0],
    ],
    'one part just under 5 MiB': [[1, MIN - 1]],
    'an empty part 10,000': [[10_000, 0]],
    'part 10,000 behind another': [
      [1, MIN],
      [10_000, MIN + 3],
    ],
    'a list of runs': [1, 2, 3, 4, 5].map((number) => [number, MIN + number] as const),
    'a list of runs before a small last part': [
      ...[1, 2, 3, 4].map((number) => [number, MIN + number * 40_000] as const),
      [9, 65_536],
    ],
  })) {
    it(`reads what this product uploads in parts, and the same from its envelope after a copy: ${what}`, async () => {
      const { stored, plain } = await uploaded(cipherOf(), parts);
      const address = { bucketId: 'archive', key: 'a copy' };
      const { envelope } = await cipherOf().rewrap(ADDRESS, stored.envelope, address);
      for (const [object, at] of [[stored, ADDRESS] as const, [{ ...stored, envelope }, address] as const]) {
        const { status, stderr } = await decrypt(object, SEED, at);
        assert.equal(status, 0, stderr);
        assert.ok(readFileSync(file('plain')).equals(plain));
      }
    });
  }

  it('takes a text seed with or without its final line end, as the configuration does', async () => {
    const stored = await store(cipherOf(), pattern(5));
    assert.equal((await decrypt(stored, Buffer.concat([SEED, Buffer.from('\r\n')]))).status, 0);
    const binary = Buffer.concat([Buffer.alloc(32, 0xff), Buffer.from('\n')]);
    assert.equal((await decrypt(await store(cipherOf(binary), pattern(5)), binary)).status, 0);
  });

  for (const vector of vectors('multipart') as MultipartVector[]) {
    it(`reads the multipart object: ${vector.name}`, async () => {
      assert.equal((await runPython(MAKE_VECTORS, '--body', vector.name, file('made'))).status, 0);
      const body = readFileSync(file('made'));
      assert.equal(sha256(body), vector.storedSha256);
      const { status, stderr } = await decrypt(
        { envelope: vector.envelope, body },
        Buffer.from(vector.seed, 'hex'),
        vector,
      );
      assert.equal(status, 0, stderr);
      assert.equal(sha256(readFileSync(file('plain'))), vector.plainSha256);
    });
  }

  it('refuses a multipart object that lost, repeated or swapped a part, or was changed in one', async () => {
    const names = ['equal aligned parts, small last', 'different parts, small last'];
    for (const vector of (vectors('multipart') as MultipartVector[]).filter(({ name }) => names.includes(name))) {
      await runPython(MAKE_VECTORS, '--body', vector.name, file('made'));
      const body = readFileSync(file('made'));
      const part = 80 * 65_564;
      const [first, second, rest] = [body.subarray(0, part), body.subarray(part, 2 * part), body.subarray(2 * part)];
      const changed = Buffer.from(body);
      changed.writeUInt8(changed.readUInt8(part + 99) ^ 4, part + 99);
      const bodies = [
        Buffer.concat([first, rest]),
        Buffer.concat([first, first, second, rest]),
        Buffer.concat([second, first, rest]),
        body.subarray(0, 2 * part),
        body.subarray(0, -1),
        body.subarray(0, -160),
        Buffer.concat([body, Buffer.alloc(1)]),
        changed,
      ];
      for (const [index, tampered] of bodies.entries()) {
        const { status } = await decrypt(
          { envelope: vector.envelope, body: tampered },
          Buffer.from(vector.seed, 'hex'),
          vector,
        );
        assert.equal(status, 1, `${vector.name}, ${index}`);
        assert.equal(existsSync(file('plain')), false);
      }
    }
  });

  it('refuses what is not authentic with one line, and writes nothing', async () => {
    const stored = await store(cipherOf(), pattern(70_000));
    const flip = (at: number): StoredObject => {
      const body = Buffer.from(stored.body);
      body.writeUInt8(body.readUInt8(at) ^ 1, at);
      return { ...stored, body };
    };
    const refused = [
      // One as people run it.
      await decrypt(flip(0), SEED, ADDRESS, { run: runPythonAlone }),
      await decrypt(flip(65_570), SEED),
      await decrypt(flip(stored.body.length - 1), SEED),
      await decrypt(flip(stored.body.length - 120), SEED),
      await decrypt({ ...stored, body: stored.body.subarray(0, -1) }, SEED),
      await decrypt({ ...stored, body: Buffer.alloc(0) }, SEED),
      await decrypt({ ...stored, body: Buffer.concat([stored.body, Buffer.alloc(1)]) }, SEED),
      await decrypt({ ...stored, envelope: stored.envelope.replace(';s;', ';m;') }, SEED),
      await decrypt({ ...stored, envelope: `${stored.envelope}=` }, SEED),
      await decrypt({ ...stored, envelope: `${stored.envelope};transit` }, SEED),
      await decrypt(stored, Buffer.alloc(32, 1)),
      await decrypt(stored, SEED, { ...ADDRESS, key: 'other' }),
      await decrypt(stored, SEED, { ...ADDRESS, bucketId: 'other' }),
      await decrypt(stored, SEED, ADDRESS, { more: ['--seed-version', '2'] }),
    ];
    for (const [index, { status, stderr }] of refused.entries()) {
      assert.equal(status, 1, String(index));
      assert.match(stderr, /^decrypt\.py: [^\n]+\n$/);
    }
    assert.deepEqual(
      readdirSync(folder).filter((name) => !['body', 'seed', 'made'].includes(name)),
      [],
    );
  });

  it('verifies the kept checksum of the plaintext', async () => {
    for (const [algorithm, bytes] of [
      ['SHA256', 32],
      ['SHA1', 20],
      ['MD5', 16],
      ['CRC32', 4],
    ] as const) {
      const stored = await store(cipherOf(), pattern(9), ADDRESS, {
        algorithm,
        value: () => Buffer.alloc(bytes, 1),
      });
      assert.equal((await decrypt(stored, SEED)).status, 1);
    }
  });
});
