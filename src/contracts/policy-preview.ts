import type { Access, Decision, RequestFacts } from './authorizer.ts';
import type { Principal } from './principal.ts';

/** What a set that is not in force would have decided, where that is something else. */
export interface PreviewDecision {
  readonly decision: 'allow' | 'deny' | 'filtered';
  readonly rule: string;
  readonly policyVersion: string;
}

/** Decides beside the policies in force, and has no say. */
export interface PolicyPreview {
  /** `undefined`: it would decide alike, cannot tell, or there is no such set. Never throws. */
  readonly otherwise: (
    principal: Principal,
    accesses: readonly Access[],
    facts: RequestFacts,
    decision: Decision,
  ) => PreviewDecision | undefined;
}
