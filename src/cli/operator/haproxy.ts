/** `sallyport haproxy`; here `sync`: HAProxy knows the issuers' keys and who is revoked. See haproxy/README.md. */
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { createEdgeSync, faultText, type EdgeSyncReport } from '../../compose/edge-sync.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION, readConfig } from '../read-config.ts';
import { registerRender } from './haproxy-render.ts';
import { spanOf } from './revocation-command.ts';

interface SyncFlags {
  readonly config?: string;
  readonly socket?: string;
  readonly keys: string;
  readonly grace: number;
  readonly once?: true;
  readonly json?: true;
}

/** What HAProxy would not read as one word of a file of its own. */
const FOLDER = /^\/[\w./-]{1,200}$/;

/** Registers `haproxy sync` and `haproxy render`. */
export function registerHaproxy(program: Command, io: CommandIo): void {
  const haproxy = program
    .command('haproxy')
    .description('Configures HAProxy, and keeps it in step with the gateway.')
    .addHelpText(
      'after',
      '\nExample:\n  sallyport haproxy sync --config sallyport.yaml --socket /run/haproxy-master.sock',
    );
  registerRender(haproxy, io);
  haproxy
    .command('sync')
    .description(
      "Has HAProxy check bearer tokens by the issuers' keys, and refuse revoked subjects and addresses; runs until SIGTERM.",
    )
    .option(...CONFIG_OPTION)
    .option('--socket <path>', "the socket of HAProxy's master process; without it only files are written")
    .option('--keys <folder>', 'where keys, maps and bearer-filter.cfg are written', folder, '/etc/haproxy/keys')
    .option('--grace <span>', 'how long a key is kept that is no longer published, such as 1h', span, 3_600_000)
    .option('--once', 'brings HAProxy up to date once and ends')
    .option('--json', 'with --once: prints what is in force as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sallyport haproxy sync --config sallyport.yaml --once
  sallyport haproxy sync --config sallyport.yaml --socket /run/haproxy-master.sock

Exit codes: 0 stopped by a signal or done, 1 failed (--once: or an issuer could not be reached), 2 usage or configuration.
Signals: SIGTERM and SIGINT stop it.`,
    )
    .action(async (flags: SyncFlags) => {
      if (flags.json === true && flags.once !== true) throw new CommandError('--json goes with --once', 2);
      const config = await readConfig(io, flags.config);
      const odd = config.issuers.find(({ issuer }) => !/^[\x21-\x7e]+$/.test(issuer));
      if (odd !== undefined) throw new CommandError(`issuers.${odd.name}.issuer: HAProxy cannot have it in a map`, 2);
      const control = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) io.onSignal(signal, () => control.abort());
      const socket = flags.socket === undefined ? undefined : resolve(io.cwd, flags.socket);
      const options = { folder: flags.keys, socket, graceMs: flags.grace, logStream: io.stderr };
      const sync = await createEdgeSync(config, options);
      try {
        if (flags.once === true) tell(io, flags, await sync.pass());
        else await sync.run(control.signal);
      } catch (error) {
        throw new CommandError(faultText(error));
      } finally {
        await sync.close();
      }
    });
}

function tell(io: CommandIo, { json }: SyncFlags, report: EdgeSyncReport): void {
  const { issuers, keys, deniedSubjects, deniedAddresses, unreachable } = report;
  const missing = unreachable.length === 0 ? '' : `; no keys of ${unreachable.join(', ')}`;
  const text = `${issuers} issuers, ${keys} keys, ${deniedSubjects} revoked subjects, ${deniedAddresses} revoked addresses${missing}\n`;
  io.stdout.write(json === true ? `${JSON.stringify(report)}\n` : text);
  io.setExitCode(unreachable.length === 0 ? 0 : 1);
}

function folder(text: string): string {
  if (FOLDER.test(text)) return text;
  throw new InvalidArgumentError('It must be an absolute path of letters, digits and ._-/ alone.');
}

function span(text: string): number {
  const spanMs = spanOf(text);
  if (spanMs !== undefined) return spanMs;
  throw new InvalidArgumentError('It must be a span such as 10m or 1h.');
}
