/**
 * An upload in progress: its parts are sealed one by one, by any process that has its state or its id, and its end is planned
 * from what the store lists. Nothing is kept here between two requests.
 * @see docs/spec/object-format.md, "Multipart uploads"
 */
import type { KeyObject } from 'node:crypto';
import type {
  KeptChecksum,
  ObjectChecksum,
  SealedPart,
  SealedUpload,
  UploadTerms,
} from '../../contracts/object-cipher.ts';
import type { WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { planCompletion, type LayoutPart } from './completion.ts';
import { isSameKey, keyIdOf, parseEnvelope } from './envelope.ts';
import { sealBody, sealWhole } from './seal-body.ts';
import { MAX_SINGLE_PLAIN_BYTES, SALT_BYTES, SEGMENT_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { MAX_ORDINARY_PLAIN_BYTES, MAX_PARTS, ordinaryStoredSize, singleStoredSize } from './sizes.ts';
import { isFinalPart, slotOf } from './slots.ts';
import { encodeRuns, encodeTrailerFields, extensionBytesOf, type NewTrailer } from './trailer-fields.ts';
import { sealExtension, sealTrailer } from './trailer.ts';
import {
  createFingerprint,
  etagDigest,
  openRecord,
  sealRecord,
  type Fingerprint,
  type UploadContext,
} from './upload-state.ts';

export interface UploadKey {
  readonly dataKey: KeyObject;
  readonly wrappedKey: WrappedKey;
  /** Gives that many bytes that were never given before. */
  readonly random: (sizeBytes: number) => Buffer;
}

/** An upload beside which something is kept. */
export interface KeptUpload {
  readonly context: UploadContext;
  readonly terms: UploadTerms;
}

interface NewPart {
  readonly number: number;
  readonly plainSizeBytes: number;
  readonly checksum: KeptChecksum | undefined;
}

const ZEROS = Buffer.alloc(SEGMENT_BYTES);

/** Gives what can be done with an upload whose id, or whose state, was verified. */
export function sealedUpload(key: UploadKey, storeUploadId: string, kept: KeptUpload | undefined): SealedUpload {
  return {
    storeUploadId,
    state: kept && {
      terms: kept.terms,
      openRecord: (text) => openRecord(kept.context, text),
      etagDigest,
    },
    keyId: keyIdOf(key.wrappedKey),
    sealPart: (number, plainSizeBytes, checksum) => sealPart(key, kept, { number, plainSizeBytes, checksum }),
    complete: (named, stored, checksum) => {
      const plan = planCompletion(named, stored);
      const { layoutPart, plainSizeBytes, storedSizeBytes } = plan;
      if (layoutPart === undefined) return { ...plan, layoutPart };
      const { slot, sizeBytes } = layoutPart;
      const body = () => layoutBody(key, layoutPart, { plainSizeBytes, storedSizeBytes, checksum });
      return { ...plan, layoutPart: { slot, storedSizeBytes: sizeBytes, body } };
    },
    appendTrailer: (part, waited, checksum) => appendTrailer(key, part, waited, checksum),
    isOrigin: (envelope) => isOrigin(key.wrappedKey, envelope),
  };
}

function sealPart(
  { dataKey, wrappedKey, random }: UploadKey,
  kept: KeptUpload | undefined,
  { number, plainSizeBytes, checksum }: NewPart,
): SealedPart {
  if (!(Number.isInteger(number) && number >= 1 && number <= MAX_PARTS)) {
    throw new GatewayError('InvalidArgument', { detail: `there is no part number ${number}` });
  }
  const isFinal = isFinalPart(number, plainSizeBytes);
  if (!(plainSizeBytes >= 0 && plainSizeBytes <= (isFinal ? MAX_SINGLE_PLAIN_BYTES : MAX_ORDINARY_PLAIN_BYTES))) {
    throw new GatewayError('EntityTooLarge');
  }
  const part = { role: isFinal ? 2 : 1, number, plainSizeBytes } as const;
  const keptOf = () => checksum && { algorithm: checksum.algorithm, value: checksum.value() };
  const trailerFields = () => finalTrailer(part, keptOf());
  // Drawn per body: a part that is sent again, or sealed twice under one plan, must not repeat a nonce.
  const plan = () => ({
    dataKey,
    part,
    salts: random(isFinal ? 2 * SALT_BYTES : SALT_BYTES),
    trailerFields: isFinal ? trailerFields : undefined,
  });
  const slot = slotOf(number, plainSizeBytes);
  const isDeferred = isFinal && kept?.terms.checksum !== undefined;
  let fingerprint: Fingerprint | undefined;
  const begin = () => (fingerprint = kept && createFingerprint(kept.context));
  return {
    slot,
    isDeferred,
    storedSizeBytes: isFinal ? singleStoredSize(plainSizeBytes) : ordinaryStoredSize(plainSizeBytes),
    keyId: keyIdOf(wrappedKey),
    body: (plain) => sealBody(plan(), marked(plain, begin())),
    whole: (plain) => {
      begin()?.update(plain);
      return sealWhole(plan(), plain);
    },
    record: (etag) => {
      if (kept === undefined || fingerprint === undefined) throw new Error('no record without a state and a body');
      const record = { number, slot, plainSizeBytes, isDeferred, etagDigest: etagDigest(etag) };
      return sealRecord(kept.context, { ...record, fingerprint: fingerprint.value(), checksum: keptOf() }, random);
    },
  };
}

async function* marked(plain: AsyncIterable<Buffer>, fingerprint: Fingerprint | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of plain) {
    fingerprint?.update(chunk);
    yield chunk;
  }
}

function finalTrailer(
  { number, plainSizeBytes }: Pick<NewPart, 'number' | 'plainSizeBytes'>,
  checksum: NewTrailer['checksum'],
): Buffer {
  const sizes = { plainSizeBytes, storedSizeBytes: 0 };
  return encodeTrailerFields({ kind: 'final', lastPartNumber: number, ...sizes, checksum });
}

/** Its segments stay as they are: they are bound to number and length alone. */
async function* appendTrailer(
  { dataKey, random }: UploadKey,
  part: Pick<NewPart, 'number' | 'plainSizeBytes'>,
  waited: AsyncIterable<Buffer>,
  { algorithm, value, type }: ObjectChecksum,
): AsyncGenerator<Buffer, void, undefined> {
  let rest = singleStoredSize(part.plainSizeBytes) - TRAILER_BYTES;
  for await (const chunk of waited) {
    const consumed = chunk.subarray(0, rest);
    rest -= consumed.length;
    if (consumed.length > 0) yield consumed;
  }
  if (rest > 0) throw new GatewayError('IntegrityFailure', { detail: 'what was deferred was cut' });
  yield sealTrailer(dataKey, random(SALT_BYTES), finalTrailer(part, { algorithm, value, type, isOfWhole: true }));
}

/** Zeros that only give the part its length, the list of runs where it does not fit into the trailer, the trailer. */
// eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that send them
async function* layoutBody(
  { dataKey, random }: UploadKey,
  { sizeBytes, runs, lastPartNumber }: LayoutPart,
  whole: Pick<NewTrailer, 'plainSizeBytes' | 'storedSizeBytes' | 'checksum'>,
): AsyncGenerator<Buffer, void, undefined> {
  const salt = random(SALT_BYTES);
  const extensionBytes = extensionBytesOf(runs.length);
  for (let rest = sizeBytes - TRAILER_BYTES - extensionBytes; rest > 0; rest -= ZEROS.length) {
    yield rest < ZEROS.length ? ZEROS.subarray(0, rest) : ZEROS;
  }
  if (extensionBytes > 0) yield sealExtension(dataKey, salt, encodeRuns(runs));
  yield sealTrailer(dataKey, salt, encodeTrailerFields({ kind: 'layout', lastPartNumber, ...whole, runs }));
}

/** An envelope that cannot be read is not of this upload. */
function isOrigin(wrappedKey: WrappedKey, envelope: string): boolean {
  try {
    const other = parseEnvelope(envelope);
    return other.kind === 'm' && isSameKey(other, wrappedKey);
  } catch {
    return false;
  }
}
