/**
 * Seals and opens the objects of docs/spec/object-format.md. What enters: plaintext, or stored bytes that an attacker
 * may have written; what leaves: stored bodies, or plaintext that has been authenticated. Knows keys only through the
 * keyring, and nothing of identity or policy.
 * @see docs/spec/object-format.md
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import type { ObjectCipher, PlannedRead, SealedObject } from '../../contracts/object-cipher.ts';
import type { DataKey, Keyring, WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { andThen } from '../../platform/at-once.ts';
import { encodeEnvelope, keyIdOf, parseEnvelope } from './envelope.ts';
import { singleLayout } from './layout.ts';
import { clientParts } from './listed-parts.ts';
import { lookupLayout } from './lookup.ts';
import { objectContext } from './object-context.ts';
import { openBody, openWhole } from './open-body.ts';
import { planRead, storedRange } from './read-plan.ts';
import { sealBody, sealWhole } from './seal-body.ts';
import { sealedUpload } from './sealed-upload.ts';
import { MAX_SINGLE_PLAIN_BYTES, SALT_BYTES } from '../../contracts/object-format.ts';
import { listedPlainSize, singleStoredSize } from './sizes.ts';
import { encodeTrailerFields } from './trailer-fields.ts';
import { encodeUploadId, isSealedId, noSuchUpload, parseUploadId } from './upload-id.ts';
import { parseState, sealState, uploadFolder } from './upload-state.ts';

/** Builds the cipher on a keyring. `random` gives that many bytes; only test vectors replace it. */
export function createObjectCipher(
  keyring: Keyring,
  random: (sizeBytes: number) => Buffer = randomBytes,
): ObjectCipher {
  const seal: ObjectCipher['seal'] = (address, plainSizeBytes, checksum) => {
    if (!(plainSizeBytes >= 0 && plainSizeBytes <= MAX_SINGLE_PLAIN_BYTES)) throw new GatewayError('EntityTooLarge');
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
    const sealed = ({ dataKey, ...wrappedKey }: DataKey): SealedObject => {
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
    };
    return andThen(keyring.newDataKey(objectContext(address, 's')), sealed);
  };

  const newUpload: ObjectCipher['newUpload'] = async (address) => {
    const context = objectContext(address, 'm');
    const { dataKey, ...wrappedKey } = await keyring.newDataKey(context);
    return {
      envelope: encodeEnvelope({ kind: 'm', ...wrappedKey }),
      keyId: keyIdOf(wrappedKey),
      state: (storeUploadId, terms) => sealState({ dataKey, address, storeUploadId }, wrappedKey, terms, random),
      sealedId: (storeUploadId) => encodeUploadId(wrappedKey, dataKey, context, storeUploadId),
    };
  };

  const unwrapOf = async (wrappedKey: WrappedKey, context: Buffer): Promise<KeyObject> => {
    try {
      return await keyring.unwrap(wrappedKey, context);
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'IntegrityFailure')) throw error;
      throw noSuchUpload('the key of the upload does not unwrap');
    }
  };

  const openSealedId: ObjectCipher['openSealedId'] = async (address, uploadId) => {
    const { wrappedKey, storeUploadId, verify } = parseUploadId(uploadId);
    const context = objectContext(address, 'm');
    const dataKey = await unwrapOf(wrappedKey, context);
    verify(dataKey, context);
    return sealedUpload({ dataKey, wrappedKey, random }, storeUploadId, undefined);
  };

  const openState: ObjectCipher['openState'] = async (address, storeUploadId, bytes) => {
    const { wrappedKey, open } = parseState(bytes);
    const dataKey = await unwrapOf(wrappedKey, objectContext(address, 'm'));
    const context = { dataKey, address, storeUploadId };
    return sealedUpload({ dataKey, wrappedKey, random }, storeUploadId, { context, terms: open(context) });
  };

  const lookup: ObjectCipher['lookup'] = async (address, stored, read) => {
    const envelope = parseEnvelope(stored.envelope);
    const dataKey = await keyring.unwrap(envelope, objectContext(address, envelope.kind));
    return lookupLayout(dataKey, envelope.kind, stored.sizeBytes, read);
  };

  const plan: ObjectCipher['plan'] = (address, stored, layout, wanted) => {
    const envelope = parseEnvelope(stored.envelope);
    if (envelope.kind !== layout.kind || stored.sizeBytes !== layout.storedSizeBytes) {
      throw new GatewayError('IntegrityFailure', { detail: 'the layout is of another object' });
    }
    const read = planRead(layout, wanted);
    const planned = (dataKey: KeyObject): PlannedRead => ({
      plainSizeBytes: layout.plainSizeBytes,
      first: read.first,
      last: read.last,
      keyId: keyIdOf(envelope),
      extent: read.extent,
      body: (source, extent) => openBody({ dataKey, layout, read }, source, extent),
      whole: (bytes, extent) => openWhole({ dataKey, layout, read }, bytes, extent),
    });
    return andThen(keyring.unwrap(envelope, objectContext(address, envelope.kind)), planned);
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
    isSealedId,
    openSealedId,
    uploadFolder,
    openState,
    clientParts,
    rewrap,
    describe: (value) => {
      const envelope = parseEnvelope(value);
      return { kind: envelope.kind, keyId: keyIdOf(envelope) };
    },
    storedRange,
    singleLayout,
    lookup,
    plan,
    plainSize: listedPlainSize,
  };
}
