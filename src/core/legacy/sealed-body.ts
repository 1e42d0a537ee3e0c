/**
 * The body that both families of gateways store: nonce(12) || ciphertext || tag(16), one message for the whole object,
 * without associated data. Nothing of the plaintext is given before the tag holds.
 */
import { createDecipheriv, type KeyObject } from 'node:crypto';

/** Stored bytes before the ciphertext. */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Stored bytes that are not ciphertext. */
export const OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;

/** Verified: opens AES-256-GCM; `undefined` where the tag does not hold. `stored` has at least `OVERHEAD_BYTES`. */
export function openGcm(dataKey: KeyObject, stored: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', dataKey, stored.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(stored.subarray(-TAG_BYTES));
  const plain = decipher.update(stored.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}
