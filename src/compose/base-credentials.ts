/** The gateway's own credentials for a store or for KMS, as they are configured. Nothing is looked for until it is asked. */
import type { KeyCredentials } from '../config/credentials/assemble.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { chainSource, fixedSource, type BaseSource } from '../credentials/base-credentials.ts';
import { createKeyFiles } from '../credentials/key-files.ts';

/** Makes their source; `whose` names them in the log. */
export function baseSourceOf(
  whose: string,
  region: string,
  credentials: KeyCredentials | undefined,
  { clock, observer }: { readonly clock: Clock; readonly observer: Observer },
): BaseSource {
  if (credentials === undefined) return chainSource(region);
  const { accessKeyId, secretAccessKey, sessionToken, files } = credentials;
  const first = {
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  };
  if (files === undefined) return fixedSource(first);
  const { sessionToken: tokenFile, ...pair } = files;
  const paths = { ...pair, ...(tokenFile === undefined ? {} : { sessionToken: tokenFile }) };
  return createKeyFiles({ whose, paths, first, clock, observer });
}
