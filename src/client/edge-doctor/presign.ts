/** A presigned URL of S3. Enters: an encoded path and credentials. Leaves: the target to send. Never: a header that signs. */
import { createHmac } from 'node:crypto';
import { ALGORITHM, canonicalQuery, canonicalRequestHash, stringToSign } from '../../sigv4/canonical-request.ts';
import { formatAmzDate, UNSIGNED_PAYLOAD } from '../../sigv4/signer.ts';
import { createSigningKeys, type SigningCredentials } from '../../sigv4/signing-key.ts';

/** Presigns a GET for a minute. */
export function presignedTarget(
  { host, path, region }: { readonly host: string; readonly path: string; readonly region: string },
  credentials: SigningCredentials,
  nowMs: number,
): string {
  const amzDate = formatAmzDate(nowMs);
  const date = amzDate.slice(0, 8);
  const scope = `${date}/${region}/s3/aws4_request`;
  const query = canonicalQuery([
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scope}`],
    ['X-Amz-Date', amzDate],
    ['X-Amz-Expires', '60'],
    ['X-Amz-SignedHeaders', 'host'],
    ...(credentials.sessionToken === undefined ? [] : ([['X-Amz-Security-Token', credentials.sessionToken]] as const)),
  ]);
  const requestHash = canonicalRequestHash({
    ...{ method: 'GET', path, query, headers: { host }, names: ['host'], signedHeaders: 'host' },
    payloadHash: UNSIGNED_PAYLOAD,
  });
  const key = createSigningKeys()(credentials, { date, region, service: 's3' });
  const signature = createHmac('sha256', key)
    .update(stringToSign(amzDate, scope, requestHash))
    .digest('hex');
  return `${path}?${query}&X-Amz-Signature=${signature}`;
}
