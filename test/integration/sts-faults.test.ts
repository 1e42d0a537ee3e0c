/**
 * What an STS can do wrong, under load on a whole gateway: who has a session goes on, a store without STS notices nothing,
 * whoever needs a session is told what it is, in bounded time, and STS is not trampled; when it is well, the next attempts
 * pass.
 */
import assert from 'node:assert/strict';
import {
  answering,
  broken,
  changed,
  huge,
  late,
  redirecting,
  silent,
  type Spoil,
} from '../support/identity/fault-front.ts';
import { startFaultyWorld, STS_TIMEOUT_MS, type FaultyWorld, type Reply } from '../support/stack/faulty-world.ts';

const POLICY = `
id: team
description: The team reads and writes under desk/ of both buckets.
subjects: [{ issuer: well, group: analytics }]
rules:
  - { id: box, allow: [GET, PUT], bucket: box, prefix: desk/ }
  - { id: landing, allow: [GET, PUT], bucket: landing, prefix: desk/ }
`;

const LOAD = 30;
const NEWCOMERS = 4;
const BOUND_MS = STS_TIMEOUT_MS + 4000;

const refusal = (status: number, code: string): Spoil =>
  answering(
    status,
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
    'text/xml',
  );

/** The end of the credentials in an answer becomes this long from now. */
const ending = (afterMs: number): Spoil =>
  changed((body) => body.replace(/<Expiration>[^<]*/, `<Expiration>${new Date(Date.now() + afterMs).toISOString()}`));

const DENIED = '403 AccessDenied';
const UNAVAILABLE = '503 ServiceUnavailable';

/** What a newcomer is told. */
const FAULTS: readonly (readonly [string, Spoil | 'refuse', string])[] = [
  ['throttles', refusal(400, 'Throttling'), '503 SlowDown'],
  ['answers late, but in time', late(100), '200 undefined'],
  ['never answers', silent, UNAVAILABLE],
  ['denies the role', refusal(403, 'AccessDenied'), DENIED],
  ['does not know who asks', refusal(403, 'InvalidClientTokenId'), UNAVAILABLE],
  ['gives credentials that are over', ending(-60_000), UNAVAILABLE],
  ['gives credentials that are all but over', ending(30_000), UNAVAILABLE],
  ['answers 500', answering(500, ''), UNAVAILABLE],
  ['answers 200 with a page', answering(200, '<html><h1>Maintenance</h1></html>', 'text/html'), UNAVAILABLE],
  ['answers XML of another shape', answering(200, '<AssumeRoleResponse/>', 'text/xml'), UNAVAILABLE],
  ['sends more than anybody can keep', huge, UNAVAILABLE],
  ['breaks the connection midway', broken, UNAVAILABLE],
  ['sends the gateway elsewhere', redirecting('http://127.0.0.1:1/elsewhere'), UNAVAILABLE],
  ['refuses connections', 'refuse', UNAVAILABLE],
];

describe('an STS under load', function () {
  this.timeout(30_000);
  let world: FaultyWorld;
  let known: string;
  let round = 0;

  before(async () => {
    world = await startFaultyWorld({ policies: { 'team.yaml': POLICY } });
    known = world.wellToken();
    for (const bucket of ['box', 'landing']) {
      assert.equal((await world.call(known, `/${bucket}/desk/one`, 'PUT', 'hello')).status, 200);
    }
  });
  afterEach(async () => {
    world.fronts.sts.spoil = undefined;
    await world.fronts.sts.listen();
  });
  after(() => world.stop());

  const load = async (newcomers: readonly string[], forMs: number) => {
    const until = performance.now() + forMs;
    const answers = { known: [] as Reply[], keyed: [] as Reply[], fresh: [] as Reply[] };
    const turns: readonly (() => Promise<unknown>)[] = [
      async () => answers.known.push(await world.call(known)),
      async () => answers.keyed.push(await world.call(known, '/landing/desk/one')),
      ...newcomers.map((token) => async () => answers.fresh.push(await world.call(token))),
    ];
    const worker = async (index: number): Promise<void> => {
      for (let turn = index; performance.now() < until; turn += 1) await turns[turn % turns.length]?.();
    };
    await Promise.all(Array.from({ length: LOAD }, (_, index) => worker(index)));
    return answers;
  };

  const every = (replies: readonly Reply[], expected: string): void => {
    assert.ok(replies.length > 0);
    for (const { status, code, body, tookMs, headers } of replies) {
      assert.equal(`${status} ${code}`, expected, body);
      assert.ok(tookMs < BOUND_MS, `${tookMs} ms`);
      if (status === 503) assert.ok(Number(headers['retry-after']) > 0);
      assert.match(String(headers['x-amz-request-id']), /\S/);
    }
  };

  for (const [name, spoil, expected] of FAULTS) {
    it(`that ${name} tells newcomers ${expected.replace('undefined', 'OK')}, and nobody else`, async () => {
      const { sts } = world.fronts;
      const fresh = Array.from({ length: NEWCOMERS }, () => world.wellToken({ sub: `new-${(round += 1)}` }));
      if (spoil === 'refuse') await sts.refuse();
      else sts.spoil = spoil;
      const before = sts.calls();
      const answers = await load(fresh, 600);
      const calls = sts.calls() - before;
      every(answers.known, '200 undefined');
      every(answers.keyed, '200 undefined');
      every(answers.fresh, expected);
      // One for each newcomer, and again once what is kept of a failure is a second old.
      assert.ok(calls <= NEWCOMERS * 3, `${calls} calls`);
      sts.spoil = undefined;
      await sts.listen();
      world.advance(1);
      for (const token of fresh) assert.equal((await world.call(token)).status, 200);
    });
  }

  it('gave no credential to any log, and everything that was answered is in the audit', async () => {
    const reported = [world.log(), JSON.stringify(await world.audit())].join();
    assert.ok(!reported.includes('SecretAccessKey') && !reported.includes(known));
  });
});
