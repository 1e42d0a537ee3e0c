import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { CredentialBroker, PlannedSession } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { StoreToken } from '../../../src/contracts/store-tokens.ts';
import type { BaseSource } from '../../../src/credentials/base-credentials.ts';
import type { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { StsStore } from '../../../src/credentials/sts-store.ts';
import { rememberSpans, traceparentOf } from '../../support/stack/remembered-spans.ts';
import { GRANTS } from './broker-fixture.ts';
import { BrokerWorld, failureOf, MINUTE, REPORTS } from './broker-world.ts';
import { object, principal, scope } from './fixture.ts';
import { giveSession, refuse, refuseWith, type StsDouble } from './sts-double.ts';

const ACTION = 'AssumeRoleWithWebIdentity';
const SECRET = 'eyJhbGciOiJSUzI1NiJ9.a-store-token.signature';

/** To be requested credentials would be to look for them. */
const untouchable: BaseSource = {
  current: () => assert.fail('base credentials were requested'),
  renew: () => assert.fail('base credentials were requested'),
};

describe('AssumeRoleWithWebIdentity', () => {
  const world = BrokerWorld.forEachTest();
  const { formOf } = world;

  beforeEach(() => {
    world.sts.answer = (response, form) => {
      const expiresAtMs = world.nowMs + Number(form.get('DurationSeconds')) * 1000;
      giveSession(response, expiresAtMs, `ASIA${world.sts.calls.length}`, ACTION);
    };
  });

  const makeBroker = (store: Partial<StsStore> = {}, stsTimeoutMs = 5000) =>
    world.makeBroker({ method: 'web-identity', base: untouchable, ...store }, { stsTimeoutMs });
  const tokenOf = (token = SECRET, expiresAtMs = world.nowMs + 60 * MINUTE): StoreToken => ({
    ...{ digest: hash('sha256', token, 'base64url'), tokenIdHash: '0'.repeat(32), expiresAtMs },
    reveal: () => token,
  });
  const planFor = (
    broker: CredentialBroker,
    token: StoreToken | undefined = tokenOf(),
    caller: Partial<Principal> = {},
  ): PlannedSession =>
    broker.plan(
      principal({ expiresAtMs: world.nowMs + 480 * MINUTE, ...caller }),
      [scope(REPORTS, GRANTS, object('GET', '2026/q3.csv'))],
      token,
    );

  it('is requested the role with the token, unsigned, and with nothing of the gateway', async () => {
    const broker = makeBroker();
    const planned = planFor(broker);
    const received = await broker.credentials(planned);
    assert.equal(received.accessKeyId, 'ASIA1');
    assert.deepEqual(formOf(0), {
      Action: ACTION,
      Version: '2011-06-15',
      RoleArn: REPORTS.roleArn,
      RoleSessionName: planned.plan.sessionName,
      Policy: planned.plan.sessionPolicy,
      DurationSeconds: '3600',
      WebIdentityToken: SECRET,
    });
    assert.deepEqual(world.sts.signers, [{ accessKeyId: '', sessionToken: '' }]);
  });

  it('is a span, whose context goes along', async () => {
    const { traces, spans } = rememberSpans();
    const broker = world.makeBroker(
      { method: 'web-identity', base: untouchable },
      { observer: { ...world.observer, traces } },
    );
    await broker.credentials(planFor(broker));
    assert.deepEqual(
      spans.map(({ name, attributes }) => [name, attributes]),
      [[`STS.${ACTION}`, { 'sallyport.store': 'main' }]],
    );
    assert.deepEqual(world.sts.traceparents, [traceparentOf(1)]);
    assert.ok(!JSON.stringify(spans).includes(SECRET));
  });

  it('is told of at start: its role can be had past the gateway', () => {
    makeBroker();
    assert.match(JSON.stringify(world.observer.said), /store_tokens_forwarded.*"store":"main"/);
  });

  it('is not asked without a token, and neither is anything else', () => {
    const broker = makeBroker();
    const scopes = [scope(REPORTS, GRANTS, object('GET', '2026/q3.csv'))];
    assert.throws(() => broker.plan(principal(), scopes), { code: 'MissingSecurityHeader' });
    assert.equal(world.sts.calls.length, 0);
  });

  it('gives no session to who comes with another token, not even the same person with the same rights', async () => {
    const broker = makeBroker();
    const [one, other] = [tokenOf('one'), tokenOf('other')];
    const first = await broker.credentials(planFor(broker, one));
    assert.notEqual((await broker.credentials(planFor(broker, other))).accessKeyId, first.accessKeyId);
    assert.equal(await broker.credentials(planFor(broker, tokenOf('one'))), first);
    assert.notEqual(
      (await broker.credentials(planFor(broker, one, { subject: 'bob' }))).accessKeyId,
      first.accessKeyId,
    );
    assert.equal(world.sts.calls.length, 3);
  });

  it('gives sessions that are used until the token ends, however long they and their caller last', async () => {
    const broker = makeBroker();
    const ending = tokenOf(SECRET, world.nowMs + 5 * MINUTE);
    const planned = planFor(broker, ending);
    assert.equal(planned.plan.notAfterMs, world.nowMs + 5 * MINUTE);
    await broker.credentials(planned);
    assert.equal(formOf(0)['DurationSeconds'], '900');
    world.nowMs += 5 * MINUTE;
    assert.equal((await failureOf(broker, planned)).code, 'ExpiredToken');
    const shorter = { expiresAtMs: world.nowMs + MINUTE };
    assert.equal(planFor(broker, tokenOf(), shorter).plan.notAfterMs, world.nowMs + MINUTE);
  });

  it('is asked once more for the accesses alone, with the same token, where the policy is too large', async () => {
    const broker = makeBroker();
    const give = world.sts.answer;
    world.sts.answer = (response, form) => {
      const exact = form.get('Policy')?.includes('"arn:aws:s3:::reports/2026/q3.csv"') === true;
      (exact ? give : refuse(400, 'PackedPolicyTooLarge'))(response, form);
    };
    await broker.credentials(planFor(broker));
    assert.equal(world.sts.calls.length, 2);
    assert.equal(formOf(1)['WebIdentityToken'], SECRET);
    assert.ok(!String(formOf(1)['Policy']).includes('s3:PutObject'));
  });

  const answers: readonly (readonly [string, StsDouble['answer'], string, 'unknown' | 'degraded'])[] = [
    ['a token that is over', refuse(400, 'ExpiredTokenException'), 'ExpiredToken', 'unknown'],
    ['a token that STS does not take', refuse(400, 'InvalidIdentityToken'), 'InvalidToken', 'unknown'],
    ['a token that its issuer rejects', refuse(403, 'IDPRejectedClaim'), 'InvalidToken', 'unknown'],
    ['an issuer that STS cannot reach', refuse(400, 'IDPCommunicationError'), 'ServiceUnavailable', 'degraded'],
    ['a role that refuses the token', refuse(403, 'AccessDenied'), 'AccessDeniedByStore', 'unknown'],
    ['a refusal as Ceph says it', refuseWith(403, 'AccessDenied'), 'AccessDeniedByStore', 'unknown'],
    ['a throttled call', refuse(400, 'Throttling'), 'SlowDown', 'degraded'],
    ['a broken STS', refuse(500, 'InternalFailure'), 'ServiceUnavailable', 'degraded'],
    ['a region without STS', refuse(403, 'RegionDisabledException'), 'ServiceUnavailable', 'degraded'],
  ];
  for (const [what, answer, code, state] of answers) {
    it(`turns ${what} into ${code}, without a word of the token`, async () => {
      const broker = makeBroker();
      world.sts.answer = answer;
      const failure = await failureOf(broker, planFor(broker));
      assert.equal(failure.code, code);
      assert.equal(broker.health()[0]?.state, state);
      assert.ok(!inspect([failure, world.observer.said, broker.health()], { depth: 50 }).includes(SECRET));
    });
  }

  it('tells of a refused token that it is this one, and not the one that the caller came with', async () => {
    const broker = makeBroker();
    world.sts.answer = refuse(400, 'InvalidIdentityToken');
    const { clientFields } = await failureOf(broker, planFor(broker));
    assert.deepEqual(clientFields, { Header: 'x-sallyport-store-token' });
  });

  it('ends in ServiceUnavailable when its time is up', async () => {
    const broker = makeBroker({}, 200);
    world.sts.answer = () => undefined;
    assert.equal((await failureOf(broker, planFor(broker))).code, 'ServiceUnavailable');
  });

  it('refuses one token and goes on with another, at once', async () => {
    const broker = makeBroker();
    const give = world.sts.answer;
    world.sts.answer = (response, form) =>
      (form.get('WebIdentityToken') === 'bad' ? refuse(400, 'InvalidIdentityToken') : give)(response, form);
    assert.equal((await failureOf(broker, planFor(broker, tokenOf('bad')))).code, 'InvalidToken');
    await broker.credentials(planFor(broker, tokenOf('good')));
  });

  it('leaves the token nowhere in the plan where printing or JSON would show it', () => {
    const planned = planFor(makeBroker());
    assert.ok(!`${inspect(planned, { depth: 50, showHidden: true })}${JSON.stringify(planned)}`.includes(SECRET));
  });

  it('is requested so many sessions of one identity at a time and no more, whatever tokens it has; others are served', async () => {
    const broker = makeBroker();
    const give = world.sts.answer;
    const held: (() => void)[] = [];
    world.sts.answer = (response, form) => void held.push(() => give(response, form));
    const requested = Array.from({ length: 40 }, async (_, at) =>
      broker.credentials(planFor(broker, tokenOf(`${SECRET}${at}`))),
    );
    const settling = Promise.allSettled(requested);
    const other = broker.credentials(planFor(broker, tokenOf('of-somebody-else'), { subject: 'bob' }));
    while (held.length < 17) await after(5);
    await after(20);
    assert.equal(held.length, 17);
    for (const answer of held) answer();
    const settled = await settling;
    const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as GatewayError] : []));
    assert.deepEqual(new Set(refused.map(({ code }) => code)), new Set(['SlowDown']));
    assert.equal(refused.length, 24);
    await other;
    world.sts.answer = give;
    // Its places are free again, and no STS is called ill for it.
    await broker.credentials(planFor(broker, tokenOf('later')));
    assert.equal(broker.health()[0]?.state, 'ok');
  });
});
