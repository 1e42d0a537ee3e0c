/**
 * Seals and opens the objects of docs/spec/object-format.md. What enters: plaintext, or stored bytes that an attacker
 * may have written; what leaves: stored bodies, or plaintext that has been authenticated. Knows keys only through the
 * keyring, and nothing of identity or policy.
 * @see docs/spec/object-format.md
 */
import { randomBytes } from 'node:crypto';
import type { KeptChecksum, ObjectAddress, ObjectCipher, SealedObject } from '../../contracts/object-cipher.ts';
import type { Keyring } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { encodeEnvelope, keyIdOf, parseEnvelope } from './envelope.ts';
import { singleLayout } from './layout.ts';
import { clientParts } from './listed-parts.ts';
import { lookUpLayout } from './look-up.ts';
import { objectContext } from './object-context.ts';
import { openBody, openWhole } from './open-body.ts';
import { planRead, storedRange } from './read-plan.ts';
import { sealBody, sealWhole } from './seal-body.ts';
import { sealedUpload } from './sealed-upload.ts';
import { SALT_BYTES } from './segment.ts';
import { listedPlainSize, MAX_SINGLE_PLAIN_BYTES, singleStoredSize } from './sizes.ts';
import { encodeTrailerFields } from './trailer-fields.ts';
import { bareUploadId, encodeUploadId, noSuchUpload, parseBareUploadId, parseUploadId } from './upload-id.ts';

/** Builds the cipher on a keyring. `random` gives that many bytes; only test vectors replace it. */
export function createObjectCipher(
  keyring: Keyring,
  random: (sizeBytes: number) => Buffer = randomBytes,
): ObjectCipher {
  async function seal(
    address: ObjectAddress,
    plainSizeBytes: number,
    checksum: KeptChecksum | undefined,
  ): Promise<SealedObject> {
    if (!(plainSizeBytes >= 0 && plainSizeBytes <= MAX_SINGLE_PLAIN_BYTES))
      throw new GatewayError('EntityTooLarge', 'seal');
    const storedSizeBytes = singleStoredSize(plainSizeBytes);
    const trailerFields = () => {
      const kept = checksum && { algorithm: checksum.algorithm, value: checksum.value() };
      return encodeTrailerFields({
        kind: 'single',
        lastPartNumber: 0,
        plainSizeBytes,
        storedSizeBytes,
        checksum: kept,
      });
    };
    const { dataKey, ...wrappedKey } = await keyring.newDataKey(objectContext(address, 's'));
    const part = { role: 0, number: 0, plainSizeBytes } as const;
    // Drawn per body: sealing twice under one plan must not repeat a nonce.
    const plan = () => ({ dataKey, part, salts: random(2 * SALT_BYTES), trailerFields });
    return {
      envelope: encodeEnvelope({ kind: 's', ...wrappedKey }),
      storedSizeBytes,
      keyId: keyIdOf(wrappedKey),
      body: (plain) => sealBody(plan(), plain),
      whole: (plain) => sealWhole(plan(), plain),
    };
  }

  const newUpload: ObjectCipher['newUpload'] = async (address) => {
    const context = objectContext(address, 'm');
    const { dataKey, ...wrappedKey } = await keyring.newDataKey(context);
    return {
      envelope: encodeEnvelope({ kind: 'm', ...wrappedKey }),
      keyId: keyIdOf(wrappedKey),
      clientId: (storeUploadId) => encodeUploadId(wrappedKey, dataKey, context, storeUploadId),
    };
  };

  const openUpload: ObjectCipher['openUpload'] = async (address, uploadId) => {
    const { wrappedKey, storeUploadId, verify } = parseUploadId(uploadId);
    const context = objectContext(address, 'm');
    const dataKey = await keyring.unwrap(wrappedKey, context).catch((error: unknown) => {
      if (!(error instanceof GatewayError && error.code === 'IntegrityFailure')) throw error;
      throw noSuchUpload('the key in the upload id does not unwrap');
    });
    verify(dataKey, context);
    return sealedUpload({ dataKey, wrappedKey, random }, storeUploadId);
  };

  const lookUp: ObjectCipher['lookUp'] = async (address, stored, read) => {
    const envelope = parseEnvelope(stored.envelope);
    const dataKey = await keyring.unwrap(envelope, objectContext(address, envelope.kind));
    return lookUpLayout(dataKey, envelope.kind, stored.sizeBytes, read);
  };

  const plan: ObjectCipher['plan'] = async (address, stored, layout, wanted) => {
    const envelope = parseEnvelope(stored.envelope);
    if (envelope.kind !== layout.kind || stored.sizeBytes !== layout.storedSizeBytes) {
      throw new GatewayError('IntegrityFailure', 'open', { detail: 'the layout is of another object' });
    }
    const read = planRead(layout, wanted);
    const dataKey = await keyring.unwrap(envelope, objectContext(address, envelope.kind));
    return {
      plainSizeBytes: layout.plainSizeBytes,
      first: read.first,
      last: read.last,
      keyId: keyIdOf(envelope),
      extent: read.extent,
      body: (source, given) => openBody({ dataKey, layout, read }, source, given),
      whole: (bytes, given) => openWhole({ dataKey, layout, read }, bytes, given),
    };
  };

  const rewrap: ObjectCipher['rewrap'] = async (from, value, to) => {
    const { kind, ...wrappedKey } = parseEnvelope(value);
    const dataKey = await keyring.unwrap(wrappedKey, objectContext(from, kind));
    const rewrapped = await keyring.wrap(dataKey, objectContext(to, kind));
    return { envelope: encodeEnvelope({ kind, ...rewrapped }), keyId: keyIdOf(rewrapped) };
  };

  return {
    maxPlainSizeBytes: MAX_SINGLE_PLAIN_BYTES,
    seal,
    newUpload,
    openUpload,
    bareUploadId,
    storeUploadId: async (address, uploadId) =>
      parseBareUploadId(uploadId) ?? (await openUpload(address, uploadId)).storeUploadId,
    clientParts,
    rewrap,
    describe: (value) => {
      const envelope = parseEnvelope(value);
      return { kind: envelope.kind, keyId: keyIdOf(envelope) };
    },
    storedRange,
    singleLayout,
    lookUp,
    plan,
    plainSize: listedPlainSize,
  };
}
