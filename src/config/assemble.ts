/**
 * A checked file and the files that it names, as the configuration that the program uses; each section is put together in
 * its own folder. Nothing can be wrong any more here: what the checks promise and do not keep is a defect, and throws.
 */
import { resolve } from 'node:path';
import { assembleBucket } from './buckets/assemble.ts';
import type { Config, StoreAccessConfig } from './config.ts';
import { assembleEndpoint } from './endpoint/assemble.ts';
import { assembleIssuer } from './issuers/assemble.ts';
import { assembleKeyring } from './keyring/assemble.ts';
import { assembleLegacy } from './legacy/assemble.ts';
import { assembleListen } from './listen/assemble.ts';
import { pathKey } from './loading/path-key.ts';
import { promised } from './loading/promised.ts';
import type { NamedFiles } from './loading/read-files.ts';
import { assemblePolicies } from './policies/assemble.ts';
import { assembleRevocation } from './revocation/assemble.ts';
import type { FileConfig } from './schema.ts';
import { assembleSessions } from './sessions/assemble.ts';
import { assembleStore } from './stores/assemble.ts';
import { parseAddress } from './values/shapes.ts';

/** Puts together what a gateway and a sidecar have alike. */
export const assembleStoreAccess = (
  config: Pick<FileConfig, 'stores' | 'buckets' | 'keyring' | 'limits' | 'timeouts'>,
  named: NamedFiles,
): StoreAccessConfig => ({
  stores: Object.entries(config.stores).map(([name, store]) => assembleStore(name, store, named)),
  buckets: Object.keys(config.buckets).map((name) => assembleBucket(name, config)),
  legacy: assembleLegacy(config.buckets, named.files),
  keyring: assembleKeyring(config.keyring, named),
  limits: config.limits,
  timeouts: config.timeouts,
});

/** Puts a configuration together. */
export const assemble = (config: FileConfig, named: NamedFiles): Config => {
  const { files, directory } = named;
  const issuers = Object.entries(config.issuers).map(([name, issuer]) => assembleIssuer(name, issuer, files));
  return {
    ...assembleStoreAccess(config, named),
    listen: assembleListen(config.listen, files, directory),
    edge: config.edge && { secret: promised(files.get(pathKey(['edge', 'secretFile']))) },
    admin: { ...config.admin, address: promised(parseAddress(config.admin.address)) },
    workers: config.workers,
    issuers,
    sessions: assembleSessions(config.sessions, files),
    revocation: assembleRevocation(config.revocation, files, directory),
    endpoint: assembleEndpoint(config, issuers),
    cors: config.cors,
    policies: assemblePolicies(config.policies, named),
    audit: { ...config.audit, directory: resolve(directory, config.audit.directory) },
    log: config.log,
  };
};
