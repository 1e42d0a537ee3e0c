/** Enters: the headers of GetObjectAttributes. Leaves: what is asked of the object, and the page of its parts. */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { PartsPage } from '../documents/object-attributes.ts';
import type { S3Request } from './request.ts';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

export interface RequestedAttributes {
  readonly names: ReadonlySet<Attribute>;
  /** At most 1,000. */
  readonly maxParts: number;
  /** The last part number of the page before. */
  readonly partNumberMarker: number;
}

const MAX_PARTS_OF_PAGE = 1000;

/** Reads what is requested. @throws GatewayError InvalidArgument */
export function attributesOf({ headers }: Pick<S3Request, 'headers'>): RequestedAttributes {
  const requested = (headers.get('x-amz-object-attributes') ?? '').split(',').map((name) => name.trim());
  const names = ATTRIBUTES.filter((name) => requested.includes(name));
  if (names.length === 0 || !requested.every((name) => ATTRIBUTES.some((known) => known === name))) {
    throw invalid('x-amz-object-attributes');
  }
  return {
    names: new Set(names),
    maxParts: Math.min(countOf(headers, 'x-amz-max-parts') ?? MAX_PARTS_OF_PAGE, MAX_PARTS_OF_PAGE),
    partNumberMarker: countOf(headers, 'x-amz-part-number-marker') ?? 0,
  };
}

/** Gives one page of the parts of an object, which may have 10,000. */
export function pageOfParts(
  runs: readonly { readonly firstNumber: number; readonly count: number; readonly plainSizeBytes: number }[],
  { maxParts, partNumberMarker: marker }: Pick<RequestedAttributes, 'maxParts' | 'partNumberMarker'>,
): PartsPage {
  const parts: { readonly number: number; readonly sizeBytes: number }[] = [];
  let totalCount = 0;
  let following = 0;
  for (const { firstNumber, count, plainSizeBytes } of runs) {
    totalCount += count;
    const end = firstNumber + count;
    let number = Math.max(firstNumber, marker + 1);
    following += Math.max(0, end - number);
    for (; number < end && parts.length < maxParts; number += 1) parts.push({ number, sizeBytes: plainSizeBytes });
  }
  return { totalCount, marker, maxParts, isTruncated: following > parts.length, parts };
}

function countOf(headers: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw invalid(name);
  return Number(text);
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { ArgumentName: name } });
}
