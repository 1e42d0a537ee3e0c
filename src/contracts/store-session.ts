import type { Bucket } from './bucket.ts';
import type { Access } from './authorizer.ts';
import type { PlannedSession } from './credential-broker.ts';
import type { OutboundRequest, UpstreamResponse } from './upstream.ts';

/** A request to the store of a session, in the session's bucket. */
export type StoreRequest = Omit<OutboundRequest, 'bucket'> & {
  /** Sent for a client that is gone, too: it takes back what was begun, or brings to its end what has taken effect. */
  readonly outlivesClient?: boolean;
};

/** One bucket of a store, as the short-lived credentials of one identity reach it. */
export interface StoreSession {
  readonly bucket: Bucket;
  /**
   * Signs and sends, as often as an operation needs. Gives an answer of 2xx, whose body must be consumed or discarded.
   * Sends nothing for a client that is gone, unless the request says so; a read is aborted when the client goes, a write
   * is carried to its end.
   * @throws GatewayError whatever the store's answer means to the client
   */
  readonly send: (request: StoreRequest) => Promise<UpstreamResponse>;
  /**
   * Opens what the gateway keeps of uploads in the same bucket, under a prefix of its own: a session that reaches nothing
   * else. Absent where no uploads of clients are served.
   */
  readonly states?: () => Promise<StateSession>;
  /**
   * Opens a session of the same caller for these accesses alone, of which nothing is told to the caller: it looks or does
   * what has to be done beside a write. Absent where the session itself is all that there is.
   */
  readonly openScoped?: (accesses: readonly Access[]) => Promise<StoreSession>;
}

export interface StateSession extends Omit<StoreSession, 'states' | 'openScoped'> {
  /** It is not used after this. */
  readonly notAfterMs: number;
}

export interface StoreSessionOptions {
  readonly bucket: Bucket;
  readonly planned: PlannedSession;
  /** Aborted when the client goes away. */
  readonly signal?: AbortSignal;
  /** Told of each answer, refusals among them. */
  readonly onAnswer?: (response: UpstreamResponse) => void;
}

export interface StoreSessions {
  /** Gets the credentials of a plan, at once where they are in memory. @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore */
  readonly open: (options: StoreSessionOptions) => StoreSession | Promise<StoreSession>;
}
