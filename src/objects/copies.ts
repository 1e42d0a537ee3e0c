/**
 * Copies of objects of which at least one end is not kept plain. Enters: where from, where to, and what goes along.
 * Leaves: the copy, sealed or plain as its prefix requires. Nothing is decided here about who may: both ends are reached by
 * the caller's own session. Nothing plaintext gets into a prefix that is not kept plain.
 */
import type { Clock } from '../contracts/clock.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
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
import { withoutAnnotations } from '../s3/request/annotations.ts';
import { passingChecksum } from '../s3/body/body-verifier.ts';
import { shownChecksum, type ChecksumAlgorithm } from '../s3/body/checksums.ts';
import { taggingHeader } from '../s3/documents/tagging.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { keptHeaders } from '../s3/request/kept-headers.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import { requestsMore } from '../s3/request/write-terms.ts';
import { hasTags, MAX_COPY_BYTES, noSuchRange, openOrigin, originEntity, readTags, tooLarge } from './copy-origin.ts';
import { whileItChanges, type Entity } from './entity.ts';
import { checksumOfUpload } from './list-parts.ts';
import { addressOf } from './lookups.ts';
import { createReplacements } from './replacements.ts';
import { decidesAll } from './write-conditions.ts';
import {
  copyInParts,
  copyPinned,
  copyWhole,
  dateOf,
  outliving,
  proveSource,
  unquoted,
  type StoreCopied,
} from './store-copy.ts';
import { checksumKind, plainForm, sendBody } from './streamed-copy.ts';

export interface CopyDependencies {
  readonly cipher: ObjectCipher;
  readonly reader: ObjectReader;
  readonly uploads: Uploads;
  readonly clock: Clock;
}

/** Creates the copies of a process. */
export function createCopies(dependencies: CopyDependencies): Copies {
  return {
    copyObject: async (ends, copy) =>
      (await rewrapped(dependencies, ends, copy)) ?? (await streamed(dependencies, ends, copy)),
    copyUntagged: (ends, copy) => untagged(dependencies, ends, copy),
    copyPinned: (ends, copy, headers) => pinned(dependencies, ends, copy, headers),
    copyPart: (ends, copy) => streamedPart(dependencies, ends, copy),
    ...createReplacements(dependencies.cipher),
  };
}

/** The copy by the store under a new envelope; `undefined` where that is not to be had. */
async function rewrapped(
  dependencies: CopyDependencies,
  requestedEnds: CopyEnds,
  copy: ObjectCopy,
): Promise<CopyResult | undefined> {
  let ends = requestedEnds;
  if (isKeptPlain(ends.from.bucket, copy.origin.key) || isKeptPlain(ends.to.bucket, copy.key)) return undefined;
  // A checksum is made of plaintext. And Ceph drops tags from a copy that replaces metadata, whoever names them.
  if (copy.checksum !== undefined || (copy.tags ?? '') !== '') return undefined;
  // A store that heeds such only of a PutObject would pass over them.
  const { conditions: wanted, headers } = copy;
  if (!decidesAll(ends.to) && (hasAny(wanted) || requestsMore(headers))) return undefined;
  let { conditions } = copy;
  return whileItChanges(async () => {
    const { from, to } = ends;
    const source = await originEntity(from, copy.origin);
    const { envelope } = source;
    if (envelope === undefined || (copy.tags === undefined && hasTags(source.headers))) return undefined;
    const sizeBytes = dependencies.cipher.plainSize(source.sizeBytes) ?? source.sizeBytes;
    if (sizeBytes > MAX_COPY_BYTES) throw tooLarge(sizeBytes);
    const wrapped = await dependencies.cipher.rewrap(addressOf(from, source), envelope, addressOf(to, copy));
    const target = {
      key: copy.key,
      conditions,
      headers: {
        ...copy.headers,
        ...(copy.kept ?? keptHeaders(source.headers)),
        [ENVELOPE_HEADER]: wrapped.envelope,
      },
    };
    const copied = await copyOf(ends, source, target, copy.tags).catch(ifCannot);
    if (copied === undefined) return undefined;
    // It stands there by now: whether it is whole is found out, and fixed, whoever is still waiting for it.
    ends = { from: outliving(from), to: outliving(to) };
    // If that was of another entity, the next attempt replaces it, and nothing that came in between.
    if (hasAny(conditions)) conditions = { 'if-match': unquoted(copied.etag) };
    if (!isOntoItself(ends, copy)) await proveSource(ends, source, copied);
    return result(dependencies.clock, copied, wrapped.keyId);
  });
}

