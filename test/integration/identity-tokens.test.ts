/**
 * Opaque and delegated tokens of a real provider on a whole gateway: what they may do, what is kept of them and for how
 * long, what ends them, and who the audit says it was.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { changed } from '../support/identity/fault-front.ts';
import { startFaultyWorld, type FaultyWorld } from '../support/stack/faulty-world.ts';
import { sessionOf } from '../support/identity/session.ts';
import { send, type TestKeys } from '../support/store/store-client.ts';

const BIN = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const run = promisify(execFile);
const CACHE_SECONDS = 5;
const REVOKED_WITHIN_MS = 5000;

const TEAM = `
id: team
description: People of the team work under desk/, but for what is sealed.
subjects: [{ issuer: corp, group: analytics }]
rules:
  - { id: desk, allow: [GET, PUT, LIST], bucket: box, prefix: desk/ }
  - { id: sealed, deny: [GET, PUT], bucket: box, prefix: desk/sealed/ }
`;
const AGENTS = `
id: agents
description: The report agent reads for people of the team.
subjects: [{ issuer: corp, group: analytics, actor: report-agent }]
rules:
  - { id: read, allow: [GET, LIST], bucket: box, prefix: desk/ }
`;

describe('tokens of a real provider, on a whole gateway', function () {
  this.timeout(30_000);
  let world: FaultyWorld;

  before(async () => {
    world = await startFaultyWorld({
      policies: { 'team.yaml': TEAM, 'agents.yaml': AGENTS },
      introspection: { cacheSeconds: CACHE_SECONDS },
      issuer: { scopesClaim: 'scope', requiredScopes: ['s3'] },
      more: { revocation: { file: 'revocations.jsonl' } },
    });
  });
  afterEach(() => {
    world.fronts.introspection.spoil = undefined;
  });
  after(() => world.stop());

  const opaque = async (name: string, agent?: string): Promise<string> =>
    (await world.provider.logIn(name, world.provider.opaqueResource, agent)).accessToken;
  const get = (token: string, key = 'desk/one') => world.call(token, `/box/${key}`);
  const put = (token: string, key = 'desk/one') => world.call(token, `/box/${key}`, 'PUT', 'hello');
  const list = (token: string) => world.call(token, '/box?list-type=2&prefix=desk/');
  const entryOf = async (subject: string): Promise<Readonly<Record<string, unknown>> | undefined> =>
    (await world.audit()).findLast((line) => line['subject'] === subject);
  /** Introspection says this of every token as well. */
  const saying = (more: object): void => {
    world.fronts.introspection.spoil = changed((body) => JSON.stringify({ ...(JSON.parse(body) as object), ...more }));
  };

  const revoke = async (...args: readonly string[]): Promise<void> => {
    const env = { ...process.env, AWS_ACCESS_KEY_ID: 'not-used', AWS_SECRET_ACCESS_KEY: 'not-used' };
    const options = ['--config', join(world.folder, 'sallyport.yaml')];
    await run(process.execPath, [BIN, 'revoke', ...args, ...options], { env });
  };
  const untilStatus = async (status: number, send: () => Promise<{ readonly status: number }>): Promise<void> => {
    const startedAt = performance.now();
    while ((await send()).status !== status) {
      assert.ok(performance.now() - startedAt < REVOKED_WITHIN_MS, `no ${status} in time`);
      await sleep(50);
    }
  };

  describe('that are opaque', () => {
    it('do what their subject may, and nothing else', async () => {
      const token = await opaque('olga');
      assert.ok(!token.includes('.'));
      assert.equal((await put(token)).status, 200);
      assert.equal((await get(token)).body, 'hello');
      const listed = await list(token);
      assert.equal(listed.status, 200);
      assert.match(listed.body, /<Key>desk\/one<\/Key>/);
      for (const refused of [await get(token, 'elsewhere/one'), await put(token, 'desk/sealed/one')]) {
        assert.deepEqual([refused.status, refused.code], [403, 'AccessDenied']);
      }
      for (const made of [`${token}x`, token.slice(1), 'made-up']) {
        const refused = await get(made);
        assert.deepEqual([refused.status, refused.code], [401, 'InvalidToken']);
        assert.match(String(refused.headers['www-authenticate']), /^Bearer .*error="invalid_token"/);
      }
    });

    it('are on record by their subject and an id, and stand in no log and no audit', async () => {
      const token = await opaque('otto');
      await put(token, 'desk/otto');
      const lines = (await world.audit()).filter(({ subject }) => subject === 'otto');
      assert.ok(lines.length > 0);
      for (const line of lines) {
        assert.equal(line['issuer'], world.provider.url);
        assert.match(JSON.stringify(line), /"[0-9a-f]{32}"/);
      }
      const reported = JSON.stringify(await world.audit()) + world.log();
      assert.ok(!reported.includes(token) && !reported.includes(world.provider.introspector.secret));
    });

    it('are asked about once in the time that was requested, and end with it when the provider has revoked them', async () => {
      const token = await opaque('oskar');
      const before = world.fronts.introspection.calls();
      await Promise.all(Array.from({ length: 20 }, () => get(token)));
      assert.equal(world.fronts.introspection.calls() - before, 1);
      await world.provider.revoke(token);
      world.advance(CACHE_SECONDS - 1);
      assert.equal((await get(token)).status, 200);
      world.advance(1);
      assert.equal((await get(token)).status, 401);
      assert.equal(world.fronts.introspection.calls() - before, 2);
    });

    it('get sessions that end when their issuer has to be asked again, and none once it has revoked them', async () => {
      const token = await opaque('odile');
      const answer = await world.call(token, '/-/credentials');
      assert.equal(answer.status, 200);
      const { Expiration: end } = JSON.parse(answer.body) as { Expiration: string };
      const lifeMs = Date.parse(end) - world.now();
      assert.ok(lifeMs > 880_000 && lifeMs <= 900_000, `${lifeMs} ms, of a token that has two hours`);
      await world.provider.revoke(token);
      world.advance(CACHE_SECONDS);
      assert.equal((await world.call(token, '/-/credentials')).status, 401);
    });

    it('are refused with what they lack where a scope is missing, on every way in', async () => {
      const token = await opaque('oona');
      saying({ scope: 'profile' });
      for (const path of ['/box/desk/one', '/-/credentials', '/-/whoami']) {
        const refused = await world.call(token, path);
        assert.equal(refused.status, 403, path);
        assert.equal(
          refused.headers['www-authenticate'],
          'Bearer realm="sallyport", error="insufficient_scope", scope="s3"',
          path,
        );
        assert.match(refused.body, /AccessDenied/);
      }
    });

    for (const [what, said, named] of [
      ['a login', { sid: 'login-1' }, ['session', 'login-1', '--issuer', 'corp']],
      ['its jti', { jti: 'jti-1' }, ['token', 'jti-1', '--jti', '--issuer', 'corp']],
      ['a subject', {}, ['subject', '--subject', 'omar', '--issuer', 'corp']],
    ] as const) {
      it(`are cut off by the revocation of ${what}, with the sessions that were issued for them`, async () => {
        saying(said);
        const token = await opaque('omar');
        assert.equal((await get(token)).status, 200);
        const session = await sessionOf(`http://127.0.0.1:${world.port}`, token);
        const signed = (keys: TestKeys) => send(world.port, { method: 'GET', bucket: 'box', key: 'desk/one', keys });
        assert.equal((await signed(session)).status, 200);
        await revoke(...named);
        await untilStatus(401, () => get(token));
        await untilStatus(400, () => signed(session));
        assert.equal((await signed(session)).code, 'ExpiredToken');
        const other = await opaque('olaf');
        saying({});
        assert.equal((await get(other)).status, 200);
      });
    }
  });

  describe('by which an agent acts for somebody', () => {
    const kinds = [
      ['JWT', () => world.provider.resource],
      ['opaque', () => world.provider.opaqueResource],
    ] as const;
    const delegated = async (resource: string, agent?: string): Promise<string> =>
      (await world.provider.logIn('paula', resource, agent)).accessToken;

    for (const [kind, resource] of kinds) {
      it(`do what is allowed to the agent, and not what is to the person: ${kind}`, async () => {
        const [own, agent, otherCaller] = [
          await delegated(resource()),
          await delegated(resource(), 'report-agent'),
          await delegated(resource(), 'another-agent'),
        ];
        assert.equal((await put(own)).status, 200);
        assert.equal((await get(agent)).status, 200);
        assert.equal((await list(agent)).status, 200);
        for (const refused of [
          await put(agent),
          await get(agent, 'desk/sealed/one'),
          await get(otherCaller),
          await list(otherCaller),
        ]) {
          assert.deepEqual([refused.status, refused.code], [403, 'AccessDenied']);
        }
      });

      it(`are on record as agent for person, in sessions too: ${kind}`, async () => {
        const agent = await delegated(resource(), 'report-agent');
        await get(agent);
        const direct = await entryOf('paula');
        assert.equal(direct?.['actor'], 'report-agent');
        assert.equal(direct['actorIssuer'], undefined);
        const keys = await sessionOf(`http://127.0.0.1:${world.port}`, agent);
        const options = { bucket: 'box', key: 'desk/one', keys };
        assert.equal((await send(world.port, { method: 'GET', ...options })).status, 200);
        const refused = await send(world.port, { method: 'PUT', ...options, body: 'x' });
        assert.deepEqual([refused.status, refused.code], [403, 'AccessDenied']);
        const lines = (await world.audit()).filter((line) => line['accessKeyId'] === keys.accessKeyId);
        assert.ok(lines.length > 1);
        for (const { subject, actor } of lines) assert.deepEqual([subject, actor], ['paula', 'report-agent']);
        const who = JSON.parse((await world.call(agent, '/-/whoami')).body) as Record<string, unknown>;
        assert.match(JSON.stringify(who), /report-agent/);
      });
    }

    it('are cut off with the agent: to revoke it as a subject ends what it does for others', async () => {
      const [own, agent] = [
        await delegated(world.provider.resource),
        await delegated(world.provider.resource, 'report-agent'),
      ];
      assert.equal((await get(agent)).status, 200);
      await revoke('subject', '--subject', 'report-agent', '--issuer', 'corp');
      await untilStatus(401, () => get(agent));
      assert.equal((await get(own)).status, 200);
    });
  });
});
