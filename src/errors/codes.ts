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
  RevokedAddress: { s3Code: 'AccessDenied', status: 403, message: 'This address is not served here.' },
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
  SigV4aNotSupported: {
    s3Code: 'InvalidRequest',
    status: 400,
    message:
      'Signature Version 4A is not supported; sign with AWS4-HMAC-SHA256 (AWS_AUTH_SCHEME_PREFERENCE=sigv4), and name a bucket, no multi-region access point.',
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
    message: 'The groups and claims of this identity that policies use do not fit into a session token.',
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
    message: 'The store of this bucket needs a token of yours; send it in the header x-sallyport-store-token.',
  },
  // policy
  AccessDenied: { s3Code: 'AccessDenied', status: 403, message: 'Access denied by policy.' },
  AccessDeniedByStore: { s3Code: 'AccessDenied', status: 403, message: 'Access denied by the object store.' },
  BucketOwnerMismatch: {
    s3Code: 'AccessDenied',
    status: 403,
    message: 'The bucket does not belong to the account that the request expects.',
  },
  BucketOwnerUnknown: {
    s3Code: 'AccessDenied',
    status: 403,
    message:
      'The request expects an owner of the bucket, and none is configured here: set buckets.<bucket>.account, or send no expected bucket owner.',
  },
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
  LockNotKept: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'The store wrote the object and passed over the object lock that was asked for: it stands there unlocked.',
  },
  ContentNotKept: {
    s3Code: 'NotImplemented',
    status: 501,
    message:
      'The store keeps no content under this key: it answered that the object is empty. Some stores take a key that ends in a slash for a folder.',
  },
  ObjectLockNotEnabled: {
    s3Code: 'InvalidRequest',
    status: 400,
    message: 'The bucket has no object lock configuration, and so cannot keep the lock that is asked for.',
  },
  CustomerKeysNotSupported: {
    s3Code: 'NotImplemented',
    status: 501,
    message:
      'Customer keys (SSE-C) are not supported: the gateway encrypts by itself. Send no x-amz-server-side-encryption-customer headers.',
  },
  AppendNotSupported: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'Objects cannot be appended to; write the object anew, or in parts by a multipart upload.',
  },
  RenameNotSupported: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'Objects cannot be renamed; copy the object and delete the old one.',
  },
  DirectoryBucketsNotSupported: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'Directory buckets (names that end in --x-s3) are not supported; name a general purpose bucket.',
  },
  AnnotationsNotSupported: {
    s3Code: 'NotImplemented',
    status: 501,
    message: 'Annotations are not supported; copy with x-amz-object-annotation-directive: EXCLUDE.',
  },
  UnknownAction: { s3Code: 'InvalidAction', status: 400, message: 'This STS action or version is not supported.' },
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
  MalformedPOSTRequest: {
    s3Code: 'MalformedPOSTRequest',
    status: 400,
    message: 'The body of the POST request is not well-formed multipart/form-data.',
  },
  PostFieldsTooLong: {
    s3Code: 'MaxPostPreDataLengthExceededError',
    status: 400,
    message: 'The fields of the form before its file are too many or too long.',
  },
  InvalidPolicyDocument: {
    s3Code: 'InvalidPolicyDocument',
    status: 400,
    message: 'The policy of the form is not valid.',
  },
  PolicyConditionFailed: {
    s3Code: 'AccessDenied',
    status: 403,
    message: 'Invalid according to Policy: a condition of the form does not hold, or a field is covered by none.',
  },
  PostTooSmall: {
    s3Code: 'EntityTooSmall',
    status: 400,
    message: 'The file is smaller than the policy of the form allows.',
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
  // documents of a bucket
  NoSuchCORSConfiguration: {
    s3Code: 'NoSuchCORSConfiguration',
    status: 404,
    message: 'The CORS configuration does not exist.',
  },
  NoSuchLifecycleConfiguration: {
    s3Code: 'NoSuchLifecycleConfiguration',
    status: 404,
    message: 'The lifecycle configuration does not exist.',
  },
  NoSuchBucketPolicy: { s3Code: 'NoSuchBucketPolicy', status: 404, message: 'The bucket policy does not exist.' },
  ServerSideEncryptionConfigurationNotFoundError: {
    s3Code: 'ServerSideEncryptionConfigurationNotFoundError',
    status: 404,
    message: 'The server side encryption configuration was not found.',
  },
  ObjectLockConfigurationNotFoundError: {
    s3Code: 'ObjectLockConfigurationNotFoundError',
    status: 404,
    message: 'Object Lock configuration does not exist for this bucket.',
  },
  OwnershipControlsNotFoundError: {
    s3Code: 'OwnershipControlsNotFoundError',
    status: 404,
    message: 'The bucket ownership controls were not found.',
  },
  ReplicationConfigurationNotFoundError: {
    s3Code: 'ReplicationConfigurationNotFoundError',
    status: 404,
    message: 'The replication configuration was not found.',
  },
  NoSuchWebsiteConfiguration: {
    s3Code: 'NoSuchWebsiteConfiguration',
    status: 404,
    message: 'The specified bucket does not have a website configuration.',
  },
  NoSuchPublicAccessBlockConfiguration: {
    s3Code: 'NoSuchPublicAccessBlockConfiguration',
    status: 404,
    message: 'The public access block configuration was not found.',
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
  CorsForbidden: {
    s3Code: 'AccessForbidden',
    status: 403,
    message: 'CORS: requests from this origin are not allowed.',
  },
  HostForbidden: {
    s3Code: 'AccessForbidden',
    status: 403,
    message: 'The Host header names no host that is served here.',
  },
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
