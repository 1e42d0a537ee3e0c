/**
 * What sealing and opening cost beside AES-256-GCM alone, over the same bytes in the same process and in turns. Chunks are of
 * the size in which Node's sockets give them.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import type { ObjectCipher, SealedBody, StoredObject } from '../../src/contracts/object-cipher.ts';
import { createObjectCipher } from '../../src/core/cipher/object-cipher.ts';
import { createLocalKeyring } from '../../src/core/keyring/local-keyring.ts';

const CHUNK_BYTES = 64 * 1024;
const PART_BYTES = 8 * 1024 ** 2;
const ADDRESS = { bucketId: 'box', key: 'large' };
/** Sealing and opening may cost this much of the cipher alone. */
export const CIPHER_TARGET = 1.5;

interface Sealed {
  readonly stored: StoredObject;
  readonly body: Buffer;
}

/** Medians of CPU seconds per GiB: of the cipher alone, and of each form and direction. */
export interface CipherCost {
  readonly baseline: number;
  readonly forms: readonly { readonly name: string; readonly cpu: number; readonly ratio: number }[];
}

/** Measures so many rounds over so many bytes, a multiple of 8 MiB. */
export async function measureCipher(sizeBytes: number, rounds: number): Promise<CipherCost> {
  const seeds = new Map([[1, randomBytes(32)]]);
  const cipher = createObjectCipher(createLocalKeyring({ current: 1, versions: seeds }));
  const plain = randomBytes(sizeBytes);
  const single = await sealSingle(cipher, plain);
  const upload = await sealUpload(cipher, plain);
  const forms: readonly (readonly [string, () => Promise<void>])[] = [
    ['seal, one PUT', async () => drain((await cipher.seal(ADDRESS, sizeBytes, undefined)).body(chunks(plain)))],
    ['seal, parts of 8 MiB', async () => drain(...(await partsOf(cipher, plain)).map(bodyOf))],
    ['open, one PUT', () => open(cipher, single)],
    ['open, parts of 8 MiB', () => open(cipher, upload)],
  ];
  await baseline(plain);
  for (const [, run] of forms) await run();
  const figures = forms.map(([name]) => ({ name, cpu: [] as number[], ratios: [] as number[] }));
  const alone: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const reference = await cpuPerGib(sizeBytes, () => baseline(plain));
    alone.push(reference);
    for (const [index, [, run]] of forms.entries()) {
      const cpu = await cpuPerGib(sizeBytes, run);
      figures[index]?.cpu.push(cpu);
      figures[index]?.ratios.push(cpu / reference);
    }
  }
  return {
    baseline: median(alone),
    forms: figures.map(({ name, cpu, ratios }) => ({ name, cpu: median(cpu), ratio: median(ratios) })),
  };
}

/** One message under one key: the least that AES-256-GCM over these bytes can cost here. */
async function baseline(plain: Buffer): Promise<void> {
  const cipher = createCipheriv('aes-256-gcm', randomBytes(32), randomBytes(12));
  for await (const chunk of chunks(plain)) cipher.update(chunk);
  cipher.final();
  cipher.getAuthTag();
}

async function sealSingle(cipher: ObjectCipher, plain: Buffer): Promise<Sealed> {
  const { envelope, whole } = await cipher.seal(ADDRESS, plain.length, undefined);
  const body = whole(plain);
  return { stored: { envelope, sizeBytes: body.length }, body };
}

interface PlannedPart {
  readonly sealed: SealedBody;
  readonly plain: Buffer;
}

async function partsOf(cipher: ObjectCipher, plain: Buffer): Promise<PlannedPart[]> {
  const { sealedId } = await cipher.newUpload(ADDRESS);
  const upload = await cipher.openSealedId(ADDRESS, sealedId('bench'));
  return pieces(plain).map((piece, index) => ({
    sealed: upload.sealPart(index + 1, piece.length, undefined),
    plain: piece,
  }));
}

const bodyOf = ({ sealed, plain }: PlannedPart): AsyncIterable<Buffer> => sealed.body(chunks(plain));

async function sealUpload(cipher: ObjectCipher, plain: Buffer): Promise<Sealed> {
  const { sealedId, envelope } = await cipher.newUpload(ADDRESS);
  const upload = await cipher.openSealedId(ADDRESS, sealedId('bench'));
  const bodies = pieces(plain).map((piece, index) => {
    const sealed = upload.sealPart(index + 1, piece.length, undefined);
    return { number: index + 1, etag: String(index), slot: sealed.slot, body: sealed.whole(piece) };
  });
  const { layoutPart } = upload.complete(
    bodies.map(({ number, etag }) => ({ number, etag })),
    bodies.map(({ slot, etag, body }) => ({ slot, etag, sizeBytes: body.length })),
  );
  const all = bodies.map(({ body }) => body);
  if (layoutPart !== undefined) for await (const chunk of layoutPart.body()) all.push(chunk);
  const body = Buffer.concat(all);
  return { stored: { envelope, sizeBytes: body.length }, body };
}

async function open(cipher: ObjectCipher, { stored, body }: Sealed): Promise<void> {
  const layout = await cipher.lookup(ADDRESS, stored, ({ first, last }) =>
    Promise.resolve(body.subarray(first, last + 1)),
  );
  const read = await cipher.plan(ADDRESS, stored, layout, undefined);
  await drain(read.body(chunks(body), { first: 0, last: body.length - 1 }));
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
async function* chunks(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

function pieces(plain: Buffer): Buffer[] {
  const count = Math.ceil(plain.length / PART_BYTES);
  return Array.from({ length: count }, (_, index) => plain.subarray(index * PART_BYTES, (index + 1) * PART_BYTES));
}

async function drain(...bodies: readonly AsyncIterable<Buffer>[]): Promise<void> {
  let sizeBytes = 0;
  for (const body of bodies) for await (const chunk of body) sizeBytes += chunk.length;
  if (sizeBytes === 0) throw new Error('nothing came');
}

async function cpuPerGib(sizeBytes: number, run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1e6 / sizeBytes) * 2 ** 30;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
