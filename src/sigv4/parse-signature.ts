/**
 * Enters: a message as it came off the wire. Leaves: what it says of its signature, or nothing when it has none.
 * Strict: every field has one spelling and a bound; what stands twice, or in two places, is refused. Unverified: all of it.
 * @see Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { RawRequest } from '../s3/request/request.ts';
import { ALGORITHM } from './canonical-request.ts';
import { encodedQuery, type EncodedQuery } from './encoded-target.ts';
import { formatAmzDate } from './signer.ts';

/** What a message says about its signature. Unverified. */
export interface SignatureClaims {
  /** In the Authorization header, or in the query (presigned). */
  readonly kind: 'header' | 'query';
  readonly accessKeyId: string;
  /** The scope: `YYYYMMDD`, region and service. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** Lower-case names, strictly ascending. */
  readonly signedHeaders: readonly string[];
  /** 64 lower-case hex digits. */
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`, from X-Amz-Date, else from Date. */
  readonly amzDate: string;
  /** The same time. */
  readonly signedAtMs: number;
  /** 0..604800; presigned only. */
  readonly expiresSeconds: number | undefined;
  readonly sessionToken: string | undefined;
}

const MAX_AUTHORIZATION_LENGTH = 8192;
const MAX_SIGNED_HEADERS = 200;
const MAX_TOKEN_LENGTH = 8192;
const MAX_EXPIRES_SECONDS = 604_800;

const AUTHORIZATION = /^AWS4-HMAC-SHA256 +Credential=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/;
const CREDENTIAL = /^(\w{1,128})\/(\d{8})\/([A-Za-z0-9-]{1,64})\/([a-z0-9-]{1,32})\/aws4_request$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,256}$/;
const SIGNATURE = /^[0-9a-f]{64}$/;
const TOKEN = /^[\w+/=.~:-]+$/;
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|\+0000|-0000)$/;

/** Any of these says that a query is meant to be signed. */
const PRESIGNED = new Set(['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature']);

/**
 * Reads the signature of a message; `undefined` when it carries none of Signature Version 4.
 * @throws GatewayError AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidRequest (repeated
 * signing headers or parameters, credentials in two places), InvalidURI
 */
export function parseSignature(raw: RawRequest): SignatureClaims | undefined {
  const found = signingHeaders(raw.rawHeaders);
  const query = encodedQuery(raw.target);
  const isPresigned = query.some(([name]) => PRESIGNED.has(name));
  const { authorization } = found;
  if (isPresigned) {
    if (authorization !== undefined || found.token !== undefined) {
      throw new GatewayError('InvalidRequest', { detail: 'credentials in header and query' });
    }
    return fromQuery(query);
  }
  // Version 2 and the asymmetric Version 4A begin with AWS too.
  if (authorization === undefined || !/^AWS/i.test(authorization)) return undefined;
  return fromHeader(authorization, found);
}

interface SigningHeaders {
  authorization: string | undefined;
  amzDate: string | undefined;
  date: string | undefined;
  token: string | undefined;
}

const FIELDS: ReadonlyMap<string, keyof SigningHeaders> = new Map([
  ['authorization', 'authorization'],
  ['x-amz-date', 'amzDate'],
  ['date', 'date'],
  ['x-amz-security-token', 'token'],
]);
const LENGTHS = new Set([...FIELDS.keys()].map((name) => name.length));

function signingHeaders(rawHeaders: readonly string[]): SigningHeaders {
  const found: SigningHeaders = { authorization: undefined, amzDate: undefined, date: undefined, token: undefined };
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!LENGTHS.has(name.length)) continue;
    const field = FIELDS.get(name.toLowerCase());
    if (field === undefined) continue;
    // Node keeps the first of these without a word, others the last.
    if (found[field] !== undefined) {
      throw new GatewayError('InvalidRequest', { clientFields: { Header: name.toLowerCase() } });
    }
    found[field] = rawHeaders[index + 1] ?? '';
  }
  return found;
}

function fromHeader(authorization: string, found: SigningHeaders): SignatureClaims {
  const code = 'AuthorizationHeaderMalformed';
  const match = authorization.length > MAX_AUTHORIZATION_LENGTH ? null : AUTHORIZATION.exec(authorization);
  if (match === null) throw malformed(code, 'Authorization');
  const [, credential = '', signedHeaders = '', signature = ''] = match;
  return {
    kind: 'header',
    ...headerScopeOf(credential, code),
    signedHeaders: headerNamesOf(signedHeaders, code),
    signature,
    ...(found.amzDate === undefined ? timeOf(undefined, found.date, code) : headerTimeOf(found.amzDate, code)),
    expiresSeconds: undefined,
    sessionToken: tokenOf(found.token, code),
  };
}

/** So many texts are remembered of each kind. */
const MOST_REMEMBERED = 256;
/** Longer ones are read anew each time: before it is verified, a header is any stranger's. */
const MAX_REMEMBERED_LENGTH = 512;

// Of headers only: those of queries and forms are decoded anew, and hardly ever come twice.
const headerScopeOf = remembering(scopeOf);
const headerNamesOf = remembering(namesOf);
const headerTimeOf = remembering((amzDate, code) => timeOf(amzDate, undefined, code));

/** Remembers what was read of a text that clients send again with each request; refusals are not kept. */
function remembering<Read>(read: (text: string, code: ErrorCode) => Read): (text: string, code: ErrorCode) => Read {
  const known = new Map<string, Read>();
  return (text, code) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (text.length > MAX_REMEMBERED_LENGTH) return read(text, code);
    // Copied: a piece of a header keeps all of it in memory, with the signature in it.
    const own = Buffer.from(text, 'latin1').toString('latin1');
    const made = read(own, code);
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(own, made);
    return made;
  };
}

function fromQuery(query: EncodedQuery): SignatureClaims {
  const code = 'AuthorizationQueryParametersError';
  const parameters = new Map<string, string>();
  for (const [name, value] of query) {
    if (!name.startsWith('X-Amz-')) continue;
    if (parameters.has(name)) throw malformed(code, name);
    parameters.set(name, value);
  }
  const need = (name: string): string => decoded(parameters.get(name), name) ?? '';
  if (need('X-Amz-Algorithm') !== ALGORITHM) throw malformed(code, 'X-Amz-Algorithm');
  const signature = need('X-Amz-Signature');
  if (!SIGNATURE.test(signature)) throw malformed(code, 'X-Amz-Signature');
  const expires = need('X-Amz-Expires');
  const expiresSeconds = /^\d{1,6}$/.test(expires) ? Number(expires) : Infinity;
  if (expiresSeconds > MAX_EXPIRES_SECONDS) throw malformed(code, 'X-Amz-Expires');
  return {
    kind: 'query',
    ...scopeOf(need('X-Amz-Credential'), code),
    signedHeaders: namesOf(need('X-Amz-SignedHeaders'), code),
    signature,
    ...timeOf(need('X-Amz-Date'), undefined, code),
    expiresSeconds,
    sessionToken: tokenOf(decoded(parameters.get('X-Amz-Security-Token'), 'X-Amz-Security-Token'), code),
  };
}

export function scopeOf(
  credential: string,
  code: ErrorCode,
): Pick<SignatureClaims, 'accessKeyId' | 'date' | 'region' | 'service'> {
  const match = CREDENTIAL.exec(credential);
  if (match === null) throw malformed(code, 'Credential');
  const [, accessKeyId = '', date = '', region = '', service = ''] = match;
  return { accessKeyId, date, region, service };
}

function namesOf(list: string, code: ErrorCode): readonly string[] {
  const names = list.split(';', MAX_SIGNED_HEADERS + 1);
  let last = '';
  for (const name of names) {
    // Ascending also says that none stands twice.
    if (name <= last || !HEADER_NAME.test(name)) throw malformed(code, 'SignedHeaders');
    last = name;
  }
  if (names.length > MAX_SIGNED_HEADERS) throw malformed(code, 'SignedHeaders');
  return names;
}

export function timeOf(
  amzDate: string | undefined,
  date: string | undefined,
  code: ErrorCode,
): Pick<SignatureClaims, 'amzDate' | 'signedAtMs'> {
  const text = amzDate ?? date ?? '';
  const match = AMZ_DATE.exec(text);
  if (match !== null) {
    const [, year, month, day, hour, minute, second] = match;
    const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    if (!Number.isNaN(signedAtMs)) return { amzDate: text, signedAtMs };
  } else if (amzDate === undefined && HTTP_DATE.test(text)) {
    const signedAtMs = Date.parse(text);
    if (!Number.isNaN(signedAtMs)) return { amzDate: formatAmzDate(signedAtMs), signedAtMs };
  }
  throw malformed(code, amzDate === undefined ? 'Date' : 'X-Amz-Date');
}

export function tokenOf(token: string | undefined, code: ErrorCode): string | undefined {
  if (token === undefined) return undefined;
  if (token.length > MAX_TOKEN_LENGTH || !TOKEN.test(token)) throw malformed(code, 'X-Amz-Security-Token');
  return token;
}

function decoded(value: string | undefined, name: string): string | undefined {
  if (value?.includes('%') !== true) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    throw malformed('AuthorizationQueryParametersError', name);
  }
}

/** The name of what is malformed only: the value may be a credential. */
function malformed(code: ErrorCode, field: string): GatewayError {
  return new GatewayError(code, { detail: field, clientFields: { Parameter: field } });
}
