/**
 * The documents of STS. Enters: plain text. Leaves: XML with every text escaped, in the shapes and with the codes by which
 * SDKs tell what to repeat, what to renew and what to abort.
 * @see AWS Security Token Service API Reference, "Common Errors"
 */
import type { ClientCredentials } from '../contracts/client-sessions.ts';
import type { Principal } from '../contracts/principal.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { GatewayError } from '../errors/gateway-error.ts';
import { retryHeaders } from '../errors/retry-headers.ts';
import { encodeQueryComponent } from '../s3/encode.ts';
import { textElement } from '../s3/documents/xml.ts';
import type { Answer } from './endpoint.ts';
import { WHOLE_ROLE } from './issue.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const ACCOUNT = '000000000000';

/** Codes of STS where they differ from those of S3. What is not here and is the client's fault is a ValidationError. */
const CODES: Partial<Record<ErrorCode, readonly [code: string, status: number]>> = {
  MissingToken: ['MissingAuthenticationToken', 403],
  InvalidToken: ['InvalidIdentityToken', 400],
  ExpiredToken: ['ExpiredTokenException', 400],
  RevokedToken: ['ExpiredTokenException', 400],
  RevokedAddress: ['AccessDenied', 403],
  InvalidSession: ['InvalidClientTokenId', 403],
  InvalidAccessKeyId: ['InvalidClientTokenId', 403],
  ExpiredSession: ['ExpiredToken', 403],
  RevokedSession: ['ExpiredToken', 403],
  AuthorizationHeaderMalformed: ['IncompleteSignature', 400],
  AuthorizationQueryParametersError: ['IncompleteSignature', 400],
  SlowDown: ['Throttling', 429],
  InternalError: ['InternalFailure', 500],
};
/** Known to SDKs under the name that S3 uses as well. */
const KEPT: ReadonlySet<ErrorCode> = new Set([
  'AccessDenied',
  'AuditUnavailable',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'ServiceUnavailable',
  'SessionTooLarge',
  'SessionsNotConfigured',
  'SignatureDoesNotMatch',
  'UnknownAction',
]);

/** Writes the answer to AssumeRoleWithWebIdentity. */
export function assumedDocument(
  credentials: ClientCredentials,
  principal: Principal,
  { role, sessionName, requestId }: { readonly role: string; readonly sessionName: string; readonly requestId: string },
): string {
  return response(
    'AssumeRoleWithWebIdentity',
    textElement('SubjectFromWebIdentityToken', principal.subject) +
      textElement('Provider', principal.issuer) +
      `<AssumedRoleUser>${textElement('Arn', assumedRole(role, sessionName))}` +
      `${textElement('AssumedRoleId', `${credentials.accessKeyId}:${sessionName}`)}</AssumedRoleUser>` +
      `<Credentials>${textElement('AccessKeyId', credentials.accessKeyId)}` +
      textElement('SecretAccessKey', credentials.secretAccessKey) +
      textElement('SessionToken', credentials.sessionToken) +
      `${textElement('Expiration', wholeSeconds(credentials.expiresAtMs))}</Credentials>`,
    requestId,
  );
}

/** Writes the answer to GetCallerIdentity. */
export function callerDocument(principal: Principal, requestId: string): string {
  // Injective: a subject is any text, and two people must not look like one.
  const name = encodeQueryComponent(principal.subject.toWellFormed());
  return response(
    'GetCallerIdentity',
    textElement('Arn', assumedRole(principal.binding ?? WHOLE_ROLE, name)) +
      textElement('UserId', `${principal.issuerName}:${principal.subject}`) +
      textElement('Account', ACCOUNT),
    requestId,
  );
}

/** Gives the answer to a failed call. */
export function stsFailure(error: GatewayError, requestId: string): Answer {
  const { row } = error;
  const [code, status] = codeOf(error);
  // A message of its own says already what its fields say.
  const hasClientMessage = error.clientMessage !== row.message;
  const fields = hasClientMessage
    ? []
    : Object.entries(error.clientFields).map(([name, value]) => ` ${name}: ${value}`);
  const type = status < 500 ? 'Sender' : 'Receiver';
  const body =
    `<ErrorResponse xmlns="${NAMESPACE}"><Error>${textElement('Type', type)}${textElement('Code', code)}` +
    `${textElement('Message', error.clientMessage + fields.join(''))}</Error>${textElement('RequestId', requestId)}</ErrorResponse>`;
  return { status, headers: { ...stsHeaders(requestId), ...retryHeaders(error) }, body };
}

export function stsHeaders(requestId: string): Readonly<Record<string, string>> {
  return { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
}

/** RFC 3339 in UTC, whole seconds, never later than the given time. */
export function wholeSeconds(timeMs: number): string {
  return `${new Date(Math.floor(timeMs / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

function codeOf(error: GatewayError): readonly [code: string, status: number] {
  const { s3Code, status } = error.row;
  if (error.unavailable === 'issuer') return ['IDPCommunicationError', 400];
  const own = CODES[error.code];
  if (own !== undefined) return own;
  return KEPT.has(error.code) || status >= 500 ? [s3Code, status] : ['ValidationError', 400];
}

function response(action: string, result: string, requestId: string): string {
  return (
    `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata>${textElement('RequestId', requestId)}</ResponseMetadata></${action}Response>`
  );
}

function assumedRole(role: string, sessionName: string): string {
  return `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${sessionName}`;
}
