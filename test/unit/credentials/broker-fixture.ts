/** A broker over one store, asked by whoever a test is about. */
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { CredentialBroker, StoreCredentials } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { StsStore } from '../../../src/credentials/sts-store.ts';
import { createCredentialBroker, type CredentialBrokerOptions } from '../../../src/credentials/broker.ts';
import { allow, bucket, object, principal, rememberingObserver, scope } from './fixture.ts';

export const GRANTS = [allow(['GET', 'PUT'], { prefix: '2026/' })];
const REPORTS = bucket();

type Broker = ReturnType<typeof createCredentialBroker>;

/** Makes a broker over a store named `main`. */
export const brokerOf = (
  store: Partial<StsStore> & Pick<StsStore, 'endpoint'>,
  options: Partial<CredentialBrokerOptions> = {},
): Broker =>
  createCredentialBroker({
    stores: [
      {
        name: 'main',
        region: 'us-east-1',
        iamEscapes: true,
        sourceIdentity: false,
        sessionSeconds: 3600,
        ...store,
      },
    ],
    clock: { now: () => Date.now() },
    observer: rememberingObserver(),
    ...options,
  });

/** Credentials for a read in `reports`. */
export const credentialsOf = async (
  broker: CredentialBroker,
  caller: Partial<Principal> = {},
  at: Bucket = REPORTS,
): Promise<StoreCredentials> =>
  broker.credentials(broker.plan(principal(caller), [scope(at, GRANTS, object('GET', '2026/q3.csv'))]));
