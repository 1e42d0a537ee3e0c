/** Where a command works: a bucket by the name that clients use, and a prefix or the whole of it. */

export interface Place {
  readonly bucket: string;
  readonly prefix: string;
}

const URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;
const MAX_KEY_BYTES = 1024;

/** Parses `s3://bucket/prefix`; `undefined` where the text is none. */
export function parsePlace(text: string): Place | undefined {
  const [, bucket, prefix = ''] = URI.exec(text) ?? [];
  if (bucket === undefined || Buffer.byteLength(prefix) > MAX_KEY_BYTES) return undefined;
  return { bucket, prefix };
}

/** Writes it as it was given. */
export function placeName({ bucket, prefix }: Place): string {
  return `s3://${bucket}/${prefix}`;
}

/** What the commands put beside the objects for a short while. Under the place's own prefix: they may reach nothing else. */
export function workKey({ prefix }: Place, name: string): string {
  return `${prefix}${WORK_FOLDER}${name}`;
}

const WORK_FOLDER = '.sallyport-work/';

/**
 * Stands beside what a command put there, and is what tells it from a client's object, whatever its key: metadata of this
 * name is taken from no client.
 */
export const WORK_MARK = 'x-amz-meta-sallyport-work';
