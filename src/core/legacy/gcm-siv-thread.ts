/**
 * The thread of one large AES-256-GCM-SIV object: its key and stored bytes come in as worker data; its plaintext leaves as
 * the one message, or `undefined` where the tag does not hold.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openGcmSiv } from './gcm-siv.ts';

/** What the thread is given. */
export interface SealedMessage {
  readonly dataKey: Uint8Array;
  readonly stored: Uint8Array;
}

const { dataKey, stored } = workerData as SealedMessage;
const plain = openGcmSiv(dataKey, stored);
// Handed over, not copied: it is as large as the object.
parentPort?.postMessage(plain, plain?.buffer instanceof ArrayBuffer ? [plain.buffer] : []);
