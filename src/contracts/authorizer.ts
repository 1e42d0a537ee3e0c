import type { BucketReadName } from '../s3/operations/operations.ts';
import type { ListedParts } from '../s3/listed-parts.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { Principal } from './principal.ts';

/** What is to be decided: one verb on one object, on one listing, or "anything at all in this bucket". */
export type Access =
  | { readonly kind: 'object'; readonly verb: Verb; readonly bucket: string; readonly key: string }
  /** `prefix` is what the listing asks for; `after` is every marker and start-after that bounds it. */
  | {
      readonly kind: 'listing';
      readonly verb: 'LIST' | 'LIST_VERSIONS';
      readonly bucket: string;
      readonly prefix: string;
      readonly after: readonly string[];
      /** Uploads in progress instead of objects: decided alike, but a store cannot hold such a listing to its prefix. */
      readonly uploads?: true;
      /** What is denied below the prefix is kept out of the answer: a session may list it all the same, a caller may not. */
      readonly filtered?: true;
    }
  /** The bucket itself: making, deleting and configuring it. */
  | { readonly kind: 'admin'; readonly verb: 'ADMIN'; readonly bucket: string; readonly document?: BucketReadName }
  /** `document`: the one document of the bucket that is read. */
  | { readonly kind: 'bucket'; readonly bucket: string; readonly document?: BucketReadName };

/** How a credential came: a token, a signature by a session, or a signature in a URL or form that was made before. */
export const WAYS_IN = ['bearer', 'session', 'presigned'] as const;
export type WayIn = (typeof WAYS_IN)[number];

/** What a PUT would store, as far as it is known before its body is read. */
export interface StoredFacts {
  /** Of the object as a whole; absent of one in parts, or of unknown length. */
  readonly sizeBytes?: number | undefined;
  /** As the client says it. */
  readonly contentType?: string | undefined;
  /** None where the request has none; absent: they come from elsewhere. */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  /** Whether it overwrites nothing. */
  readonly createsOnly?: boolean | undefined;
}

/** What rules may look at beside the caller and the access. What is absent satisfies no allow, and every deny. */
export interface RequestFacts {
  readonly nowMs?: number;
  /** As a trusted edge said it, else that of the connection. */
  readonly clientAddress?: string;
  readonly wayIn?: WayIn | undefined;
  readonly stored?: StoredFacts | undefined;
}

/** One rule as it applies to one identity in one bucket: the material of session policies. */
export interface Grant {
  readonly effect: 'allow' | 'deny';
  readonly verbs: readonly Verb[];
  /** Exactly this key, or every key that starts with this prefix (empty: every key). Literal, never a pattern. */
  readonly scope: { readonly key: string } | { readonly prefix: string };
  /** Whom to ask about the policy that says so, where it names somebody. */
  readonly owner?: string;
}

export type Decision = {
  readonly effect: 'allow' | 'deny';
  /** `<policy id>/<rule id>`, or `default-deny`. */
  readonly rule: string;
  /** One sentence that may be shown to the caller. */
  readonly reason: string;
  readonly policyVersion: string;
  /** Whom to ask about the policy of the rule, where it names somebody. */
  readonly owner?: string;
  /** Of a listing that is allowed in parts: these, and nothing else that the prefix has. */
  readonly parts?: ListedParts;
};

/**
 * Decides all accesses to one object, listing or bucket: the first denial, or an allow that names every rule it rests on.
 * Without accesses it is the list of the caller's own buckets.
 */
export type DecideTarget = (
  authorizer: Pick<Authorizer, 'decide' | 'policyVersion'>,
  principal: Principal,
  facts: RequestFacts,
  accesses: readonly Access[],
) => Decision;

/** Denials are values; an inability to decide is a throw. Without `facts` nothing is known of the request. */
export interface Authorizer {
  readonly decide: (principal: Principal, access: Access, facts?: RequestFacts) => Decision;
  /**
   * Every rule that applies to this identity in this bucket now, allows first, denies last. With `accesses`, which were
   * allowed, it is these alone where a rule of the bucket depends on what is stored: no session policy can say that.
   */
  readonly grants: (
    principal: Principal,
    bucket: string,
    facts?: RequestFacts,
    accesses?: readonly Access[],
  ) => readonly Grant[];
  /** Of the given buckets, those in which some rule allows this identity something. */
  readonly visibleBuckets: (
    principal: Principal,
    buckets: readonly string[],
    facts?: RequestFacts,
  ) => readonly string[];
  /**
   * Conditions about what is stored on whose facts, absent here, a denial of this access rests: with others it may be none.
   */
  readonly unknown: (principal: Principal, access: Access, facts: RequestFacts) => readonly string[];
  /** Ids of the policies that name this identity: what it may choose among as its role. Sorted. */
  readonly bindings: (principal: Principal) => readonly string[];
  /** The same identity with only those groups and claims that some policy looks at, so that a session token stays small. */
  readonly relevant: (principal: Principal) => Principal;
  readonly policyVersion: () => string;
}
