/**
 * Copies of objects of which at least one end is not kept plain. Enters: where from, where to, and what goes along.
 * Leaves: the copy, sealed or plain as its place asks. Nothing is decided here about who may: both ends are reached by
 * the caller's own session. Nothing plaintext gets into a place that is not kept plain.
 */
import type { Clock } from '../contracts/clock.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type {
  Copies,
  CopyEnds,
  CopyResult,
  ObjectCopy,
  ObjectReader,
  PartCopy,
  Uploads,
} from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { taggingHeader } from '../s3/documents/tagging.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { keptHeaders } from '../s3/kept-headers.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import { hasTags, MAX_COPY_BYTES, noSuchRange, openOrigin, originEntity, readTags, tooLarge } from './copy-origin.ts';
import { whileItChanges, type Entity } from './entity.ts';
import { addressOf } from './look-ups.ts';
import { createReplacements } from './replacements.ts';
import { copyInParts, copyWhole, dateOf, outliving, proveSource, unquoted, type StoreCopied } from './store-copy.ts';
import { checksumKind, passingChecksum, plainForm, sendBody } from './streamed-copy.ts';

export interface CopyParts {
  readonly cipher: ObjectCipher;
  readonly reader: ObjectReader;
  readonly uploads: Uploads;
  readonly clock: Clock;
}

/** Creates the copies of a process. */
export function createCopies(parts: CopyParts): Copies {
  return {
    copyObject: async (ends, copy) => (await rewrapped(parts, ends, copy)) ?? (await streamed(parts, ends, copy)),
    copyPart: (ends, copy) => streamedPart(parts, ends, copy),
    ...createReplacements(parts.cipher),
  };
}

/** The copy by the store under a new envelope; `undefined` where that is not to be had. */
async function rewrapped(parts: CopyParts, given: CopyEnds, copy: ObjectCopy): Promise<CopyResult | undefined> {
  let ends = given;
  if (isKeptPlain(ends.from.bucket, copy.origin.key) || isKeptPlain(ends.to.bucket, copy.key)) return undefined;
  // A checksum is made of plaintext. And Ceph drops tags from a copy that replaces metadata, whoever names them.
  if (copy.checksum !== undefined || (copy.tags ?? '') !== '') return undefined;
  let { conditions } = copy;
  return whileItChanges(async () => {
    const { from, to } = ends;
    const source = await originEntity(from, copy.origin);
    const { envelope } = source;
    if (envelope === undefined || (copy.tags === undefined && hasTags(source.headers))) return undefined;
    const sizeBytes = parts.cipher.plainSize(source.sizeBytes) ?? source.sizeBytes;
    if (sizeBytes > MAX_COPY_BYTES) throw tooLarge(sizeBytes);
    const wrapped = await parts.cipher.rewrap(addressOf(from, source), envelope, addressOf(to, copy));
    const target = {
      key: copy.key,
      conditions,
      headers: {
        ...copy.headers,
        ...(copy.kept ?? keptHeaders(source.headers)),
        [ENVELOPE_HEADER]: wrapped.envelope,
      },
    };
    const copied = await copyOf(ends, source, target, copy.tags);
    // It stands there by now: whether it is whole is found out, and mended, whoever is still waiting for it.
    ends = { from: outliving(from), to: outliving(to) };
    // If that was of another entity, the next attempt replaces it, and nothing that came in between.
    if (Object.keys(conditions).length > 0) conditions = { 'if-match': unquoted(copied.etag) };
    if (!isOntoItself(ends, copy)) await proveSource(ends, source, copied);
    return result(parts.clock, copied, wrapped.keyId);
  });
}

function copyOf(
  ends: CopyEnds,
  source: Entity,
  target: Parameters<typeof copyWhole>[2],
  tags: string | undefined,
): Promise<StoreCopied> {
  // A plaintext just within the limit is stored just above it.
  if (source.sizeBytes > MAX_COPY_BYTES) return copyInParts(ends, source, target);
  const directive = { 'x-amz-tagging-directive': tags === undefined ? 'COPY' : 'REPLACE' };
  return copyWhole(ends, source, { ...target, headers: { ...target.headers, ...directive } });
}

