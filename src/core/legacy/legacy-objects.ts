/**
 * Objects that other encrypting gateways wrote: s3proxy of Intrinsec and of Edgeless Constellation, and s3proxy-python.
 * What enters is metadata and bytes from the store; what leaves is a plaintext whose tag held. These formats bind nothing
 * to its bucket and key: an object that was moved opens.
 * @see docs/migrating-legacy.md
 */
import type { KeyObject } from 'node:crypto';
import type { LegacyObject, LegacyObjects } from '../../contracts/legacy-objects.ts';
import type { Observer } from '../../contracts/observer.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { createGcmSivOpener, type OpenGcmSiv } from './gcm-siv-opener.ts';
import { keksOf, unwrapped, ZERO_KEK, type SeededKeks } from './legacy-keys.ts';
import { openGcm, OVERHEAD_BYTES } from './sealed-body.ts';

/** What one bucket may hold of other gateways. */
export interface LegacyBucket {
  /** Name of the metadata that holds the wrapped key, lower case, without `x-amz-meta-`. */
  readonly metadataName: string;
  /** Name of the metadata that holds the version of the key-encryption key; default: `<metadataName>-kek-ver`. */
  readonly kekVersionName?: string;
  /** What the other gateway was given as its key. */
  readonly seed?: Buffer;
  /** Opens objects whose keys are wrapped with zeros too: anybody who may write to the store can make such objects. */
  readonly acceptZeroKek: boolean;
}

export interface LegacyOptions {
  readonly maxStoredBytes: number;
  /** By the client's name of the bucket. */
  readonly buckets: ReadonlyMap<string, LegacyBucket>;
  readonly observer: Pick<Observer, 'event'>;
}

interface Rules {
  readonly wrappedHeader: string;
  readonly kekVersionHeader: string;
  readonly isecHeaders: readonly string[];
  readonly pythonHeaders: readonly string[];
  /** Whether configuration says that the bucket holds such objects. */
  readonly expected: boolean;
  readonly keks: SeededKeks | undefined;
  readonly acceptZeroKek: boolean;
}

/** 40 bytes: 32 of key, padded and wrapped. */
const HEX = /^[0-9a-f]{80}$/;
const BASE64 = /^[A-Za-z0-9+/]{54}==$/;
/** What later releases of s3proxy-python call the layout of the body. */
const PYTHON_FORMAT_HEADER = 'x-amz-meta-s3proxy-format';
const UNEXPECTED: LegacyBucket = { metadataName: 'isec', acceptZeroKek: false };

/** Where no bucket holds such objects: none of them gets here, and none would open. */
const openNothing: OpenGcmSiv = () => Promise.resolve(undefined);

/** Builds the reader of all buckets, and warns of each that accepts keys wrapped with zeros. */
export function createLegacyObjects({ maxStoredBytes, buckets, observer }: LegacyOptions): LegacyObjects {
  const openGcmSiv = buckets.size === 0 ? openNothing : createGcmSivOpener();
  const rulesOf = new Map([...buckets].map(([name, bucket]) => [name, rules(bucket, true)]));
  const unexpected = rules(UNEXPECTED, false);
  for (const [bucket, { acceptZeroKek }] of buckets) {
    if (acceptZeroKek) observer.event('legacy_zero_kek_accepted', { bucket });
  }

  return {
    maxStoredBytes,
    recognise: (bucket, headers) => {
      const bucketRules = rulesOf.get(bucket) ?? unexpected;
      // Without the objects that hold its layout it would pass for plaintext.
      if (headers.get(PYTHON_FORMAT_HEADER) === 'multipart-v3') {
        throw new GatewayError('NotImplemented', {
          detail: 'a multipart object of s3proxy-python is not read',
        });
      }
      const value = headers.get(bucketRules.wrappedHeader);
      if (value === undefined) return undefined;
      const version = headers.get(bucketRules.kekVersionHeader) ?? '';
      if (HEX.test(value)) {
        const { format, dataKey } = isecKey(bucketRules, version, Buffer.from(value, 'hex'));
        return legacyObject(format, bucketRules.isecHeaders, (stored) => openGcmSiv(dataKey, stored));
      }
      const wrapped = BASE64.test(value) ? Buffer.from(value, 'base64') : undefined;
      // Decoding ignores stray bits in the last character: one key, one spelling.
      if (wrapped?.toString('base64') === value) {
        const dataKey = pythonKey(bucketRules, wrapped);
        return legacyObject('s3proxy-python', bucketRules.pythonHeaders, (stored) =>
          Promise.resolve(openGcm(dataKey, stored)),
        );
      }
      // Where no such objects are expected, the name is the client's to use.
      if (!bucketRules.expected) return undefined;
      throw broken('the metadata of a legacy object is malformed');
    },
  };
}

