/** The gateway's own keys at a store or at KMS: configuration reads them, and the room that asks with them obeys it. */

import type { SecretText } from './secret.ts';

/** Where keys stand: absolute paths. */
export interface KeyFilePaths {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Keys as they were when the configuration was read. */
export interface KeyCredentials {
  readonly accessKeyId: SecretText;
  readonly secretAccessKey: SecretText;
  readonly sessionToken: SecretText | undefined;
  /** To read them from again. Undefined: they came in variables. */
  readonly files: KeyFilePaths | undefined;
}
