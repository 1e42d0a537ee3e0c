/**
 * The rules that concern more than one key, each in the folder of its section. They run over a file whose single keys may
 * be wrong, so that a person sees every mistake at once: a value of the wrong kind counts as absent here and is reported by
 * the schema.
 */
import { isBucketName } from '../s3/bucket-name.ts';
import { isDirectoryBucketName } from '../s3/request/unsupported.ts';
import { checkAdmin } from './admin/checks.ts';
import { checkBuckets } from './buckets/checks.ts';
import { checkIssuers } from './issuers/checks.ts';
import { checkKeyring } from './keyring/checks.ts';
import { checkListen } from './listen/checks.ts';
import { entries, type Loose, type Report } from './loading/loose.ts';
import { checkPolicies } from './policies/checks.ts';
import { checkRevocation } from './revocation/checks.ts';
import { schema, type FileConfig } from './schema.ts';
import { checkSessions } from './sessions/checks.ts';
import { checkStore } from './stores/checks.ts';
import { checkWebIdentity } from './stores/web-identity-checks.ts';
import { isEntryName } from './values/shapes.ts';

export type LooseConfig = Loose<FileConfig>;

/** Checks the names that the operator chose, and that there are some. */
export const checkNames = (config: NonNullable<LooseConfig>, report: Report): void => {
  for (const kind of ['issuers', 'stores', 'buckets'] as const) {
    if (config[kind] !== undefined && entries<unknown>(config[kind]).length === 0)
      report([kind], 'is empty; name at least one');
    for (const [name] of entries<unknown>(config[kind])) {
      if (kind === 'buckets' && isDirectoryBucketName(name)) {
        report([kind, name], 'is the name of a directory bucket (`--x-s3`), which are not supported');
      }
      if (kind === 'buckets' ? isBucketName(name) : isEntryName(name)) continue;
      report(
        [kind, name],
        kind === 'buckets' ? 'is not the name of a bucket' : 'must be named with a-z, 0-9 and inner hyphens',
      );
    }
  }
};

const crossCheck = (value: unknown, report: Report): void => {
  if (typeof value !== 'object' || value === null) return;
  const config = value as NonNullable<LooseConfig>;
  checkListen(config.listen, report);
  checkAdmin(config, report);
  if (config.sidecar !== undefined) report(['sidecar'], 'is for `sallyport sidecar` only; remove it');
  checkNames(config, report);
  checkIssuers(config.issuers, report);
  for (const [name, store] of entries(config.stores)) checkStore(['stores', name], store, config.issuers, report);
  checkWebIdentity(config, report);
  checkBuckets(config, report);
  checkKeyring(config.keyring, report);
  checkSessions(config.sessions, report);
  checkRevocation(config.revocation, report);
  checkPolicies(config.policies, config.revocation, report);
};

/** One configuration file with all its rules. Those across keys run even where single keys are wrong. */
export const checkedSchema = schema.superRefine(
  (config, context) => {
    crossCheck(config, (path, message) => {
      context.addIssue({ code: 'custom', path: [...path], message, params: { across: true } });
    });
  },
  { when: () => true },
);
