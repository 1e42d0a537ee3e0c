/** What a request is about, as its client named it. */
export interface Addressed {
  /** Empty at service level. */
  readonly bucket: string;
  /** The bucket as the client addressed it: a URL; a path where its host or scheme is not known. */
  readonly bucketUrl: string;
  /** The byte-exact key as text (valid UTF-8, percent-decoded once); empty at service and bucket level. */
  readonly key: string;
  /**
   * Decoded query parameters, without those of a signature; a repeated name was refused. Of a presigned request, other
   * `x-amz-*` parameters have become headers.
   */
  readonly query: ReadonlyMap<string, string>;
}
