/**
 * A real identity provider, as the examples configure it: Keycloak over TLS with a private CA, the gateway behind HAProxy, people
 * with Chromium and the AWS CLI, a program with a secret. Prints `ok NAME` or `FAIL NAME: what came back` per step.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, setGlobalDispatcher } from 'undici';
import { parse, stringify } from 'yaml';
import type { Whoami } from '../../../src/client/gateway.ts';
import { ensureCertificates } from '../../../demo/certificates.ts';
import { startDemoStack } from '../../../demo/demo-stack.ts';
import { Client, type Answer } from '../../support/client/client.ts';
import { freePort } from '../../../demo/free-port.ts';
import { startPersonMachine, type PersonMachine } from '../../support/client/person-machine.ts';
import { startChromium } from './chromium.ts';
import { layOutKeycloak } from './server.ts';

/** What the configuration of the gateway says. */
const JWKS_REFRESH_SECONDS = 30;
const JWKS_REFRESH_MS = 10_000;
const ANSWER_KEPT_SECONDS = 5;
/** Long enough for a busy machine: what is asserted is that it comes to it at all; how long it took is printed. */
const LIMIT_SECONDS = 120;

const AUDIENCE = 'sallyport-gateway';
const PASSWORD = 'a password of this run';
const SECRETS = { NIGHTLY_EXPORT_SECRET: 'of-the-nightly-export', SALLYPORT_GATEWAY_SECRET: 'of-the-gateway' };
const COMPOSE_SECRETS = { ALICE_PASSWORD: PASSWORD, BOB_PASSWORD: PASSWORD, CI_BOT_SECRET: 'of the robot' };
const packageRoot = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const examples = join(packageRoot, 'examples', 'keycloak');
const [, , keycloakFolder = ''] = process.argv;

async function step(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    console.log(`FAIL ${name}: ${said.replaceAll(/\s+/g, ' ')}`);
  }
}

const home = await mkdtemp(join(tmpdir(), 'keycloak-'));
const data = join(home, 'demo');
const certificates = await ensureCertificates(join(data, 'tls'), process.env);
const ca = await readFile(certificates.caFile, 'utf8');
// Whoever fills in forms here does it as this process.
setGlobalDispatcher(new Agent({ connect: { ca } }));
const keycloak = await layOutKeycloak({
  ...certificates,
  folder: keycloakFolder,
  realmFiles: [join(examples, 'realm.json'), join(examples, '..', 'compose', 'keycloak-realm.json')],
  port: await freePort(),
  logFile: join(home, 'keycloak.log'),
  secrets: { ...SECRETS, ...COMPOSE_SECRETS },
});

const realmUrl = `${keycloak.origin}/realms/corp`;
const received = parse(await readFile(join(examples, 'sallyport.yaml'), 'utf8')) as {
  issuers: { keycloak: Record<string, unknown> & { allowedClients: string[]; introspection: object } };
};
await mkdir(join(home, 'policies'));
await cp(join(examples, 'policies'), join(home, 'policies'), { recursive: true });
const [idFile, secretFile] = [join(home, 'client-id'), join(home, 'client-secret')];
await writeFile(idFile, AUDIENCE, { mode: 0o600 });
await writeFile(secretFile, SECRETS.SALLYPORT_GATEWAY_SECRET, { mode: 0o600 });
/** The entry of the examples, with the names of this run. */
const issuerEntry = (introspects: boolean): object => {
  const { introspection, ...entry } = received.issuers.keycloak;
  return {
    ...entry,
    issuer: realmUrl,
    caFile: certificates.caFile,
    jwksRefreshSeconds: JWKS_REFRESH_SECONDS,
    allowedClients: [...entry.allowedClients, 'direct', 'lightweight', 'rfc9068', 'without-audience'],
    ...(introspects && { introspection: { ...introspection, clientIdFile: idFile, clientSecretFile: secretFile } }),
  };
};

