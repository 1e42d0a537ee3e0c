import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { GRANTS } from './broker-fixture.ts';
import { BASE_SECRET, BrokerWorld, failureOf, MINUTE, REPORTS } from './broker-world.ts';
import { object, principal, scope } from './fixture.ts';
import { giveSession, refuse, refuseWith, SESSION_SECRET, SESSION_TOKEN } from './sts-double.ts';
import type { StsDouble } from './sts-double.ts';

describe('failures of STS', () => {
  const world = BrokerWorld.forEachTest();
  const { makeBroker, planFor, formOf } = world;

  const answers: readonly (readonly [string, StsDouble['answer'], string])[] = [
    ['a throttled call', refuse(400, 'Throttling'), 'SlowDown'],
    ['a throttled call of another kind', refuse(400, 'ThrottlingException'), 'SlowDown'],
    ['a refused role', refuse(403, 'AccessDenied'), 'AccessDeniedByStore'],
    ['a refused role, as Ceph says it', refuseWith(403, 'AccessDenied'), 'AccessDeniedByStore'],
    ['base credentials that STS does not know', refuse(403, 'InvalidClientTokenId'), 'ServiceUnavailable'],
    ['a role that is not there, as Ceph says it', refuseWith(404, 'NoSuchEntity'), 'ServiceUnavailable'],
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
      world.sts.answer = answer;
      assert.equal((await failureOf(broker, planFor(broker))).code, code);
      assert.deepEqual(world.observer.stsCalls, ['error']);
    });
  }

  it('turn an STS that hangs, at once or half-way, into ServiceUnavailable when its time is up', async () => {
    for (const answer of [() => undefined, (response: ServerResponse) => response.write('<AssumeRole')]) {
      const broker = makeBroker({}, { stsTimeoutMs: 200 });
      world.sts.answer = answer;
      assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
    }
  });

  it('stop reading an answer without end', async () => {
    const broker = makeBroker();
    let sentBytes = 0;
    world.sts.answer = (response) => {
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
    await world.sts.close();
    assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
  });

  it('hold no secret, nor what STS wrote, in any depth', async () => {
    for (const [, answer] of answers.slice(0, 8)) {
      const broker = makeBroker();
      world.sts.answer = answer;
      const shown = inspect([await failureOf(broker, planFor(broker)), world.observer.said, broker.health()], {
        depth: 50,
      });
      for (const secret of [BASE_SECRET, SESSION_SECRET, SESSION_TOKEN]) assert.ok(!shown.includes(secret));
      assert.ok(!shown.includes('AKIABASE'));
    }
  });

  it('are kept for a second only', async () => {
    const broker = makeBroker();
    const { answer } = world.sts;
    world.sts.answer = refuse(403, 'AccessDenied');
    assert.equal((await failureOf(broker, planFor(broker))).code, 'AccessDeniedByStore');
    world.sts.answer = answer;
    assert.equal((await failureOf(broker, planFor(broker))).code, 'AccessDeniedByStore');
    assert.equal(world.sts.calls.length, 1);
    world.nowMs += 1000;
    await broker.credentials(planFor(broker));
  });

  it('of one identity do not stop another', async () => {
    const broker = makeBroker();
    const { answer } = world.sts;
    world.sts.answer = refuse(403, 'AccessDenied');
    await failureOf(broker, planFor(broker));
    world.sts.answer = answer;
    await broker.credentials(planFor(broker, { subject: 'bob' }));
  });

  it('ask for the accesses of the request alone where STS finds the policy too large, and narrow later plans', async () => {
    const broker = makeBroker();
    const alice = principal();
    const give = world.sts.answer;
    world.sts.answer = (response, form) => {
      const exact = form.get('Policy')?.includes('"arn:aws:s3:::reports/2026/q3.csv"') === true;
      (exact ? give : refuse(400, 'PackedPolicyTooLarge'))(response, form);
    };
    const planned = () => broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', '2026/q3.csv'))]);
    const wide = planned();
    assert.ok(wide.plan.sessionPolicy.includes('s3:PutObject'));
    const received = await broker.credentials(wide);
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
    assert.equal(await broker.credentials(wide), received);
    const withoutPut = planned();
    assert.ok(!withoutPut.plan.sessionPolicy.includes('s3:PutObject'));
    assert.ok(withoutPut.plan.sessionPolicy.includes('"arn:aws:s3:::reports/2026/*"'));
    assert.equal(await broker.credentials(withoutPut), received);
    assert.ok(planned().plan.sessionPolicy.includes('"arn:aws:s3:::reports/2026/q3.csv"'));
    assert.equal(broker.health()[0]?.state, 'ok');
  });

  it('never give the narrow session of one request to another whose plan was too large as well', async () => {
    const broker = makeBroker();
    const alice = principal();
    const give = world.sts.answer;
    world.sts.answer = (response, form) => {
      const wide = form.get('Policy')?.includes('/2026/*') === true;
      (wide ? refuse(400, 'PackedPolicyTooLarge') : give)(response, form);
    };
    const keys = ['2026/a', '2026/b', '2026/a'];
    const plans = keys.map((key) => broker.plan(alice, [scope(REPORTS, GRANTS, object('GET', key))]));
    assert.equal(new Set(plans.map(({ plan }) => plan.sessionKey)).size, 1);
    const [a, b, again] = await Promise.all(plans.map(async (plan) => broker.credentials(plan)));
    assert.notEqual(a, b);
    assert.equal(a, again);
    const [forgotten] = plans;
    assert.ok(forgotten !== undefined);
    world.nowMs += MINUTE;
    broker.forget(forgotten);
    assert.notEqual(await broker.credentials(forgotten), a);
  });

  it('end in InvalidRequest where STS finds the narrowest policy too large', async () => {
    const broker = makeBroker();
    world.sts.answer = refuse(400, 'PackedPolicyTooLarge');
    assert.equal((await failureOf(broker, planFor(broker))).code, 'InvalidRequest');
    assert.equal(world.sts.calls.length, 2);
  });

  it('leave STS healthy where it answered with a refusal of one role', async () => {
    const broker = makeBroker();
    const { answer } = world.sts;
    world.sts.answer = refuse(403, 'AccessDenied');
    await failureOf(broker, planFor(broker));
    // That of everybody, for all that is known.
    assert.equal(broker.health()[0]?.state, 'unknown');
    world.sts.answer = answer;
    world.nowMs += 1000;
    await broker.credentials(planFor(broker));
    world.sts.answer = refuse(403, 'AccessDenied');
    await failureOf(broker, planFor(broker, { subject: 'another' }));
    assert.equal(broker.health()[0]?.state, 'ok');
  });
  it('are over, in every case, once STS answers again: nothing needs a restart', async () => {
    const broker = makeBroker();
    const { answer } = world.sts;
    for (const [what, fault] of answers) {
      world.sts.answer = fault;
      await failureOf(broker, planFor(broker));
      world.sts.answer = answer;
      world.nowMs += 1000;
      await broker.credentials(planFor(broker, { subject: what }));
      await broker.credentials(planFor(broker));
      assert.equal(broker.health()[0]?.state, 'ok', what);
      world.nowMs += 480 * MINUTE;
    }
  });

  it('never let out credentials that have expired, or end within the minute', async () => {
    const broker = makeBroker();
    for (const [lifeMs, code] of [
      [-480 * MINUTE, 'ServiceUnavailable'],
      [0, 'ServiceUnavailable'],
      [MINUTE, 'ServiceUnavailable'],
    ] as const) {
      world.sts.answer = (response) => giveSession(response, world.nowMs + lifeMs);
      assert.equal((await failureOf(broker, planFor(broker, { subject: `for ${lifeMs}` }))).code, code);
    }
    world.sts.answer = (response) => giveSession(response, world.nowMs + 2 * MINUTE);
    await broker.credentials(planFor(broker));
  });

  it('of a slow STS cost one call its time, whoever waits for it, and the answer serves them all', async () => {
    const broker = makeBroker({}, { stsTimeoutMs: 2000 });
    const { answer } = world.sts;
    world.sts.answer = (response, form) => void setTimeout(() => answer(response, form), 150);
    const received = await Promise.all(Array.from({ length: 20 }, async () => broker.credentials(planFor(broker))));
    assert.equal(new Set(received).size, 1);
    assert.equal(world.sts.calls.length, 1);
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
