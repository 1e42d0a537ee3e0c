/**
 * The checksum of a whole upload, out of those that were verified of its parts. Enters: what was requested when the upload
 * began, the parts that make it up, and what the client claims of them and of the whole. Leaves: the checksum to keep. What is
 * claimed and cannot be shown to hold is refused. Pure.
 */
import type { NamedPart, ObjectChecksum, UploadTerms } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChecksumType, CompletedChecksum, MultipartChecksum } from '../s3/body/checksums.ts';
import { combineChecksums } from '../s3/body/combine-checksums.ts';
import type { KnownPart } from './known-parts.ts';

/** Holds parts and whole against what is claimed. @throws GatewayError BadDigest, InvalidPart, InvalidRequest */
export function wholeChecksum(
  { checksum: declared }: UploadTerms,
  named: readonly NamedPart[],
  known: readonly (KnownPart | undefined)[],
  claimed: CompletedChecksum | undefined,
  claimedType: ChecksumType | undefined = claimed?.type,
): ObjectChecksum | undefined {
  named.forEach((part, index) => holdPart(part, known[index], declared));
  if (claimedType !== undefined && declared !== undefined && claimedType !== declared.type) {
    throw new GatewayError('InvalidRequest', { detail: `the upload was begun with type ${declared.type}` });
  }
  const made = declared ?? (claimed && { algorithm: claimed.algorithm, type: claimed.type ?? 'FULL_OBJECT' });
  if (made === undefined) return undefined;
  const parts = known.flatMap((part) => {
    const checksum = part?.record.checksum;
    if (checksum?.algorithm !== made.algorithm) return [];
    return [{ value: checksum.value, sizeBytes: part?.record.plainSizeBytes ?? 0 }];
  });
  const isWhole = parts.length === named.length;
  if (claimed !== undefined && (!isWhole || claimed.algorithm !== made.algorithm || !isOf(made, claimed, parts))) {
    throw new GatewayError('BadDigest', { detail: 'the checksum of the whole' });
  }
  return declared === undefined ? undefined : { ...made, value: combineChecksums(made, parts) };
}

function isOf(
  made: MultipartChecksum,
  { value, partsCount }: CompletedChecksum,
  parts: Parameters<typeof combineChecksums>[1],
): boolean {
  if (partsCount !== undefined && partsCount !== parts.length) return false;
  const combines = made.type === 'COMPOSITE' || /^CRC/.test(made.algorithm);
  return combines && combineChecksums(made, parts).equals(value);
}

function holdPart(
  { number, checksum: claimed }: NamedPart,
  part: KnownPart | undefined,
  declared: MultipartChecksum | undefined,
): void {
  const kept = part?.record.checksum;
  if (declared !== undefined && kept?.algorithm !== declared.algorithm) {
    throw new GatewayError('InvalidRequest', {
      detail: `the upload was begun with ${declared.algorithm}, and part ${number} was sent without one`,
    });
  }
  if (claimed === undefined) return;
  const holds = kept?.algorithm === claimed.algorithm && kept.value.equals(claimed.value);
  if (!holds) throw new GatewayError('InvalidPart', { detail: `the checksum of part ${number}` });
}
