import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import type { StsStore } from '../../../src/credentials/sts-store.ts';
import { BASE_SECRET, BrokerWorld, failureOf } from './broker-world.ts';
import { refuse, refuseWith, SESSION_SECRET } from './sts-double.ts';

type Answer = (response: ServerResponse) => void;

const identity: Answer = (response) => {
  response.end(
    `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
      `<Arn>arn:aws:iam::123456789012:user/gateway</Arn><UserId>AIDA</UserId><Account>123456789012</Account>` +
      `</GetCallerIdentityResult></GetCallerIdentityResponse>`,
  );
};
const listing: Answer = (response) => {
  response.end(
    '<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets></Buckets></ListAllMyBucketsResult>',
  );
};
const page: Answer = (response) => response.end('<html><body>Welcome!</body></html>');
const none = refuseWith(405, 'MethodNotAllowed');
const denied = refuseWith(403, 'AccessDenied');
const broken: Answer = (response) => response.destroy();

const CALLERS = 'AccessDeniedByStore';
const OURS = 'ServiceUnavailable';

/** What STS says of AssumeRole is AccessDenied in each. */
const EVIDENCE: readonly (readonly [
  what: string,
  identity: Answer,
  listBuckets: Answer,
  code: string,
  state: string,
])[] = [
  ['GetCallerIdentity is answered', identity, broken, CALLERS, 'ok'],
  ['GetCallerIdentity does not know the key', refuse(403, 'InvalidClientTokenId'), listing, OURS, 'degraded'],
  ['GetCallerIdentity refuses the signature', refuse(403, 'SignatureDoesNotMatch'), listing, OURS, 'degraded'],
  ['GetCallerIdentity says that the keys are over', refuse(403, 'ExpiredToken'), listing, OURS, 'degraded'],
  ['GetCallerIdentity gets no answer', broken, listing, OURS, 'degraded'],
  ['GetCallerIdentity is answered 500', refuse(500, 'InternalFailure'), listing, OURS, 'degraded'],
  ['GetCallerIdentity is answered with a page, and buckets are listed', page, listing, CALLERS, 'ok'],
  ['only the buckets are listed', none, listing, CALLERS, 'ok'],
  ['the listing of buckets refuses the signature', none, refuseWith(403, 'SignatureDoesNotMatch'), OURS, 'degraded'],
  ['the listing of buckets does not know the key', none, refuseWith(403, 'InvalidAccessKeyId'), OURS, 'degraded'],
  ['all is denied, and these keys were never good for anything', none, denied, OURS, 'degraded'],
  ['the listing of buckets gets no answer', none, broken, OURS, 'degraded'],
  ['the store has no listing of buckets', none, none, CALLERS, 'unknown'],
];

describe("the gateway's own keys, when STS denies a role", () => {
  const world = BrokerWorld.forEachTest();
  const { planFor } = world;
  const makeBroker = (store: Partial<StsStore> = {}) =>
    world.makeBroker({ buckets: { endpoint: world.sts.endpoint, region: 'us-east-1' }, ...store });
  const stateOf = (broker: ReturnType<typeof makeBroker>) =>
    broker.health().find(({ name }) => name === 'credentials:main')?.state;
  const eventsSaid = () => world.observer.said.map((words) => (words as unknown[])[0]);

  for (const [what, answer, listBuckets, code, state] of EVIDENCE) {
    it(`are ${code === CALLERS ? 'not ' : ''}to blame where ${what}`, async () => {
      const broker = makeBroker();
      assert.equal(stateOf(broker), 'unknown');
      Object.assign(world.sts, { answer: denied, identity: answer, listBuckets });
      const failure = await failureOf(broker, planFor(broker));
      assert.deepEqual([failure.code, stateOf(broker)], [code, state]);
      const shown = inspect([failure, world.observer.said, broker.health()], { depth: 50 });
      for (const secret of [BASE_SECRET, SESSION_SECRET, 'AKIABASE']) assert.ok(!shown.includes(secret));
    });
  }

  const SAYING = [
    'InvalidClientTokenId',
    'SignatureDoesNotMatch',
    'ExpiredToken',
    'UnrecognizedClientException',
    'InvalidAccessKeyId',
  ];
  for (const said of SAYING) {
    it(`are to blame without a question where STS says ${said}`, async () => {
      const broker = makeBroker();
      world.sts.answer = refuse(403, said);
      const { code, refusal } = await failureOf(broker, planFor(broker));
      assert.deepEqual([code, refusal?.keys, stateOf(broker)], [OURS, 'refused', 'degraded']);
      assert.deepEqual(world.sts.questions, []);
      assert.deepEqual(eventsSaid(), ['store_credentials_refused']);
    });
  }

  it('are not to blame where they were given a session and may only not list buckets', async () => {
    const broker = makeBroker();
    await broker.credentials(planFor(broker));
    world.nowMs += 5000;
    world.sts.answer = denied;
    assert.equal((await failureOf(broker, planFor(broker, { subject: 'bob' }))).code, CALLERS);
    assert.deepEqual(world.sts.questions, ['GetCallerIdentity', 'ListBuckets']);
  });

  it('are to blame where they could list buckets before, and cannot now', async () => {
    const broker = makeBroker();
    const { answer } = world.sts;
    Object.assign(world.sts, { answer: denied, listBuckets: listing });
    assert.equal((await failureOf(broker, planFor(broker))).code, CALLERS);
    world.nowMs += 5000;
    world.sts.answer = answer;
    await broker.credentials(planFor(broker));
    world.nowMs += 5000;
    Object.assign(world.sts, { answer: denied, listBuckets: denied });
    assert.equal((await failureOf(broker, planFor(broker, { subject: 'bob' }))).code, OURS);
    assert.equal(stateOf(broker), 'degraded');
    world.nowMs += 5000;
    world.sts.answer = answer;
    await broker.credentials(planFor(broker, { subject: 'carol' }));
    assert.equal(stateOf(broker), 'ok');
    assert.deepEqual(eventsSaid(), ['store_credentials_refused', 'store_credentials_recovered']);
  });

  it('are asked about once, however many callers are refused at once, and not again for seconds', async () => {
    const broker = makeBroker();
    Object.assign(world.sts, { answer: denied, identity });
    const callers = Array.from({ length: 50 }, (_, index) => planFor(broker, { subject: `caller-${index}` }));
    const codes = await Promise.all(callers.map(async (planned) => (await failureOf(broker, planned)).code));
    assert.deepEqual(new Set(codes), new Set([CALLERS]));
    assert.equal(world.sts.calls.length, 50);
    assert.deepEqual(world.sts.questions, ['GetCallerIdentity']);
    world.nowMs += 4999;
    await failureOf(broker, planFor(broker, { subject: 'late' }));
    assert.deepEqual(world.sts.questions, ['GetCallerIdentity']);
    world.nowMs += 1;
    await failureOf(broker, planFor(broker, { subject: 'later' }));
    assert.deepEqual(world.sts.questions, ['GetCallerIdentity', 'GetCallerIdentity']);
  });

  it('that cannot be had are to blame, and nothing is asked with none', async () => {
    const broker = makeBroker({
      base: { current: () => Promise.reject(new Error('no keys')), renew: () => Promise.resolve(false) },
    });
    assert.equal((await failureOf(broker, planFor(broker))).code, OURS);
    assert.deepEqual([world.sts.calls.length, world.sts.questions.length], [0, 0]);
  });
});
