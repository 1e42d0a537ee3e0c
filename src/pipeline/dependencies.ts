/** What the stages depend on, as contracts only. The composition root supplies it. */
import type { TokensFrom } from '../errors/challenge.ts';
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Authenticator } from '../contracts/authenticator.ts';
import type { Authorizer, DecideTarget } from '../contracts/authorizer.ts';
import type { BucketFacts } from '../contracts/bucket-facts.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { Guardrails } from '../contracts/guardrails.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { Observer } from '../contracts/observer.ts';
import type { PolicyPreview } from '../contracts/policy-preview.ts';
import type { Revocations } from '../contracts/revocations.ts';
import type { StoreSessions } from '../contracts/store-session.ts';
import type { StoreTokens } from '../contracts/store-tokens.ts';
import type { Copies, ObjectReader, Uploads, WriteProofs } from '../contracts/stored-objects.ts';
import type { Admission } from './admission.ts';
import type { EarlyAnswerTimes } from './early-answer.ts';

export interface PipelineDependencies {
  /** Asked in turn; the first that finds a credential of its kind decides. */
  readonly authenticators: readonly Authenticator[];
  readonly revocations: Revocations;
  readonly admission: Admission;
  readonly authorizer: Authorizer;
  readonly decideTarget: DecideTarget;
  /** Absent: nothing has a budget. */
  readonly guardrails?: Guardrails;
  /** Absent: no other set is decided beside it. */
  readonly preview?: PolicyPreview | undefined;
  readonly broker: CredentialBroker;
  readonly storeTokens: StoreTokens;
  readonly sessions: StoreSessions;
  readonly cipher: ObjectCipher;
  readonly reader: ObjectReader;
  readonly uploads: Uploads;
  readonly copies: Copies;
  readonly proofs: WriteProofs;
  readonly bucketFacts: BucketFacts;
  readonly audit: AuditSink;
  readonly observer: Observer;
  readonly clock: Clock;
  /** The buckets of configuration, by the name that clients use. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** What clients should sign for; told to who asks for a bucket's region, of any name alike. */
  readonly region: string;
  /** Hosts under which clients reach the gateway; a bucket may stand before one of them. */
  readonly publicHosts: readonly string[];
  /** Where callers get tokens, as a 401 tells it: one URL, or several with a space between. */
  readonly tokensFrom?: TokensFrom | undefined;
  /** When an answer may begin before its end is known. */
  readonly earlyAnswer: EarlyAnswerTimes;
  readonly limits: {
    /** Largest object, in plaintext bytes. */
    readonly objectBytes: number;
    /** Bodies up to this size are sealed in memory and can be sent to the store again. */
    readonly smallBodyBytes: number;
  };
}
