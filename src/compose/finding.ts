/** What a check before serving found out about one thing that the service depends on. */
export interface Finding {
  /** As `/readyz` would name it, or `policies`, `listen`, `admin`. */
  readonly name: string;
  /** `unclear`: it could not be told from here, which is no fault. */
  readonly state: 'ok' | 'wrong' | 'unclear';
  /** One line without a secret: what is wrong, where, and what would be right. */
  readonly detail?: string;
}
