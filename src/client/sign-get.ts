/**
 * Signature Version 4 of a GET without query and body: what `doctor` needs to try a signature by itself, without an SDK.
 * @see AWS Signature Version 4
 */
import { createHmac, hash } from 'node:crypto';

export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

const EMPTY = hash('sha256', '');

/** Gives the headers of a signed GET; `path` has nothing in it that would have to be escaped. */
export function signedGet(
  { host, path, region, nowMs }: { host: string; path: string; region: string; nowMs: number },
  { accessKeyId, secretAccessKey, sessionToken }: SigningKeys,
): Readonly<Record<string, string>> {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const headers = {
    host,
    'x-amz-content-sha256': EMPTY,
    'x-amz-date': time,
    'x-amz-security-token': sessionToken,
  };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = ['GET', path, '', lines.join(''), names, EMPTY].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, hash('sha256', canonical)].join('\n');
  let key = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [day, region, 's3', 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}
