/**
 * Request ids: what joins a client's error, the edge's log, the gateway's log and the audit.
 * What enters: the id that the edge has set, as the edge alone can set it. What leaves: an id that is safe in a header,
 * in XML and in a log. It never passes on what it would not have let in.
 */
import { randomFillSync } from 'node:crypto';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** 100 bits: ids join accesses on record, so that two must never meet. */
const ID_LENGTH = 20;
const ACCEPTED = /^[A-Za-z0-9-]{8,64}$/;

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

/** Takes over the edge's id when it is one (8 to 64 letters, digits and dashes), else makes one. */
export function acceptRequestId(header: string | undefined): string {
  return header !== undefined && ACCEPTED.test(header) ? header : newRequestId();
}
