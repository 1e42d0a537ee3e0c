/** What the endpoints depend on, as contracts only. The composition root supplies it. */
import type { TokensFrom } from '../errors/challenge.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Authorizer } from '../contracts/authorizer.ts';
import type { ClientSessions, SignatureVerifier, TokenVerifier } from '../contracts/client-sessions.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import type { Revocations } from '../contracts/revocations.ts';

export interface StsDependencies {
  readonly tokens: TokenVerifier;
  /** `undefined`: configuration has no keys for sessions, and every call is refused. */
  readonly sessions: (ClientSessions & SignatureVerifier) | undefined;
  readonly revocations: Revocations;
  readonly authorizer: Authorizer;
  readonly audit: AuditSink;
  readonly observer: Observer;
  readonly clock: Clock;
  /** Places of identities, those of S3. */
  readonly admission: {
    /** @throws GatewayError SlowDown, RequestTimeout */
    readonly enter: (
      exchange: Exchange,
      caller: { readonly principal: Principal; readonly trail: AuditTrail },
      demand: { readonly pool: 'read'; readonly seats: number },
    ) => Promise<void> | undefined;
    readonly leave: (exchange: Exchange) => void;
  };
  /** Where callers get tokens, as a 401 tells it: one URL, or several with a space between. */
  readonly tokensFrom?: TokensFrom | undefined;
  readonly limits: {
    /** A form must have arrived whole within this time: nobody is known before. */
    readonly formMs: number;
  };
  /** Permits of forms in progress, so that callers whom nobody knows never hold every permit, nor one address all of these. */
  readonly forms: {
    /** Takes a permit for whom it is charged to; returns the function that releases it, or nothing where none is free. */
    readonly enter: (chargedTo: string | undefined) => (() => void) | undefined;
  };
}
