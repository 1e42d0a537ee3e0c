/**
 * Runs cells on the product: one stack per store, a recorder behind HAProxy and one before the plain port, two cells at a
 * time. Leaves nothing running. A cell that fails says at which step.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  TRANSPORTS,
  AUTH_METHODS,
  type Cell,
  type CellContext,
  type Client,
  type Fixtures,
  type Program,
  type Transport,
  type Upstream,
  type AuthMethod,
} from './cell.ts';
import { writeFixtures } from './fixtures.ts';
import type { SeenRequest } from './request-reader.ts';
import { createRunner } from './runner.ts';
import type { StackInfo } from './stack-process.ts';
import { assumeRoleWithWebIdentity } from './auth-methods.ts';
import { startWireRecorder } from './wire-recorder.ts';

const AT_ONCE = 2;
const STACK_LIMIT_MS = 120_000;

export interface SuiteOptions {
  readonly clients: readonly Client[];
  readonly upstreams: readonly Upstream[];
  /** Those that are tried on a store. */
  readonly authMethodsOn: (upstream: Upstream) => readonly AuthMethod[];
  readonly transports: readonly Transport[];
  readonly onCell: (cell: Cell) => void;
}

export interface SuiteRun {
  readonly cells: readonly Cell[];
  readonly seen: readonly SeenRequest[];
}

/** Where the product of one store is reached while its cells run. */
interface Site {
  readonly upstream: Upstream;
  readonly info: StackInfo;
  readonly endpoints: Readonly<Record<Transport, string>>;
  readonly tokenFile: string;
  readonly seen: readonly SeenRequest[];
  readonly fixtures: Fixtures;
  readonly folder: string;
}

/** Runs every cell of these clients. @throws Error where the product does not start */
export async function runSuite(options: SuiteOptions): Promise<SuiteRun> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  const seen: SeenRequest[] = [];
  const cells: Cell[] = [];
  try {
    const fixtures = await writeFixtures(join(folder));
    const programs = new Map<Client, Program | string>();
    for (const client of options.clients) programs.set(client, await client.find());
    for (const upstream of options.upstreams) {
      await withSite(upstream, folder, fixtures, async (site) => {
        const planned = [...programs].flatMap(([client, program]) =>
          AUTH_METHODS.filter((auth) => options.authMethodsOn(upstream).includes(auth)).flatMap((auth) =>
            TRANSPORTS.filter((transport) => options.transports.includes(transport)).map((transport) => async () => {
              const cell = await runCell(site, client, program, auth, transport);
              cells.push(cell);
              options.onCell(cell);
            }),
          ),
        );
        await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            for (let next = planned.shift(); next !== undefined; next = planned.shift()) await next();
          }),
        );
        seen.push(...site.seen);
      });
    }
    return { cells, seen };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withSite(
  upstream: Upstream,
  folder: string,
  fixtures: Fixtures,
  run: (site: Site) => Promise<void>,
): Promise<void> {
  const stack = fork(fileURLToPath(new URL('stack-process.ts', import.meta.url)), [upstream]);
  const undo: (() => void)[] = [];
  const ended = once(stack, 'exit');
  try {
    const info = await Promise.race([
      once(stack, 'message', { signal: AbortSignal.timeout(STACK_LIMIT_MS) }).then(([message]) => message as StackInfo),
      ended.then(() => Promise.reject(new Error(`the product on ${upstream} did not start`))),
    ]);
    const seen: SeenRequest[] = [];
    const gateway = { host: '127.0.0.1', port: info.gatewayPort };
    const edge = await startWireRecorder({ path: info.edgeSocket }, gateway, seen);
    undo.push(edge.close);
    const plain = await startWireRecorder({ host: '127.0.0.1', port: 0 }, gateway, seen);
    undo.push(plain.close);
    const tokenFile = join(folder, `token-${upstream}`);
    await writeFile(tokenFile, info.token, { mode: 0o600 });
    const endpoints = { tls: info.frontUrl, plain: `http://127.0.0.1:${plain.port}` };
    await edgeIsUp(seen);
    await run({ upstream, info, endpoints, tokenFile, seen, fixtures, folder });
  } finally {
    for (const step of undo.reverse()) step();
    if (stack.exitCode === null && stack.signalCode === null && stack.connected) {
      stack.send('end');
      await ended;
    }
  }
}

/** HAProxy's check goes through the recorder: two of them, and it has seen an answer. */
async function edgeIsUp(seen: readonly SeenRequest[]): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (seen.filter(({ target }) => target === '/-/ready').length >= 2) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('HAProxy never asked whether the gateway is ready');
}

async function runCell(
  site: Site,
  client: Client,
  program: Program | string,
  auth: AuthMethod,
  transport: Transport,
): Promise<Cell> {
  const { upstream, info, endpoints } = site;
  const cell = {
    client: client.name,
    ca: client.ca,
    version: typeof program === 'string' ? '' : program.version,
    auth,
    transport,
    upstream,
    required: client.optional === undefined && client.authMethods[auth] === true,
  };
  const nothing = { steps: [], requests: 0, seconds: 0 };
  const can = client.authMethods[auth];
  if (can !== true) return { ...cell, ...nothing, status: 'unavailable', reason: can };
  if (typeof program === 'string') {
    return { ...cell, ...nothing, status: 'unavailable', reason: `${client.optional ?? client.name}: ${program}` };
  }
  const slug = `${client.name}-${auth}-${transport}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const folder = join(site.folder, `${upstream}-${slug}`);
  await mkdir(folder);
  const steps: string[] = [];
  const started = performance.now();
  let reason: string | undefined;
  try {
    const keys = await assumeRoleWithWebIdentity(endpoints.plain, info.roleArn, info.token);
    const context: CellContext = {
      access: {
        auth,
        transport,
        endpoint: endpoints[transport],
        plainEndpoint: endpoints.plain,
        caFile: transport === 'tls' ? info.caFile : undefined,
        token: info.token,
        tokenFile: site.tokenFile,
        roleArn: info.roleArn,
        keys,
      },
      program,
      upstream,
      folder,
      fixtures: site.fixtures,
      buckets: info.buckets,
      prefix: `${slug}/`,
      stored: async (key) => {
        const answer = await fetch(info.storedUrl + encodeURIComponent(key));
        if (!answer.ok) throw new Error(`the store has no ${key}`);
        return Buffer.from(await answer.arrayBuffer());
      },
      storedUrl: info.storedUrl,
      step: async (name, run) => {
        try {
          const value = await run();
          steps.push(name);
          return value;
        } catch (error) {
          throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      },
      run: createRunner(folder),
    };
    await client.exercise(context);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  await rm(folder, { recursive: true, force: true });
  return {
    ...cell,
    status: reason === undefined ? 'passed' : 'failed',
    reason: reason?.replaceAll(info.token, '<token>'),
    steps,
    requests: site.seen.filter(({ target }) => target.includes(slug)).length,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}
