/**
 * How a key of a bucket is kept. `required`: nothing plaintext is stored or served. `migrating`: new objects are
 * encrypted; plaintext ones and those of other encrypting gateways are read. `off`: objects are kept as they come.
 */
export const ENCRYPTIONS = ['required', 'migrating', 'off'] as const;
export type Encryption = (typeof ENCRYPTIONS)[number];

export interface EncryptionRules {
  /** Of keys that start with none of `prefixes`. */
  readonly encryption: Encryption;
  /** Parts of the bucket that are kept differently, longest prefix first: the first that a key starts with decides. */
  readonly prefixes: readonly { readonly prefix: string; readonly encryption: Encryption }[];
}

/** Gives how the object of this key is kept. */
export function encryptionAt({ encryption, prefixes }: EncryptionRules, key: string): Encryption {
  return prefixes.find(({ prefix }) => key.startsWith(prefix))?.encryption ?? encryption;
}

/** Tells whether the client is shown stored facts of this key as they are. */
export function isKeptPlain(rules: EncryptionRules, key: string): boolean {
  return encryptionAt(rules, key) === 'off';
}
