/** The checked section `sessions`, with the keys from their files. */
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import type { Secret } from '../loading/secret.ts';
import type { FileSessions } from './schema.ts';

interface SessionKeyConfig {
  readonly id: string;
  readonly key: Secret;
}

export interface SessionsConfig extends Readonly<
  Pick<NonNullable<FileSessions>, 'deploymentId' | 'defaultSeconds' | 'maxSeconds' | 'minSeconds'>
> {
  readonly keys: { readonly current: SessionKeyConfig; readonly previous: SessionKeyConfig | undefined };
}

/** Puts the section together. */
export const assembleSessions = (sessions: FileSessions, files: Files): SessionsConfig | undefined => {
  if (sessions === undefined) return undefined;
  const { keys, ...rest } = sessions;
  const withKey = (name: 'current' | 'previous', id: string) => ({
    id,
    key: promised(files.get(pathKey(['sessions', 'keys', name, 'keyFile']))),
  });
  return {
    ...rest,
    keys: {
      current: withKey('current', keys.current.id),
      previous: keys.previous && withKey('previous', keys.previous.id),
    },
  };
};
