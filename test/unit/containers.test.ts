import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import { EDGE_VARIABLES } from '../../src/config/loading/environment.ts';
import { Sample } from './config/sample.ts';
import { needs } from '../support/needs.ts';
import { nodeFlags } from '../support/stack/node-flags.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');
const run = promisify(execFile);
const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Puts variables in, as Compose does: `${NAME}`, `${NAME:?why}`, `$$`. */
const render = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$(?:\$|\{([A-Z_]+)(?::\?[^}]*)?\})/g, (whole, name?: string) => {
    if (name === undefined) return '$';
    const value = env[name];
    assert(value !== undefined, `${whole} is not set by make-secrets.sh`);
    return value;
  });

/** What make-secrets.sh writes, without running it. */
const variablesOf = (script: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...script.matchAll(/^([A-Z_]+)=\$/gm)].map(([, name]) => [name ?? '', 'value']));

const GATEWAYS = ['gateway-1', 'gateway-2'];

describe('docker-compose.yml', () => {
  let compose: Compose;
  let config: Config;
  let sample: Sample;
  before(async () => {
    const script = await read('examples/compose/make-secrets.sh');
    compose = parse(render(await read('docker-compose.yml'), variablesOf(script)), { merge: true }) as Compose;
    sample = await Sample.create();
    config = await sample.loadReal(join(root, 'examples/compose/sallyport.yaml'));
  });
  after(() => sample.remove());

  const service = (name: string): Service => {
    const found = compose.services[name];
    assert(found !== undefined, `no service ${name}`);
    return found;
  };
  /** Host path and container path of each mount. */
  const mounts = (name: string) => (service(name).volumes ?? []).map((volume) => volume.split(':'));

  it('renders with the variables that make-secrets.sh writes, and no others', () => {
    assert.deepEqual(Object.keys(compose.services).sort(), [
      ...['gateway-1', 'gateway-2', 'grafana', 'haproxy', 'idp', 'prometheus', 'redis', 'store', 'store-setup'],
    ]);
  });

  it('pins every image', () => {
    for (const [name, { image, build }] of Object.entries(compose.services)) {
      if (build === undefined) assert.match(image ?? '', /:(?!latest$)[\w.-]*\d[\w.-]*$/, name);
    }
  });

  it('gives no container root, capabilities or new privileges', () => {
    for (const [name, definition] of Object.entries(compose.services)) {
      assert.match(definition.user ?? '', /^value:(?:value|0)$/, name);
      assert.deepEqual(definition.cap_drop, ['ALL'], name);
      assert.deepEqual(definition.security_opt, ['no-new-privileges:true'], name);
      assert.equal(definition.privileged, undefined, name);
    }
  });

  it('gives all but Keycloak a root file system that cannot be written', () => {
    const writable = Object.keys(compose.services).filter((name) => service(name).read_only !== true);
    assert.deepEqual(writable, ['idp']);
  });

  it('publishes ports on loopback only, and neither the store nor the socket', () => {
    const ports = Object.values(compose.services).flatMap((definition) => definition.ports ?? []);
    assert(ports.length > 0);
    assert.deepEqual(
      ports.filter((port) => !port.startsWith('127.0.0.1:')),
      [],
    );
    for (const name of ['store', 'redis', 'gateway-2']) assert.equal(service(name).ports, undefined);
  });

  it('shares the sockets between the gateways and HAProxy alone', () => {
    const sharers = Object.keys(compose.services).filter((name) => mounts(name).some(([from]) => from === 'socket'));
    assert.deepEqual(sharers.sort(), [...GATEWAYS, 'haproxy']);
    const sockets = GATEWAYS.map((name) => service(name).environment?.['SALLYPORT_LISTEN_SOCKET'] ?? '');
    const { SALLYPORT_SOCKET: first, SALLYPORT_SOCKET_2: second } = service('haproxy').environment ?? {};
    assert.deepEqual([first, second], sockets);
    assert.notEqual(first, second);
    for (const name of sharers) {
      const [, to] = mounts(name).find(([from]) => from === 'socket') ?? [];
      for (const socket of sockets) assert(socket.startsWith(`${to ?? ''}/`));
    }
  });

  it('tells HAProxy all that its configuration asks for', () => {
    const told = Object.keys(service('haproxy').environment ?? {});
    assert.deepEqual(
      told.filter((name) => !EDGE_VARIABLES.includes(name)),
      [],
    );
    for (const name of ['FRONT', 'CERT', 'SOCKET', 'EDGE_SECRET']) assert.ok(told.includes(`SALLYPORT_${name}`), name);
  });

  it('mounts what is in the repository, or what make-secrets.sh makes', async () => {
    const sources = Object.keys(compose.services).flatMap((name) => mounts(name).map(([from]) => from ?? ''));
    for (const source of sources.filter((from) => from.startsWith('./') && !from.includes('/state/'))) {
      await access(join(root, source));
    }
    const named = sources.filter((from) => !from.startsWith('./'));
    assert.deepEqual(
      named.filter((name) => !(name in compose.volumes)),
      [],
    );
  });

  it('has replicas that differ in their socket and their audit only', () => {
    const [first, second] = GATEWAYS.map((name) => JSON.stringify({ ...service(name), ports: undefined }));
    assert.equal(first, second?.replaceAll('gateway-2', 'gateway-1').replaceAll('/audit/2:', '/audit/1:'));
    assert.notEqual(first, second);
  });

  it('mounts every file that the configuration of the gateway names', () => {
    const targets = mounts('gateway-1').map(([, to]) => to ?? '');
    const text = [config.policies.directory, config.audit.directory].map((path) => path.slice(sample.directory.length));
    for (const path of [...text, '/etc/sallyport/keys/seed-1', '/etc/sallyport/tls/ca.crt']) {
      assert(
        targets.some((target) => path === target || path.startsWith(`${target}/`)),
        path,
      );
    }
  });

  it('lets the gateway write to the audit and the socket only', () => {
    const writable = (service('gateway-1').volumes ?? []).filter((volume) => !volume.endsWith(':ro'));
    assert.deepEqual(writable.map((volume) => volume.split(':')[1]).sort(), [
      '/run/sallyport',
      '/var/lib/sallyport/audit',
    ]);
  });

  it('lets requests in flight finish before it kills the gateway', () => {
    assert(Number.parseInt(service('gateway-1').stop_grace_period ?? '0') * 1000 > config.timeouts.drainMs);
  });

  it('holds no secret of its own', () => {
    for (const { environment } of Object.values(compose.services)) {
      const secrets = Object.entries(environment ?? {}).filter(([name]) => /PASSWORD|SECRET|TOKEN/.test(name));
      assert.deepEqual(
        secrets.filter(([, value]) => value !== 'value'),
        [],
      );
    }
  });

  it('says that the images were not run', async () => {
    for (const path of ['docker-compose.yml', 'examples/compose/README.md']) {
      assert.match(await read(path), /have (?:never|not) been\s+(?:#\s*)?run/);
    }
  });

  // The plugin is not in Debian 12; where it is missing, the tests above still parse and render the file.
  const itWithCompose = has('docker', 'compose', 'version') ? it : () => undefined;
  itWithCompose('is accepted by docker compose', async () => {
    const script = await read('examples/compose/make-secrets.sh');
    const env = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...variablesOf(script),
      SALLYPORT_UID: '1000',
      SALLYPORT_GID: '1000',
    };
    await run('docker', ['compose', '-f', join(root, 'docker-compose.yml'), 'config', '--quiet'], { env });
  });
});

describe('examples/compose/make-secrets.sh', () => {
  let state: string;
  before(async function () {
    needs(this, 'openssl', has('openssl', 'version'));
    state = await mkdtemp(join(tmpdir(), 'sallyport-state-'));
    await run('sh', [join(root, 'examples/compose/make-secrets.sh'), state]);
  });
  after(async () => {
    await rm(state, { recursive: true, force: true });
  });

  const SECRETS = [
    'tls/ca.key',
    'tls/edge/edge.pem',
    'tls/idp/idp.key',
    'tls/store/private.key',
    'tls/redis/redis.key',
    'compose.env',
  ];

  it('makes what the containers mount, for their owner alone', async () => {
    const keys = ['seed-1', 'session-key', 'redis-password', 'store-access-key-id', 'store-secret-access-key'];
    for (const name of [...SECRETS, 'redis/redis.conf', ...keys.map((key) => `keys/${key}`)]) {
      assert.equal((await stat(join(state, name))).mode & 0o077, 0, name);
    }
  });

  it('gives no container to root, whoever runs it', async () => {
    assert.match(await readFile(join(state, 'compose.env'), 'utf8'), /^SALLYPORT_UID=[1-9]\d*$/m);
  });

  it('keeps what is there, above all the seed', async () => {
    const before = await Promise.all(SECRETS.map((name) => readFile(join(state, name), 'utf8')));
    const seed = await readFile(join(state, 'keys/seed-1'), 'utf8');
    await run('sh', [join(root, 'examples/compose/make-secrets.sh'), state]);
    assert.deepEqual(await Promise.all(SECRETS.map((name) => readFile(join(state, name), 'utf8'))), before);
    assert.equal(await readFile(join(state, 'keys/seed-1'), 'utf8'), seed);
  });
});

describe('Dockerfile', () => {
  let lines: string[];
  let ignored: string[];
  before(async () => {
    const text = (await read('Dockerfile')).replaceAll(/\\\n\s*/g, ' ');
    lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    ignored = (await read('.dockerignore')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  });
  const of = (instruction: string, from = lines) =>
    from.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));
  const finalStage = () => lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  it('consists of instructions that exist', () => {
    const known = ['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'EXPOSE', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD'];
    assert.deepEqual(
      lines.filter((line) => !known.includes(line.split(' ')[0] ?? '')),
      [],
    );
  });

  it('depends on one slim image of Node 24', () => {
    assert.deepEqual(of('ARG'), ['NODE_IMAGE=node:24-slim']);
    assert.deepEqual(of('FROM'), ['${NODE_IMAGE} AS build', '${NODE_IMAGE}']);
  });

  it('copies what exists, and what the builder is given', async () => {
    const local = of('COPY').filter((line) => !line.startsWith('--from='));
    assert.equal(ignored[0], '*');
    for (const source of local.flatMap((line) => line.split(/\s+/).slice(0, -1))) {
      const name = source.replace(/^\.\//, '');
      await access(join(root, name));
      assert(ignored.includes(`!${name}`), `${name} is kept from the builder`);
    }
  });

  it('runs no code of packages while it installs them', () => {
    const installs = of('RUN').filter((line) => /npm (?:ci|prune|install)/.test(line));
    assert(installs.length > 0);
    for (const line of installs) {
      for (const part of line.split('&&').filter((command) => /npm (?:ci|prune|install)/.test(command))) {
        assert.match(part, /--ignore-scripts/);
      }
    }
  });

  it('builds with a script that package.json has, and brings no tools of development', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    assert.match(of('RUN').join(), /npm run build && npm prune --omit=dev/);
    assert.equal(scripts['build'], 'tsc -p tsconfig.build.json');
  });

  it('ends as a user without privileges, by number', () => {
    assert.match(of('USER', finalStage()).at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
  });

  it('starts the gateway in exec form, so that it gets the signal to drain', () => {
    assert.deepEqual(JSON.parse(of('ENTRYPOINT', finalStage())[0] ?? ''), ['node', ...nodeFlags(), 'bin/sallyport.js']);
    assert.deepEqual(JSON.parse(of('CMD', finalStage())[0] ?? ''), ['serve']);
  });

  it('holds no secret', () => {
    assert.deepEqual(
      [...of('ENV'), ...of('ARG')].filter((line) => /secret|password|token|seed/i.test(line)),
      [],
    );
  });
});
