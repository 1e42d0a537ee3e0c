/**
 * An upload under way: its parts are sealed one by one, by any process that holds the client's id of it, and its end is
 * planned from what the store lists. Nothing is kept here between two requests; the data key comes out of the id.
 * @see docs/spec/object-format.md, "Multipart uploads"
 */
import type { KeyObject } from 'node:crypto';
import type { KeptChecksum, SealedPart, SealedUpload } from '../../contracts/object-cipher.ts';
import type { WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { planCompletion, type LayoutPart } from './completion.ts';
import { isSameKey, keyIdOf, parseEnvelope } from './envelope.ts';
import { sealBody, sealWhole } from './seal-body.ts';
import { SALT_BYTES } from './segment.ts';
import {
  MAX_ORDINARY_PLAIN_BYTES,
  MAX_PARTS,
  MAX_SINGLE_PLAIN_BYTES,
  ordinaryStoredSize,
  SEGMENT_BYTES,
  singleStoredSize,
  TRAILER_BYTES,
} from './sizes.ts';
import { isFinalPart, slotOf } from './slots.ts';
import { encodeRuns, encodeTrailerFields, extensionBytesOf } from './trailer-fields.ts';
import { sealExtension, sealTrailer } from './trailer.ts';

export interface UploadKey {
  readonly dataKey: KeyObject;
  readonly wrappedKey: WrappedKey;
  /** Gives that many bytes that were never given before. */
  readonly random: (sizeBytes: number) => Buffer;
}

const ZEROS = Buffer.alloc(SEGMENT_BYTES);

/** Gives what can be done with an upload whose id was verified. */
export function sealedUpload(key: UploadKey, storeUploadId: string): SealedUpload {
  return {
    storeUploadId,
    keyId: keyIdOf(key.wrappedKey),
    sealPart: (number, plainSizeBytes, checksum) => sealPart(key, number, plainSizeBytes, checksum),
    complete: (named, stored) => {
      const plan = planCompletion(named, stored);
      const { layoutPart, plainSizeBytes, storedSizeBytes } = plan;
      if (layoutPart === undefined) return { ...plan, layoutPart };
      const { slot, sizeBytes } = layoutPart;
      const body = () => layoutBody(key, layoutPart, plainSizeBytes, storedSizeBytes);
      return { ...plan, layoutPart: { slot, storedSizeBytes: sizeBytes, body } };
    },
    isOrigin: (envelope) => isOrigin(key.wrappedKey, envelope),
  };
}

function sealPart(
  { dataKey, wrappedKey, random }: UploadKey,
  number: number,
  plainSizeBytes: number,
  checksum: KeptChecksum | undefined,
): SealedPart {
  if (!(Number.isInteger(number) && number >= 1 && number <= MAX_PARTS)) {
    throw new GatewayError('InvalidArgument', 'seal', { detail: `there is no part number ${number}` });
  }
  const isFinal = isFinalPart(number, plainSizeBytes);
  if (!(plainSizeBytes >= 0 && plainSizeBytes <= (isFinal ? MAX_SINGLE_PLAIN_BYTES : MAX_ORDINARY_PLAIN_BYTES))) {
    throw new GatewayError('EntityTooLarge', 'seal');
  }
  const part = { role: isFinal ? 2 : 1, number, plainSizeBytes } as const;
  const trailerFields = () => {
    const kept = checksum && { algorithm: checksum.algorithm, value: checksum.value() };
    const sizes = { plainSizeBytes, storedSizeBytes: 0 };
    return encodeTrailerFields({ kind: 'final', lastPartNumber: number, ...sizes, checksum: kept });
  };
  // Drawn per body: a part that is sent again, or sealed twice under one plan, must not repeat a nonce.
  const plan = () => ({
    dataKey,
    part,
    salts: random(isFinal ? 2 * SALT_BYTES : SALT_BYTES),
    trailerFields: isFinal ? trailerFields : undefined,
  });
  return {
    slot: slotOf(number, plainSizeBytes),
    storedSizeBytes: isFinal ? singleStoredSize(plainSizeBytes) : ordinaryStoredSize(plainSizeBytes),
    keyId: keyIdOf(wrappedKey),
    body: (plain) => sealBody(plan(), plain),
    whole: (plain) => sealWhole(plan(), plain),
  };
}

/** Zeros that only give the part its length, the list of runs where it does not fit into the trailer, the trailer. */
// eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that send them
async function* layoutBody(
  { dataKey, random }: UploadKey,
  { sizeBytes, runs, lastPartNumber }: LayoutPart,
  plainSizeBytes: number,
  storedSizeBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const salt = random(SALT_BYTES);
  const extensionBytes = extensionBytesOf(runs.length);
  for (let rest = sizeBytes - TRAILER_BYTES - extensionBytes; rest > 0; rest -= ZEROS.length) {
    yield rest < ZEROS.length ? ZEROS.subarray(0, rest) : ZEROS;
  }
  if (extensionBytes > 0) yield sealExtension(dataKey, salt, encodeRuns(runs));
  yield sealTrailer(
    dataKey,
    salt,
    encodeTrailerFields({ kind: 'layout', lastPartNumber, plainSizeBytes, storedSizeBytes, runs }),
  );
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
