/** Where Node keeps what it compiled, so that test files, gateways and commands are up in two thirds of the time. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** For the environment of a process. */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)),
} as const;

// Mocha loads this file before all others: what comes later is compiled once for all of its processes and runs.
enableCompileCache(COMPILE_CACHE.NODE_COMPILE_CACHE);