const hasAny = (conditions: ObjectCopy['conditions']): boolean => Object.keys(conditions).length > 0;

function pinned(
  dependencies: CopyDependencies,
  ends: CopyEnds,
  copy: ObjectCopy,
  headers: Readonly<Record<string, string>>,
): Promise<CopyResult> {
  return whileItChanges(async () => {
    const source = await originEntity(ends.from, copy.origin);
    // Ceph drops tags from a copy that replaces metadata.
    const losesTags = copy.kept !== undefined && copy.tags === undefined && hasTags(source.headers);
    if (losesTags) return streamed(dependencies, ends, copy);
    const copied = await copyPinned(ends, source, { key: copy.key, headers });
    if (!isOntoItself(ends, copy)) await proveSource(ends, source, copied);
    return result(dependencies.clock, copied, undefined);
  });
}

/** What a store does not copy so passes through the gateway. */
function ifCannot(error: unknown): undefined {
  if (!(error instanceof GatewayError) || error.code !== 'NotImplemented') throw error;
}

/** Ceph takes tags along with metadata, whatever is said of them, and asks nobody whether they may be read. */
function untagged({ clock }: CopyDependencies, ends: CopyEnds, copy: ObjectCopy): Promise<CopyResult | undefined> {
  return whileItChanges(async () => {
    const source = await originEntity(ends.from, copy.origin);
    if (!hasTags(source.headers)) return undefined;
    const headers = {
      ...copy.headers,
      ...(copy.kept ?? keptHeaders(source.headers)),
      'x-amz-tagging-directive': 'REPLACE',
    };
    const copied = await copyWhole(ends, source, { key: copy.key, conditions: copy.conditions, headers });
    return result(clock, copied, undefined);
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
  const directives = {
    // COPY goes without saying, and a store without tags refuses the header whatever it says.
    ...(tags === undefined ? {} : { 'x-amz-tagging-directive': 'REPLACE' }),
    ...withoutAnnotations(ends.to.bucket.store.endpoint),
  };
  return copyWhole(ends, source, { ...target, headers: { ...target.headers, ...directives } });
}

/** What was there is not there any more to be looked at; the pin alone protects it. */
function isOntoItself({ from, to }: CopyEnds, { origin, key }: ObjectCopy): boolean {
  return from.bucket.name === to.bucket.name && origin.key === key;
}

async function streamed(dependencies: CopyDependencies, { from, to }: CopyEnds, copy: ObjectCopy): Promise<CopyResult> {
  const { cipher } = dependencies;
  const isPlain = isKeptPlain(to.bucket, copy.key);
  const keeps = !isPlain || keepsChecksums(to);
  if (copy.checksum !== undefined && !(isPlain ? keeps : isKeptSealed(copy.checksum))) {
    throw new GatewayError('NotImplemented', { detail: 'a checksum that cannot be kept where the copy goes' });
  }
  const opened = await openOrigin(dependencies.reader, from, copy.origin, { range: undefined, wantsChecksum: keeps });
  try {
    const { sizeBytes } = opened;
    if (sizeBytes > Math.min(MAX_COPY_BYTES, cipher.maxPlainSizeBytes)) throw tooLarge(sizeBytes);
    const kept = copy.kept ?? keptHeaders(opened.headers);
    const headers: Record<string, string> = { ...copy.headers, ...copy.conditions, ...kept };
    const tags = copy.tags ?? (hasTags(opened.headers) ? taggingHeader(await readTags(from, copy.origin)) : '');
    if (tags !== '') headers['x-amz-tagging'] = tags;
    const kind = keeps ? (copy.checksum ?? checksumKind(opened)) : undefined;
    const checksum = kind && passingChecksum(kind);
    const sealed = isPlain ? undefined : await cipher.seal(addressOf(to, copy), sizeBytes, checksum);
    if (sealed !== undefined) headers[ENVELOPE_HEADER] = sealed.envelope;
    const request = { key: copy.key, query: [], headers };
    const response = await sendBody(to, opened.body, sealed ?? plainForm(sizeBytes), request, checksum);
    const made = result(dependencies.clock, stored(response.headers, opened.headers), (sealed ?? opened).keyId);
    if (checksum === undefined || !(isPlain || isKeptSealed(checksum.algorithm))) return made;
    return { ...made, checksum: shownChecksum({ ...checksum, value: checksum.value() }, 'FULL_OBJECT') };
  } finally {
    await opened.discard();
  }
}

function keepsChecksums({ bucket }: StoreSession): boolean {
  return bucket.store.checksums === 'all';
}

/** A trailer of the object format has no room for it. */
function isKeptSealed(algorithm: ChecksumAlgorithm): boolean {
  return algorithm !== 'SHA512';
}

async function streamedPart(
  dependencies: CopyDependencies,
  { from, to }: CopyEnds,
  copy: PartCopy,
): Promise<CopyResult> {
  const { upload, number, range } = copy;
  if (range !== undefined && range.first > range.last) throw noSuchRange('a range that ends before it begins');
  const wanted = range && ({ kind: 'closed', ...range } as const);
  const opened = await openOrigin(dependencies.reader, from, copy.origin, { range: wanted, wantsChecksum: false });
  try {
    if (range !== undefined && range.last >= opened.sizeBytes)
      throw noSuchRange('a range that the source does not have');
    const sizeBytes = opened.last + 1 - opened.first;
    if (sizeBytes > Math.min(MAX_COPY_BYTES, dependencies.cipher.maxPlainSizeBytes)) throw tooLarge(sizeBytes);
    const isPlain = isKeptPlain(to.bucket, upload.key);
    // A checksum is wanted of each part, where the upload was begun with one.
    const kind = isPlain
      ? keepsChecksums(to)
        ? await checksumOfUpload(to, upload.key, upload.uploadId)
        : undefined
      : (await dependencies.uploads.terms(to, upload))?.checksum;
    const checksum = kind && passingChecksum(kind.algorithm);
    const part = isPlain ? undefined : await dependencies.uploads.sealPart(to, upload, { number, sizeBytes, checksum });
    const query = part?.query ?? [
      ['partNumber', String(number)],
      ['uploadId', upload.uploadId],
    ];
    const request = { key: part?.key ?? upload.key, query, headers: {} };
    const response = await sendBody(part?.session ?? to, opened.body, part ?? plainForm(sizeBytes), request, checksum);
    const copied = stored(response.headers, opened.headers);
    await part?.onStored(copied.etag);
    const made = result(dependencies.clock, { ...copied, versionId: undefined }, (part ?? opened).keyId);
    return checksum === undefined
      ? made
      : { ...made, checksum: shownChecksum({ ...checksum, value: checksum.value() }) };
  } finally {
    await opened.discard();
  }
}

function stored(
  answer: ReadonlyMap<string, string>,
  origin: ReadonlyMap<string, string>,
): StoreCopied & Pick<CopyResult, 'headers'> {
  const etag = answer.get('etag');
  if (etag === undefined) throw unusable('a write without an ETag');
  return {
    etag,
    versionId: answer.get('x-amz-version-id'),
    sourceVersionId: origin.get('x-amz-version-id'),
    lastModified: dateOf(answer),
    headers: answer,
  };
}

function result(
  clock: Clock,
  { lastModified, ...copied }: StoreCopied & Pick<CopyResult, 'headers'>,
  keyId: string | undefined,
): CopyResult {
  return {
    ...copied,
    lastModified: lastModified ?? new Date(clock.now()).toISOString(),
    ...(keyId === undefined ? {} : { keyId }),
  };
}
