/**
 * `sallyport demo`: the whole product on one machine, set up, checked and explained; `demo token` gets a token of one of
 * its identities. Needs a checkout with its development dependencies, of which the embedded parts are made.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { DemoStack, StackPorts } from './demo-stack.ts';
import { CommandError, writeToken, type CommandIo } from '../src/cli/io.ts';
import { demoBanner, demoFacts } from './banner.ts';
import { probe } from './probe.ts';
import { runServe } from '../src/cli/server/serve.ts';

interface DemoOptions {
  readonly data?: string;
  readonly port: number;
  readonly adminPort: number;
  readonly idpPort: number;
  readonly storePort: number;
  readonly json?: true;
}

/** Registers `demo`, `demo token` and the hidden `demo gateway`. */
export function registerDemo(program: Command, io: CommandIo): void {
  const demo = program
    .command('demo')
    .description('Runs everything on this machine: HAProxy, gateway, identity provider, S3 store with STS.')
    .enablePositionalOptions()
    .option('--data <dir>', 'folder for all data (default: .demo in the package)')
    .option('--port <port>', 'port of the TLS front', port, 8443)
    .option('--admin-port <port>', 'port of health and metrics', port, 9190)
    .option('--idp-port <port>', 'port of the identity provider', port, 8191)
    .option('--store-port <port>', 'port of the embedded S3 and STS', port, 8192)
    .option('--json', 'prints one line of JSON instead of the banner')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport demo\n  sallyport demo --port 9443 --data /tmp/trial\n  sallyport demo token alice\n\nExit codes: 0 stopped by a signal, 1 failed, 2 usage.\nSignals: SIGINT, SIGTERM and SIGHUP stop everything.',
    )
    .action((options: DemoOptions) => runDemo(io, options));
  demo
    .command('token <name>')
    .description('Prints a token of alice, bob or ci-bot, from the running demo.')
    .option('--data <dir>', "the running demo's folder (default: .demo in the package)")
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport demo token alice\n  TOKEN=$(sallyport demo token bob)\n\nExit codes: 0 done, 1 failed, 2 usage.',
    )
    .action((name: string, options: { data?: string }) =>
      printToken(io, name, dataFolder(io, options.data ?? demo.opts<DemoOptions>().data)),
    );
  demo
    .command('gateway', { hidden: true })
    .requiredOption('--config <file>')
    .action(({ config }: { config: string }) => runServe(io, { configPath: config, allowDemo: true }));
}

async function runDemo(io: CommandIo, options: DemoOptions): Promise<void> {
  const { startDemoStack, PortInUse } = await loadStack();
  const ports = {
    front: options.port,
    admin: options.adminPort,
    identityProvider: options.idpPort,
    store: options.storePort,
  };
  // Until there is something to stop, a signal is only noted.
  const control: { interrupted: boolean; stopping: boolean; finish: (code: number) => void } = {
    interrupted: false,
    stopping: false,
    finish: () => undefined,
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    io.onSignal(signal, () => {
      control.interrupted = true;
      control.finish(0);
    });
  }
  const stack: DemoStack = await startDemoStack({
    dataDirectory: dataFolder(io, options.data),
    ports,
    packageRoot: io.packageRoot,
    environment: io.env,
    gatewayCommand: (configFile) => [io.self.node, io.self.script, 'demo', 'gateway', '--config', configFile],
  }).catch((error: unknown) => {
    throw new CommandError(error instanceof PortInUse ? portInUse(error.port, ports) : messageOf(error));
  });

  control.finish = (code) => {
    if (control.stopping) return;
    control.stopping = true;
    void stack.stop().then(() => io.exit(code));
  };
  const ended = (part: string) => () => {
    if (control.stopping) return;
    io.stderr.write(`sallyport: ${part} has ended; see ${stack.logDirectory}. Stopping.\n`);
    control.finish(1);
  };
  stack.gateway.onUnexpectedEnd(ended('the gateway'));
  void stack.front?.child()?.end.then(ended('HAProxy'));
  if (control.interrupted) {
    control.finish(0);
    return;
  }
  try {
    const proofs = await probe(stack);
    const facts = demoFacts(stack);
    io.stdout.write(
      options.json === true ? `${JSON.stringify(facts)}\n` : demoBanner(facts, proofs, io.cwd, options.data),
    );
  } catch (error) {
    if (control.stopping) return;
    io.stderr.write(`sallyport: ${messageOf(error)}; see ${stack.logDirectory}\n`);
    control.finish(1);
  }
}

async function printToken(io: CommandIo, name: string, folder: string): Promise<void> {
  const { demoToken, ensureDemoSecrets } = await loadStack();
  const running = await readFile(join(folder, 'run', 'running.json'), 'utf8').catch(() => undefined);
  if (running === undefined) throw new CommandError(`no demo runs in ${folder}; start one with: npm run demo`);
  const { issuer } = JSON.parse(running) as { issuer: string };
  try {
    const { accessToken } = await demoToken(issuer, await ensureDemoSecrets(join(folder, 'secrets')), name);
    writeToken(io, accessToken);
  } catch (error) {
    if (error instanceof TypeError) throw new CommandError(`${issuer} does not answer; is the demo running?`);
    throw new CommandError(messageOf(error));
  }
}

/** Loaded where the demo is started: the hidden `demo gateway` needs none of it, nor does the help. */
async function loadStack() {
  try {
    const { demoToken, startDemoStack } = await import('./demo-stack.ts');
    const { ensureDemoSecrets } = await import('./demo-secrets.ts');
    const { PortInUse } = await import('./free-port.ts');
    return { demoToken, ensureDemoSecrets, PortInUse, startDemoStack };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CommandError('the demo needs the development dependencies: run npm ci first');
  }
}

function dataFolder(io: CommandIo, input: string | undefined): string {
  return input === undefined ? join(io.packageRoot, '.demo') : resolve(io.cwd, input);
}

function portInUse(port: number, ports: StackPorts): string {
  const option =
    port === ports.front
      ? '--port'
      : port === ports.admin
        ? '--admin-port'
        : port === ports.identityProvider
          ? '--idp-port'
          : '--store-port';
  return `port ${port} is taken by another program; choose another one with ${option}`;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a port, from 0 to 65535.');
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
