/** Legacy objects as they are stored: the vectors, and a reader of buckets that hold such objects. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gcmsiv } from '@noble/ciphers/aes.js';
import type { LegacyObjects } from '../../../../src/contracts/legacy-objects.ts';
import { createLegacyObjects, type LegacyBucket } from '../../../../src/core/legacy/legacy-objects.ts';

export interface LegacyVector {
  readonly name: string;
  readonly seed: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly plain: Buffer;
  readonly body: Buffer;
}

interface VectorFile {
  readonly name: string;
  readonly seed: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly plain?: string;
  readonly body?: string;
  readonly plainSize?: number;
  readonly dataKey?: string;
  readonly nonce?: string;
  readonly bodySha256?: string;
}

export const SEED = 'test-seed-0123456789abcdef0123456789abcdef';

/** Byte i is i mod 251. */
function pattern(sizeBytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, i) => i % 251));
}

export function readVectors(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../vectors/legacy/${file}`, import.meta.url), 'utf8'));
}

/** Every vector, by name. */
export const VECTORS: readonly LegacyVector[] = (readVectors('objects.json') as VectorFile[]).map(complete);

/** Gives the vector of this name. */
export function vector(name: string): LegacyVector {
  const found = VECTORS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no vector is named ${name}`);
  return found;
}

/** Seals nonce || ciphertext || tag as Intrinsec's and Constellation's s3proxy do. */
export function sealIsec(dataKey: Buffer, nonce: Buffer, plain: Buffer): Buffer {
  return Buffer.concat([nonce, gcmsiv(dataKey, nonce).encrypt(plain)]);
}

/** Headers of the store's answer for an object with this metadata. */
export function headersOf(metadata: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
}

/** Opens an object as it is stored. */
export async function openStored(
  legacy: LegacyObjects,
  { metadata, body }: Pick<LegacyVector, 'metadata' | 'body'>,
): Promise<Buffer> {
  const object = legacy.recognise('old', headersOf(metadata));
  if (object === undefined) throw new Error('no legacy object was recognised');
  return object.open(body);
}

/** A reader of one bucket, `old`; what it warns of is kept. */
export function legacyOf(bucket: Partial<LegacyBucket> | undefined): LegacyObjects & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const objects = createLegacyObjects({
    maxStoredBytes: 1_000_000,
    buckets: new Map(
      bucket === undefined ? [] : [['old', { metadataName: 'isec', acceptZeroKek: false, ...bucket }] as const],
    ),
    observer: { event: (event, fields) => warnings.push(`${event} ${JSON.stringify(fields)}`) },
  });
  return { ...objects, warnings };
}

function complete({ name, seed, metadata, ...file }: VectorFile): LegacyVector {
  if (file.plain !== undefined && file.body !== undefined) {
    return { name, seed, metadata, plain: Buffer.from(file.plain, 'hex'), body: Buffer.from(file.body, 'hex') };
  }
  // Too large to keep: sealed again, and held to the hash that the independent program gave.
  const plain = pattern(file.plainSize ?? 0);
  const body = sealIsec(Buffer.from(file.dataKey ?? '', 'hex'), Buffer.from(file.nonce ?? '', 'hex'), plain);
  if (createHash('sha256').update(body).digest('hex') !== file.bodySha256) {
    throw new Error(`the vector ${name} cannot be made again`);
  }
  return { name, seed, metadata, plain, body };
}
