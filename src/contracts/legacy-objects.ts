/** An object that another encrypting gateway wrote, recognised by its metadata alone. */
export interface LegacyObject {
  /** Which format and key version, for the log and `inspect`, such as `isec-kek-v1`. */
  readonly format: string;
  /** `undefined` where no object of the format has that size. Unverified. */
  readonly plainSize: (storedSizeBytes: number) => number | undefined;
  /** Headers of the store's answer that belong to the format: not the client's metadata, and not to be copied along. */
  readonly headers: readonly string[];
  /**
   * Opens the whole object: its format authenticates nothing less. A large one opens beside the requests, in a thread.
   * @throws GatewayError IntegrityFailure
   */
  readonly open: (stored: Buffer) => Promise<Buffer>;
}

/** Reads what other encrypting gateways wrote. */
export interface LegacyObjects {
  /** Largest stored object that is read; it is in memory whole. */
  readonly maxStoredBytes: number;
  /**
   * `undefined`: no legacy object.
   * @throws GatewayError ServiceUnavailable (no seed configured), IntegrityFailure, NotImplemented (a layout that is not read)
   */
  readonly recognise: (bucket: string, headers: ReadonlyMap<string, string>) => LegacyObject | undefined;
}
