/** A grant in words of an operator. Nothing in an entry has control characters. */
import type { GrantEntry } from './entry.ts';

/** Says what is given to whom, in one clause. */
export function describeGrant({
  issuer,
  subject,
  verbs,
  bucket,
  scope,
}: Pick<GrantEntry, 'issuer' | 'subject' | 'verbs' | 'bucket' | 'scope'>): string {
  const where = `s3://${bucket}/${'key' in scope ? scope.key : scope.prefix}`;
  return `${verbs.join(',')} on ${where} for ${JSON.stringify(subject)} of ${issuer}`;
}
