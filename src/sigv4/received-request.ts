/**
 * Enters: a message as it came off the wire, and what it says of its signature. Leaves: the parts that are signed.
 * Takes everything from the raw target and the raw headers: what a framework decoded, joined or dropped was not signed.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { STORE_TOKEN_HEADER } from '../s3/request-headers.ts';
import type { RawRequest } from '../s3/request.ts';
import { foldSpaces, joinQuery } from './canonical-request.ts';
import { encodedQuery } from './encoded-query.ts';
import type { SignatureClaims } from './parse-signature.ts';

/** What a signature is calculated over. */
export interface ReceivedRequest {
  readonly method: string;
  /** As sent. */
  readonly path: string;
  /** Canonical. */
  readonly query: string;
  /** All headers, lower-case names, folded values. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payloadHash: string;
}

/** Repeats of any other header are joined, as S3 signs them. */
const SINGLE = new Set(['host', 'authorization', 'date', 'range', 'transfer-encoding', 'expect', STORE_TOKEN_HEADER]);

/**
 * Collects what is signed of a message, and checks that everything is that must be.
 * @throws GatewayError InvalidRequest (repeats), InvalidURI, SignatureDoesNotMatch (a header that is not signed but must
 * be, or signed but absent)
 */
export function receivedRequest(claims: SignatureClaims, raw: RawRequest, payloadHash: string): ReceivedRequest {
  const { target } = raw;
  if (!target.startsWith('/')) throw new GatewayError('InvalidURI', 'authenticate', { detail: 'not in origin-form' });
  const headers = collectHeaders(raw.rawHeaders);
  checkCoverage(claims, headers);
  const end = target.indexOf('?');
  const query = encodedQuery(target);
  return {
    method: raw.method,
    path: end < 0 ? target : target.slice(0, end),
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
    const earlier = headers.get(name);
    if (earlier === undefined) headers.set(name, value);
    else if (SINGLE.has(name) || /^(?:content-|x-amz-(?!meta-))/.test(name)) {
      throw new GatewayError('InvalidRequest', 'authenticate', { clientFields: { Header: name }, detail: 'repeated' });
    } else headers.set(name, `${earlier},${value}`);
  }
  return headers;
}

/** What is not signed could be added by anyone on the way and would be obeyed; what is absent is a changed request. */
function checkCoverage({ kind, signedHeaders }: SignatureClaims, headers: ReadonlyMap<string, string>): void {
  const absent = signedHeaders.filter((name) => !headers.has(name));
  if (absent.length > 0) {
    throw uncovered({ LikelyCause: 'header: a signed header did not arrive', HeadersMissing: absent.join(', ') });
  }
  const signed = new Set(signedHeaders);
  const unsigned: string[] = signed.has('host') ? [] : ['host'];
  for (const name of headers.keys()) if (mustBeSigned(name, kind) && !signed.has(name)) unsigned.push(name);
  if (unsigned.length > 0) {
    throw uncovered({
      LikelyCause: 'header: what must be signed is not',
      HeadersNotSigned: unsigned.slice(0, 20).join(', '),
    });
  }
}

/** Who hands out a presigned URL cannot know what type a browser will name: of the query kind that one stays open, as in S3. */
function mustBeSigned(name: string, kind: SignatureClaims['kind']): boolean {
  if (name.startsWith('x-amz-') || name === STORE_TOKEN_HEADER) return true;
  return kind === 'header' && (name === 'content-type' || name === 'content-md5');
}

function uncovered(clientFields: Readonly<Record<string, string>>): GatewayError {
  return new GatewayError('SignatureDoesNotMatch', 'authenticate', { clientFields });
}
