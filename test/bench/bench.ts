/** What all sections of a benchmark work with: the relays, the gateways of each build, and what the run is asked for. */
import type { ChildProcess } from 'node:child_process';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { nodeFlags } from '../support/stack/node-flags.ts';
import { createEnvironment, type Environment } from './environment.ts';
import { startGateway, type Gateway, type GatewaySettings } from './gateway.ts';
import { smallGets, smallPuts } from './loads.ts';
import { run } from './measure.ts';
import type { Options } from './options.ts';
import { startPeers } from './peers.ts';
import { end, startServer } from './processes.ts';
import { createReport, type Report } from './show.ts';
import { put, SMALL, type Target } from './target.ts';

/** A built checkout. */
interface Build {
  readonly name: string;
  readonly checkout: string;
}

interface Relay extends Target {
  readonly pid: number;
  readonly child: ChildProcess;
}

export interface Bench extends Pick<Options, 'rounds' | 'sizes'> {
  readonly environment: Environment;
  /** A bare relay with Node's default flags, and one with the gateway's. */
  readonly relays: readonly [Relay, Relay];
  /** Of each build one, warm; the last is this checkout's. */
  readonly gateways: readonly Gateway[];
  /** This checkout's gateway, and the other build's where there is one. */
  readonly own: Gateway;
  readonly other: Gateway | undefined;
  /** Relays and gateways, in the order in which they are compared. */
  readonly targets: readonly Target[];
  /** The same with programs of others after the relays. */
  readonly targetsAndPeers: readonly Target[];
  readonly report: Report;
  /** Starts a relay with Node's default flags. */
  readonly freshRelay: () => Promise<Relay>;
  /** Runs something with a gateway of its own of each build, of which this checkout's is the last. */
  readonly withFresh: (
    settings: Partial<GatewaySettings>,
    use: (gateways: readonly Gateway[]) => Promise<void>,
  ) => Promise<void>;
  /** Starts one of this checkout's build. */
  readonly startOwn: (name: string, settings: Partial<GatewaySettings>) => Promise<Gateway>;
  readonly gatewaysStarted: () => number;
  /** Says that a target of this project is met or missed; a missed one ends the run with 1. */
  readonly judge: (isMet: boolean) => void;
}

const root = new URL('../..', import.meta.url).pathname;

/** Starts the processes that all sections share. The caller closes the environment. */
export async function createBench({ against, rounds, sizes, isSmoke, arePeersWanted }: Options): Promise<Bench> {
  const environment = await createEnvironment();
  try {
    const report = createReport();
    const builds: readonly Build[] = [
      ...(against === undefined ? [] : [{ name: 'other build', checkout: against }]),
      { name: 'gateway', checkout: root },
    ];
    let started = 0;
    const start = ({ name, checkout }: Build, settings: Partial<GatewaySettings>): Promise<Gateway> => {
      started += 1;
      const env = { ...(isSmoke ? COMPILE_CACHE : {}), ...settings.env };
      return startGateway(environment, { name, checkout, program: 'dist/main.js', ...settings, env });
    };
    const startAll = async (settings: Partial<GatewaySettings>): Promise<Gateway[]> => {
      const gateways: Gateway[] = [];
      for (const build of builds) gateways.push(await start(build, settings));
      return gateways;
    };
    const relay = async (name: string, flags: readonly string[]): Promise<Relay> => {
      return { name, headers: {}, ...(await startServer('relay.ts', [environment.storeOrigin], flags)) };
    };
    const relays = [await relay('relay', []), await relay('relay, our flags', nodeFlags())] as const;
    const gateways = await startAll({});
    const own = gateways.at(-1);
    if (own === undefined) throw new Error('no gateway');
    await run(own, (pool, target) => put(pool, target, '/box/keep/small', SMALL));
    const peers = arePeersWanted ? await startPeers(environment, report) : [];
    for (const target of [...relays, ...peers, ...gateways]) {
      await run(target, smallGets(sizes.smallRequests));
      await run(target, smallPuts(sizes.smallRequests));
    }
    return {
      ...{ environment, rounds, sizes, relays, gateways, own, other: gateways.at(-2), report },
      targets: [...relays, ...gateways],
      targetsAndPeers: [...relays, ...peers, ...gateways],
      freshRelay: () => relay('relay', []),
      withFresh: async (settings, use) => {
        const fresh = await startAll(settings);
        await use(fresh);
        await Promise.all(fresh.map(({ primary }) => end(primary)));
      },
      startOwn: (name, settings) => start({ name, checkout: root }, settings),
      gatewaysStarted: () => started,
      judge: (isMet) => {
        if (!isMet && !isSmoke) process.exitCode = 1;
      },
    };
  } catch (error) {
    await environment.close();
    throw error;
  }
}
