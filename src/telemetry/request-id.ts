/**
 * Request ids: what joins a client's error, the edge's log, the gateway's log and the audit.
 * What enters: chance. What leaves: an id that is safe in a header, in XML and in a log, and that nobody else has made.
 */
import { randomFillSync } from 'node:crypto';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** 100 bits: ids join accesses on record, so that two must never meet. */
const ID_LENGTH = 20;

const pool = Buffer.alloc(ID_LENGTH * 256);
let used = pool.length;

/** Makes a request id: 20 upper-case letters and digits, random. */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let id = '';
  for (const end = used + ID_LENGTH; used < end; used++) id += ALPHABET.charAt(pool.readUInt8(used) % ALPHABET.length);
  return id;
}
