/** The gateway's own credentials for a store or for KMS, as they are configured. Nothing is looked for until it is asked. */
import type { Clock } from '../contracts/clock.ts';
import type { KeyCredentials } from '../contracts/key-credentials.ts';
import type { Observer } from '../contracts/observer.ts';
import { chainSource, fixedSource, type BaseSource } from './base-credentials.ts';
import { createKeyFiles } from './key-files.ts';

/** Makes their source; `whose` names them in the log. */
export function baseSourceOf(
  whose: string,
  region: string,
  credentials: KeyCredentials | undefined,
  { clock, observer }: { readonly clock: Clock; readonly observer: Observer },
): BaseSource {
  if (credentials === undefined) return chainSource(region);
  const { accessKeyId, secretAccessKey, sessionToken, files: paths } = credentials;
  const first = {
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  };
  return paths === undefined ? fixedSource(first) : createKeyFiles({ whose, paths, first, clock, observer });
}
