/** What all sections of a benchmark work with: the relays, the gateways of each build, and what the run is asked for. */
import type { ChildProcess } from 'node:child_process';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { nodeFlags } from '../support/stack/node-flags.ts';
import { createEnvironment, type Environment } from './environment.ts';
import { startGateway, type Gateway, type GatewaySettings } from './gateway.ts';
import { smallGets, smallPuts } from './loads.ts';
import { run } from './measure.ts';
import type { Options } from './options.ts';
import { end, startServer } from './processes.ts';
import { put, SMALL, type Target } from './target.ts';

/** A built checkout. */
interface Build {
  readonly name: string;
  readonly checkout: string;
}

interface Relay extends Target {
  readonly child: ChildProcess;
}

export interface Bench extends Pick<Options, 'rounds' | 'sizes'> {
  readonly environment: Environment;
  /** A bare relay with Node's default flags, and one with the gateway's. */
  readonly relays: readonly [Target, Target];
  /** Of each build one, warm; the first is this checkout's. */
  readonly gateways: readonly [Gateway, ...Gateway[]];
  /** All of them, in the order in which they are compared: this checkout's gateway is the last. */
  readonly targets: readonly Target[];
  /** Starts a relay with Node's default flags. */
  readonly freshRelay: () => Promise<Relay>;
  /** Runs something with a gateway of its own of each build, one after the other. */
  readonly eachFresh: (
    settings: Partial<GatewaySettings>,
    use: (gateway: Gateway, isOwn: boolean) => Promise<void>,
  ) => Promise<void>;
  readonly gatewaysStarted: () => number;
  /** Says that a target of this project is met or missed; a missed one ends the run with 1. */
  readonly judge: (isMet: boolean) => void;
}

const root = new URL('../..', import.meta.url).pathname;

/** Starts the processes that all sections share. The caller closes the environment. */
export async function createBench({ against, rounds, sizes, isSmoke }: Options): Promise<Bench> {
  const environment = await createEnvironment();
  try {
    const builds: readonly Build[] = [
      { name: 'gateway', checkout: root },
      ...(against === undefined ? [] : [{ name: 'other build', checkout: against }]),
    ];
    let started = 0;
    const fresh = ({ name, checkout }: Build, settings: Partial<GatewaySettings>): Promise<Gateway> => {
      started += 1;
      const env = { ...(isSmoke ? COMPILE_CACHE : {}), ...settings.env };
      return startGateway(environment, { name, checkout, program: 'dist/main.js', ...settings, env });
    };
    const relay = async (name: string, flags: readonly string[]): Promise<Relay> => {
      return { name, headers: {}, ...(await startServer('relay.ts', [environment.storeOrigin], flags)) };
    };
    const relays = [await relay('relay', []), await relay('relay, our flags', nodeFlags())] as const;
    const gateways: Gateway[] = [];
    for (const build of builds) gateways.push(await fresh(build, {}));
    const [own, ...others] = gateways;
    if (own === undefined) throw new Error('no gateway');
    await run(own, (pool, target) => put(pool, target, '/box/keep/small', SMALL));
    for (const target of [...relays, ...gateways]) {
      await run(target, smallGets(sizes.smallRequests));
      await run(target, smallPuts(sizes.smallRequests));
    }
    return {
      ...{ environment, rounds, sizes, relays, gateways: [own, ...others] },
      targets: [...relays, ...others, own],
      freshRelay: () => relay('relay', []),
      eachFresh: async (settings, use) => {
        for (const build of builds) {
          const gateway = await fresh(build, settings);
          await use(gateway, build === builds[0]);
          await end(gateway.primary);
        }
      },
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