const booting = keycloak.start();
// It is waited for below; until then nobody listens.
booting.catch(() => undefined);
const stack = await startDemoStack({
  dataDirectory: data,
  ports: { front: 0, admin: 0, identityProvider: 0, store: 0 },
  packageRoot,
  environment: process.env,
  gatewayCommand: (configFile) => [
    process.execPath,
    ...[join(packageRoot, 'bin', 'sallyport.js'), 'demo', 'gateway', '--config', configFile],
  ],
  gatewayConfig: {
    issuers: { keycloak: issuerEntry(false) },
    buckets: { reports: {}, artifacts: {} },
    policies: { directory: join(home, 'policies') },
    revocation: { file: join(home, 'revocations.jsonl'), whenUnavailable: 'fail-closed' },
  },
});
const client = new Client(stack.frontUrl, ca);
const gateway = stack.frontUrl.replace('localhost', '127.0.0.1');
const machines: PersonMachine[] = [];
const stop = async (): Promise<void> => {
  await Promise.all(machines.map((machine) => machine.stop()));
  await stack.stop();
  await keycloak.kill();
  await rm(home, { recursive: true, force: true });
};

const put = (token: string, key = 'reports/2026/q3.csv') =>
  client.call({ method: 'PUT', target: `/${key}`, token, body: 'a,b\n1,2\n' });
const send = (token: string) => client.call({ method: 'GET', target: '/-/whoami', token });
const is = (answer: Answer, status: number, code?: string) =>
  assert.deepEqual([answer.status, answer.code], [status, code]);
const refused = async (token: string) => {
  const answer = await put(token);
  is(answer, 401, 'InvalidToken');
};
const grant = async (form: Readonly<Record<string, string>>, realm = 'corp') => {
  const { status, body } = await keycloak.post(`${realm}/protocol/openid-connect/token`, form);
  assert.equal(status, 200, JSON.stringify(body));
  return body as Readonly<Record<'access_token' | 'id_token' | 'refresh_token', string>>;
};
/** By password, which the realm of the examples allows no client. */
const tokensOf = (username: string, clientId = 'direct', scope = 'openid') =>
  grant({ grant_type: 'password', client_id: clientId, username, password: PASSWORD, scope });
const accessOf = async (username: string, clientId?: string) => (await tokensOf(username, clientId)).access_token;
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
/** How long it took until an answer was as wanted. */
const secondsUntil = async (limitSeconds: number, wanted: () => Promise<boolean>): Promise<number> => {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  while (!(await wanted())) {
    assert.ok(seconds() < limitSeconds, `not after ${limitSeconds} s`);
    await sleep(100);
  }
  return seconds();
};
const userId = async (name: string) => {
  const [found] = (await keycloak.admin('GET', `corp/users?username=${name}&exact=true`)) as { id: string }[];
  return found?.id ?? '';
};
const groupId = async (path: string) =>
  ((await keycloak.admin('GET', `corp/group-by-path/${path}`)) as { id: string }).id;
const addUser = async (username: string) => {
  const credentials = [{ type: 'password', value: PASSWORD }];
  const names = { email: `${username}@example.com`, emailVerified: true, firstName: username, lastName: 'Example' };
  await keycloak.admin('POST', 'corp/users', { username, enabled: true, ...names, credentials });
  return userId(username);
};
const joinGroup = async (user: string, path: string) =>
  keycloak.admin('PUT', `corp/users/${user}/groups/${await groupId(path)}`);
const leaveGroup = async (user: string, path: string) =>
  keycloak.admin('DELETE', `corp/users/${user}/groups/${await groupId(path)}`);
const restartWith = async (introspects: boolean) => {
  const config = parse(await readFile(stack.configFile, 'utf8')) as Record<string, unknown>;
  await writeFile(stack.configFile, stringify({ ...config, issuers: { keycloak: issuerEntry(introspects) } }));
  await stack.gateway.restart();
};

