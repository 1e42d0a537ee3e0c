/** The doctor and the time: servers on this machine that say another one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compareClocks } from '../../../src/client/compare-clocks.ts';
import { examine } from '../../../src/client/doctor.ts';
import type { Finding } from '../../../src/client/finding.ts';
import { openHttp, type Http } from '../../../src/client/http.ts';
import { pathsOf } from '../../../src/client/profile-paths.ts';
import { mergeSettings } from '../../../src/client/settings.ts';

const BY_NTP = 'have the clock of this machine set by NTP';

describe("the doctor's comparison of clocks", () => {
  const S = 1000;

  it('is content below half a minute, warns from there, and calls five minutes wrong, ahead and behind', () => {
    for (const [awayMs, state] of [
      ...([
        [0, 'ok'],
        [29_999, 'ok'],
        [30_000, 'warning'],
      ] as const),
      ...([
        [299_999, 'warning'],
        [300_000, 'wrong'],
        [86_400_000, 'wrong'],
      ] as const),
    ] as const) {
      for (const ahead of [awayMs, -awayMs]) {
        assert.equal(compareClocks(ahead, ahead).state, state, `both ${ahead}`);
        assert.equal(compareClocks(0, ahead).state, state, `gateway ${ahead}`);
        assert.equal(compareClocks(ahead, 0).state, state, `issuer ${ahead}`);
        assert.equal(compareClocks(undefined, ahead).state, state, `gateway alone ${ahead}`);
        assert.equal(compareClocks(ahead, undefined).state, state, `issuer alone ${ahead}`);
      }
    }
  });

  it('says in which direction and by how much, of each', () => {
    assert.equal(compareClocks(400 * S, 400 * S).found, "400 s ahead of the gateway's, 400 s ahead of the issuer's");
    assert.equal(compareClocks(-400 * S, -401 * S).found, "401 s behind the gateway's, 400 s behind the issuer's");
    assert.equal(compareClocks(1499, -1499).found, 'right');
    assert.equal(compareClocks(0, 2 * S).found, "2 s ahead of the gateway's");
  });

  it('has the clock fixed that two others tell is wrong', () => {
    assert.equal(compareClocks(400 * S, 410 * S).remedy, BY_NTP);
    assert.equal(compareClocks(-400 * S, -410 * S).remedy, BY_NTP);
    assert.match(compareClocks(1 * S, -400 * S).remedy ?? '', /tell who runs the gateway that its clock is wrong/);
    assert.match(compareClocks(60 * S, 0).remedy ?? '', /tell who runs the identity provider that its clock is wrong/);
    assert.match(compareClocks(400 * S, -400 * S).remedy ?? '', /no two clocks agree.*NTP/);
  });

  it('says what can be said of one alone, or of none', () => {
    assert.match(compareClocks(undefined, 60 * S).remedy ?? '', /NTP; if it is, tell who runs the gateway/);
    assert.match(compareClocks(60 * S, undefined).remedy ?? '', /NTP; if it is, tell who runs the identity provider/);
    assert.deepEqual(compareClocks(undefined, undefined), {
      state: 'warning',
      found: 'neither the issuer nor the gateway sent a Date header',
    });
    assert.equal(compareClocks(0, 0).remedy, undefined);
  });
});

describe('the doctor, where clocks differ', () => {
  /** What each server adds to the time that it tells, in milliseconds; `undefined`: it tells none. */
  let issuerMs: number | undefined;
  let gatewayMs: number | undefined;
  let issuerHeaders: Record<string, string>;
  let issuer: Server;
  let gateway: Server;
  let http: Http;

  const start = async (answer: () => [number, object, number | undefined, Record<string, string>]): Promise<Server> => {
    const server = createServer((_request, response) => {
      const [status, body, addedMs, headers] = answer();
      response.sendDate = false;
      const date = addedMs === undefined ? {} : { date: new Date(Date.now() + addedMs).toUTCString() };
      response.writeHead(status, { 'content-type': 'application/json', ...date, ...headers });
      response.end(JSON.stringify(body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  before(async () => {
    http = await openHttp({}, undefined);
    issuer = await start(() => {
      const origin = originOf(issuer);
      const metadata = { issuer: origin, authorization_endpoint: `${origin}/auth`, token_endpoint: `${origin}/token` };
      return [200, metadata, issuerMs, issuerHeaders];
    });
    gateway = await start(() => [401, { code: 'AccessDenied' }, gatewayMs, {}]);
  });
  beforeEach(() => {
    [issuerMs, gatewayMs, issuerHeaders] = [0, 0, {}];
  });
  after(async () => {
    await http.close();
    issuer.close();
    gateway.close();
  });

  const clock = async (): Promise<Finding> => {
    const settings = mergeSettings({ gateway: originOf(gateway), issuer: originOf(issuer), clientId: 'c' });
    const findings = await examine({
      ...{ settings, http, hasProxy: false },
      paths: pathsOf({ home: '/nowhere', platform: 'linux', env: {} }, 'default'),
      awsProfile: { name: 'sallyport', credentialCommand: ['sallyport'], settings },
    });
    return findings.find(({ check }) => check === 'clock')!;
  };

  it('hears nothing where they agree', async () => {
    assert.deepEqual(await clock(), { check: 'clock', state: 'ok', found: 'right' });
  });

  for (const [direction, addedMs] of [
    ['behind', 400_000],
    ['ahead of', -400_000],
  ] as const) {
    it(`finds this machine ${direction} both, and has its clock set`, async () => {
      [issuerMs, gatewayMs] = [addedMs, addedMs];
      const { state, found, remedy } = await clock();
      assert.deepEqual([state, remedy], ['wrong', BY_NTP]);
      assert.match(found, new RegExp(`^(399|400|401) s ${direction} the gateway's, (399|400|401) s ${direction}`));
    });

    it(`finds this machine ${direction} the gateway alone, and blames the gateway`, async () => {
      gatewayMs = addedMs;
      const { state, found, remedy } = await clock();
      assert.equal(state, 'wrong');
      assert.match(found, new RegExp(`^\\d+ s ${direction} the gateway's$`));
      assert.match(remedy ?? '', /who runs the gateway/);
    });

    it(`finds this machine ${direction} the issuer alone, and blames the issuer`, async () => {
      issuerMs = addedMs / 10;
      const { state, found, remedy } = await clock();
      assert.equal(state, 'warning');
      assert.match(found, new RegExp(`^\\d+ s ${direction} the issuer's$`));
      assert.match(remedy ?? '', /who runs the identity provider/);
    });
  }

  it('does not take an answer that was kept on the way for a clock that is behind', async () => {
    [issuerMs, issuerHeaders] = [-600_000, { age: '600' }];
    assert.equal((await clock()).found, 'right');
  });

  it('goes by the other one where one tells no time', async () => {
    [issuerMs, gatewayMs] = [undefined, 400_000];
    assert.match((await clock()).remedy ?? '', /NTP; if it is, tell who runs the gateway/);
    [issuerMs, gatewayMs] = [undefined, undefined];
    assert.equal((await clock()).state, 'warning');
  });
});
