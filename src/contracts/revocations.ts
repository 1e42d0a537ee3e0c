import type { Principal } from './principal.ts';

/** Who may do nothing more here although what they show is still valid. */
export interface Revocations {
  /**
   * Refuses who was revoked. In memory and at once: it stands in the way of every request.
   * `clientAddress`: as the record has it.
   * @throws GatewayError RevokedToken, RevokedSession, RevokedAddress, ServiceUnavailable (the list is too old to go by)
   */
  readonly check: (principal: Principal, clientAddress?: string) => void;
}
