import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { StsStore } from '../../../src/credentials/assume-role.ts';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import { createCredentialBroker, type CredentialBrokerOptions } from '../../../src/credentials/broker.ts';
import type { Access, Grant } from '../../../src/contracts/authorizer.ts';
import type { AssumeRolePlan } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { allow, bucket, deny, listing, object, principal, rememberingObserver, scope } from './given.ts';
import { giveSession, refuse, refuseBare, SESSION_SECRET, SESSION_TOKEN, startStsDouble } from './sts-double.ts';
import type { StsDouble } from './sts-double.ts';

const BASE_SECRET = 'basesecret/basesecret/basesecret/1234567';
const GRANTS = [allow(['GET', 'PUT'], { prefix: '2026/' })];
const REPORTS = bucket();
const MINUTE = 60_000;

describe('credential broker', () => {
  let nowMs: number;
  let sts: StsDouble;
  let observer: ReturnType<typeof rememberingObserver>;
  const clock = { now: () => nowMs };
  const closers: (() => void)[] = [];

  const makeBroker = (
    store: Partial<StsStore> = {},
    options: Partial<CredentialBrokerOptions> = {},
  ): ReturnType<typeof createCredentialBroker> => {
    const broker = createCredentialBroker({
      stores: [
        {
          name: 'main',
          stsEndpoint: sts.endpoint,
          region: 'us-east-1',
          base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: BASE_SECRET }),
          iamEscapes: true,
          roleDefaults: { sourceIdentity: false, durationSeconds: 3600 },
          ...store,
        },
      ],
      clock,
      observer,
      ...options,
    });
    closers.push(() => broker.close());
    return broker;
  };
  type Broker = ReturnType<typeof makeBroker>;
  const planFor = (broker: Broker, who: Partial<Principal> = {}, key = '2026/q3.csv'): AssumeRolePlan =>
    broker.plan(principal({ expiresAtMs: nowMs + 480 * MINUTE, ...who }), [scope(REPORTS, GRANTS, object('GET', key))]);
  const formOf = (call: number) => Object.fromEntries(sts.calls[call] ?? []);
  const failureOf = async (broker: Broker, plan: AssumeRolePlan): Promise<GatewayError> => {
    const outcome = await broker.credentials(plan).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof GatewayError);
    return outcome;
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await setImmediate();
  };

  beforeEach(async () => {
    nowMs = Date.now();
    observer = rememberingObserver();
    sts = await startStsDouble(clock);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    await sts.close();
  });

  describe('plans', () => {
    it('asks STS for exactly what was planned, and asks nothing to plan', async () => {
      const broker = makeBroker();
      const plan = planFor(broker);
      assert.equal(sts.calls.length, 0);
      await broker.credentials(plan);
      assert.deepEqual(formOf(0), {
        Action: 'AssumeRole',
        Version: '2011-06-15',
        RoleArn: plan.roleArn,
        RoleSessionName: plan.sessionName,
        Policy: plan.sessionPolicy,
        DurationSeconds: '3600',
      });
    });

    it("follows none of the SDK's own variables, which could lead elsewhere", async () => {
      const variables = {
        AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
        AWS_USE_FIPS_ENDPOINT: 'nonsense',
        AWS_USE_DUALSTACK_ENDPOINT: 'nonsense',
        AWS_MAX_ATTEMPTS: 'nonsense',
        AWS_DISABLE_CLOCK_SKEW_CORRECTION: 'nonsense',
        AWS_ACCESS_KEY_ID: 'AKIAOTHER',
      };
      const before = { ...process.env };
      Object.assign(process.env, variables);
      try {
        const broker = makeBroker();
        await broker.credentials(planFor(broker));
      } finally {
        process.env = before;
      }
      assert.equal(sts.calls.length, 1);
    });

    it('sends ExternalId and SourceIdentity where they are configured', async () => {
      const broker = makeBroker({
        roleDefaults: { sourceIdentity: true, externalId: 'tenant-7', durationSeconds: 3600 },
      });
      const plan = planFor(broker);
      await broker.credentials(plan);
      assert.equal(formOf(0)['SourceIdentity'], plan.sessionName);
      assert.equal(formOf(0)['ExternalId'], 'tenant-7');
    });

    it('gives the same plan again for the same identity and grants', () => {
      const broker = makeBroker();
      const alice = principal();
      const first = broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', '2026/a'))]);
      assert.equal(broker.plan(alice, [scope(REPORTS, GRANTS, object('PUT', '2026/b'))]).sessionKey, first.sessionKey);
      const reloaded = [allow(['GET'], { prefix: '2026/' })];
      assert.notEqual(
        broker.plan(alice, [scope(REPORTS, reloaded, object('GET', '2026/a'))]).sessionPolicy,
        first.sessionPolicy,
      );
    });

    it('names the bucket as the store knows it, in the partition of the role', () => {
      const china = bucket({ storeBucket: 'cn-7', roleArn: 'arn:aws-cn:iam::123456789012:role/sallyport' });
      const plan = makeBroker().plan(principal(), [scope(china, GRANTS, object('GET', '2026/a'))]);
      assert.ok(plan.sessionPolicy.includes('"arn:aws-cn:s3:::cn-7/2026/*"'));
    });

    it('refuses an access that no grant covers before STS is asked', () => {
      const broker = makeBroker();
      for (const key of ['2025/x', '2026', '']) assert.throws(() => planFor(broker, {}, key), { code: 'AccessDenied' });
      const denied = [...GRANTS, deny(['GET'], { prefix: '' })];
      assert.throws(() => broker.plan(principal(), [scope(REPORTS, [], object('GET', '2026/x'))]), {
        code: 'AccessDenied',
      });
      assert.ok(
        broker.plan(principal(), [scope(REPORTS, denied, object('GET', '2026/x'))]).sessionPolicy.includes('"Deny"'),
      );
    });

    it('puts both buckets of a copy into one policy, and each access under the grants of its own bucket', () => {
      const artifacts = bucket({ name: 'artifacts', storeBucket: 'artifacts' });
      const plan = makeBroker().plan(principal(), [
        scope(REPORTS, [allow(['PUT'], { prefix: '2026/' })], object('PUT', '2026/x')),
        scope(artifacts, [allow(['GET'], { prefix: 'builds/' })], object('GET', 'builds/x')),
      ]);
      const { Statement } = JSON.parse(plan.sessionPolicy) as { Statement: { Action: unknown; Resource: unknown }[] };
      assert.deepEqual(
        Statement.map(({ Action, Resource }) => [Action, Resource]),
        [
          [['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], 'arn:aws:s3:::reports/2026/*'],
          [['s3:GetObject', 's3:GetObjectAttributes'], 'arn:aws:s3:::artifacts/builds/*'],
        ],
      );
      const target = scope(REPORTS, GRANTS, object('PUT', '2026/x'));
      const source = scope(artifacts, [], object('GET', '2026/x'));
      assert.throws(() => makeBroker().plan(principal(), [target, source]), { code: 'AccessDenied' });
    });

    it('plans a copy within one bucket as any other request there, so that they share a session', () => {
      const broker = makeBroker();
      const alice = principal();
      const copy = broker.plan(alice, [
        scope(REPORTS, GRANTS, object('PUT', '2026/x')),
        scope(REPORTS, GRANTS, object('GET', '2026/y')),
      ]);
      const read = broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', '2026/z'))]);
      assert.equal(read.sessionKey, copy.sessionKey);
    });

    it('never takes two stores or two roles for one, nor a request that asks for nothing', () => {
      const access = object('GET', '2026/x');
      for (const other of [
        bucket({ store: { name: 'other', endpoint: 'http://127.0.0.1:1', region: 'us-east-1' } }),
        bucket({ roleArn: 'arn:aws:iam::123456789012:role/other' }),
      ]) {
        assert.throws(
          () => makeBroker().plan(principal(), [scope(REPORTS, GRANTS, access), scope(other, GRANTS, access)]),
          { code: 'InternalError' },
        );
      }
      for (const nothing of [[], [scope(REPORTS, GRANTS)]]) {
        assert.throws(() => makeBroker().plan(principal(), nothing), { code: 'InternalError' });
      }
    });

    describe('for grants that do not fit', () => {
      const many = (verbs: Grant['verbs'], count: number) =>
        Array.from({ length: count }, (_, index) => allow(verbs, { prefix: `project-${index}/` }));
      const planned = (grants: readonly Grant[], ...accesses: readonly Access[]) =>
        makeBroker().plan(principal(), [scope(REPORTS, grants, ...accesses)]).sessionPolicy;

      it('leave out the verbs that the request does not use, and keep the scopes', () => {
        const grants = [
          ...many(['GET'], 30),
          ...Array.from({ length: 30 }, (_, index) => allow(['PUT'], { prefix: `inbox-${index}/` })),
        ];
        const policy = planned(grants, object('GET', 'project-7/x'));
        assert.ok(policy.length <= 2048);
        for (let index = 0; index < 30; index += 1) {
          assert.ok(policy.includes(`"arn:aws:s3:::reports/project-${index}/*"`));
        }
        assert.ok(!policy.includes('inbox') && !policy.includes('Put'));
      });

      it('keep only the rules that the request needs: a thousand keys below one prefix fit', () => {
        const keys = Array.from({ length: 1000 }, (_, index) => object('DELETE', `project-7/${index}`));
        const grants = [...many(['GET', 'DELETE'], 200), deny(['DELETE'], { prefix: 'project-7/kept/' })];
        assert.deepEqual(JSON.parse(planned(grants, ...keys)), {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::reports/project-7/*' },
            { Effect: 'Deny', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::reports/project-7/kept/*' },
          ],
        });
      });

      it('never widen keys to the prefix that they have in common: what does not fit is refused whole', () => {
        const grants = Array.from({ length: 1000 }, (_, index) => allow(['DELETE'], { key: `project/${index}` }));
        const keys = Array.from({ length: 1000 }, (_, index) => object('DELETE', `project/${index}`));
        assert.throws(() => planned(grants, ...keys), { code: 'InvalidRequest' });
        const policy = planned(grants, ...keys.slice(0, 20));
        assert.ok(!policy.includes('*') && policy.includes('"arn:aws:s3:::reports/project/19"'));
        assert.throws(() => planned(grants, ...keys.slice(0, 2), object('DELETE', 'project/x')), {
          code: 'AccessDenied',
        });
      });
    });

    it('does not start with two stores of one name or with sessions that STS would not give', () => {
      assert.throws(() => makeBroker({ roleDefaults: { sourceIdentity: false, durationSeconds: 899 } }), TypeError);
      assert.throws(
        () => makeBroker({ roleDefaults: { sourceIdentity: false, durationSeconds: Number.NaN } }),
        TypeError,
      );
      const stores = [1, 2].map(() => ({
        name: 'main',
        stsEndpoint: sts.endpoint,
        region: 'us-east-1',
        iamEscapes: true,
        roleDefaults: { sourceIdentity: false, durationSeconds: 900 },
      }));
      assert.throws(() => createCredentialBroker({ stores, clock, observer }), TypeError);
    });
  });

  describe('sessions', () => {
    it('are asked for once by a crowd, and not again while they last', async () => {
      const broker = makeBroker();
      const given = await Promise.all(Array.from({ length: 50 }, () => broker.credentials(planFor(broker))));
      assert.equal(new Set(given).size, 1);
      await broker.credentials(planFor(broker));
      assert.equal(sts.calls.length, 1);
      assert.equal(observer.hits.at(-1), true);
      assert.deepEqual(observer.stsCalls, ['ok']);
    });

    it('are never shared between identities, roles or policies', async () => {
      const broker = makeBroker();
      const alice = principal();
      const access = object('GET', '2026/q3.csv');
      const other = 'arn:aws:iam::123456789012:role/other';
      await broker.credentials(broker.plan(alice, [scope(REPORTS, GRANTS, access)]));
      await broker.credentials(broker.plan(principal({ subject: 'bob' }), [scope(REPORTS, GRANTS, access)]));
      await broker.credentials(
        broker.plan(principal({ issuer: 'https://other.example' }), [scope(REPORTS, GRANTS, access)]),
      );
      await broker.credentials(broker.plan(alice, [scope(bucket({ roleArn: other }), GRANTS, access)]));
      await broker.credentials(broker.plan(alice, [scope(REPORTS, [allow(['GET'], { prefix: '2026/' })], access)]));
      assert.equal(sts.calls.length, 5);
    });

    it('are never shared between bindings of one identity, even where these grant the same', async () => {
      const broker = makeBroker();
      const access = object('GET', '2026/q3.csv');
      const bound = ['analytics', 'admins', undefined, ''].map((binding) =>
        principal({ expiresAtMs: nowMs + 480 * MINUTE, ...(binding === undefined ? {} : { binding }) }),
      );
      const given = new Set<string>();
      for (const who of [...bound, ...bound]) {
        given.add((await broker.credentials(broker.plan(who, [scope(REPORTS, GRANTS, access)]))).accessKeyId);
      }
      assert.equal(given.size, 4);
      assert.equal(sts.calls.length, 4);
    });

    it('of two requests of one principal differ where their policies do', async () => {
      const broker = makeBroker();
      const alice = principal();
      const grants = [allow(['LIST'], { prefix: '' }), deny(['LIST'], { prefix: '2026/secret/' })];
      const q3 = await broker.credentials(broker.plan(alice, [scope(REPORTS, grants, listing('2026/q3/'))]));
      const q4 = await broker.credentials(broker.plan(alice, [scope(REPORTS, grants, listing('2026/q4/'))]));
      assert.notEqual(q3.accessKeyId, q4.accessKeyId);
    });

    it('are bounded in number; the one longest unused goes first', async () => {
      const broker = makeBroker({}, { maxSessions: 2 });
      for (const subject of ['a', 'b', 'a', 'c']) await broker.credentials(planFor(broker, { subject }));
      assert.equal(sts.calls.length, 3);
      await broker.credentials(planFor(broker, { subject: 'a' }));
      assert.equal(sts.calls.length, 3);
      await broker.credentials(planFor(broker, { subject: 'b' }));
      assert.equal(sts.calls.length, 4);
    });

    it('last no longer than the token needs, within what STS gives and configuration allows', async () => {
      const broker = makeBroker();
      const expected = { 1: 900, 30: 1865, 600: 3600 };
      for (const [minutes, seconds] of Object.entries(expected)) {
        const at = sts.calls.length;
        await broker.credentials(
          planFor(broker, { subject: `for ${minutes}`, expiresAtMs: nowMs + Number(minutes) * MINUTE }),
        );
        assert.equal(formOf(at)['DurationSeconds'], String(seconds));
      }
    });

    it('are renewed ahead of expiry while the old one serves', async () => {
      const broker = makeBroker();
      const plan = planFor(broker);
      const first = await broker.credentials(plan);
      nowMs += 30 * MINUTE;
      assert.equal(await broker.credentials(plan), first);
      assert.equal(sts.calls.length, 1);
      nowMs += 25 * MINUTE;
      assert.equal(await broker.credentials(plan), first);
      await until(() => observer.stsCalls.length === 2);
      await until(() => sts.calls.length === 2);
      await setImmediate();
      const second = await broker.credentials(plan);
      assert.notEqual(second.accessKeyId, first.accessKeyId);
      assert.equal(sts.calls.length, 2);
    });

    it('are not renewed for a token that ends before they do', async () => {
      const broker = makeBroker();
      const plan = planFor(broker, { expiresAtMs: nowMs + 30 * MINUTE });
      await broker.credentials(plan);
      nowMs += 30 * MINUTE - 1;
      await broker.credentials(plan);
      await setImmediate();
      assert.equal(sts.calls.length, 1);
    });

    it('survive an outage of STS until they expire, and recover after it', async () => {
      const broker = makeBroker();
      const plan = planFor(broker);
      const first = await broker.credentials(plan);
      const { answer } = sts;
      sts.answer = refuse(500, 'InternalFailure');
      nowMs += 58 * MINUTE;
      assert.equal(await broker.credentials(plan), first);
      await until(() => observer.stsCalls.length === 2);
      assert.equal(await broker.credentials(plan), first);
      assert.equal(broker.health()[0]?.state, 'degraded');
      nowMs += MINUTE;
      assert.equal((await failureOf(broker, plan)).code, 'ServiceUnavailable');
      sts.answer = answer;
      nowMs += 1000;
      assert.notEqual(await broker.credentials(plan), first);
      assert.deepEqual(broker.health(), [{ name: 'sts:main', state: 'ok' }]);
    });

    it('are not asked for by every request while a renewal fails', async () => {
      const broker = makeBroker();
      const plan = planFor(broker);
      await broker.credentials(plan);
      sts.answer = refuse(403, 'AccessDenied');
      nowMs += 58 * MINUTE;
      for (let request = 0; request < 20; request += 1) {
        await broker.credentials(plan);
        await until(() => observer.stsCalls.length === 2);
      }
      assert.equal(sts.calls.length, 2);
    });

    it('are never used after the token ends', async () => {
      const broker = makeBroker();
      const plan = planFor(broker, { expiresAtMs: nowMs + 10 * MINUTE });
      await broker.credentials(plan);
      nowMs += 10 * MINUTE;
      assert.equal((await failureOf(broker, plan)).code, 'ExpiredToken');
      const never = planFor(broker, { expiresAtMs: Number.NaN });
      assert.equal((await failureOf(broker, never)).code, 'ExpiredToken');
      assert.equal(sts.calls.length, 1);
    });

    it('are not handed out when the token ends while STS answers', async () => {
      const broker = makeBroker();
      const { answer } = sts;
      sts.answer = (response, form) => {
        nowMs += MINUTE;
        answer(response, form);
      };
      const plan = planFor(broker, { expiresAtMs: nowMs + MINUTE });
      assert.equal((await failureOf(broker, plan)).code, 'ExpiredToken');
    });

    it("expire by our own clock when the store's clock runs ahead", async () => {
      const broker = makeBroker({ roleDefaults: { sourceIdentity: false, durationSeconds: 900 } });
      sts.answer = (response) => giveSession(response, nowMs + 24 * 60 * MINUTE);
      const given = await broker.credentials(planFor(broker));
      assert.equal(given.expiresAtMs, nowMs + 15 * MINUTE);
    });

    it('that have expired on arrival are refused', async () => {
      const broker = makeBroker();
      sts.answer = (response) => giveSession(response, nowMs + 59_000);
      assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
    });

    it('that the store refuses are forgotten, but not the one that replaced them', async () => {
      const broker = makeBroker();
      const plan = planFor(broker);
      const first = await broker.credentials(plan);
      nowMs += MINUTE;
      broker.forget(plan);
      const second = await broker.credentials(plan);
      assert.notEqual(second, first);
      broker.forget(plan);
      assert.equal(await broker.credentials(plan), second);
    });
  });

  describe('failures', () => {
    const answers: readonly (readonly [string, StsDouble['answer'], string])[] = [
      ['a throttled call', refuse(400, 'Throttling'), 'SlowDown'],
      ['a throttled call of another kind', refuse(400, 'ThrottlingException'), 'SlowDown'],
      ['a refused role', refuse(403, 'AccessDenied'), 'AccessDeniedByStore'],
      ['a refused role, as Ceph says it', refuseBare(403, 'AccessDenied'), 'AccessDeniedByStore'],
      ['base credentials that STS does not know', refuse(403, 'InvalidClientTokenId'), 'ServiceUnavailable'],
      ['a role that is not there, as Ceph says it', refuseBare(404, 'NoSuchEntity'), 'ServiceUnavailable'],
      ['a broken STS', refuse(500, 'InternalFailure'), 'ServiceUnavailable'],
      ['a web page', (response) => response.end('<html><body>Welcome!</body></html>'), 'ServiceUnavailable'],
      ['bytes', (response) => response.end(Buffer.from([0, 255, 1, 254])), 'ServiceUnavailable'],
      ['nothing', (response) => response.end(), 'ServiceUnavailable'],
      ['a session without an end', giveEndless, 'ServiceUnavailable'],
      ['a key with a line break', giveBroken, 'ServiceUnavailable'],
      ['a cut connection', (response) => response.destroy(), 'ServiceUnavailable'],
      ['an answer that is cut', cutShort, 'ServiceUnavailable'],
    ];
    for (const [what, answer, code] of answers) {
      it(`turn ${what} into ${code}`, async () => {
        const broker = makeBroker();
        sts.answer = answer;
        assert.equal((await failureOf(broker, planFor(broker))).code, code);
        assert.deepEqual(observer.stsCalls, ['error']);
      });
    }

    it('turn an STS that hangs, at once or half-way, into ServiceUnavailable when its time is up', async () => {
      for (const answer of [() => undefined, (response: ServerResponse) => response.write('<AssumeRole')]) {
        const broker = makeBroker({}, { stsTimeoutMs: 200 });
        sts.answer = answer;
        assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
      }
    });

    it('stop reading an answer without end', async () => {
      const broker = makeBroker();
      let sentBytes = 0;
      sts.answer = (response) => {
        const more = (): void => {
          do sentBytes += 65_536;
          while (!response.destroyed && response.write(' '.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      };
      assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
      assert.ok(sentBytes < 32 * 1_048_576, `${sentBytes} bytes were read`);
    });

    it('turn an STS that is down into ServiceUnavailable', async () => {
      const broker = makeBroker();
      await sts.close();
      assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
    });

    it('hold no secret, nor what STS wrote, in any depth', async () => {
      for (const [, answer] of answers.slice(0, 8)) {
        const broker = makeBroker();
        sts.answer = answer;
        const shown = inspect([await failureOf(broker, planFor(broker)), observer.said, broker.health()], {
          depth: 50,
        });
        for (const secret of [BASE_SECRET, SESSION_SECRET, SESSION_TOKEN]) assert.ok(!shown.includes(secret));
        assert.ok(!shown.includes('AKIABASE'));
      }
    });

    it('are kept for a second only', async () => {
      const broker = makeBroker();
      const { answer } = sts;
      sts.answer = refuse(403, 'AccessDenied');
      assert.equal((await failureOf(broker, planFor(broker))).code, 'AccessDeniedByStore');
      sts.answer = answer;
      assert.equal((await failureOf(broker, planFor(broker))).code, 'AccessDeniedByStore');
      assert.equal(sts.calls.length, 1);
      nowMs += 1000;
      await broker.credentials(planFor(broker));
    });

    it('of one identity do not stop another', async () => {
      const broker = makeBroker();
      const { answer } = sts;
      sts.answer = refuse(403, 'AccessDenied');
      await failureOf(broker, planFor(broker));
      sts.answer = answer;
      await broker.credentials(planFor(broker, { subject: 'bob' }));
    });

    it('ask for the accesses of the request alone where STS finds the policy too large, and narrow later plans', async () => {
      const broker = makeBroker();
      const alice = principal();
      const give = sts.answer;
      sts.answer = (response, form) => {
        const exact = form.get('Policy')?.includes('"arn:aws:s3:::reports/2026/q3.csv"') === true;
        (exact ? give : refuse(400, 'PackedPolicyTooLarge'))(response, form);
      };
      const planned = () => broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', '2026/q3.csv'))]);
      const wide = planned();
      assert.ok(wide.sessionPolicy.includes('s3:PutObject'));
      const given = await broker.credentials(wide);
      assert.deepEqual(JSON.parse(String(formOf(1)['Policy'])), {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['s3:GetObject', 's3:GetObjectAttributes'],
            Resource: 'arn:aws:s3:::reports/2026/q3.csv',
          },
        ],
      });
      assert.equal(await broker.credentials(wide), given);
      const withoutPut = planned();
      assert.ok(!withoutPut.sessionPolicy.includes('s3:PutObject'));
      assert.ok(withoutPut.sessionPolicy.includes('"arn:aws:s3:::reports/2026/*"'));
      assert.equal(await broker.credentials(withoutPut), given);
      assert.ok(planned().sessionPolicy.includes('"arn:aws:s3:::reports/2026/q3.csv"'));
      assert.equal(broker.health()[0]?.state, 'ok');
    });

    it('never give the narrow session of one request to another whose plan was too large as well', async () => {
      const broker = makeBroker();
      const alice = principal();
      const give = sts.answer;
      sts.answer = (response, form) => {
        const wide = form.get('Policy')?.includes('/2026/*') === true;
        (wide ? refuse(400, 'PackedPolicyTooLarge') : give)(response, form);
      };
      const keys = ['2026/a', '2026/b', '2026/a'];
      const plans = keys.map((key) => broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', key))]));
      assert.equal(new Set(plans.map(({ sessionKey }) => sessionKey)).size, 1);
      const [a, b, again] = await Promise.all(plans.map(async (plan) => broker.credentials(plan)));
      assert.notEqual(a, b);
      assert.equal(a, again);
      const [forgotten] = plans;
      assert.ok(forgotten !== undefined);
      nowMs += MINUTE;
      broker.forget(forgotten);
      assert.notEqual(await broker.credentials(forgotten), a);
    });

    it('end in InvalidRequest where STS finds the narrowest policy too large', async () => {
      const broker = makeBroker();
      sts.answer = refuse(400, 'PackedPolicyTooLarge');
      assert.equal((await failureOf(broker, planFor(broker))).code, 'InvalidRequest');
      assert.equal(sts.calls.length, 2);
    });

    it('leave STS healthy where it answered with a refusal of one role', async () => {
      const broker = makeBroker();
      sts.answer = refuse(403, 'AccessDenied');
      await failureOf(broker, planFor(broker));
      assert.equal(broker.health()[0]?.state, 'ok');
    });
  });
});

function giveEndless(response: ServerResponse): void {
  response.end(
    `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey>` +
      `<SessionToken>C</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );
}

function giveBroken(response: ServerResponse): void {
  giveSession(response, Date.now() + 60 * MINUTE, 'A&#10;B');
}

function cutShort(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('<AssumeRoleResponse>', () => response.destroy());
}
