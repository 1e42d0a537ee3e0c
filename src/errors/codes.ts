/**
 * Every way in which the gateway fails, and what the client sees of it. The codes are a closed union; a code without a
 * row, or a row without a code, does not compile. Messages are fixed: details of a failure go to the log only.
 */

/** What a failure looks like on the wire. `s3Code` is the `<Code>` of the XML document, `status` the HTTP status. */
export interface ErrorRow {
  readonly s3Code: string;
  readonly status: number;
  readonly message: string;
  /** Seconds for `Retry-After`, where a retry makes sense. */
  readonly retryAfterSeconds?: number;
}

export const ERRORS = {
  // identity (RFC 6750 section 3.1: clients refresh on 401)
  MissingToken: {
    s3Code: 'AccessDenied',
    status: 401,
    message: 'This request carries neither a bearer token nor a signature.',
  },
  InvalidToken: { s3Code: 'InvalidToken', status: 401, message: 'The provided token is malformed or not valid here.' },
  ExpiredToken: { s3Code: 'ExpiredToken', status: 401, message: 'The provided token has expired.' },
  RevokedToken: { s3Code: 'InvalidToken', status: 401, message: 'The provided token has been revoked.' },
  InsufficientScope: {
    s3Code: 'AccessDenied',
    status: 403,
    message: 'The provided token was issued without a scope that is required here.',
  },
  // signatures (Signature Version 4; SDKs refresh their credentials on ExpiredToken)
  AuthorizationHeaderMalformed: {
    s3Code: 'AuthorizationHeaderMalformed',
    status: 400,
    message: 'The Authorization header is not a valid one of Signature Version 4.',
  },
  UnsupportedSignature: {
    s3Code: 'InvalidRequest',
    status: 400,
    message: 'This kind of signature is not supported; sign with AWS4-HMAC-SHA256 (Signature Version 4).',
  },
  AuthorizationQueryParametersError: {
    s3Code: 'AuthorizationQueryParametersError',
    status: 400,
    message: 'The signature parameters of the query are not valid.',
  },
  InvalidAccessKeyId: {
    s3Code: 'InvalidAccessKeyId',
    status: 403,
    message: 'This access key id was not issued here; ask the gateway for credentials.',
  },
  InvalidSession: { s3Code: 'InvalidToken', status: 400, message: 'The session token is malformed or not valid here.' },
  ExpiredSession: { s3Code: 'ExpiredToken', status: 400, message: 'The session token has expired.' },
  RevokedSession: { s3Code: 'ExpiredToken', status: 400, message: 'The session has been revoked.' },
  SessionTooLarge: {
    s3Code: 'PackedPolicyTooLarge',
    status: 400,
    message: 'Too many groups and claims of this identity bear on policy for a session token to hold.',
  },
  SessionsNotConfigured: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'This gateway issues no credentials and accepts no signatures; send a bearer token.',
  },
  RequestExpired: { s3Code: 'AccessDenied', status: 403, message: 'Request has expired.' },
  RequestTimeTooSkewed: {
    s3Code: 'RequestTimeTooSkewed',
    status: 403,
    message: 'The time of the request differs too much from the time here.',
  },
  SignatureDoesNotMatch: {
    s3Code: 'SignatureDoesNotMatch',
    status: 403,
    message: 'The signature does not match what was received; compare the canonical request.',
  },
  // a token of the caller's own, for the store
  MissingSecurityHeader: {
    s3Code: 'MissingSecurityHeader',
    status: 400,
    message: 'The store of this bucket is asked with a token of yours; send it in the header x-sallyport-store-token.',
  },
  // policy
  AccessDenied: { s3Code: 'AccessDenied', status: 403, message: 'Access denied by policy.' },
  AccessDeniedByStore: { s3Code: 'AccessDenied', status: 403, message: 'Access denied by the object store.' },
  ObjectNotEncrypted: {
    s3Code: 'AccessDenied',
    status: 403,
    message: 'The stored object is not encrypted by this gateway, and its bucket serves encrypted objects only.',
  },
  // the request itself
  BadRequest: { s3Code: 'BadRequest', status: 400, message: 'The request is not valid HTTP for S3.' },
  InvalidRequest: { s3Code: 'InvalidRequest', status: 400, message: 'The request is not valid.' },
  InvalidArgument: { s3Code: 'InvalidArgument', status: 400, message: 'An argument of the request is not valid.' },
  InvalidURI: { s3Code: 'InvalidURI', status: 400, message: 'The request target could not be parsed.' },
  InvalidBucketName: { s3Code: 'InvalidBucketName', status: 400, message: 'The bucket name is not valid.' },
  KeyTooLong: { s3Code: 'KeyTooLongError', status: 400, message: 'The key is longer than 1024 bytes.' },
  HeadersTooLarge: {
    s3Code: 'RequestHeaderSectionTooLarge',
    status: 400,
    message: 'The request headers exceed the accepted size.',
  },
  MetadataTooLarge: {
    s3Code: 'MetadataTooLarge',
    status: 400,
    message: 'The user metadata exceeds the accepted size.',
  },
  NotImplemented: { s3Code: 'NotImplemented', status: 501, message: 'This operation or header is not implemented.' },
  UnknownAction: { s3Code: 'InvalidAction', status: 400, message: 'This action or version of STS is not known here.' },
  MethodNotAllowed: { s3Code: 'MethodNotAllowed', status: 405, message: 'This method is not allowed here.' },
  // the body
  MissingContentLength: { s3Code: 'MissingContentLength', status: 411, message: 'A Content-Length is required.' },
  EntityTooLarge: { s3Code: 'EntityTooLarge', status: 400, message: 'The object exceeds the accepted size.' },
  IncompleteBody: { s3Code: 'IncompleteBody', status: 400, message: 'The body is not as long as was declared.' },
  InvalidDigest: { s3Code: 'InvalidDigest', status: 400, message: 'A digest or checksum header is not valid.' },
  BadDigest: { s3Code: 'BadDigest', status: 400, message: 'The body does not match the digest that was sent.' },
  ContentSha256Mismatch: {
    s3Code: 'XAmzContentSHA256Mismatch',
    status: 400,
    message: 'The body does not match x-amz-content-sha256.',
  },
  MalformedXML: { s3Code: 'MalformedXML', status: 400, message: 'The document is not well-formed or not valid here.' },
  MalformedTrailer: {
    s3Code: 'MalformedTrailerError',
    status: 400,
    message: 'The trailer is malformed, or not the one that was declared.',
  },
  InvalidChunkSize: {
    s3Code: 'InvalidChunkSizeError',
    status: 400,
    message: 'A chunk has a size that is not accepted.',
  },
  RequestTimeout: { s3Code: 'RequestTimeout', status: 400, message: 'The body was not received in time.' },
  // the object
  NoSuchBucket: { s3Code: 'NoSuchBucket', status: 404, message: 'The bucket does not exist.' },
  NoSuchKey: { s3Code: 'NoSuchKey', status: 404, message: 'The key does not exist.' },
  NoSuchVersion: { s3Code: 'NoSuchVersion', status: 404, message: 'The version does not exist.' },
  NoSuchUpload: { s3Code: 'NoSuchUpload', status: 404, message: 'The multipart upload does not exist.' },
  InvalidPart: { s3Code: 'InvalidPart', status: 400, message: 'A part was not found, or its ETag differs.' },
  InvalidPartOrder: { s3Code: 'InvalidPartOrder', status: 400, message: 'The parts are not in ascending order.' },
  EntityTooSmall: {
    s3Code: 'EntityTooSmall',
    status: 400,
    message: 'A part is smaller than the smallest accepted size.',
  },
  InvalidPartNumber: { s3Code: 'InvalidPartNumber', status: 416, message: 'The object has no such part.' },
  InvalidTag: { s3Code: 'InvalidTag', status: 400, message: 'A tag is not valid.' },
  NoSuchTagSet: { s3Code: 'NoSuchTagSet', status: 404, message: 'There is no tag set.' },
  NoSuchObjectLock: {
    s3Code: 'NoSuchObjectLockConfiguration',
    status: 404,
    message: 'The object has no object-lock configuration.',
  },
  BucketNotEmpty: { s3Code: 'BucketNotEmpty', status: 409, message: 'The bucket is not empty.' },
  BucketAlreadyOwnedByYou: {
    s3Code: 'BucketAlreadyOwnedByYou',
    status: 409,
    message: 'The bucket exists already and is yours.',
  },
  InvalidBucketState: {
    s3Code: 'InvalidBucketState',
    status: 409,
    message: 'The bucket is not in a state that allows this.',
  },
  InvalidRange: { s3Code: 'InvalidRange', status: 416, message: 'The range cannot be satisfied.' },
  NotModified: { s3Code: 'NotModified', status: 304, message: 'Not modified.' },
  PreconditionFailed: {
    s3Code: 'PreconditionFailed',
    status: 412,
    message: 'A condition of the request did not hold.',
  },
  ConditionalRequestConflict: {
    s3Code: 'ConditionalRequestConflict',
    status: 409,
    message: 'A conflicting write was in progress; repeat the request.',
  },
  CorsForbidden: { s3Code: 'AccessForbidden', status: 403, message: 'This origin may not make such a request.' },
  HostForbidden: { s3Code: 'AccessForbidden', status: 403, message: 'No request for this host is answered here.' },
  OperationAborted: { s3Code: 'OperationAborted', status: 409, message: 'A conflicting operation was in progress.' },
  InvalidObjectState: { s3Code: 'InvalidObjectState', status: 403, message: 'The object is archived in the store.' },
  // ourselves and those we stand on
  IntegrityFailure: { s3Code: 'InternalError', status: 500, message: 'The stored object could not be authenticated.' },
  InternalError: { s3Code: 'InternalError', status: 500, message: 'An internal error occurred.' },
  SlowDown: { s3Code: 'SlowDown', status: 503, message: 'Please reduce the request rate.', retryAfterSeconds: 2 },
  ServiceUnavailable: {
    s3Code: 'ServiceUnavailable',
    status: 503,
    message: 'A service that this request needs is unavailable; repeat the request.',
    retryAfterSeconds: 5,
  },
  AuditUnavailable: {
    s3Code: 'ServiceUnavailable',
    status: 503,
    message: 'This access cannot be recorded now; repeat the request.',
    retryAfterSeconds: 5,
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;
