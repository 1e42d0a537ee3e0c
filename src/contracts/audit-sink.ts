import type { OperationName } from '../s3/operations/operations.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { WayIn } from './authorizer.ts';
import type { ClaimValue, TokenKind } from './principal.ts';

/** What is audited: the S3 operations, those of our own STS, and what operators' commands do. */
export type AuditedOperation =
  | OperationName
  | 'AssumeRoleWithWebIdentity'
  | 'GetCallerIdentity'
  | 'GetCredentials'
  | 'WhoAmI'
  | 'CanI'
  | 'Rewrap'
  | 'Migrate'
  | 'Revoke'
  | 'LiftRevocation'
  | 'RequestGrant'
  | 'CreateGrant'
  | 'ApproveGrant'
  | 'RefuseGrant'
  | 'EndGrant'
  | 'LapseGrant'
  | 'CloseBreaker';

/** Where the request stands in a trace, by its client or by ours; absent: neither traces it. */
interface Traced {
  readonly traceId?: string;
  readonly spanId?: string;
}

/** Who asks for what, with which credential, from where. Every field is safe to keep: no token, secret or query. */
export interface AuditCaller extends Traced {
  readonly issuer: string;
  /** The issuer's name in configuration, by which policies know it. Absent in records of earlier versions. */
  readonly issuerName?: string;
  readonly subject: string;
  readonly groups: readonly string[];
  /** What the configuration of the issuer takes from its tokens, and policies may have looked at. Absent: nothing. */
  readonly claims?: Readonly<Record<string, ClaimValue>>;
  /** Who acted in the subject's name, where the token was delegated. */
  readonly actor?: string;
  /** The actor's own issuer, where the token names one. */
  readonly actorIssuer?: string;
  readonly tokenIdHash: string;
  /** What its token was made as, where that is known. */
  readonly tokenKind?: TokenKind;
  /** Access key id of the client session, where the request was signed. */
  readonly accessKeyId?: string;
  /** The policy that the session was restricted to. */
  readonly binding?: string;
  readonly clientAddress: string;
  /** The id that a trusted edge gave the request: its log has it. */
  readonly edgeRequestId?: string;
  readonly operation: AuditedOperation;
  /** It was decided, and not performed. */
  readonly dryRun?: true;
  /** How its credential came; absent where no rule was asked. */
  readonly wayIn?: WayIn;
  /** What was used of each budget of the caller, this request with it; absent: it has none. */
  readonly budgets?: readonly string[];
  /** Milliseconds for which it waited for its turn; absent: not at all. */
  readonly queuedMs?: number;
  /** Milliseconds from `time` to the decisions; absent: none. */
  readonly decidedAfterMs?: number;
  /** Of what a PUT would store, as far as it was known when it was decided. */
  readonly size?: number;
  readonly contentType?: string;
  /** Each as `key=value`, with `%25` and `%3D` for `%` and `=` in the key; absent: not known. */
  readonly tags?: readonly string[];
  /** Whether it overwrites nothing; absent: not known. */
  readonly createOnly?: boolean;
}

/**
 * Who asks for several accesses at once, said once: written and durable before the entries of these, which are joined to it
 * by `requestId` and say of the caller nothing more. Only DeleteObjects of more than one key has it.
 */
export interface AuditRequest extends AuditCaller {
  readonly entry: 'request';
  readonly time: string;
  readonly requestId: string;
  /** How many accesses, each with an `item` from 0. */
  readonly items: number;
  readonly item?: never;
}

/** Written and durable before the first upstream byte. */
export interface AuditIntent extends AuditCaller {
  readonly entry: 'intent';
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly requestId: string;
  /** Which of several accesses of one request this is, from 0: the keys of DeleteObjects; target and source of a copy. */
  readonly item?: number;
  /** That policy was asked about, of `CanI`. */
  readonly verb?: Verb;
  readonly versionIdAsked?: string;
  readonly bucket: string;
  /** The object's key, or the prefix of a listing. */
  readonly key: string;
  /** What was decided, in this order; none: anything at all in the bucket. Absent where no rule was asked. */
  readonly verbs?: readonly Verb[];
  /** Of a listing, every marker that bounded it. */
  readonly after?: readonly string[];
  readonly decision: 'allow' | 'deny';
  readonly rule: string;
  readonly reason: string;
  readonly policyVersion: string;
  /** Present where only those parts of a listing were shown that the rules allow. */
  readonly filtered?: true;
  /** What a set that is only previewed would have decided, and by which rule; absent: the same. */
  readonly previewDecision?: 'allow' | 'deny' | 'filtered';
  readonly previewRule?: string;
  readonly previewVersion?: string;
  /** Absent where no store is involved. */
  readonly role?: string;
  readonly sessionName?: string;
  /** As `tokenIdHash`, of the caller's second token, where the store was asked with one. */
  readonly storeTokenIdHash?: string;
}

export type OutcomeResult = 'completed' | 'denied' | 'failed' | 'aborted';

/** Written and durable before the last byte of the answer. Joined to the intent by `requestId`. */
export interface AuditOutcome extends Traced {
  readonly entry: 'outcome';
  readonly time: string;
  readonly requestId: string;
  /** Joined with `requestId` to the intent's. */
  readonly item?: number;
  /** As that of the intent. */
  readonly dryRun?: true;
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

/** An entry of one of the accesses of an `AuditRequest`. */
type OfItem<Entry extends AuditCaller> = Omit<Entry, keyof AuditCaller> & {
  readonly [Field in Exclude<keyof AuditCaller, keyof Traced>]?: never;
} & Traced & { readonly item: number };
export type AuditItemIntent = OfItem<AuditIntent>;
export type AuditItemDenial = OfItem<AuditDenial>;

export type AuditEntry = AuditRequest | AuditIntent | AuditItemIntent | AuditOutcome | AuditDenial | AuditItemDenial;

/** A refusal before an identity was known; kept apart from the audit, rate-capped, best effort. */
export interface AuditRefusal extends Traced {
  readonly entry: 'refusal';
  readonly time: string;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly edgeRequestId?: string;
  readonly method: string;
  readonly status: number;
  readonly error: string;
}

export interface AuditSink {
  /**
   * Resolves when the line of an entry is durable. `concludes`: it ends what was begun, and an access must not be left
   * without its end on record. @throws GatewayError AuditUnavailable
   */
  readonly record: (line: string, concludes: boolean) => Promise<void>;
  /** Returns at once; drops what is over the cap and counts what was dropped. */
  readonly refuse: (refusal: AuditRefusal) => void;
}

/** How the disk and the queue of the audit stand. */
export interface AuditStatus {
  /** At the last sample. */
  readonly freeBytes: number;
  readonly minFreeBytes: number;
  readonly queuedEntries: number;
  /** Of the oldest entry that is not durable; 0: there is none. */
  readonly lagMs: number;
}
