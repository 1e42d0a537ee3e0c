/** The section `sidecar`: the gateway's core beside one workload, without identities. */
import { z } from 'zod';
import { address, hosts, key, text } from '../values/schema-words.ts';

export const sidecarKeys = {
  address: key(
    address.default('127.0.0.1:8190'),
    '`host:port`',
    'Where the workload reaches the sidecar. Another than a loopback address needs `--allow-remote`: whoever reaches it is the workload.',
  ),
  subject: key(
    text((value) => /^[\x21-\x7e]{1,255}$/.test(value)).default('workload'),
    '1 to 255 visible ASCII characters',
    'Name of the workload in the audit, and in policies, where its issuer is `sidecar`.',
  ),
  allowedHosts: hosts(
    'Hosts that requests may name beside `localhost`, `127.0.0.1`, `[::1]` and the address that they came in on. A bucket may stand before a name.',
  ),
  audit: key(
    z.enum(['directory', 'stdout']).default('directory'),
    '`directory` or `stdout`',
    'Where accesses are recorded. `directory`: durably in `audit.directory`. `stdout`: as lines of JSON on the standard output, for a pod without a disk; an access is on record when the pipe has taken its line.',
  ),
};

export const sidecar = key(
  z.strictObject(sidecarKeys).optional(),
  'a group of keys',
  'For `sallyport sidecar` only, which takes no `listen`, `issuers`, `sessions` or roles (docs/sidecar.md).',
);
