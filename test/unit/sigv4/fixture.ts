/** Messages as they arrive, and keys, for the tests of inbound signatures. */
import type { KeyObject } from 'node:crypto';
import aws4 from 'aws4';
import type { RawRequest } from '../../../src/s3/request/request.ts';
import { parseSignature, type SignatureClaims } from '../../../src/sigv4/parse-signature.ts';
import { createSigningKeys } from '../../../src/sigv4/signing-key.ts';
import type { Expected } from '../../../src/sigv4/verify-signature.ts';

export const NOW_MS = Date.parse('2026-11-05T06:07:08Z');
export const REGION = 'eu-west-3';
export const CREDENTIALS = {
  accessKeyId: 'SPLYABCDEFGHIJKLMNOP',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
};

/** The key of a scope under the credentials of these tests. */
export function keyOf({ date, region, service }: Pick<SignatureClaims, 'date' | 'region' | 'service'>): KeyObject {
  return createSigningKeys()(CREDENTIALS, { date, region, service });
}

export interface ToSign {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sessionToken?: string;
  readonly signQuery?: boolean;
}

/** Signs with another implementation, at the time of these tests. */
export function signed({ method = 'GET', path = '/bucket/key', headers = {}, sessionToken, signQuery }: ToSign): {
  readonly raw: RawRequest;
  readonly claims: SignatureClaims;
} {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const amzDate = '20261105T060708Z';
  const request = aws4.sign(
    {
      service: 's3',
      region: REGION,
      host: 'gateway.example',
      method,
      path: signQuery === true ? `${path}${path.includes('?') ? '&' : '?'}X-Amz-Date=${amzDate}` : path,
      headers: { ...(signQuery !== true && { 'x-amz-date': amzDate }), ...headers },
      ...(signQuery === true && { signQuery: true }),
    },
    { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
  );
  const raw: RawRequest = {
    method,
    target: request.path ?? '',
    rawHeaders: Object.entries(request.headers ?? {}).flatMap(([name, value]) => [name, String(value)]),
  };
  const claims = parseSignature(raw);
  if (claims === undefined) throw new Error('nothing was signed');
  return { raw, claims };
}

/** What a verification in these tests goes by, unless said otherwise. */
export function expected(raw: RawRequest, changes: Partial<Expected> = {}): Expected {
  const hash = header(raw, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  return { raw, payloadHash: hash, nowMs: NOW_MS, service: 's3', regions: ['us-east-1', REGION], ...changes };
}

export function header(raw: RawRequest, name: string): string | undefined {
  const index = raw.rawHeaders.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name);
  return index < 0 ? undefined : raw.rawHeaders[index + 1];
}

/** The same message with one header changed, added, or taken out. */
export function withHeader(raw: RawRequest, name: string, value: string | undefined): RawRequest {
  const rawHeaders: string[] = [];
  for (let index = 0; index < raw.rawHeaders.length; index += 2) {
    if (raw.rawHeaders[index]?.toLowerCase() === name) continue;
    rawHeaders.push(raw.rawHeaders[index] ?? '', raw.rawHeaders[index + 1] ?? '');
  }
  return { ...raw, rawHeaders: value === undefined ? rawHeaders : [...rawHeaders, name, value] };
}
