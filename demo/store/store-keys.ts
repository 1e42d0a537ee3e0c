/**
 * Who may sign requests to the embedded store: the gateway's own key pair (may only assume the role), the owner's (may
 * do everything; for a person who looks, and for tests) and the sessions that AssumeRole hands out. Sessions live in
 * memory only and are forgotten an hour after they have expired.
 */
import { randomBytes } from 'node:crypto';
import type { SessionPolicy } from './session-policy.ts';

export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Session extends KeyPair {
  readonly sessionToken: string;
  readonly expiresAtMs: number;
  readonly roleSessionName: string;
  /** `undefined`: everything that the role may do. */
  readonly policy: SessionPolicy | undefined;
}

export type KeyHolder = ({ readonly kind: 'gateway' | 'owner' } & KeyPair) | ({ readonly kind: 'session' } & Session);

const FORGET_AFTER_MS = 3_600_000;

export class StoreKeys {
  readonly #permanent: Map<string, KeyHolder>;
  readonly #sessions = new Map<string, KeyHolder & { readonly kind: 'session' }>();

  constructor(gateway: KeyPair, owner: KeyPair) {
    this.#permanent = new Map([
      [gateway.accessKeyId, { kind: 'gateway', ...gateway }],
      [owner.accessKeyId, { kind: 'owner', ...owner }],
    ]);
  }

  /** A second pair for the gateway, as while its keys are rotated. */
  addGateway(keys: KeyPair): void {
    this.#permanent.set(keys.accessKeyId, { kind: 'gateway', ...keys });
  }

  find(accessKeyId: string): KeyHolder | undefined {
    return this.#permanent.get(accessKeyId) ?? this.#sessions.get(accessKeyId);
  }

  /** Makes temporary credentials. */
  issue(grant: Pick<Session, 'expiresAtMs' | 'roleSessionName' | 'policy'>, nowMs: number): Session {
    for (const [id, session] of this.#sessions)
      if (session.expiresAtMs + FORGET_AFTER_MS < nowMs) this.#sessions.delete(id);
    const session = {
      kind: 'session',
      accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(48).toString('base64'),
      ...grant,
    } as const;
    this.#sessions.set(session.accessKeyId, session);
    return session;
  }
}
