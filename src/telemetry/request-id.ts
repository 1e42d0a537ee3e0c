/**
 * Request ids: what joins a client's error, the edge's log, the gateway's log and the audit.
 * What enters: chance. What leaves: an id that is safe in a header, in XML and in a log, and that nobody else has made.
 */
import { randomFillSync } from 'node:crypto';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** 100 bits: ids join accesses on record, so that two must never meet. */
const ID_LENGTH = 20;

/** Characters of ids to come. */
const pool = Buffer.alloc(ID_LENGTH * 256);
let used = pool.length;

/** Makes a request id: 20 upper-case letters and digits, random. */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    pool.forEach((byte, index) => pool.writeUInt8(ALPHABET.charCodeAt(byte % ALPHABET.length), index));
    used = 0;
  }
  used += ID_LENGTH;
  return pool.toString('latin1', used - ID_LENGTH, used);
}