try {
  await step('a gateway is there before its issuer, and tells callers to try again', async () => {
    const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const early = await put(`${text({ alg: 'RS256', kid: 'k' })}.${text({ iss: realmUrl })}.${text({})}`);
    is(early, 503, 'ServiceUnavailable');
    assert.ok(Number(early.headers['retry-after']) > 0);
  });
  const startedMs = performance.now();
  await booting;
  console.error(`Keycloak was up ${Math.round((performance.now() - startedMs) / 1000)} s after the gateway`);

  // What the realm of the examples leaves to its owner, and what only this run needs.
  const [alice, bob, carol] = [await addUser('alice'), await addUser('bob'), await addUser('carol')];
  for (const user of [alice, carol]) await joinGroup(user, 'analytics');
  const { protocolMappers } = (
    (await keycloak.admin('GET', 'corp/clients?clientId=sallyport')) as { protocolMappers: object[] }[]
  )[0] ?? { protocolMappers: [] };
  const addClient = (clientId: string, attributes: object, mappers: object[] = protocolMappers) =>
    keycloak.admin('POST', 'corp/clients', {
      ...{ clientId, attributes, publicClient: true, directAccessGrantsEnabled: true },
      protocolMappers: mappers.map((mapper) => ({ ...mapper, id: undefined })),
    });
  await addClient('direct', {});
  await addClient('lightweight', { 'client.use.lightweight.access.token.enabled': 'true' });
  await addClient('rfc9068', { 'access.token.header.type.rfc9068': 'true' });
  await addClient('without-audience', {}, []);
  await addClient('stranger', {});
  // What the gateway looks at again while its issuer is away it looks at ever less often.
  await secondsUntil(LIMIT_SECONDS, async () => (await send(await accessOf('alice'))).status !== 503);

  const flags = [
    '--gateway',
    gateway,
    '--issuer',
    realmUrl,
    '--client-id',
    'sallyport',
    '--ca-file',
    certificates.caFile,
  ];
  const chromium = await startChromium(certificates.caFile);
  const machine = await startPersonMachine(chromium.signIn);
  const other = await startPersonMachine();
  machines.push(machine, other);
  const succeed = async (on: PersonMachine, ...parameters: readonly string[]) => {
    const ran = await on.sallyport(...parameters);
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout;
  };
  const person = (name: string) => ({ name, password: PASSWORD });

  await step('a person signs in by Chromium and PKCE, and is who Keycloak says, with the groups', async () => {
    const ran = await machine.logIn(person('alice'), '--browser', ...flags);
    assert.equal(ran.code, 0, ran.stderr);
    const known = JSON.parse(await succeed(machine, 'whoami', '--json')) as Whoami;
    assert.deepEqual([known.subject, known.issuerName, known.groups], [alice, 'keycloak', ['/analytics']]);
  });
  await step('a person signs in by a code that is typed on another device, by Chromium', async () => {
    const ran = await machine.logIn(person('alice'), '--device', ...flags);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /reports +allow/);
  });
  await chromium.stop();
  await step('a person signs in by a code and plain forms, and has no group', async () => {
    const ran = await other.logIn(person('bob'), '--device', ...flags);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /groups +none/);
  });
  await step('the AWS CLI works by profile alone; who is no member is refused', async () => {
    const cli = async (on: PersonMachine) => {
      await succeed(on, 'configure');
      await writeFile(join(on.home, 'q3.csv'), 'a,b\n1,2\n');
      const copy = ['--profile', 'sallyport', '--endpoint-url', gateway, 's3', 'cp'];
      return on.run('aws', [...copy, 'q3.csv', 's3://reports/2026/by-profile.csv']);
    };
    const [member, otherCaller] = await Promise.all([cli(machine), cli(other)]);
    assert.equal(member.code, 0, member.stderr);
    assert.match(otherCaller.stderr, /AccessDenied/);
  });
  await step('curl works by the token that is printed', async () => {
    const token = (await succeed(machine, 'token')).trim();
    const headers = ['-H', `authorization: Bearer ${token}`, '--cacert', certificates.caFile];
    const got = await machine.run('curl', ['-sf', ...headers, `${gateway}/reports/2026/by-profile.csv`]);
    assert.deepEqual([got.code, got.stdout], [0, 'a,b\n1,2\n']);
  });
  await step('a program by client_credentials has what its client may, and nothing else', async () => {
    const secret = { client_id: 'nightly-export', client_secret: SECRETS.NIGHTLY_EXPORT_SECRET };
    const { access_token: token } = await grant({ grant_type: 'client_credentials', ...secret });
    is(await put(token, 'artifacts/nightly/one'), 200);
    is(await put(token), 403, 'AccessDenied');
  });
  await step('a group counts from the next token on, and until the next one', async () => {
    const before = await accessOf('bob');
    await joinGroup(bob, 'analytics');
    is(await put(before), 403, 'AccessDenied');
    const member = await accessOf('bob');
    is(await put(member), 200);
    await leaveGroup(bob, 'analytics');
    is(await put(member), 200);
    is(await put(await accessOf('bob')), 403, 'AccessDenied');
  });
  await step('a group of the same name below another one is another group', async () => {
    await keycloak.admin('POST', 'corp/groups', { name: 'partners' });
    await keycloak.admin('POST', `corp/groups/${await groupId('partners')}/children`, { name: 'analytics' });
    await joinGroup(bob, 'partners/analytics');
    is(await put(await accessOf('bob')), 403, 'AccessDenied');
  });

  await step(
    'the realm of the example for containers gives what its gateway asks for, and a login that can be renewed',
    async () => {
      const requested = {
        client_id: 'sallyport-cli',
        username: 'alice',
        password: PASSWORD,
        scope: 'openid offline_access',
      };
      const { access_token, refresh_token } = await grant({ grant_type: 'password', ...requested }, 'sallyport');
      const { aud, groups, azp } = claimsOf(access_token);
      assert.deepEqual([[aud].flat().includes('sallyport'), groups, azp], [true, ['analytics'], 'sallyport-cli']);
      await grant({ grant_type: 'refresh_token', client_id: 'sallyport-cli', refresh_token }, 'sallyport');
    },
  );
  await step('an ID token, a refresh token and an offline token are no access tokens', async () => {
    const online = await tokensOf('alice');
    const { refresh_token: offline } = await tokensOf('alice', 'direct', 'openid offline_access');
    for (const token of [online.id_token, online.refresh_token, offline]) await refused(token);
  });
  await step('a token without the audience is refused', async () =>
    refused(await accessOf('alice', 'without-audience')),
  );
  await step('a token of a client that is not allowed is refused', async () =>
    refused(await accessOf('alice', 'stranger')),
  );
  await step('a token of another realm of the same server is refused', async () => {
    const form = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: 'of this run alone' };
    await refused((await grant(form, 'master')).access_token);
  });
  await step('a lightweight access token is refused while nobody is asked about it', async () =>
    refused(await accessOf('alice', 'lightweight')),
  );
  await step('an access token whose header says at+jwt is good', async () =>
    is(await put(await accessOf('alice', 'rfc9068')), 200),
  );

  const realm = (await keycloak.admin('GET', 'corp')) as { id: string };
  const signBy = async (algorithm: string, providerId: string, config: Record<string, string[]>) => {
    await keycloak.admin('POST', 'corp/components', {
      ...{ name: algorithm, providerId, providerType: 'org.keycloak.keys.KeyProvider', parentId: realm.id },
      config: { priority: ['200'], enabled: ['true'], active: ['true'], ...config },
    });
    await keycloak.admin('PUT', 'corp', { defaultSignatureAlgorithm: algorithm });
  };
  const algorithmOf = (token: string) =>
    (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { alg: string }).alg;
  /** Every token that is valid goes on being presented while something happens. */
  const whileAllWork = async (tokens: readonly string[], happens: () => Promise<void>): Promise<number> => {
    let over = false;
    let count = 0;
    const bad: string[] = [];
    const users = tokens.map(async (token) => {
      while (!over) {
        const { status, code } = await put(token);
        count += 1;
        if (status !== 200) bad.push(`${status} ${code ?? ''}`);
        await sleep(50);
      }
    });
    try {
      await happens();
    } finally {
      over = true;
      await Promise.all(users);
    }
    assert.deepEqual([...new Set(bad)], [], `${bad.length} of ${count}`);
    return count;
  };

  const byRsa = await accessOf('alice');
  await step('keys go from RS256 to ES384 to EdDSA, and no valid token fails', async () => {
    assert.equal(algorithmOf(byRsa), 'RS256');
    await whileAllWork([byRsa, await accessOf('carol')], async () => {
      await signBy('ES384', 'ecdsa-generated', { ecdsaEllipticCurveKey: ['P-384'] });
      const byEc = await accessOf('alice');
      assert.equal(algorithmOf(byEc), 'ES384');
      is(await put(byEc), 200);
      // Callers may make the gateway look only so often.
      await sleep(JWKS_REFRESH_MS);
      await signBy('EdDSA', 'eddsa-generated', { eddsaEllipticCurveKey: ['Ed25519'] });
      const byEd = await accessOf('alice');
      assert.equal(algorithmOf(byEd), 'EdDSA');
      is(await put(byEd), 200);
      is(await put(byEc), 200);
    });
  });
  await step('tokens of a key that was removed are refused long before they expire; others go on', async () => {
    const byEd = await accessOf('alice');
    await whileAllWork([byEd], async () => {
      const providers = `corp/components?parent=${realm.id}&type=org.keycloak.keys.KeyProvider`;
      const components = (await keycloak.admin('GET', providers)) as { id: string; providerId: string }[];
      const rsa = components.find(({ providerId }) => providerId === 'rsa-generated');
      await keycloak.admin('DELETE', `corp/components/${rsa?.id ?? ''}`);
      const seconds = await secondsUntil(LIMIT_SECONDS, async () => (await put(byRsa)).status === 401);
      console.error(`refused ${seconds.toFixed(1)} s after its key was removed`);
    });
  });

  await step('an account that is disabled keeps its token until the end, and gets no other', async () => {
    const token = await accessOf('carol');
    await keycloak.admin('PUT', `corp/users/${carol}`, { enabled: false });
    is(await put(token), 200);
    await assert.rejects(accessOf('carol'));
    await keycloak.admin('PUT', `corp/users/${carol}`, { enabled: true });
  });
  await step('a login that is revoked at the gateway is refused, whatever its tokens', async () => {
    const { access_token: token, refresh_token } = await tokensOf('alice');
    is(await put(token), 200);
    const session = String(claimsOf(token)['sid']);
    const what = ['revoke', 'session', session, '--issuer', 'keycloak'];
    const ran = await machine.sallyport(...what, '--config', stack.configFile);
    assert.equal(ran.code, 0, ran.stderr);
    await secondsUntil(LIMIT_SECONDS, async () => (await put(token)).status === 401);
    await refused((await grant({ grant_type: 'refresh_token', client_id: 'direct', refresh_token })).access_token);
  });

  await step('while Keycloak restarts, whoever has a token goes on; then logins are renewed as before', async () => {
    const token = await accessOf('alice');
    is(await put(token), 200);
    const { refresh_token } = await tokensOf('alice');
    await keycloak.stop();
    await step('a key that Keycloak could not be asked about yet is 503, not a refusal', async () => {
      const [header = '', ...rest] = token.split('.');
      const text = Buffer.from(header, 'base64url')
        .toString()
        .replace(/"kid" ?: ?"[^"]*"/, '"kid":"a new one"');
      const answer = await put([Buffer.from(text).toString('base64url'), ...rest].join('.'));
      is(answer, 503, 'ServiceUnavailable');
      assert.ok(Number(answer.headers['retry-after']) > 0);
    });
    await whileAllWork([token], () => keycloak.start());
    const { access_token: renewed } = await grant({ grant_type: 'refresh_token', client_id: 'direct', refresh_token });
    is(await put(renewed), 200);
  });

  await restartWith(true);
  await step('a lightweight access token is good where Keycloak is asked about it', async () => {
    const token = await accessOf('alice', 'lightweight');
    // Both have just started: the first requests may be late, and are told to come again.
    await secondsUntil(LIMIT_SECONDS, async () => (await send(token)).status !== 503);
    const answer = await send(token);
    is(answer, 200);
    const { subject, groups } = JSON.parse(answer.body.toString()) as Whoami;
    assert.deepEqual([subject, groups], [alice, ['/analytics']]);
  });
  const refusedSoon = (token: string, status = 401) =>
    secondsUntil(LIMIT_SECONDS, async () => (await put(token)).status === status);
  const ends = (name: string, token: () => Promise<string>, end: (token: string) => Promise<unknown>, status = 401) =>
    step(name, async () => {
      const ending = await token();
      is(await put(ending), 200);
      await end(ending);
      await refusedSoon(ending, status);
    });
  await Promise.all([
    ends(
      'a login that is ended in the admin console is refused long before its token expires',
      () => accessOf('carol'),
      (token) => keycloak.admin('DELETE', `corp/sessions/${String(claimsOf(token)['sid'])}`),
    ),
    step('an offline token gives tokens without a session, until its consent is revoked', async () => {
      const { refresh_token, access_token } = await tokensOf('alice', 'direct', 'openid offline_access');
      await assert.rejects(keycloak.admin('DELETE', `corp/sessions/${String(claimsOf(access_token)['sid'])}`), /404/);
      const renew = { grant_type: 'refresh_token', client_id: 'direct', refresh_token };
      const { access_token: renewed } = await grant(renew);
      is(await put(renewed), 200);
      await keycloak.admin('DELETE', `corp/users/${alice}/consents/direct`);
      await refusedSoon(renewed);
      await assert.rejects(grant(renew), /invalid_grant/);
    }),
    ends(
      'a group that is taken away is lost with the same token',
      async () => {
        await joinGroup(bob, 'analytics');
        return accessOf('bob');
      },
      () => leaveGroup(bob, 'analytics'),
      403,
    ),
  ]);
  await step('who is signed out in the console loses offline tokens too', async () => {
    const { refresh_token, access_token } = await tokensOf('carol', 'direct', 'openid offline_access');
    is(await put(access_token), 200);
    // Keycloak ends what was issued in an earlier second.
    await sleep(1500);
    await keycloak.admin('POST', `corp/users/${carol}/logout`);
    await refusedSoon(access_token);
    await assert.rejects(grant({ grant_type: 'refresh_token', client_id: 'direct', refresh_token }), /invalid_grant/);
  });
  await ends(
    'an account that is disabled is refused long before its token expires',
    () => accessOf('carol'),
    () => keycloak.admin('PUT', `corp/users/${carol}`, { enabled: false }),
  );
  await step('who has logged out is told to log in again', async () => {
    await succeed(machine, 'logout');
    const ran = await machine.sallyport('whoami');
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /sallyport login/);
  });
  await step('while Keycloak is away, what it has to be asked about is 503 once its last answer is over', async () => {
    const token = await accessOf('alice');
    is(await put(token), 200);
    const answeredMs = performance.now();
    await keycloak.kill();
    const { status } = await put(token);
    if (performance.now() - answeredMs < ANSWER_KEPT_SECONDS * 900) assert.equal(status, 200);
    await refusedSoon(token, 503);
  });
} catch (error) {
  console.log(`FAIL setup: ${error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error)}`);
} finally {
  await stop();
}
