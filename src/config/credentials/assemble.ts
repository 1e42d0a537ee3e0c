/** Checked `credentials` and the files that they name, as the configuration that the program uses. */
import { resolve } from 'node:path';
import type { KeyCredentials } from '../../contracts/key-credentials.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { NamedFiles } from '../loading/read-files.ts';

/** Puts the keys at `path` together, with the files to read them from again. */
export const assembleCredentials = (
  path: readonly string[],
  named: {
    readonly accessKeyIdFile?: string | undefined;
    readonly secretAccessKeyFile?: string | undefined;
    readonly sessionTokenFile?: string | undefined;
  },
  { files, provided, directory }: NamedFiles,
): KeyCredentials => {
  const at = (name: keyof typeof named) => pathKey([...path, name]);
  const field = (name: string) => resolve(directory, name);
  return {
    accessKeyId: promised(files.get(at('accessKeyIdFile'))),
    secretAccessKey: promised(files.get(at('secretAccessKeyFile'))),
    sessionToken: files.get(at('sessionTokenFile')),
    files: provided.has(at('accessKeyIdFile'))
      ? undefined
      : {
          accessKeyId: field(promised(named.accessKeyIdFile)),
          secretAccessKey: field(promised(named.secretAccessKeyFile)),
          sessionToken: named.sessionTokenFile === undefined ? undefined : field(named.sessionTokenFile),
        },
  };
};
