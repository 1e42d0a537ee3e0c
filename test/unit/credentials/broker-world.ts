/** A broker before an STS that does as a test says, with a clock that a test moves. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { PlannedSession } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { StsStore } from '../../../src/credentials/sts-store.ts';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import type { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { type CredentialBrokerOptions } from '../../../src/credentials/broker.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { brokerOf, GRANTS } from './broker-fixture.ts';
import { bucket, object, principal, rememberingObserver, scope, type RememberingObserver } from './fixture.ts';
import { startStsDouble, type StsDouble } from './sts-double.ts';

export const BASE_SECRET = 'basesecret/basesecret/basesecret/1234567';
export const REPORTS = bucket();
export const MINUTE = 60_000;

type Broker = ReturnType<typeof createCredentialBroker>;

export class BrokerWorld {
  nowMs = 0;
  sts!: StsDouble;
  observer!: RememberingObserver;
  readonly clock = { now: (): number => this.nowMs };
  readonly #closers: (() => void)[] = [];

  /** Anew before each test of the suite that calls this. */
  static forEachTest(): BrokerWorld {
    const world = new BrokerWorld();
    beforeEach(async () => {
      world.nowMs = Date.now();
      world.observer = rememberingObserver();
      world.sts = await startStsDouble(world.clock);
    });
    afterEach(async () => {
      for (const close of world.#closers.splice(0)) close();
      await world.sts.close();
    });
    return world;
  }

  readonly makeBroker = (store: Partial<StsStore> = {}, options: Partial<CredentialBrokerOptions> = {}): Broker => {
    const broker = brokerOf(
      {
        endpoint: this.sts.endpoint,
        base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: BASE_SECRET }),
        ...store,
      },
      { clock: this.clock, observer: this.observer, ...options },
    );
    this.#closers.push(() => broker.close());
    return broker;
  };

  readonly planFor = (broker: Broker, caller: Partial<Principal> = {}, key = '2026/q3.csv'): PlannedSession =>
    broker.plan(principal({ expiresAtMs: this.nowMs + 480 * MINUTE, ...caller }), [
      scope(REPORTS, GRANTS, object('GET', key)),
    ]);

  readonly formOf = (call: number): Record<string, string> => Object.fromEntries(this.sts.calls[call] ?? []);
}

export const failureOf = async (broker: Broker, planned: PlannedSession): Promise<GatewayError> => {
  const outcome = await Promise.resolve(broker.credentials(planned)).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof GatewayError);
  return outcome;
};

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await setImmediate();
};
