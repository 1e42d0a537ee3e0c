/**
 * Opens AES-256-GCM-SIV objects without holding up other requests: Node has no such cipher, and in JavaScript a large
 * object takes seconds. Small ones open at once; large ones in a thread, one after the other.
 */
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { KeyObject } from 'node:crypto';
import type { SealedMessage } from './gcm-siv-thread.ts';

/** Up to this size opening takes some 6 ms, less than a thread takes to start. */
const MAX_INLINE_BYTES = 262_144;

const THREAD = new URL(`./gcm-siv-thread${extname(import.meta.url)}`, import.meta.url);

/** Verified: gives the plaintext, or `undefined` where the tag does not hold. */
export type OpenGcmSiv = (dataKey: KeyObject, stored: Buffer) => Promise<Buffer | undefined>;

/** Builds an opener that runs at most one thread, and loads the cipher. */
export function createGcmSivOpener(): OpenGcmSiv {
  const cipher = import('./gcm-siv.ts');
  let last: Promise<unknown> = Promise.resolve();
  return async (dataKey, stored) => {
    const message: SealedMessage = { dataKey: dataKey.export(), stored };
    if (stored.length <= MAX_INLINE_BYTES) {
      const { openGcmSiv } = await cipher;
      return asBuffer(openGcmSiv(message.dataKey, stored));
    }
    const turn = last.then(() => inThread(message));
    last = turn.catch(() => undefined);
    return asBuffer(await turn);
  };
}

async function inThread(message: SealedMessage): Promise<Uint8Array | undefined> {
  const thread = new Worker(THREAD, { workerData: message });
  const [plain] = (await once(thread, 'message')) as [Uint8Array | undefined];
  return plain;
}

function asBuffer(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
