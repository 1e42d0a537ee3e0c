const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IPV4_SHAPE = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * Tells whether a text is a bucket name by S3's rules; `-`, under which the gateway keeps its own paths, never is.
 * @see Amazon S3 User Guide, "General purpose bucket naming rules"
 */
export function isBucketName(text: string): boolean {
  return BUCKET_NAME.test(text) && !text.includes('..') && !IPV4_SHAPE.test(text);
}
