/**
 * What makes a run of the suite fail. A run may be limited to some clients or stores; then only what belongs to them is
 * requested, and what the wire must have shown is left out.
 */
import type { Cell } from './cell.ts';
import type { SeenRequest } from './request-reader.ts';

/** The Go SDK sends an upload as one chunk, however large: a chunk has no limit that an object has not. */
const LARGE_CHUNK_BYTES = 16 * 1024 * 1024;
export const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

export interface WireFigures {
  readonly requests: number;
  /** Requests by `x-amz-content-sha256`. */
  readonly payloads: Readonly<Record<string, number>>;
  readonly largestChunkBytes: number;
}

/** Sums up what was seen on the wire. */
export function wireFigures(seen: readonly SeenRequest[]): WireFigures {
  const payloads: Record<string, number> = {};
  let largestChunkBytes = 0;
  for (const request of seen) {
    payloads[request.payload] = (payloads[request.payload] ?? 0) + 1;
    if (request.complete) largestChunkBytes = Math.max(largestChunkBytes, request.largestChunkBytes);
  }
  return { requests: seen.length, payloads, largestChunkBytes };
}

/** Gives every reason for which the run fails; none: it passed. */
export function failuresOf(cells: readonly Cell[], wire: WireFigures, whole: boolean): readonly string[] {
  const failures: string[] = [];
  for (const cell of cells) {
    const name = nameOf(cell);
    if (cell.status === 'failed') failures.push(`${name}: ${cell.reason ?? 'failed'}`);
    else if (cell.status === 'unavailable' && cell.required) failures.push(`${name} is required: ${cell.reason ?? ''}`);
    else if (cell.status === 'passed' && (cell.steps.length === 0 || cell.requests === 0)) {
      failures.push(`${name}: no operation was run`);
    }
    if (cell.status === 'unavailable' && (cell.reason ?? '') === '') failures.push(`${name}: nobody says why not`);
  }
  if (!cells.some(({ status }) => status === 'passed')) failures.push('nothing was tried');
  if (whole && (wire.payloads[UNSIGNED_TRAILER] ?? 0) === 0) failures.push(`no ${UNSIGNED_TRAILER} was on the wire`);
  if (whole && wire.largestChunkBytes <= LARGE_CHUNK_BYTES) {
    failures.push(`no chunk over ${LARGE_CHUNK_BYTES} bytes was on the wire`);
  }
  return failures;
}

/** One line that names a cell. */
export function nameOf(cell: Pick<Cell, 'client' | 'version' | 'auth' | 'transport' | 'upstream'>): string {
  return `${cell.client} ${cell.version}, ${cell.auth}, ${cell.transport}, ${cell.upstream}`;
}