/** What was there is not there any more to be looked at; the pin alone protects it. */
function isOntoItself({ from, to }: CopyEnds, { origin, key }: ObjectCopy): boolean {
  return from.bucket.name === to.bucket.name && origin.key === key;
}

async function streamed(parts: CopyParts, { from, to }: CopyEnds, copy: ObjectCopy): Promise<CopyResult> {
  const { cipher } = parts;
  const isPlain = isKeptPlain(to.bucket, copy.key);
  if (isPlain && copy.checksum !== undefined) {
    throw new GatewayError('NotImplemented', 'copy', { detail: 'a new checksum of what becomes plain' });
  }
  const opened = await openOrigin(parts.reader, from, copy.origin, { range: undefined, wantsChecksum: !isPlain });
  try {
    const { sizeBytes } = opened;
    if (sizeBytes > Math.min(MAX_COPY_BYTES, cipher.maxPlainSizeBytes)) throw tooLarge(sizeBytes);
    const kept = copy.kept ?? keptHeaders(opened.headers);
    const headers: Record<string, string> = { ...copy.headers, ...copy.conditions, ...kept };
    const tags = copy.tags ?? (hasTags(opened.headers) ? taggingHeader(await readTags(from, copy.origin)) : '');
    if (tags !== '') headers['x-amz-tagging'] = tags;
    const kind = isPlain ? undefined : (copy.checksum ?? checksumKind(opened));
    const checksum = kind && passingChecksum(kind);
    const sealed = isPlain ? undefined : await cipher.seal(addressOf(to, copy), sizeBytes, checksum);
    if (sealed !== undefined) headers[ENVELOPE_HEADER] = sealed.envelope;
    const question = { key: copy.key, query: [], headers };
    const response = await sendBody(to, opened.body, sealed ?? plainForm(sizeBytes), question, checksum?.update);
    return result(parts.clock, stored(response.headers, opened.headers), (sealed ?? opened).keyId);
  } finally {
    await opened.discard();
  }
}

async function streamedPart(parts: CopyParts, { from, to }: CopyEnds, copy: PartCopy): Promise<CopyResult> {
  const { upload, number, range } = copy;
  if (range !== undefined && range.first > range.last) throw noSuchRange('a range that ends before it begins');
  const wanted = range && ({ kind: 'closed', ...range } as const);
  const opened = await openOrigin(parts.reader, from, copy.origin, { range: wanted, wantsChecksum: false });
  try {
    if (range !== undefined && range.last >= opened.sizeBytes)
      throw noSuchRange('a range that the source does not have');
    const sizeBytes = opened.last + 1 - opened.first;
    if (sizeBytes > Math.min(MAX_COPY_BYTES, parts.cipher.maxPlainSizeBytes)) throw tooLarge(sizeBytes);
    const sealed = isKeptPlain(to.bucket, upload.key)
      ? undefined
      : await parts.uploads.sealPart(to, upload, { number, sizeBytes, checksum: undefined });
    const place: readonly (readonly [string, string])[] = [
      ['partNumber', String(sealed?.slot ?? number)],
      ['uploadId', sealed?.storeUploadId ?? upload.uploadId],
    ];
    const question = { key: upload.key, query: place, headers: {} };
    const response = await sendBody(to, opened.body, sealed ?? plainForm(sizeBytes), question);
    return result(parts.clock, stored(response.headers, opened.headers), (sealed ?? opened).keyId);
  } finally {
    await opened.discard();
  }
}

function stored(answer: ReadonlyMap<string, string>, origin: ReadonlyMap<string, string>): StoreCopied {
  const etag = answer.get('etag');
  if (etag === undefined) throw unusable('a write without an ETag');
  return {
    etag,
    versionId: answer.get('x-amz-version-id'),
    sourceVersionId: origin.get('x-amz-version-id'),
    lastModified: dateOf(answer),
  };
}

function result(clock: Clock, { lastModified, ...copied }: StoreCopied, keyId: string | undefined): CopyResult {
  return {
    ...copied,
    lastModified: lastModified ?? new Date(clock.now()).toISOString(),
    ...(keyId === undefined ? {} : { keyId }),
  };
}
