/** Where Node keeps what it compiled, so that gateways and commands that tests start are up in two thirds of the time. */
import { fileURLToPath } from 'node:url';

/** For the environment of a process. */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)),
} as const;
