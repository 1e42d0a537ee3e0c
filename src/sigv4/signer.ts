/**
 * Enters: a request with encoded path, and credentials. Leaves: the headers to send, `authorization` among them.
 * Signs every header that it is given, so that nothing on the way can change one. Pure but for the memory of derived
 * keys and of the last second; must never put a secret anywhere but into the key.
 * @see AWS Signature Version 4; Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header"
 */
import { createHmac } from 'node:crypto';
import {
  ALGORITHM,
  canonicalQuery,
  canonicalRequestHash,
  signedHeaderNames,
  stringToSign,
} from './canonical-request.ts';
import { createSigningKeys, type SigningCredentials } from './signing-key.ts';

export interface RequestToSign {
  readonly method: string;
  readonly host: string;
  /** Encoded path, such as `encodePath` gives it. */
  readonly path: string;
  /** Decoded names and values. */
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names, printable ASCII values. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex digest, or a literal such as UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
  readonly region: string;
}

interface RequestSignature {
  /** Encoded path and query. */
  readonly target: string;
  /** New for each request: what is not signed may be added. */
  readonly headers: Record<string, string>;
}

/** SHA-256 of nothing. */
export const EMPTY_PAYLOAD = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

export type SignRequest = (request: RequestToSign, credentials: SigningCredentials, nowMs: number) => RequestSignature;

/** Creates a signer for one service of AWS, with a key memory of its own. */
export function createRequestSigner(service: 's3' | 'kms' = 's3'): SignRequest {
  const signingKey = createSigningKeys();
  return (request, credentials, nowMs) => {
    const { method, path, payloadHash, region } = request;
    const amzDate = formatAmzDate(nowMs);
    const date = amzDate.slice(0, 8);
    const scope = `${date}/${region}/${service}/aws4_request`;
    const headers: Record<string, string> = {
      ...request.headers,
      host: request.host,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': amzDate,
    };
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken;
    const names = signedHeaderNames(headers);
    const signedHeaders = names.join(';');
    const query = canonicalQuery(request.query);
    const requestHash = canonicalRequestHash({ method, path, query, headers, names, signedHeaders, payloadHash });
    const signature = createHmac('sha256', signingKey(credentials, { date, region, service }))
      .update(stringToSign(amzDate, scope, requestHash))
      .digest('hex');
    headers['authorization'] =
      `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return { target: query === '' ? path : `${path}?${query}`, headers };
  };
}

let second = NaN;
let amzDateOfSecond = '';

/** Formats a time as `YYYYMMDDTHHMMSSZ`; that of the last second is remembered. @throws RangeError beyond what a date can be */
export function formatAmzDate(nowMs: number): string {
  const of = Math.floor(nowMs / 1000);
  if (of !== second) {
    const iso = new Date(of * 1000).toISOString();
    amzDateOfSecond = `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
    second = of;
  }
  return amzDateOfSecond;
}
