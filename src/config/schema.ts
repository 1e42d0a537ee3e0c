/**
 * THE schema: the sections of the configuration file put together. Each key, its shape, default and meaning are in the
 * folder of its section. The types, the checks, the variables (`loading/keys.ts`) and docs/configuration.md all come from
 * here. Rules that concern more than one key are in `cross-checks.ts`.
 */
import { z } from 'zod';
import { admin } from './admin/schema.ts';
import { audit } from './audit/schema.ts';
import { buckets } from './buckets/schema.ts';
import { cors } from './cors/schema.ts';
import { edge } from './edge/schema.ts';
import { endpoint } from './endpoint/schema.ts';
import { issuers } from './issuers/schema.ts';
import { keyring } from './keyring/schema.ts';
import { limits } from './limits/schema.ts';
import { listen } from './listen/schema.ts';
import { log } from './log/schema.ts';
import { policies } from './policies/schema.ts';
import { revocation } from './revocation/schema.ts';
import { sessions } from './sessions/schema.ts';
import { sidecar } from './sidecar/schema.ts';
import { stores } from './stores/schema.ts';
import { timeouts } from './timeouts/schema.ts';
import { key, whole } from './values/schema-words.ts';

/** One configuration file, key by key. */
export const schema = z.strictObject({
  listen,
  edge,
  admin,
  workers: key(
    z.union([whole(1, 64), z.literal('auto')]).default(1),
    'a whole number from 1 to 64, or `auto`',
    'Processes that serve, under a primary that replaces them (docs/running.md); `auto`: one per available CPU.',
  ),
  issuers,
  stores,
  buckets,
  keyring,
  sessions,
  revocation,
  endpoint,
  cors,
  sidecar,
  policies,
  audit,
  limits,
  timeouts,
  log,
});

/** A configuration file that holds no mistake in any single key. */
export type FileConfig = z.output<typeof schema>;
