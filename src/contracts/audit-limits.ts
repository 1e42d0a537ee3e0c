/** What the audit takes, as configuration may set it. */
import type { Bounds } from './bounds.ts';

const TIB = 1_099_511_627_776;

/** A file is closed and a new one begun at this size. */
export const AUDIT_FILE_BYTES: Bounds = { min: 1_048_576, max: TIB, usual: 268_435_456 };
/** Space that is left to the outcomes of accesses already in progress; without it nothing new is begun. */
export const AUDIT_MIN_FREE_BYTES: Bounds = { min: 0, max: TIB, usual: 104_857_600 };
/** Refusals of unidentified callers that are recorded per second and process. */
export const REFUSALS_PER_SECOND: Bounds = { min: 1, max: 10_000, usual: 50 };
/** How many of them at once. */
export const REFUSALS_BURST: Bounds = { min: 1, max: 100_000, usual: 200 };
/** Space that those of one process may take. */
export const REFUSALS_BYTES: Bounds = { min: 1_048_576, max: TIB, usual: 67_108_864 };
