import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { startWorld, TOKEN, type Behaviour, type World } from './fixture.ts';

describe('the endpoint of container credentials', () => {
  let world: World;
  afterEach(() => world.close());
  const start = async (behaviour?: Behaviour): Promise<void> => {
    world = await startWorld(behaviour);
  };
  const get = (authorization: string | undefined, target = '/-/credentials') =>
    world.agent.get(target).set(authorization === undefined ? {} : { authorization });
  const codeOf = (answer: { text: string }) => (JSON.parse(answer.text) as { code: string }).code;

  it('takes a token as it stands or behind Bearer, and gives what SDKs read', async () => {
    await start();
    for (const authorization of [TOKEN, `Bearer ${TOKEN}`, `bearer ${TOKEN}`]) {
      const answer = await get(authorization);
      assert.equal(answer.status, 200, answer.text);
      const { AccessKeyId, SecretAccessKey, Token, Expiration, ...rest } = JSON.parse(answer.text) as Record<
        string,
        string
      >;
      assert.deepEqual(rest, {});
      assert.match(AccessKeyId!, /^SPLY[A-Z2-7]{16}$/);
      assert.equal(SecretAccessKey!.length, 40);
      assert.equal(typeof Token, 'string');
      assert.equal(Expiration, '2026-01-02T04:04:05Z');
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.match(String(answer.headers['content-type']), /^application\/json/);
    }
  });

  it('records each issue, bound to the role that was requested', async () => {
    await start();
    await get(TOKEN);
    await get(TOKEN, '/-/credentials?role=reports');
    const intents = world.entries.filter(({ entry }) => entry === 'intent');
    assert.deepEqual(
      intents.map((entry) => entry.entry === 'intent' && [entry.operation, entry.binding]),
      [
        ['GetCredentials', undefined],
        ['GetCredentials', 'reports'],
      ],
    );
    assert.equal(world.entries.length, 4);
  });

  it("answers alike to a role that is unknown and to one that is another's, and records both", async () => {
    await start();
    const [one, other] = [await get(TOKEN, '/-/credentials?role=admins'), await get(TOKEN, '/-/credentials?role=none')];
    assert.deepEqual([one.status, one.text], [403, other.text]);
    assert.equal(codeOf(one), 'AccessDenied');
    assert.deepEqual(
      world.entries.map(({ entry }) => entry),
      ['denial', 'denial'],
    );
  });

  it('takes no other query: neither a token nor a second role', async () => {
    await start();
    for (const query of [`token=${TOKEN}`, 'role=reports&role=analytics', 'role=', 'role=a%2Fb', 'Role=reports']) {
      const answer = await get(TOKEN, `/-/credentials?${query}`);
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'InvalidRequest'], query);
    }
    assert.equal(world.entries.length, 0);
  });

  it('refuses what is no token with 401, and no unidentified caller reaches the audit', async () => {
    await start();
    for (const [authorization, code] of [
      [undefined, 'AccessDenied'],
      ['Bearer', 'InvalidToken'],
      ['Basic dXNlcjpwdw==', 'InvalidToken'],
      ['AWS4-HMAC-SHA256 Credential=x', 'InvalidToken'],
      ['other.token.here', 'InvalidToken'],
    ] as const) {
      const answer = await get(authorization);
      assert.deepEqual([answer.status, codeOf(answer)], [401, code]);
      assert.equal(answer.headers['cache-control'], 'no-store');
    }
    assert.equal(world.entries.length, 0);
    assert.equal(world.refusals.length, 5);
  });

  it('tells an SDK to come again while the issuer is away', async () => {
    await start({ verify: () => Promise.reject(new GatewayError('ServiceUnavailable')) });
    const answer = await get(TOKEN);
    assert.equal(answer.status, 503);
    assert(Number(answer.headers['retry-after']) > 0);
  });

  it('lets nothing out that cannot be recorded', async () => {
    await start({ record: () => Promise.reject(new GatewayError('AuditUnavailable')) });
    const answer = await get(TOKEN);
    assert.equal(answer.status, 503);
    assert.equal(/SPLY/.test(answer.text), false);
  });

  it('says clearly that it issues nothing where sessions are not configured', async () => {
    await start({ sessions: false });
    const answer = await get(TOKEN);
    assert.deepEqual([answer.status, codeOf(answer)], [501, 'NotImplemented']);
  });

  it('answers in JSON when there is no place', async () => {
    await start({ inFlight: 0 });
    const answer = await get(TOKEN);
    assert.deepEqual([answer.status, codeOf(answer)], [503, 'SlowDown']);
  });
});
