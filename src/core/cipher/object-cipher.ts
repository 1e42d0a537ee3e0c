/**
 * Seals and opens the objects of docs/spec/object-format.md. What enters: plaintext, or stored bytes that an attacker
 * may have written; what leaves: stored bodies, or plaintext that has been authenticated. Knows keys only through the
 * keyring, and nothing of identity or policy. Multipart objects are not read by this release.
 * @see docs/spec/object-format.md
 */
import { randomBytes } from 'node:crypto';
import type { KeptChecksum, ObjectAddress, ObjectCipher, SealedObject } from '../../contracts/object-cipher.ts';
import type { Keyring } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { encodeEnvelope, parseEnvelope } from './envelope.ts';
import { objectContext } from './object-context.ts';
import { openBody, openWhole } from './open-body.ts';
import { planRead, storedRange } from './read-plan.ts';
import { sealBody, sealWhole } from './seal-body.ts';
import { SALT_BYTES } from './segment.ts';
import { listedPlainSize, MAX_SINGLE_PLAIN_BYTES, singlePlainSize, singleStoredSize } from './sizes.ts';
import { encodeSingleTrailer } from './trailer-fields.ts';

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
      return encodeSingleTrailer(plainSizeBytes, storedSizeBytes, kept);
    };
    const { dataKey, kekVersion, wrapped } = await keyring.newDataKey(objectContext(address, 's'));
    // Drawn per body: sealing twice under one plan must not repeat a nonce.
    const plan = () => ({ dataKey, plainSizeBytes, salts: random(2 * SALT_BYTES), trailerFields });
    return {
      envelope: encodeEnvelope({ kind: 's', kekVersion, wrapped }),
      storedSizeBytes,
      keyId: `${keyring.id}:${kekVersion}`,
      body: (plain) => sealBody(plan(), plain),
      whole: (plain) => sealWhole(plan(), plain),
    };
  }

  const open: ObjectCipher['open'] = async (address, stored, range) => {
    const envelope = parseEnvelope(stored.envelope);
    if (envelope.kind === 'm') {
      throw new GatewayError('NotImplemented', 'open', { detail: 'this release does not read multipart objects' });
    }
    if (envelope.keyringId !== undefined && envelope.keyringId !== keyring.id) {
      throw new GatewayError('ServiceUnavailable', 'open', {
        detail: `no keyring ${envelope.keyringId} is configured`,
      });
    }
    const plainSizeBytes = singlePlainSize(stored.storedSizeBytes);
    if (plainSizeBytes === undefined || plainSizeBytes > MAX_SINGLE_PLAIN_BYTES) {
      throw new GatewayError('IntegrityFailure', 'open', {
        detail: `no object has ${stored.storedSizeBytes} stored bytes`,
      });
    }
    const read = planRead(plainSizeBytes, stored, range);
    const dataKey = await keyring.unwrap(envelope, objectContext(address, 's'));
    return {
      plainSizeBytes,
      first: read.first,
      last: read.last,
      keyId: `${keyring.id}:${envelope.kekVersion}`,
      body: (source) => openBody({ dataKey, plainSizeBytes, read }, source),
      whole: (bytes) => openWhole({ dataKey, plainSizeBytes, read }, bytes),
    };
  };

  return { maxPlainSizeBytes: MAX_SINGLE_PLAIN_BYTES, seal, storedRange, open, plainSize: listedPlainSize };
}
