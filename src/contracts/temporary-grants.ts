import type { Grant } from './authorizer.ts';
import type { Principal } from './principal.ts';
import type { Verb } from '../s3/operations/verb.ts';

/** What an operator gave to one identity until a time: an allow that holds beside those of the policies. */
export interface TemporaryGrant {
  readonly id: string;
  readonly verbs: readonly Verb[];
  readonly bucket: string;
  readonly scope: Grant['scope'];
  /** One sentence for the record. */
  readonly reason: string;
}

export interface TemporaryGrants {
  /**
   * Those of this identity that are in force now. In memory and at once; the same array for as long as they are the same, and
   * never the same for others.
   */
  readonly of: (principal: Principal) => readonly TemporaryGrant[];
}
