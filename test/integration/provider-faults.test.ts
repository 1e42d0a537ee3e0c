/**
 * What a provider can do wrong, document by document, under load on a whole gateway: whoever is known goes on, another
 * issuer notices nothing, whoever cannot be judged is told to come again, in bounded time, and the provider is not
 * trampled; when it is well, the next attempts pass.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { startFaultyWorld, TIMEOUT_MS, type FaultyWorld, type Reply } from '../support/stack/faulty-world.ts';

const POLICY = `
id: team
description: The team reads and writes under desk/.
subjects: [{ issuer: corp, group: analytics }, { issuer: well, group: analytics }]
rules:
  - { id: desk, allow: [GET, PUT], bucket: box, prefix: desk/ }
`;

/** Callers who ask again and again, and how long each of them rests in between. */
const LOAD = 30;
const REST_MS = 20;
const NEWCOMERS = 3;
/** Discovery and one document, and what a busy machine adds. */
const BOUND_MS = 2 * TIMEOUT_MS + 4000;
/** A look of the gateway's own, one for callers, and one or two tries again in a cell's time; the same of requests. */
const MOST_CALLS = 12;

/** The same for somebody else: no signature is good for it. */
const forged = (jwt: string): string => {
  const [header = '', payload = '', signature = ''] = jwt.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return [header, Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url'), signature].join('.');
};

type Document = 'discovery' | 'jwks' | 'introspection';

interface Fault {
  readonly name: string;
  readonly spoil: Spoil | 'refuse';
  /** Newcomers are let in all the same. */
  readonly isBearable?: boolean;
}

const elsewhere = (): Spoil => redirecting('http://127.0.0.1:1/elsewhere');

const everywhere = (shape: string): readonly Fault[] => [
  { name: 'never answers', spoil: silent },
  { name: 'answers late, but in time', spoil: late(100), isBearable: true },
  { name: 'refuses connections', spoil: 'refuse' },
  { name: 'breaks the connection midway', spoil: broken },
  { name: 'answers 500', spoil: answering(500, '{"error":"server_error"}') },
  { name: 'answers 200 with a page', spoil: answering(200, '<html><h1>Maintenance</h1></html>', 'text/html') },
  { name: 'answers JSON of another shape', spoil: answering(200, shape) },
  { name: 'sends more than anybody can keep', spoil: huge },
  { name: 'sends the gateway elsewhere', spoil: elsewhere() },
];

const FAULTS: Readonly<Record<Document, readonly Fault[]>> = {
  discovery: [
    ...everywhere('{"keys":[]}'),
    {
      name: 'names another issuer',
      spoil: changed((body) => JSON.stringify({ ...(JSON.parse(body) as object), issuer: 'https://evil.example' })),
    },
  ],
  jwks: [
    ...everywhere('{"keys":{"0":"none"}}'),
    { name: 'holds keys that are none', spoil: answering(200, '{"keys":[{"kty":"RSA"}]}') },
  ],
  introspection: everywhere('{"active":"yes","sub":"root"}'),
};

describe('a provider under load', function () {
  this.timeout(30_000);
  let world: FaultyWorld;
  let known: { readonly jwt: string; readonly opaque: string };
  let round = 0;
  let repair: () => unknown = () => undefined;

  before(async () => {
    world = await startFaultyWorld({ policies: { 'team.yaml': POLICY }, introspection: { cacheSeconds: 300 } });
    const { accessToken } = await world.provider.logIn('writer');
    assert.equal((await world.call(accessToken, '/box/desk/one', 'PUT', 'hello')).status, 200);
  });
  beforeEach(async () => {
    const { provider } = world;
    const [jwt, opaque] = [await provider.logIn('known'), await provider.logIn('known-too', provider.opaqueResource)];
    known = { jwt: jwt.accessToken, opaque: opaque.accessToken };
    for (const token of Object.values(known)) assert.equal((await world.call(token)).status, 200);
  });
  afterEach(() => repair());
  after(() => world.stop());

  const logIn = async (resource?: string): Promise<readonly string[]> => {
    const tokens: string[] = [];
    // One after the other: the provider knows one person at a time.
    for (let index = 0; index < NEWCOMERS; index += 1) {
      tokens.push((await world.provider.logIn(`new-${(round += 1)}`, resource)).accessToken);
    }
    return tokens;
  };

  /** Whose tokens need the document: of a key that is not known yet, or opaque. */
  const newcomers = async (document: Document) => {
    if (document === 'introspection') return logIn(world.provider.opaqueResource);
    world.provider.rotate();
    return logIn();
  };

  /** Discovery is not asked for while keys and answers can be had: makes the gateway look for them again. */
  const forget = async (tokens: readonly string[]): Promise<void> => {
    world.advance(10);
    for (const token of tokens) assert.equal((await world.call(token)).status, 503);
  };

  const spoil = async (document: Document, fault: Fault): Promise<() => unknown> => {
    const front = world.fronts[document];
    if (fault.spoil === 'refuse') {
      await front.refuse();
      return front.listen;
    }
    front.spoil = fault.spoil;
    return () => {
      front.spoil = undefined;
    };
  };

  /** Has all callers ask until `isOver`; what was answered, by who asked. */
  const load = async (fresh: readonly string[], opaque: readonly string[], isOver: () => boolean) => {
    const answers = {
      bad: [] as Reply[],
      known: [] as Reply[],
      opaque: [] as Reply[],
      well: [] as Reply[],
      fresh: [] as Reply[],
    };
    const turns: readonly (() => Promise<unknown>)[] = [
      async () => answers.bad.push(await world.call(forged(known.jwt))),
      async () => answers.bad.push(await world.call('made-up-by-nobody')),
      async () => answers.known.push(await world.call(known.jwt)),
      async () => answers.known.push(await world.call(known.opaque)),
      async () => answers.well.push(await world.call(world.wellToken())),
      ...opaque.map((token) => async () => answers.opaque.push(await world.call(token))),
      ...fresh.map((token) => async () => answers.fresh.push(await world.call(token))),
    ];
    const worker = async (index: number): Promise<void> => {
      for (let turn = index; !isOver(); turn += 1) {
        await turns[turn % turns.length]?.();
        await sleep(REST_MS);
      }
    };
    await Promise.all(Array.from({ length: LOAD }, (_, index) => worker(index)));
    // Whatever the provider does, it makes nobody good who is not.
    assert.ok(answers.bad.length > 0);
    for (const { status, code } of answers.bad) {
      assert.ok(
        ['401 InvalidToken', '503 ServiceUnavailable', '503 SlowDown'].includes(`${status} ${code}`),
        `${status} ${code}`,
      );
    }
    return answers;
  };

  const every = (replies: readonly Reply[], status: number, code?: string): void => {
    assert.ok(replies.length > 0);
    for (const reply of replies) {
      assert.deepEqual([reply.status, reply.code], [status, code], reply.body);
      assert.ok(reply.tookMs < BOUND_MS, `${reply.tookMs} ms`);
      assert.match(String(reply.headers['x-amz-request-id']), /\S/);
    }
  };

  for (const [document, faults] of Object.entries(FAULTS) as [Document, readonly Fault[]][]) {
    for (const fault of faults) {
      it(`whose ${document} ${fault.name} ${fault.isBearable ? 'serves all' : 'stops newcomers only, and for no longer'}`, async () => {
        const { jwks, introspection } = world.fronts;
        if (document === 'discovery') jwks.spoil = introspection.spoil = answering(500, '');
        else repair = await spoil(document, fault);
        const fresh = await newcomers(document);
        const opaque = document === 'discovery' ? await logIn(world.provider.opaqueResource) : [];
        if (document === 'discovery') {
          await forget([fresh[0] ?? '', opaque[0] ?? '']);
          repair = await spoil(document, fault);
          jwks.spoil = introspection.spoil = undefined;
        }
        world.advance(10);
        const before = world.fronts[document].calls();
        const until = performance.now() + 600;
        const answers = await load(fresh, opaque, () => performance.now() > until);
        const calls = world.fronts[document].calls() - before;
        await repair();
        every(answers.known, 200);
        every(answers.well, 200);
        // Where tokens are asked about is known from before.
        if (document === 'discovery') every(answers.opaque, 200);
        assert.ok(calls <= MOST_CALLS, `${calls} calls`);
        if (fault.isBearable) every(answers.fresh, 200);
        else {
          every(answers.fresh, 503, 'ServiceUnavailable');
          for (const { headers, body } of answers.fresh) {
            assert.ok(Number(headers['retry-after']) > 0);
            assert.match(body, /<RequestId>\S+<\/RequestId>/);
          }
        }
        // What the gateway began by itself while it lasted ends within its time; callers are let try every 10 s.
        const repairedAt = performance.now();
        world.advance(10);
        for (const token of fresh) {
          let reply = await world.call(token);
          while (reply.status === 503 && performance.now() - repairedAt < BOUND_MS) {
            await sleep(20);
            reply = await world.call(token);
          }
          assert.equal(reply.status, 200, reply.body);
        }
      });
    }
  }

  it('that takes all its keys back lets nobody in, says so as its own fault, and is served again when it has some', async () => {
    world.fronts.jwks.spoil = answering(200, '{"keys":[]}');
    repair = () => {
      world.fronts.jwks.spoil = undefined;
    };
    world.provider.rotate();
    const fresh = await logIn();
    world.advance(10);
    // The first of them makes the gateway look; from then on nobody has a key.
    assert.equal((await world.call(fresh[0] ?? '')).status, 503);
    const until = performance.now() + 300;
    const answers = await load([...fresh, known.jwt], [], () => performance.now() > until);
    every(answers.fresh, 503, 'ServiceUnavailable');
    every(answers.well, 200);
    every(
      answers.known.filter(({ status }) => status !== 503),
      200,
    );
    await repair();
    world.advance(10);
    for (const token of [...fresh, known.jwt]) assert.equal((await world.call(token)).status, 200);
  });

  it('that exchanges its keys serves who has a new one at once, and refuses who has an old one', async () => {
    world.advance(10);
    world.provider.rotate('instead');
    const fresh = await logIn();
    let isFirst = true;
    const until = performance.now() + 500;
    const answers = await load(fresh, [], () => performance.now() > until);
    every(answers.fresh, 200);
    every(answers.well, 200);
    // Until the first newcomer made the gateway look, an old key was good.
    for (const { status, code } of answers.known.toSorted((one, other) => one.status - other.status)) {
      isFirst &&= status === 200;
      assert.deepEqual([status, code], isFirst ? [200, undefined] : [401, 'InvalidToken']);
    }
    assert.deepEqual([(await world.call(known.jwt)).status, (await world.call(known.opaque)).status], [401, 200]);
  });
});

describe('a flood of tokens that only a slow provider can judge', function () {
  this.timeout(30_000);
  let world: FaultyWorld;

  before(async () => {
    world = await startFaultyWorld({ policies: { 'team.yaml': POLICY }, more: { limits: { inFlight: 64 } } });
    const { accessToken } = await world.provider.logIn('writer');
    assert.equal((await world.call(accessToken, '/box/desk/one', 'PUT', 'hello')).status, 200);
  });
  after(() => world.stop());

  for (const document of ['jwks', 'introspection'] as const) {
    it(`holds a quarter of the places and no more: ${document}`, async () => {
      const jwt = (await world.provider.logIn('known')).accessToken;
      assert.equal((await world.call(jwt)).status, 200);
      world.provider.rotate();
      const { accessToken } = await world.provider.logIn(
        'new',
        ...(document === 'introspection' ? [world.provider.opaqueResource] : []),
      );
      world.advance(10);
      world.fronts[document].spoil = silent;
      // The same token many times, and many that differ in a signature which nobody can check yet.
      const made = (index: number): string => {
        if (index % 2 === 0) return accessToken;
        return document === 'jwks' ? accessToken.slice(0, -4) + `${index}AAA`.slice(0, 4) : `made-up-${index}`;
      };
      const flood = Promise.all(Array.from({ length: 48 }, (_, index) => world.call(made(index))));
      const others: Reply[] = [];
      for (let index = 0; index < 40; index += 1) {
        others.push(...(await Promise.all([world.call(world.wellToken()), world.call(jwt)])));
      }
      const slowest = others.map(({ tookMs }) => tookMs).toSorted((one, other) => other - one)[0] ?? 0;
      assert.ok(
        others.every(({ status }) => status === 200),
        'others are served',
      );
      // The flood waits for the provider; nobody else does.
      assert.ok(slowest < 2 * TIMEOUT_MS, `${slowest} ms`);
      const codes = (await flood).map(({ status, code }) => `${status} ${code}`);
      assert.equal(codes.filter((code) => code === '503 ServiceUnavailable').length, 16);
      assert.equal(codes.filter((code) => code === '503 SlowDown').length, 32);
      world.fronts[document].spoil = undefined;
      world.advance(10);
      assert.equal((await world.call(accessToken)).status, 200);
    });
  }
});
