/**
 * What is known of a request after each stage. Each type is readonly and grows out of the one before, so that a stage
 * that is called too early does not compile.
 */
import type { Decision, Grant, RequestFacts } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { ChunkSignatures } from '../contracts/chunk-signatures.ts';
import type { PlannedSession } from '../contracts/credential-broker.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { KeptChecksum } from '../contracts/object-cipher.ts';
import type { PreviewDecision } from '../contracts/policy-preview.ts';
import type { Principal } from '../contracts/principal.ts';
import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { OpenedObject, ObjectView } from '../contracts/stored-objects.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import type { DeletedItem, DeleteList, DeleteOutcome } from '../s3/documents/delete-objects.ts';
import type { StorePage } from '../s3/documents/listing-document.ts';
import type { S3Request } from '../s3/request/request.ts';
import type { Allowed, Recorded, RecordedEach, Seated } from './access.ts';
import type { Target } from './required-accesses.ts';
import type { EarlyAnswer } from './early-answer.ts';
import type { Meter } from './meter.ts';
import type { AuditTrail, Effects } from '../audit/audit-trail.ts';

export interface Received {
  readonly exchange: Exchange;
  readonly request: S3Request;
  readonly trail: AuditTrail;
  readonly meter: Meter;
  readonly early: EarlyAnswer;
  /** Of a form, whose fields were read already: the file, which is what its body is to everybody after. */
  readonly file?: AsyncIterable<Buffer>;
}

export interface Authenticated extends Received {
  readonly principal: Principal;
  /** Present where the chunks of the body are signed one by one. */
  readonly chunkSignatures: ChunkSignatures | undefined;
}

/** Its caller's turn has come. */
export type Admitted = Authenticated & Seated;

/** DeleteObjects: what it would do stands in its body, which was read and verified, and nothing more. */
export interface Listed extends Admitted {
  readonly list: DeleteList;
}

/** A target and what policy says of it, its index is that of its record. */
export type DecidedTarget = Target & {
  readonly decision: Decision;
  /** Where a set that is only previewed would have decided otherwise. */
  readonly preview?: PreviewDecision | undefined;
};

export interface Decided extends Admitted {
  readonly targets: readonly DecidedTarget[];
  /** What the decisions looked at. */
  readonly facts: RequestFacts;
  /** By bucket: every rule there that applies to the caller, of the same policy version as the decisions. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
}

/** What will be requested of a store for one session. */
export interface Planned extends Decided, Allowed, PlannedSession {
  readonly bucket: Bucket;
  /** The bucket of a copy's source; another one only in the same store and by the same role. */
  readonly sourceBucket: Bucket | undefined;
}

/** What is answered from configuration and policy; `bucket` is undefined where the request names none. */
export interface PlannedLocal extends Decided, Allowed {
  readonly bucket: Bucket | undefined;
}

/** Some keys of a DeleteObjects, and no other targets than they. */
export interface Keys extends Decided {
  readonly items: readonly DeletedItem[];
  /** Of each item, its index in the client's list. */
  readonly indices: readonly number[];
}

/** Every key is decided, and each denial on record. */
export type Enforced = Listed & Decided & { readonly allowed: Keys & Allowed };

/** Those keys that fit into one session: one request to the store. */
export type Batch = Keys & Planned;

/** The denied keys are in no batch. */
export type Divided = Listed & Decided & { readonly batches: readonly Batch[] };

/** One outcome for each key of the client's list, in its order. */
export type Settled = Divided & RecordedEach<Batch> & { readonly outcomes: readonly DeleteOutcome[] };

export interface Credentialed extends Planned, Recorded {
  /** The store as the caller's short-lived credentials reach it, in the request's own bucket. */
  readonly session: StoreSession;
  /** The same in the bucket of a copy's source. */
  readonly sourceSession: StoreSession | undefined;
}

export interface Sealed extends Credentialed {
  readonly body: { readonly sizeBytes: number; readonly content: Buffer | AsyncIterable<Buffer> };
  /** What the client claims of the body; verified when the store has answered. */
  readonly checksum: KeptChecksum | undefined;
  /** Of the key under which the data key of the body is wrapped; `undefined` where the key is kept plain. */
  readonly keyId: string | undefined;
  /** What goes with the body because it is encrypted; `undefined` where the key is kept plain. */
  readonly sealed:
    | {
        readonly headers: Readonly<Record<string, string>>;
        /** Of a part: where it goes, instead of what the client asked. */
        readonly target?: Pick<StoreRequest, 'key' | 'query'>;
        /** Of a part: what follows when the store has it, before its client is told. */
        readonly onStored?: (etag: string) => Promise<void>;
      }
    | undefined;
}

/** The client's document, whole and verified; `undefined` where the operation takes none. */
export interface Documented extends Credentialed {
  readonly document: Buffer | undefined;
}

/** The store has answered 2xx. */
export interface Forwarded extends Credentialed {
  readonly response: UpstreamResponse;
}

/** A page of a listing, with nothing in it that policy does not show. */
export interface Paged extends Credentialed {
  readonly page: StorePage;
}

/** The plaintext view of an object: nothing in `body` has left before it was authenticated. HeadObject has no body. */
export interface Opened extends Credentialed {
  readonly view: ObjectView & Partial<Pick<OpenedObject, 'body' | 'discard'>>;
}

/** What a small answer is written from; nothing of the store's that is not understood. */
export interface Answer {
  /** XML; `undefined`: the answer has no body. */
  readonly document: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What the outcome says of it instead of what the store said last. */
  readonly effects?: Effects;
}

/** All requests to the store are done. */
export interface Answered extends Credentialed {
  readonly answer: Answer;
}
