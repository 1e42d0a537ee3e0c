/** A secret that is printed, logged and serialized as `[secret]`; only these give its value. */
export interface SecretValue {
  /** As UTF-8 text. */
  readonly reveal: () => string;
  /** A copy of its bytes. */
  readonly revealBytes: () => Buffer;
  /** Gives `[secret]`. */
  readonly toString: () => string;
}

/** A secret that is bytes. */
export type SecretBytes = Pick<SecretValue, 'revealBytes' | 'toString'>;

/** A secret that is text. */
export type SecretText = Pick<SecretValue, 'reveal' | 'toString'>;
