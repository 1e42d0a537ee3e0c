/**
 * Enters: a message as it came off the wire, and what it says of its signature. Leaves: the parts that are signed.
 * Takes everything from the raw target and the raw headers: what a framework decoded, joined or dropped was not signed.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { DRY_RUN_HEADER } from '../s3/request/dry-run.ts';
import { addHeader, STORE_TOKEN_HEADER } from '../s3/request/request-headers.ts';
import type { RawRequest } from '../s3/request/request.ts';
import { foldSpaces, joinQuery } from './canonical-request.ts';
import { encodedPath, encodedQuery } from './encoded-target.ts';
import type { SignatureClaims } from './parse-signature.ts';

/** What a signature is calculated over. */
export interface ReceivedRequest {
  readonly method: string;
  /** Canonical. */
  readonly path: string;
  /** Canonical. */
  readonly query: string;
  /** All headers, lower-case names, folded values. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payloadHash: string;
}

/** What is verified. */
export interface Received {
  readonly raw: RawRequest;
  readonly payloadHash: string;
  readonly requireSignedContentHeaders?: boolean;
}

/**
 * Collects what is signed of a message, and checks that everything is that must be.
 * @throws GatewayError InvalidRequest (repeats), InvalidURI, SignatureDoesNotMatch (a header that is not signed but must
 * be, or signed but absent)
 */
export function receivedRequest(claims: SignatureClaims, expected: Received): ReceivedRequest {
  const { raw, payloadHash } = expected;
  const { target } = raw;
  if (!target.startsWith('/')) throw new GatewayError('InvalidURI', { detail: 'not in origin-form' });
  const headers = collectHeaders(raw.rawHeaders);
  checkCoverage(claims, headers, expected.requireSignedContentHeaders === true);
  const query = encodedQuery(target);
  return {
    method: raw.method,
    path: encodedPath(target),
    query: joinQuery(claims.kind === 'query' ? query.filter(([name]) => name !== 'X-Amz-Signature') : query),
    headers,
    payloadHash,
  };
}

/** Writes the canonical request of a received message. */
export function receivedCanonical(request: ReceivedRequest, signedHeaders: readonly string[]): string {
  let lines = `${request.method}\n${request.path}\n${request.query}\n`;
  for (const name of signedHeaders) lines += `${name}:${request.headers.get(name) ?? ''}\n`;
  return `${lines}\n${signedHeaders.join(';')}\n${request.payloadHash}`;
}

function collectHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = foldSpaces(rawHeaders[index + 1] ?? '');
    addHeader(headers, name, value);
  }
  return headers;
}

/** What is not signed could be added by anyone on the way and would be obeyed; what is absent is a changed request. */
function checkCoverage(
  { kind, signedHeaders }: SignatureClaims,
  headers: ReadonlyMap<string, string>,
  isStrict: boolean,
): void {
  const absent = signedHeaders.filter((name) => !headers.has(name));
  if (absent.length > 0) {
    throw uncovered({ LikelyCause: 'header: a signed header did not arrive', HeadersMissing: absent.join(', ') });
  }
  const signed = new Set(signedHeaders);
  const unsigned: string[] = signed.has('host') ? [] : ['host'];
  for (const name of headers.keys())
    if (mustBeSigned(name, isStrict && kind === 'header') && !signed.has(name)) unsigned.push(name);
  if (unsigned.length > 0) {
    throw uncovered({
      LikelyCause: 'header: what must be signed is not',
      HeadersNotSigned: unsigned.slice(0, 20).join(', '),
    });
  }
}

/**
 * Content-Type and Content-MD5 give no right, and S3 takes them unsigned. Never demanded of a presigned URL: who hands it
 * out cannot know what type a browser will name.
 */
function mustBeSigned(name: string, isStrict: boolean): boolean {
  if (name.startsWith('x-amz-') || name === STORE_TOKEN_HEADER || name === DRY_RUN_HEADER) return true;
  return isStrict && (name === 'content-type' || name === 'content-md5');
}

function uncovered(clientFields: Readonly<Record<string, string>>): GatewayError {
  return new GatewayError('SignatureDoesNotMatch', { clientFields });
}
