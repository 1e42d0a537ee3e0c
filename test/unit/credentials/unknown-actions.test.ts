import assert from 'node:assert/strict';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { PlannedSession } from '../../../src/contracts/credential-broker.ts';
import { actionsIn } from '../../../src/credentials/unknown-actions.ts';
import { BrokerWorld, failureOf, MINUTE, REPORTS } from './broker-world.ts';
import { allow, object, principal, scope } from './fixture.ts';
import { refuse, refuseWith } from './sts-double.ts';

const GRANTS = [allow(['GET', 'PUT', 'GET_ACL', 'PUT_ACL', 'GET_TAGS'], { prefix: '2026/' })];
const UNKNOWN = ['s3:GetObjectAcl', 's3:PutObjectAcl', 's3:GetObjectAttributes'];

describe('actions that an IAM does not know', () => {
  const world = BrokerWorld.forEachTest();
  type Broker = ReturnType<typeof world.makeBroker>;

  const planOf = (broker: Broker, requested: Access = object('GET', '2026/x'), subject = 'alice'): PlannedSession =>
    broker.plan(principal({ subject, expiresAtMs: world.nowMs + 480 * MINUTE }), [scope(REPORTS, GRANTS, requested)]);
  const policyOf = (call: number): string => world.sts.calls.at(call)?.get('Policy') ?? '';
  /** Refuses a policy that names one of these, as a real STS does. */
  const know = (unknown: readonly string[], refusal = refuse(400, 'InvalidParameterValue')): void => {
    const give = world.sts.answer;
    world.sts.answer = (response, form) => {
      const isKnown = actionsIn(form.get('Policy') ?? '').every((action) => !unknown.includes(action));
      (isKnown ? give : refusal)(response, form);
    };
  };

  for (const [what, refusal] of [
    ['says so', refuse(400, 'MalformedPolicyDocument')],
    ['names no reason', refuseWith(400, 'MalformedPolicy')],
  ] as const) {
    it(`are found by the first refusal, serve that request too, and are named no more (an STS that ${what})`, async () => {
      know(UNKNOWN, refusal);
      const broker = world.makeBroker();
      await broker.credentials(planOf(broker));
      assert.deepEqual(actionsIn(policyOf(-1)), ['s3:GetObject']);
      const requested = world.sts.calls.length;
      assert.ok(requested <= 20, `${requested} calls`);

      await broker.credentials(planOf(broker, object('PUT_ACL', '2026/x'), 'bob'));
      assert.equal(world.sts.calls.length, requested + 1);
      assert.ok(actionsIn(policyOf(-1)).includes('s3:PutObject'));
      assert.ok(!actionsIn(policyOf(-1)).some((action) => UNKNOWN.includes(action)));
      assert.equal(broker.health()[0]?.state, 'ok');
      assert.ok(JSON.stringify(world.observer.said).includes('s3:GetObjectAcl, s3:PutObjectAcl'));
    });
  }

  it('are searched for once, however many callers are refused at a time', async () => {
    know(UNKNOWN);
    const broker = world.makeBroker();
    const callers = Array.from({ length: 20 }, (_, index) =>
      planOf(broker, object('GET', '2026/x'), `caller ${index}`),
    );
    await Promise.all(callers.map(async (plan) => broker.credentials(plan)));
    // Each caller is refused once and served once.
    assert.ok(world.sts.calls.length <= 2 * callers.length + 20, `${world.sts.calls.length} calls`);
  });

  it('are left out from the start where configuration names them', async () => {
    know(UNKNOWN);
    const broker = world.makeBroker({ unknownActions: UNKNOWN });
    await broker.credentials(planOf(broker));
    assert.equal(world.sts.calls.length, 1);
  });

  it('are not taken from what a refusal says: a key that names an action takes it from nobody', async () => {
    const key = "2026/unsupported action 's3:GetObject'";
    const give = world.sts.answer;
    world.sts.answer = (response, form) => {
      if (form.get('Policy')?.includes('2026/') !== true) {
        give(response, form);
        return;
      }
      response.writeHead(400, { 'content-type': 'text/xml' });
      response.end(
        `<ErrorResponse><Error><Code>MalformedPolicyDocument</Code><Message>${key}</Message></Error></ErrorResponse>`,
      );
    };
    const broker = world.makeBroker();
    assert.equal((await failureOf(broker, planOf(broker, object('GET', key)))).code, 'ServiceUnavailable');
    world.sts.answer = give;
    await broker.credentials(planOf(broker, object('GET', '2026/x'), 'bob'));
    assert.ok(actionsIn(policyOf(-1)).includes('s3:GetObject'));
  });

  it('are none where STS refuses whatever it is asked: nothing is left out once it answers again', async () => {
    const give = world.sts.answer;
    const broker = world.makeBroker();
    world.sts.answer = refuse(400, 'ValidationError');
    assert.equal((await failureOf(broker, planOf(broker))).code, 'ServiceUnavailable');
    world.sts.answer = give;
    world.nowMs += 2000;
    await broker.credentials(planOf(broker));
    for (const action of ['s3:GetObjectAcl', 's3:GetObjectAttributes', 's3:PutObject'])
      assert.ok(actionsIn(policyOf(-1)).includes(action), action);
  });
});
