/**
 * docker-compose.yml, run without Docker: each service a program of this machine in namespaces of its own, with the mounts, the
 * environment, the user and the command that the file gives it. In place of Keycloak and MinIO are those of a test, at the
 * same addresses with the same certificates; Grafana is on no package source here and is left out.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { createNetwork, type Network } from '../support/compose/network.ts';
import { hasNamespaces } from '../support/hosts/hosts.ts';
import { needs, triedWhere } from '../support/needs.ts';
import { hasPrometheus } from '../support/stack/prometheus.ts';
import { hasRedis } from '../support/store/redis.ts';

const root = join(import.meta.dirname, '../..');
const WORDS = 'what the store must not read';
const GATEWAYS = ['gateway-1', 'gateway-2'];
const LIMIT_MS = 90_000;
/** What an image runs that the file leaves to it; the entry point of ours is in the Dockerfile. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  haproxy: ['haproxy', '-W', '-db', '-f', '/usr/local/etc/haproxy/haproxy.cfg'],
  prometheus: ['prometheus'],
  idp: ['node', 'test/support/compose/idp.ts'],
  store: ['node', 'test/support/compose/store.ts'],
};

interface Service {
  readonly user: string;
  readonly read_only?: boolean;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
}

describe('docker-compose.yml, run', function () {
  this.timeout(3 * LIMIT_MS);
  let folder: string;
  let state: string;
  let network: Network;
  let services: Readonly<Record<string, Service>>;
  let variables: Readonly<Record<string, string>>;
  let token: string;
  let image: string;
  const undone: (() => Promise<void>)[] = [];

  before(async function () {
    triedWhere(this, hasNamespaces);
    needs(this, 'redis-server', hasRedis);
    needs(this, 'prometheus', hasPrometheus);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-compose-'));
    undone.push(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    state = join(folder, 'state');
    image = await readFile(join(root, 'Dockerfile'), 'utf8');
    await promisify(execFile)('sh', [join(root, 'examples/compose/make-secrets.sh'), state]);
    const lines = (await readFile(join(state, 'compose.env'), 'utf8')).trim().split('\n');
    variables = Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
    const text = (await readFile(join(root, 'docker-compose.yml'), 'utf8')).replaceAll(
      /\$\{([A-Z_]+)(?::\?[^}]*)?\}/g,
      (_all, name: string) => variables[name] ?? '',
    );
    ({ services } = parse(text, { merge: true }) as { services: typeof services });
    network = await createNetwork(folder, Object.keys(services));
    undone.push(() => network.close());
    await mkdir(join(folder, 'socket'), { mode: 0o700 });
    await chown(join(folder, 'socket'), Number(variables['SALLYPORT_UID']), Number(variables['SALLYPORT_GID']));
    for (const name of ['idp', 'store', 'redis', ...GATEWAYS, 'haproxy', 'prometheus']) start(name);
    await Promise.all(GATEWAYS.map(ready));
  });
  after(async () => {
    for (const undo of undone.toReversed()) await undo();
  });

  function start(name: string): void {
    const service = services[name];
    assert.ok(service !== undefined, name);
    const mounts = [...(service.volumes ?? []), ...(name === 'store' ? keysOfSetup() : [])].map((volume) =>
      volume
        .replace(/^\.\/examples\/compose\/state/, state)
        .replace(/^\./, root)
        .replace(/^socket:/, `${join(folder, 'socket')}:`),
    );
    network.start(name, {
      ...{ user: service.user, folder: '/opt/sallyport', readOnly: service.read_only === true },
      mounts: [...mounts, ...(service.tmpfs ?? []).map((target) => `tmpfs:${target}`)],
      environment: {
        PATH: '/opt/sallyport/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...service.environment,
      },
      command: programOf(name, service),
    });
  }
  /** What the service beside it reads the user of the store from. */
  const keysOfSetup = () => (services['store-setup']?.volumes ?? []).filter((volume) => volume.includes(':/keys'));

  function programOf(name: string, { build, command = [] }: Service): readonly string[] {
    if (build !== undefined) return dockerfile();
    const program = PROGRAMS[name] ?? [];
    return name === 'store' || name === 'idp' ? program : [...program, ...command];
  }
  function dockerfile(): readonly string[] {
    const of = (word: string) => JSON.parse(new RegExp(`^${word} (.*)$`, 'm').exec(image)?.[1] ?? '') as string[];
    return [...of('ENTRYPOINT'), ...of('CMD')];
  }

  const curl = (...args: readonly string[]) =>
    network.run('curl', '--silent', '--show-error', '--cacert', join(state, 'tls/ca.crt'), '--max-time', '20', ...args);

  async function until(what: string, look: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + LIMIT_MS;
    while (!(await look().catch(() => false))) {
      if (Date.now() > endMs) assert.fail(`${what}\n${await logs()}`);
      await sleep(500);
    }
  }
  const logs = async () => {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    const ends = names.map(async (name) => `== ${name}\n${(await readFile(join(folder, name), 'utf8')).slice(-1500)}`);
    return (await Promise.all(ends)).join('\n');
  };
  const ready = (name: string) =>
    until(`${name} is not ready`, async () => {
      const { ready: isReady } = JSON.parse(await curl(`http://${name}:9190/readyz`)) as { ready: boolean };
      return isReady;
    });

  /** What HAProxy last said of the server that is this replica. */
  const seenBy = (name: string, expected: 'UP' | 'DOWN') =>
    until(`${name} is not ${expected} for HAProxy`, async () => {
      const server = name === 'gateway-1' ? 'gateway' : 'gateway2';
      const said = (await readFile(join(folder, 'haproxy.log'), 'utf8')).matchAll(
        /Server gateway\/(\w+) is (UP|DOWN)/g,
      );
      return [...said].findLast(([, one]) => one === server)?.[2] === expected;
    });

  /** As a client outside has it: the port is published as localhost:8443. */
  const ask = (...args: readonly string[]) =>
    curl('--connect-to', 'localhost:8443:haproxy:8443', '--header', `Authorization: Bearer ${token}`, ...args);
  const PLACE = 'https://localhost:8443/reports/2026/q3.csv';

  it('lets alice put an object and get it, encrypted at the store', async () => {
    const form = ['grant_type=password', 'client_id=sallyport-cli', 'username=alice'];
    const answer = await curl(
      ...[...form, `password=${variables['ALICE_PASSWORD'] ?? ''}`].flatMap((field) => ['-d', field]),
      'https://idp:8443/realms/sallyport/protocol/openid-connect/token',
    );
    token = (JSON.parse(answer) as { access_token: string }).access_token;
    await writeFile(join(folder, 'q3.csv'), WORDS);
    await until('nothing goes through', async () => (await ask('--fail', '-T', join(folder, 'q3.csv'), PLACE)) === '');
    assert.equal(await ask('--fail', PLACE), WORDS);
    const stored = await readdir(join(state, 'store-data'), { recursive: true, withFileTypes: true });
    const files = stored.filter((entry) => entry.isFile());
    assert.ok(files.length > 0);
    for (const { parentPath, name } of files) {
      assert.ok(!(await readFile(join(parentPath, name))).includes(WORDS), name);
    }
  });

  it('refuses her what no policy allows', async () => {
    const status = await ask('-o', '/dev/null', '-w', '%{http_code}', 'https://localhost:8443/artifacts/a');
    assert.equal(status, '403');
  });

  it('has Prometheus scrape both, by the rules that are shipped', async () => {
    const query = async (path: string) => JSON.parse(await curl(`http://prometheus:9090/api/v1/${path}`)) as unknown;
    await until('Prometheus does not scrape both', async () => {
      const { data } = (await query('query?query=sallyport_ready')) as {
        data: { result: { metric: { instance: string }; value: [number, string] }[] };
      };
      const seen = data.result.filter(({ value }) => value[1] === '1').map(({ metric }) => metric.instance);
      return seen.toSorted().join() === GATEWAYS.map((name) => `${name}:9190`).join();
    });
    const { data } = (await query('rules')) as { data: { groups: { rules: { name: string }[] }[] } };
    assert.ok(data.groups.flatMap(({ rules }) => rules).some(({ name }) => name === 'SallyportDown'));
  });

  it('serves on while one replica is stopped, and records at the other', async () => {
    for (const stopped of GATEWAYS) {
      await network.stop(stopped);
      for (let count = 0; count < 20; count += 1) assert.equal(await ask('--fail', PLACE), WORDS);
      await seenBy(stopped, 'DOWN');
      start(stopped);
      await ready(stopped);
      await seenBy(stopped, 'UP');
    }
    for (const replica of ['1', '2']) {
      const files = await readdir(join(state, 'audit', replica), { recursive: true, withFileTypes: true });
      const texts = files
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8'));
      assert.ok(
        (await Promise.all(texts)).some((lines) => lines.includes('2026/q3.csv')),
        `replica ${replica}`,
      );
    }
  });
});
