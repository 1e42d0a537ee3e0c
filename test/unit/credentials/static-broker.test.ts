import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { fixedSource, type BaseSource } from '../../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { allow, bucket, deny, object, principal, rememberingObserver, scope } from './fixture.ts';
import { startStsDouble, type StsDouble } from './sts-double.ts';

const SECRET = 'hmacsecrethmacsecrethmacsecrethmacsecret';
const HMAC = { accessKeyId: 'GOOG1EXAMPLE', secretAccessKey: SECRET };
const GRANTS = [allow(['GET', 'PUT'], { prefix: '2026/' }), deny(['GET'], { prefix: '2026/secret/' })];
const LANDING = bucket({
  store: { name: 'gcs', endpoint: 'https://storage.googleapis.com', region: 'auto' },
  roleArn: 'static',
});

describe('a store without STS', () => {
  let sts: StsDouble;
  let observer: ReturnType<typeof rememberingObserver>;
  let nowMs: number;

  const brokerWith = (base: BaseSource = fixedSource(HMAC)) => {
    const role = { sourceIdentity: false, sessionSeconds: 3600 };
    return createCredentialBroker({
      stores: [
        {
          ...{ name: 'gcs', method: 'static', endpoint: sts.endpoint, region: 'auto', base },
          ...{ iamEscapes: false, ...role },
        },
        {
          ...{ name: 'main', endpoint: sts.endpoint, region: 'us-east-1', iamEscapes: true, ...role },
          base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: 'secret' }),
        },
      ],
      clock: { now: () => nowMs },
      observer,
    });
  };
  type Broker = ReturnType<typeof brokerWith>;
  const planFor = (broker: Broker, key = '2026/q3', at = LANDING, caller = principal()) =>
    broker.plan(caller, [scope(at, GRANTS, object('GET', key))]);

  beforeEach(async () => {
    nowMs = Date.now();
    observer = rememberingObserver();
    sts = await startStsDouble({ now: () => nowMs });
  });
  afterEach(() => sts.close());

  it('is reached by its own keys, and an operator reads at start what that means', async () => {
    const broker = brokerWith();
    assert.match(inspect(observer.said), /store_credentials_static.*gcs/s);
    const keys = await broker.credentials(planFor(broker));
    assert.deepEqual(
      [keys.accessKeyId, keys.secretAccessKey, keys.sessionToken],
      [HMAC.accessKeyId, SECRET, undefined],
    );
    assert.equal(sts.calls.length, 0);
    assert.ok(!inspect(observer.said, { depth: 9 }).includes(SECRET));
    assert.partialDeepStrictEqual(broker.health(), [
      { name: 'sts:main', state: 'unknown' },
      { name: 'credentials:main', state: 'unknown', detail: 'not asked yet' },
    ]);
  });

  it('stands beside a store with STS, and neither gets the credentials of the other', async () => {
    const broker = brokerWith();
    const session = await broker.credentials(planFor(broker, '2026/q3', bucket()));
    const keys = await broker.credentials(planFor(broker));
    assert.notEqual(session.accessKeyId, keys.accessKeyId);
    assert.equal(sts.calls.length, 1);
    assert.throws(
      () =>
        broker.plan(principal(), [
          scope(LANDING, GRANTS, object('GET', '2026/x')),
          scope(bucket(), GRANTS, object('GET', '2026/x')),
        ]),
      { code: 'InternalError' },
    );
  });

  it('is requested nothing that no grant covers, and for nothing that one denies', () => {
    const broker = brokerWith();
    for (const key of ['2025/q3', '2026', '', '2026/secret/x']) {
      assert.throws(() => planFor(broker, key), { code: 'AccessDenied' }, key);
    }
    assert.equal(planFor(broker, '2026/a*b?${x}:y').plan.sessionPolicy, '');
  });

  it('is not asked in the name of a token that has ended', async () => {
    const broker = brokerWith();
    const planned = planFor(broker, '2026/q3', LANDING, principal({ expiresAtMs: nowMs + 1000 }));
    await broker.credentials(planned);
    nowMs += 1000;
    await assert.rejects(async () => broker.credentials(planned), { code: 'ExpiredToken' });
  });

  it('gives the same object while the keys are the same, and the new keys once the old were refused', async () => {
    let known = HMAC;
    let renewals = 0;
    const broker = brokerWith({
      current: () => Promise.resolve(known),
      renew: () => {
        renewals += 1;
        known = { ...HMAC, accessKeyId: 'GOOG1NEXT' };
        return Promise.resolve(true);
      },
    });
    const planned = planFor(broker);
    assert.equal(await broker.credentials(planned), await broker.credentials(planned));
    broker.forget(planned);
    assert.equal((await broker.credentials(planned)).accessKeyId, 'GOOG1NEXT');
    assert.equal(renewals, 1);
  });

  it('whose keys cannot be had ends in ServiceUnavailable, without a word of why', async () => {
    const broker = brokerWith({
      current: () => Promise.reject(new Error(`could not read ${SECRET}`)),
      renew: () => Promise.resolve(false),
    });
    await assert.rejects(
      async () => broker.credentials(planFor(broker)),
      (error: unknown) => {
        assert.ok(!inspect(error, { depth: 9 }).includes(SECRET));
        return (error as { code?: unknown }).code === 'ServiceUnavailable';
      },
    );
  });
});
