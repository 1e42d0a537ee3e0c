/**
 * Enters: the decoded query and the headers. Leaves: the query without its signature, and the headers together with those
 * that a presigner has put into the query. One request has one kind of credentials: more are refused.
 */
import { bearerToken } from '../bearer-token.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { isChecksumOfNothing } from '../body/checksums.ts';
import { headerBytes } from './encoded-word.ts';
import type { Presented } from './request.ts';
import { isSigV4a } from './unsupported.ts';

export interface Credentialed {
  readonly presented: Presented;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: ReadonlyMap<string, string>;
}

const SIGNATURE = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
  'X-Amz-Security-Token',
] as const;
const SIGNATURE_PARAMETERS: ReadonlySet<string> = new Set(SIGNATURE);
const LOWER_CASE: ReadonlySet<string> = new Set(SIGNATURE.map((name) => name.toLowerCase()));

const CONTROL = /[\0-\x1f\x7f]/;

/** Headers that presigners put into the query, where they mean nothing to S3: aws-sdk-js v2 does so with a content type. */
const MEANINGLESS =
  /^(?:content-(?:type|md5|length|language|encoding|disposition)|cache-control|expires|user-agent|amz-sdk-(?:request|invocation-id))$/i;

/**
 * Separates what a presigned query carries.
 * @throws GatewayError InvalidArgument (two kinds of credentials), InvalidRequest (a header in the query of an unsigned
 * request, in another spelling, or beside the same header), UnsupportedSignature (another kind of signature)
 * @see AWS Signature Version 4, "Authenticating requests: using query parameters"
 */
export function separateSignature(
  query: ReadonlyMap<string, string>,
  headers: ReadonlyMap<string, string>,
): Credentialed {
  // Signature Version 2, which some clients still presign with.
  if (query.has('AWSAccessKeyId')) throw refuse('UnsupportedSignature', 'AWSAccessKeyId in the query');
  if (isSigV4a(query.get('X-Amz-Algorithm') ?? '')) throw refuse('SigV4aNotSupported', 'X-Amz-Algorithm');
  const names = [...query.keys()].filter((name) => /^x-amz-/i.test(name) || MEANINGLESS.test(name));
  const signed = names.some((name) => SIGNATURE_PARAMETERS.has(name));
  const presented = presentedBy(headers, signed);
  if (names.length === 0) return { presented, query, headers };
  // Without a signature over the query, anyone on the way could have added a header to it.
  if (!signed) throw refuse('InvalidRequest', 'a header in the query of a request that is not presigned');
  const rest = new Map(query);
  const merged = new Map(headers);
  const withoutBody = names.some((name) => isChecksumOfNothing(name.toLowerCase(), query.get(name) ?? ''));
  for (const name of names) {
    const value = query.get(name) ?? '';
    rest.delete(name);
    if (SIGNATURE_PARAMETERS.has(name) || MEANINGLESS.test(name)) continue;
    const header = name.toLowerCase();
    // aws-sdk-js v3 signs the checksum of the body that a presigner has not, and S3 takes whatever is sent.
    if (withoutBody && (isChecksumOfNothing(header, value) || header === 'x-amz-sdk-checksum-algorithm')) continue;
    if (LOWER_CASE.has(header) || merged.has(header) || CONTROL.test(value)) {
      throw refuse('InvalidRequest', 'a header in the query');
    }
    merged.set(header, headerBytes(value));
  }
  return { presented, query: rest, headers: merged };
}

function presentedBy(headers: ReadonlyMap<string, string>, signedQuery: boolean): Presented {
  const authorization = headers.get('authorization');
  if (authorization === undefined) {
    if (!signedQuery) return 'nothing';
    // A presigned token stands in the query; a second one would leave open which is meant.
    if (headers.has('x-amz-security-token')) throw refuse('InvalidArgument', 'credentials in header and query');
    return 'signed-query';
  }
  if (signedQuery) throw refuse('InvalidArgument', 'credentials in header and query');
  if (isSigV4a(authorization)) throw refuse('SigV4aNotSupported', 'authorization');
  if (/^AWS4-/i.test(authorization)) return 'signed-header';
  if (/^AWS/i.test(authorization)) throw refuse('UnsupportedSignature', 'authorization');
  return bearerToken(authorization) === undefined ? 'nothing' : 'bearer';
}

/** Names only: a value may be a credential. */
function refuse(
  code: 'InvalidArgument' | 'InvalidRequest' | 'UnsupportedSignature' | 'SigV4aNotSupported',
  detail: string,
): GatewayError {
  return new GatewayError(code, { detail });
}
