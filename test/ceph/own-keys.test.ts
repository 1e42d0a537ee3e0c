/** A real store that refuses a role and wrong keys in the same words: whose fault that is, and what a caller is told of it. */
import assert from 'node:assert/strict';
import { UNKNOWN_TO_CEPH } from '../../src/config/stores/assemble.ts';
import { fixedSource } from '../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../src/credentials/broker.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { startCeph, type Ceph, type CephKeys } from '../support/store/ceph.ts';
import { allow, bucket, object, principal, rememberingObserver, scope } from '../unit/credentials/fixture.ts';

/** The lab may have run before. */
const ROLE = `sallyport-others-${Date.now()}`;

describe('who is to blame where a real STS refuses', function () {
  this.timeout(60_000);
  let ceph: Ceph;
  const closers: (() => void)[] = [];

  const brokerWith = (keys: CephKeys) => {
    const { endpoint, region } = ceph.lab;
    const broker = createCredentialBroker({
      stores: [
        {
          ...{ name: 'ceph', endpoint, region, base: fixedSource(keys), buckets: { endpoint, region } },
          ...{ iamEscapes: false, unknownActions: UNKNOWN_TO_CEPH, sourceIdentity: false, sessionSeconds: 900 },
        },
      ],
      clock: { now: () => Date.now() },
      observer: rememberingObserver(),
    });
    closers.push(() => broker.close());
    return broker;
  };
  const outcomeOf = async (broker: ReturnType<typeof brokerWith>, roleArn = ceph.lab.roleArn) => {
    const at = bucket({ store: { ...bucket().store, name: 'ceph' }, roleArn });
    const planned = broker.plan(principal(), [scope(at, [allow(['GET'], { prefix: '' })], object('GET', 'abc'))]);
    const code = await Promise.resolve(broker.credentials(planned)).then(
      () => 'a session',
      (error: unknown) => (error instanceof GatewayError ? error.code : error),
    );
    return [code, broker.health().find(({ name }) => name === 'credentials:ceph')?.state];
  };

  before(async () => {
    ceph = await startCeph();
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: ['arn:aws:iam:::user/nobody'] }, Action: ['sts:AssumeRole'] }],
    };
    await ceph.iam({
      Action: 'CreateRole',
      RoleName: ROLE,
      Path: '/',
      AssumeRolePolicyDocument: JSON.stringify(trust),
    });
  });
  after(async () => {
    for (const close of closers) close();
    await ceph.stop();
  });

  it("is the gateway, for a wrong secret or a key that nobody has: 503, and never the caller's 403", async () => {
    const { gateway } = ceph.lab;
    const wrong = { ...gateway, secretAccessKey: 'w'.repeat(40) };
    assert.deepEqual(await outcomeOf(brokerWith(wrong)), ['ServiceUnavailable', 'degraded']);
    const unknown = { ...gateway, accessKeyId: 'UNKNOWNUNKNOWNUNKNOW' };
    assert.deepEqual(await outcomeOf(brokerWith(unknown)), ['ServiceUnavailable', 'degraded']);
  });

  it('is the role, for one that others may assume: the caller has its 403', async () => {
    const broker = brokerWith(ceph.lab.gateway);
    assert.deepEqual(await outcomeOf(broker, `arn:aws:iam:::role/${ROLE}`), ['AccessDeniedByStore', 'ok']);
    assert.deepEqual(await outcomeOf(broker), ['a session', 'ok']);
  });
});
