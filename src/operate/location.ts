/** Where a command works: a bucket by the name that clients use, and a prefix or the whole of it. */

export interface Location {
  readonly bucket: string;
  readonly prefix: string;
}

const URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;
const MAX_KEY_BYTES = 1024;

/** Parses `s3://bucket/prefix`; `undefined` where the text is none. */
export function parseLocation(text: string): Location | undefined {
  const [, bucket, prefix = ''] = URI.exec(text) ?? [];
  if (bucket === undefined || Buffer.byteLength(prefix) > MAX_KEY_BYTES) return undefined;
  return { bucket, prefix };
}

/** Writes it as it was given. */
export function locationName({ bucket, prefix }: Location): string {
  return `s3://${bucket}/${prefix}`;
}

/** Gives the key of something of the commands' own: under the location's prefix, for they may reach nothing else. */
export function workKey({ prefix }: Location, name: string): string {
  return `${prefix}${WORK_FOLDER}${name}`;
}

const WORK_FOLDER = '.sallyport-work/';
