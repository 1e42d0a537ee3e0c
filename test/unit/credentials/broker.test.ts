import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Access, Grant } from '../../../src/contracts/authorizer.ts';
import { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { GRANTS } from './broker-fixture.ts';
import { BrokerWorld, failureOf, MINUTE, REPORTS, until } from './broker-world.ts';
import { allow, bucket, deny, listing, object, principal, scope } from './fixture.ts';
import { giveSession, refuse } from './sts-double.ts';

describe('credential broker', () => {
  const world = BrokerWorld.forEachTest();
  const { makeBroker, planFor, formOf } = world;

  describe('plans', () => {
    it('asks STS for exactly what was planned, and asks nothing to plan', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      assert.equal(world.sts.calls.length, 0);
      await broker.credentials(planned);
      assert.deepEqual(formOf(0), {
        Action: 'AssumeRole',
        Version: '2011-06-15',
        RoleArn: planned.plan.roleArn,
        RoleSessionName: planned.plan.sessionName,
        Policy: planned.plan.sessionPolicy,
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
      assert.equal(world.sts.calls.length, 1);
    });

    it('sends ExternalId and SourceIdentity where they are configured', async () => {
      const broker = makeBroker({
        sourceIdentity: true,
        externalId: 'tenant-7',
        sessionSeconds: 3600,
      });
      const planned = planFor(broker);
      await broker.credentials(planned);
      assert.equal(formOf(0)['SourceIdentity'], planned.plan.sessionName);
      assert.equal(formOf(0)['ExternalId'], 'tenant-7');
    });

    it('gives the same plan again for the same identity and grants', () => {
      const broker = makeBroker();
      const alice = principal();
      const first = broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', '2026/a'))]);
      assert.equal(broker.plan(alice, [scope(REPORTS, GRANTS, object('PUT', '2026/b'))]).plan, first.plan);
      const reloaded = [allow(['GET'], { prefix: '2026/' })];
      assert.notEqual(
        broker.plan(alice, [scope(REPORTS, reloaded, object('GET', '2026/a'))]).plan.sessionPolicy,
        first.plan.sessionPolicy,
      );
    });

    it('names the bucket as the store knows it, in the partition of the role', () => {
      const china = bucket({ storeBucket: 'cn-7', roleArn: 'arn:aws-cn:iam::123456789012:role/sallyport' });
      const { plan } = makeBroker().plan(principal(), [scope(china, GRANTS, object('GET', '2026/a'))]);
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
        broker
          .plan(principal(), [scope(REPORTS, denied, object('GET', '2026/x'))])
          .plan.sessionPolicy.includes('"Deny"'),
      );
    });

    it('puts both buckets of a copy into one policy, and each access under the grants of its own bucket', () => {
      const artifacts = bucket({ name: 'artifacts', storeBucket: 'artifacts' });
      const { plan } = makeBroker().plan(principal(), [
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
      assert.equal(read.plan.sessionKey, copy.plan.sessionKey);
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
        makeBroker().plan(principal(), [scope(REPORTS, grants, ...accesses)]).plan.sessionPolicy;

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
      assert.throws(() => makeBroker({ sourceIdentity: false, sessionSeconds: 899 }), TypeError);
      assert.throws(() => makeBroker({ sourceIdentity: false, sessionSeconds: Number.NaN }), TypeError);
      const stores = [1, 2].map(() => ({
        name: 'main',
        endpoint: world.sts.endpoint,
        region: 'us-east-1',
        iamEscapes: true,
        sourceIdentity: false,
        sessionSeconds: 900,
      }));
      assert.throws(() => createCredentialBroker({ stores, clock: world.clock, observer: world.observer }), TypeError);
    });
  });

  describe('sessions', () => {
    it('are requested once by a crowd, and not again while they last', async () => {
      const broker = makeBroker();
      const received = await Promise.all(Array.from({ length: 50 }, async () => broker.credentials(planFor(broker))));
      assert.equal(new Set(received).size, 1);
      await broker.credentials(planFor(broker));
      assert.equal(world.sts.calls.length, 1);
      assert.equal(world.observer.hits.at(-1), true);
      assert.deepEqual(world.observer.stsCalls, ['ok']);
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
      assert.equal(world.sts.calls.length, 5);
    });

    it('are never shared between bindings of one identity, even where these grant the same', async () => {
      const broker = makeBroker();
      const access = object('GET', '2026/q3.csv');
      const bound = ['analytics', 'admins', undefined, ''].map((binding) =>
        principal({ expiresAtMs: world.nowMs + 480 * MINUTE, ...(binding === undefined ? {} : { binding }) }),
      );
      const received = new Set<string>();
      for (const caller of [...bound, ...bound]) {
        received.add((await broker.credentials(broker.plan(caller, [scope(REPORTS, GRANTS, access)]))).accessKeyId);
      }
      assert.equal(received.size, 4);
      assert.equal(world.sts.calls.length, 4);
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
      assert.equal(world.sts.calls.length, 3);
      await broker.credentials(planFor(broker, { subject: 'a' }));
      assert.equal(world.sts.calls.length, 3);
      await broker.credentials(planFor(broker, { subject: 'b' }));
      assert.equal(world.sts.calls.length, 4);
    });

    it('last no longer than the token needs, within what STS gives and configuration allows', async () => {
      const broker = makeBroker();
      const expected = { 1: 900, 30: 1865, 600: 3600 };
      for (const [minutes, seconds] of Object.entries(expected)) {
        const at = world.sts.calls.length;
        await broker.credentials(
          planFor(broker, { subject: `for ${minutes}`, expiresAtMs: world.nowMs + Number(minutes) * MINUTE }),
        );
        assert.equal(formOf(at)['DurationSeconds'], String(seconds));
      }
    });

    it('are given at once where they are in memory, and never after the end of the token', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      assert.ok(broker.credentials(planned) instanceof Promise);
      const first = await broker.credentials(planned);
      assert.equal(broker.credentials(planned), first);
      world.nowMs = planned.plan.notAfterMs;
      const late = broker.credentials(planned);
      assert.ok(late instanceof Promise);
      await assert.rejects(late, { code: 'ExpiredToken' });
    });

    it('are renewed ahead of expiry while the old one serves', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      const first = await broker.credentials(planned);
      world.nowMs += 30 * MINUTE;
      assert.equal(await broker.credentials(planned), first);
      assert.equal(world.sts.calls.length, 1);
      world.nowMs += 25 * MINUTE;
      assert.equal(await broker.credentials(planned), first);
      await until(() => world.observer.stsCalls.length === 2);
      await until(() => world.sts.calls.length === 2);
      await setImmediate();
      const second = await broker.credentials(planned);
      assert.notEqual(second.accessKeyId, first.accessKeyId);
      assert.equal(world.sts.calls.length, 2);
    });

    it('that began together are renewed at times of their own, between 60% and 85% of their life', async () => {
      const broker = makeBroker();
      const plans = Array.from({ length: 40 }, (_, index) => planFor(broker, { subject: `caller ${index}` }));
      const assumeAll = async (): Promise<number> => {
        await Promise.all(plans.map(async (planned) => broker.credentials(planned)));
        await until(() => world.observer.stsCalls.length === world.sts.calls.length);
        await new Promise((done) => setTimeout(done, 100));
        return world.sts.calls.length - plans.length;
      };
      const lifeMs = 59 * MINUTE;
      assert.equal(await assumeAll(), 0);
      world.nowMs += lifeMs * 0.59;
      assert.equal(await assumeAll(), 0);
      world.nowMs += lifeMs * 0.13;
      const early = await assumeAll();
      assert.ok(early > 0 && early < 40, `${early} renewed early`);
      world.nowMs += lifeMs * 0.14;
      await assumeAll();
      await until(() => world.sts.calls.length === 2 * plans.length);
    });

    it('are not renewed for a token that ends before they do', async () => {
      const broker = makeBroker();
      const planned = planFor(broker, { expiresAtMs: world.nowMs + 30 * MINUTE });
      await broker.credentials(planned);
      world.nowMs += 30 * MINUTE - 1;
      await broker.credentials(planned);
      await setImmediate();
      assert.equal(world.sts.calls.length, 1);
    });

    it('survive an outage of STS until they expire, and recover after it', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      const first = await broker.credentials(planned);
      const { answer } = world.sts;
      world.sts.answer = refuse(500, 'InternalFailure');
      world.nowMs += 58 * MINUTE;
      assert.equal(await broker.credentials(planned), first);
      await until(() => world.observer.stsCalls.length === 2);
      assert.equal(await broker.credentials(planned), first);
      assert.equal(broker.health()[0]?.state, 'degraded');
      world.nowMs += MINUTE;
      assert.equal((await failureOf(broker, planned)).code, 'ServiceUnavailable');
      world.sts.answer = answer;
      world.nowMs += 1000;
      assert.notEqual(await broker.credentials(planned), first);
      assert.partialDeepStrictEqual(broker.health(), [
        { name: 'sts:main', state: 'ok' },
        { name: 'credentials:main', state: 'ok' },
      ]);
    });

    it('are not asked for by every request while a renewal fails', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      await broker.credentials(planned);
      world.sts.answer = refuse(403, 'AccessDenied');
      world.nowMs += 58 * MINUTE;
      for (let request = 0; request < 20; request += 1) {
        await broker.credentials(planned);
        await until(() => world.observer.stsCalls.length === 2);
      }
      assert.equal(world.sts.calls.length, 2);
    });

    it('are never used after the token ends', async () => {
      const broker = makeBroker();
      const planned = planFor(broker, { expiresAtMs: world.nowMs + 10 * MINUTE });
      await broker.credentials(planned);
      world.nowMs += 10 * MINUTE;
      assert.equal((await failureOf(broker, planned)).code, 'ExpiredToken');
      const never = planFor(broker, { expiresAtMs: Number.NaN });
      assert.equal((await failureOf(broker, never)).code, 'ExpiredToken');
      assert.equal(world.sts.calls.length, 1);
    });

    it('are not handed out when the token ends while STS answers', async () => {
      const broker = makeBroker();
      const { answer } = world.sts;
      world.sts.answer = (response, form) => {
        world.nowMs += MINUTE;
        answer(response, form);
      };
      const planned = planFor(broker, { expiresAtMs: world.nowMs + MINUTE });
      assert.equal((await failureOf(broker, planned)).code, 'ExpiredToken');
    });

    it("expire by our own clock when the store's clock runs ahead", async () => {
      const broker = makeBroker({ sourceIdentity: false, sessionSeconds: 900 });
      world.sts.answer = (response) => giveSession(response, world.nowMs + 24 * 60 * MINUTE);
      const received = await broker.credentials(planFor(broker));
      assert.equal(received.expiresAtMs, world.nowMs + 15 * MINUTE);
    });

    it('that have expired on arrival are refused', async () => {
      const broker = makeBroker();
      world.sts.answer = (response) => giveSession(response, world.nowMs + 59_000);
      assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
    });

    it('that the store refuses are forgotten, but not the one that replaced them', async () => {
      const broker = makeBroker();
      const planned = planFor(broker);
      const first = await broker.credentials(planned);
      world.nowMs += MINUTE;
      broker.forget(planned);
      const second = await broker.credentials(planned);
      assert.notEqual(second, first);
      broker.forget(planned);
      assert.equal(await broker.credentials(planned), second);
    });
  });
});
