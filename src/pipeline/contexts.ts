/**
 * What is known of a request after each stage. Each type is readonly and grows out of the one before, so that a stage
 * that is called too early does not compile.
 */
import type { Access, Decision, Grant } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { SealedObject } from '../contracts/object-cipher.ts';
import type { Principal } from '../contracts/principal.ts';
import type { OutboundRequest, SignedRequest, UpstreamResponse } from '../contracts/upstream.ts';
import type { S3Request } from '../s3/request.ts';
import type { Ledger } from './ledger.ts';

export interface Received {
  readonly exchange: Exchange;
  readonly request: S3Request;
  readonly ledger: Ledger;
}

export interface Authenticated extends Received {
  readonly principal: Principal;
}

export interface Authorized extends Authenticated {
  /** `undefined` for ListBuckets, which asks for nothing in particular. */
  readonly access: Access | undefined;
  readonly decision: Decision;
  /** Every rule that bears on the caller in this bucket, of the same policy version as the decision. */
  readonly grants: readonly Grant[];
}

/** Allowed, and the intent is durable. */
export interface Recorded extends Authorized {
  readonly access: Access;
  readonly bucket: Bucket;
  readonly plan: AssumeRolePlan;
}

export interface Credentialed extends Recorded {
  readonly credentials: StoreCredentials;
}

export interface Sealed extends Credentialed {
  readonly body: { readonly sizeBytes: number; readonly content: Buffer | AsyncIterable<Buffer> };
  /** `undefined` where the bucket's encryption is off. */
  readonly sealed: SealedObject | undefined;
}

export interface Signed extends Credentialed {
  readonly outbound: OutboundRequest;
  readonly signed: SignedRequest;
}

/** The store has answered 2xx. */
export interface Forwarded extends Signed {
  readonly response: UpstreamResponse;
}

/** The plaintext view of an object: nothing in `body` has left before it was authenticated. */
export interface Opened extends Forwarded {
  readonly view: {
    readonly sizeBytes: number;
    /** Inclusive; -1 for an empty object. */
    readonly first: number;
    readonly last: number;
    readonly partial: boolean;
    /** In memory where it is small; `undefined` for HeadObject. */
    readonly body: Buffer | AsyncIterable<Buffer> | undefined;
  };
}
