/** Checked `credentials` and the files that they name, as the configuration that the program uses. */
import { resolve } from 'node:path';
import type { KeyCredentials } from './config.ts';
import { pathKey } from './environment.ts';
import { promised } from './promised.ts';
import type { Files } from './read-files.ts';

/** What is to be put together, and where relative paths start. */
export interface CredentialFiles {
  readonly files: Files;
  /** Of these, those that came in variables and are no files. */
  readonly provided: Files;
  readonly directory: string;
}

/** Puts the keys at `path` together, with the files to read them from again. */
export const assembleCredentials = (
  path: readonly string[],
  named: {
    readonly accessKeyIdFile?: string | undefined;
    readonly secretAccessKeyFile?: string | undefined;
    readonly sessionTokenFile?: string | undefined;
  },
  { files, provided, directory }: CredentialFiles,
): KeyCredentials => {
  const at = (name: keyof typeof named) => pathKey([...path, name]);
  const place = (name: string) => resolve(directory, name);
  return {
    accessKeyId: promised(files.get(at('accessKeyIdFile'))),
    secretAccessKey: promised(files.get(at('secretAccessKeyFile'))),
    sessionToken: files.get(at('sessionTokenFile')),
    files: provided.has(at('accessKeyIdFile'))
      ? undefined
      : {
          accessKeyId: place(promised(named.accessKeyIdFile)),
          secretAccessKey: place(promised(named.secretAccessKeyFile)),
          sessionToken: named.sessionTokenFile === undefined ? undefined : place(named.sessionTokenFile),
        },
  };
};
