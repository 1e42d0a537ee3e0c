/**
 * Runs the shipped `haproxy.cfg` in the foreground as the demo's front. HAProxy comes from the machine, or from Debian's
 * package unpacked into the demo's folder; without root, and without a trace on the system.
 */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { startChild, waitUntil, type Child } from './child.ts';
import { unpackProgram } from './debian-packages.ts';
import { findProgram, type Environment } from './programs.ts';

export interface HaproxyProgram {
  readonly program: string;
  /** Empty where it needs no libraries but those of the machine. */
  readonly libraryPath: string;
}

export interface HaproxyOptions extends HaproxyProgram {
  readonly configFile: string;
  /** Further arguments, before the file. */
  readonly parameters?: readonly string[];
  readonly port: number;
  /** Where it listens and runs, if not on this machine's loopback: its address, and what stands before a command there. */
  readonly host?: { readonly address: string; readonly command: readonly [string, ...string[]] };
  readonly certificateFile: string;
  readonly gatewaySocket: string;
  /** What the gateway knows it by; absent: not at all. */
  readonly edgeSecret?: string;
  readonly logFile: string;
  readonly environment: Environment;
}

const START_LIMIT_MS = 10_000;
const MAPS = join(import.meta.dirname, '../haproxy/maps');

/** Finds HAProxy, or unpacks it into `folder`; `undefined` where neither works. */
export async function findHaproxy(folder: string, environment: Environment): Promise<HaproxyProgram | undefined> {
  const installed = await findProgram('haproxy', environment);
  if (installed !== undefined) return { program: installed, libraryPath: '' };
  try {
    return await unpackProgram('haproxy', '-v', folder, environment);
  } catch {
    return undefined;
  }
}

/** Starts it; resolves when it takes connections. @throws Error in one line */
export async function startHaproxy(options: HaproxyOptions): Promise<Child> {
  const { environment, port, host } = options;
  // It has no channel by which it would notice that its parent was killed; the kernel tells it.
  const setpriv = await findProgram('setpriv', environment);
  const own = [options.program, '-db', ...(options.parameters ?? []), '-f', options.configFile] as const;
  const command = host === undefined ? own : ([...host.command, ...own] as const);
  const child = await startChild({
    command: setpriv === undefined ? command : [setpriv, '--pdeathsig', 'TERM', '--', ...command],
    environment: {
      SALLYPORT_EDGE_MAPS: MAPS,
      ...environment,
      ...(options.libraryPath === '' ? {} : { LD_LIBRARY_PATH: options.libraryPath }),
      SALLYPORT_FRONT: (host === undefined ? frontAddresses() : [host.address])
        .map((address) => `${address}:${port}`)
        .join(','),
      SALLYPORT_CERT: options.certificateFile,
      SALLYPORT_SOCKET: options.gatewaySocket,
      ...(options.edgeSecret === undefined ? {} : { SALLYPORT_EDGE_SECRET: options.edgeSecret }),
    },
    logFile: options.logFile,
    ipc: false,
    relayLog: true,
  });
  try {
    await waitUntil(
      () => accepts(port, host?.address ?? '127.0.0.1'),
      child.ended,
      START_LIMIT_MS,
      `HAProxy did not start; see ${options.logFile}`,
    );
  } catch (error) {
    await child.kill();
    throw error;
  }
  return child;
}

/** A machine without IPv6 cannot bind ::1, and HAProxy would refuse to start. */
function frontAddresses(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
  return addresses.includes('::1') ? ['127.0.0.1', '[::1]'] : ['127.0.0.1'];
}

function accepts(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, address);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