function rules({ metadataName, kekVersionName, seed, acceptZeroKek }: LegacyBucket, expected: boolean): Rules {
  const header = (name: string) => `x-amz-meta-${name}`;
  const wrappedHeader = header(metadataName);
  const kekVersionHeader = header(kekVersionName ?? `${metadataName}-kek-ver`);
  return {
    wrappedHeader,
    kekVersionHeader,
    isecHeaders: [wrappedHeader, kekVersionHeader],
    // Beside the wrapped key: who wrapped it, and what that gateway shows of the plaintext.
    pythonHeaders: [
      wrappedHeader,
      PYTHON_FORMAT_HEADER,
      ...[`${metadataName}-kid`, 'client-etag', 'plaintext-size'].map(header),
    ],
    expected,
    keks: seed && keksOf(seed),
    acceptZeroKek,
  };
}

/** Finds the key of an object of Intrinsec's or Constellation's s3proxy. */
function isecKey(
  { keks, acceptZeroKek }: Rules,
  version: string,
  wrapped: Buffer,
): { readonly format: string; readonly dataKey: KeyObject } {
  if (version !== '' && version !== '1') throw unavailable('a legacy object is of a KEK version that is not known');
  const seeded = version === '1' ? keks?.v1 : keks?.hashed;
  // Releases that knew versions of keys also used the key that they were given.
  const zero = version === '' ? unwrapped(ZERO_KEK, wrapped) : undefined;
  if (zero !== undefined && acceptZeroKek) return { format: 'isec-kek-zero', dataKey: zero };
  if (zero !== undefined) {
    throw broken(
      'the wrapped key of a legacy object is wrapped with zeros, which its bucket does not accept (`legacy.acceptZeroKek`)',
    );
  }
  if (seeded === undefined) throw noSeed();
  const dataKey = unwrapped(seeded, wrapped);
  if (dataKey === undefined) throw wrongSeed();
  return { format: version === '1' ? 'isec-kek-v1' : 'isec-kek-legacy', dataKey };
}

function pythonKey({ keks }: Rules, wrapped: Buffer): KeyObject {
  if (keks === undefined) throw noSeed();
  const dataKey = unwrapped(keks.hashed, wrapped);
  if (dataKey === undefined) throw wrongSeed();
  return dataKey;
}

function legacyObject(
  format: string,
  headers: readonly string[],
  openBody: (stored: Buffer) => Promise<Buffer | undefined>,
): LegacyObject {
  return {
    format,
    headers,
    plainSize: (storedSizeBytes) => (storedSizeBytes < OVERHEAD_BYTES ? undefined : storedSizeBytes - OVERHEAD_BYTES),
    open: async (stored) => {
      if (stored.length < OVERHEAD_BYTES) throw broken('a legacy object is shorter than its nonce and tag');
      const plain = await openBody(stored);
      if (plain === undefined) throw broken('the tag of a legacy object does not hold');
      return plain;
    },
  };
}

function broken(detail: string): GatewayError {
  return new GatewayError('IntegrityFailure', { detail });
}

function wrongSeed(): GatewayError {
  return broken(
    'the wrapped key of a legacy object is not of the seed of its bucket (`legacy.seedFile`), or was altered',
  );
}

/** The object is not lost: it is read as soon as its seed is configured. */
function noSeed(): GatewayError {
  return unavailable('a legacy object needs the seed of the gateway that wrote it (`legacy.seedFile` of the bucket)');
}

function unavailable(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail });
}
