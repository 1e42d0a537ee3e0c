import type { OperationName } from '../s3/operations.ts';

/** What is audited: the S3 operations, those of our own STS, and what operators' commands do. */
export type AuditedOperation =
  | OperationName
  | 'AssumeRoleWithWebIdentity'
  | 'GetCallerIdentity'
  | 'GetCredentials'
  | 'WhoAmI'
  | 'Rewrap'
  | 'Migrate'
  | 'Revoke'
  | 'LiftRevocation';

/** Written and durable before the first upstream byte. Every field is safe to keep: no token, secret or query. */
export interface AuditIntent {
  readonly entry: 'intent';
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly requestId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  /** Who acted in the subject's name, where the token was delegated. */
  readonly actor?: string;
  /** The actor's own issuer, where the token names one. */
  readonly actorIssuer?: string;
  readonly tokenIdHash: string;
  /** Access key id of the client session, where the request was signed. */
  readonly accessKeyId?: string;
  /** The policy that the session was restricted to. */
  readonly binding?: string;
  readonly clientAddress: string;
  readonly operation: AuditedOperation;
  /** Which of several accesses of one request this is, from 0: the keys of DeleteObjects; target and source of a copy. */
  readonly item?: number;
  readonly versionIdAsked?: string;
  readonly bucket: string;
  /** The object's key, or the prefix of a listing. */
  readonly key: string;
  readonly decision: 'allow' | 'deny';
  readonly rule: string;
  readonly reason: string;
  readonly policyVersion: string;
  /** Absent where no store is involved. */
  readonly role?: string;
  readonly sessionName?: string;
  /** As `tokenIdHash`, of the caller's second token, where the store was asked with one. */
  readonly storeTokenIdHash?: string;
}

export type OutcomeResult = 'completed' | 'denied' | 'failed' | 'aborted';

/** Written and durable before the last byte of the answer. Joined to the intent by `requestId`. */
export interface AuditOutcome {
  readonly entry: 'outcome';
  readonly time: string;
  readonly requestId: string;
  /** Joined with `requestId` to the intent's. */
  readonly item?: number;
  readonly result: OutcomeResult;
  readonly status: number;
  /** Plaintext bytes received from and handed to the client. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** The code of `errors/codes.ts` when the access did not complete. */
  readonly error?: string;
  readonly upstreamRequestId?: string;
  readonly versionId?: string;
  /** Keyring and KEK version, such as `local:1`. */
  readonly keyId?: string;
}

/** A denial: intent and outcome in one entry. */
export type AuditDenial = Omit<AuditIntent, 'entry'> &
  Omit<AuditOutcome, 'entry' | 'time' | 'requestId'> & { readonly entry: 'denial' };

export type AuditEntry = AuditIntent | AuditOutcome | AuditDenial;

/** A refusal before an identity was known; kept apart from the audit, rate-capped, best effort. */
export interface AuditRefusal {
  readonly entry: 'refusal';
  readonly time: string;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly method: string;
  readonly status: number;
  readonly error: string;
}

export interface AuditSink {
  /** Resolves when the entry is durable. @throws GatewayError AuditUnavailable */
  readonly record: (entry: AuditEntry) => Promise<void>;
  /** Returns at once; drops what is over the cap and counts what was dropped. */
  readonly refuse: (refusal: AuditRefusal) => void;
}
