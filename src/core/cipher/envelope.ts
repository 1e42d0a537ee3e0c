/**
 * The envelope: the one metadata value beside a stored object that says how to get its data key. What enters is text from
 * the store, which an attacker may have written; what leaves is bounded and in its one canonical spelling. Unverified:
 * its kind and numbers are proven only when the key unwraps and a segment opens.
 * @see docs/spec/object-format.md, "Envelope"
 */
import type { WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';

/** "s": one PUT. "m": a multipart upload. */
export type ObjectKind = 's' | 'm';

/** A wrapped key of 24 to 256 bytes, by a version from 1 to 2^32 - 1. */
export interface Envelope extends WrappedKey {
  readonly kind: ObjectKind;
}

const MAX_ENVELOPE_CHARS = 400;
const FORMAT_AND_ALGORITHM = /^[1-9][0-9]{0,3};[1-9][0-9]{0,3};/;
const FORMAT_1 = /^1;1;([sm]);([1-9][0-9]{0,9});([A-Za-z0-9_-]{32,342})(?:;([a-z0-9][a-z0-9-]{0,31}))?$/;
const MAX_KEK_VERSION = 0xffff_ffff;

/** Writes the value of `x-amz-meta-sallyport`: format, algorithm, kind, KEK version, wrapped key. */
export function encodeEnvelope({ kind, kekVersion, wrapped, keyringId }: Envelope): string {
  const value = `1;1;${kind};${kekVersion};${wrapped.toString('base64url')}`;
  return keyringId === undefined ? value : `${value};${keyringId}`;
}

/** The one that was read last: what is done with an object reads its envelope several times. */
let last: { readonly value: string; readonly envelope: Envelope } | undefined;

/** Unverified: reads the value of `x-amz-meta-sallyport`. @throws GatewayError IntegrityFailure, NotImplemented */
export function parseEnvelope(value: string): Envelope {
  if (last?.value !== value) last = { value, envelope: parse(value) };
  return last.envelope;
}

function parse(value: string): Envelope {
  if (value.length > MAX_ENVELOPE_CHARS) throw malformed();
  const fields = FORMAT_1.exec(value);
  if (fields === null) {
    if (!FORMAT_AND_ALGORITHM.test(value) || value.startsWith('1;1;')) throw malformed();
    throw new GatewayError('NotImplemented', {
      detail: 'the object has a format or algorithm of another release',
    });
  }
  const [, kind, version, text = '', keyringId] = fields;
  const kekVersion = Number(version);
  const wrapped = Buffer.from(text, 'base64url');
  // Decoding ignores stray bits in the last character: one envelope, one spelling.
  if (kekVersion > MAX_KEK_VERSION || wrapped.toString('base64url') !== text) throw malformed();
  const envelope = { kind: kind === 's' ? 's' : 'm', kekVersion, wrapped } as const;
  return keyringId === undefined ? envelope : { ...envelope, keyringId };
}

/** Names the keyring and the KEK version of a wrapped key, such as `local:1`. */
export function keyIdOf({ keyringId, kekVersion }: Pick<WrappedKey, 'keyringId' | 'kekVersion'>): string {
  return `${keyringId ?? 'local'}:${kekVersion}`;
}

/** Tells whether two wrapped keys are the same one. */
export function isSameKey(a: WrappedKey, b: WrappedKey): boolean {
  return keyIdOf(a) === keyIdOf(b) && a.wrapped.equals(b.wrapped);
}

function malformed(): GatewayError {
  return new GatewayError('IntegrityFailure', { detail: 'the envelope is malformed' });
}
