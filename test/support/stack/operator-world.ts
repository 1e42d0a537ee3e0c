/**
 * A store, an issuer and gateways on one configuration file, for tests of operators' commands: what a client sees through a
 * gateway, what lies in the store, and the commands as the command line runs them.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import supertest from 'supertest';
import { auditFiles } from '../../../src/audit/read-audit.ts';
import { createGateway, type Gateway } from '../../../src/compose/gateway.ts';
import { registerInspect } from '../../../src/cli/operator/inspect.ts';
import { CommandError, type CommandIo } from '../../../src/cli/io.ts';
import { registerKeys } from '../../../src/cli/operator/keys.ts';
import { registerMigrate } from '../../../src/cli/operator/migrate.ts';
import { registerUploads } from '../../../src/cli/operator/uploads.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { freePort } from '../../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../../demo/store/embedded-store.ts';
import { createOperator, type Operator } from '../../../src/compose/operator.ts';
import { makeKey, signToken, startTestIssuer } from '../identity/issuer.ts';
import { send, type TestAnswer, type TestRequest } from '../store/store-client.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of a command that was told to print one. */
  readonly report: () => unknown;
}

export interface OperatorWorld {
  readonly folder: string;
  readonly configPath: string;
  readonly store: EmbeddedStore;
  /** As the store's owner, past every gateway. */
  readonly raw: (request: Omit<TestRequest, 'keys'>) => Promise<TestAnswer>;
  /** As a client, through the gateway that runs now. */
  readonly get: (path: string) => Promise<{ readonly status: number; readonly body: Buffer }>;
  readonly put: (path: string, body: Buffer, headers?: Readonly<Record<string, string>>) => Promise<number>;
  /** Ends the gateway and starts one with the configuration as it is now. */
  readonly restart: () => Promise<void>;
  readonly command: (...args: readonly string[]) => Promise<CommandResult>;
  /** What the commands depend on, with an audit. */
  readonly operator: () => Promise<Operator>;
  readonly auditLines: () => Promise<readonly Record<string, unknown>[]>;
  readonly stop: () => Promise<void>;
}

const USER = 'olivia';

/** Starts a world. `buckets`: their section of the configuration; `secrets`: files that it names beside the seed. */
export async function startOperatorWorld(
  buckets: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>> = {},
): Promise<OperatorWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-operator-'));
  const key = makeKey('RS256', 'k1');
  const issuer = await startTestIssuer([key.publicJwk]);
  const gatewayKeys = { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: randomBytes(20).toString('hex') };
  const ownerKeys = { accessKeyId: 'OWNEROWNEROWNEROWNER', secretAccessKey: randomBytes(20).toString('hex') };
  const names = Object.keys(buckets);
  const store = await createEmbeddedStore({
    folder: join(folder, 'store'),
    port: await freePort(),
    buckets: names,
    gatewayKeys,
    ownerKeys,
    log: () => undefined,
  });
  await store.start();
  await mkdir(join(folder, 'policies'));
  const rules = names.map(
    (name) => `  - { id: ${name}, allow: [GET, PUT, LIST, GET_VERSION], bucket: ${name}, everything: true }\n`,
  );
  const policy = `id: team\ndescription: All of it.\nsubjects: [{ issuer: test, group: team }]\nrules:\n${rules.join('')}`;
  await writeFile(join(folder, 'policies', 'team.yaml'), policy);
  await writeFile(join(folder, 'seed-1'), randomBytes(32), { mode: 0o600 });
  for (const [name, secret] of Object.entries(secrets)) await writeFile(join(folder, name), secret, { mode: 0o600 });
  const configPath = join(folder, 'sallyport.yaml');
  await writeFile(
    configPath,
    `# The gateway of the tests.
listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true }
issuers:
  test: { issuer: '${issuer.url}', audiences: [sallyport], allowHttp: true }
stores:
  main:
    endpoint: ${store.endpoint}
    region: us-east-1
    allowPlaintextHttp: true
    sts: { endpoint: '${store.endpoint}', roleArn: '${DEMO_ROLE_ARN}' }
buckets:
${names.map((name) => `  ${name}: ${buckets[name]}\n`).join('')}keyring:
  # Copies of the seeds are in the safe.
  local:
    versions:
      1: { seedFile: seed-1 } # of the first day
policies: { directory: policies }
audit: { directory: audit, minFreeBytes: 0 }
timeouts: { drainDelayMs: 0 }
`,
  );
  const env = { AWS_ACCESS_KEY_ID: gatewayKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: gatewayKeys.secretAccessKey };
  const silent = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  const start = async (): Promise<Gateway> =>
    createGateway(await loadConfig({ path: configPath, env }), { worker: 0, pid: process.pid, logStream: silent() });
  let gateway = await start();
  const authorization = (): string => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const claims = { iss: issuer.url, sub: 'alice', aud: 'sallyport', groups: ['team'], exp };
    return `Bearer ${signToken(key, claims)}`;
  };

  return {
    folder,
    configPath,
    store,
    raw: (request) => send(store.port, { ...request, keys: ownerKeys }),
    get: async (path) => {
      const answer = await supertest(gateway.server)
        .get(path)
        .set('authorization', authorization())
        .buffer(true)
        .parse((response, done) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => done(null, Buffer.concat(chunks)));
        });
      return { status: answer.status, body: answer.body as Buffer };
    },
    put: async (path, body, headers = {}) => {
      const request = supertest(gateway.server).put(path).set('authorization', authorization()).set(headers);
      return (await request.send(body)).status;
    },
    restart: async () => {
      await gateway.drain();
      gateway = await start();
    },
    command: async (...args) => {
      const output = { stdout: '', stderr: '', code: 0 };
      const into = (name: 'stdout' | 'stderr') =>
        new Writable({
          write: (chunk: Buffer, _encoding, done) => {
            output[name] += chunk.toString();
            done();
          },
        });
      const io: CommandIo = {
        env,
        cwd: folder,
        pid: process.pid,
        user: () => USER,
        home: folder,
        platform: process.platform,
        packageRoot: folder,
        version: '0.0.0-test',
        self: { node: '', script: '' },
        stdin: async function* () {},
        stdout: into('stdout'),
        stderr: into('stderr'),
        onSignal: () => undefined,
        onParentExit: () => undefined,
        onUncaught: () => undefined,
        setExitCode: (code) => {
          output.code = code;
        },
        exit: () => {
          throw new Error('no test ends the process');
        },
      };
      const program = new Command('sallyport').exitOverride().configureOutput({ writeErr: () => undefined });
      registerKeys(program, io);
      registerMigrate(program, io);
      registerInspect(program, io);
      registerUploads(program, io);
      try {
        await program.parseAsync(['node', 'sallyport', ...args]);
      } catch (error) {
        if (!(error instanceof CommandError) && !(error instanceof CommanderError)) throw error;
        output.stderr += error.message;
        output.code = error instanceof CommandError ? error.exitCode : 2;
      }
      return { ...output, report: () => JSON.parse(output.stdout) as unknown };
    },
    operator: async () =>
      createOperator(await loadConfig({ path: configPath, env }), {
        user: USER,
        pid: process.pid,
        logStream: silent(),
        writes: true,
      }),
    auditLines: async () => {
      const texts = await Promise.all((await auditFiles(join(folder, 'audit'))).map((file) => readFile(file, 'utf8')));
      const lines = texts.join('').split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    stop: async () => {
      await gateway.drain();
      await store.stop();
      await issuer.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
