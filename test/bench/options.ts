/** What a run of the benchmark is asked for, from its command line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const MIB = 1024 ** 2;

export interface Options {
  readonly isHelp: boolean;
  /** Runs all of it and judges nothing. */
  readonly isSmoke: boolean;
  /** Another checkout, whose build is measured beside this one. */
  readonly against: string | undefined;
  /** Programs of others are measured too, where they can be had. */
  readonly arePeersWanted: boolean;
  /** Names of sections; `undefined`: all. */
  readonly only: readonly string[] | undefined;
  readonly rounds: number;
  readonly sizes: Sizes;
}

/** How much each load is. */
export interface Sizes {
  readonly smallRequests: number;
  readonly largeBytes: number;
  readonly uploadsAtOnce: readonly number[];
  /** Of an open loop, per target and round. */
  readonly latencySeconds: number;
  /** Objects that are read in turn where no key is remembered. */
  readonly coldObjects: number;
  /** Listings and DeleteObjects of 1,000 keys, and parts of 8 MiB, per target and round. */
  readonly batches: number;
  /** Bytes that pass while Mark-Compacts are counted, in each direction. */
  readonly markCompactBytes: number;
  /** Before and while allocation and promises are counted. */
  readonly exactRequests: number;
  readonly memoryRequests: number;
  readonly idleMs: number;
}

const FULL: Sizes = {
  ...{ smallRequests: 6000, largeBytes: 256 * MIB, uploadsAtOnce: [64, 16], latencySeconds: 4 },
  ...{ coldObjects: 2500, batches: 20, markCompactBytes: 2048 * MIB, exactRequests: 1000 },
  ...{ memoryRequests: 200_000, idleMs: 10_000 },
};
const QUICK: Sizes = {
  ...{ smallRequests: 4000, largeBytes: 64 * MIB, uploadsAtOnce: [16], latencySeconds: 2 },
  ...{ coldObjects: 1000, batches: 5, markCompactBytes: 512 * MIB, exactRequests: 1000 },
  ...{ memoryRequests: 20_000, idleMs: 10_000 },
};
const SMOKE: Sizes = {
  ...{ smallRequests: 100, largeBytes: 8 * MIB, uploadsAtOnce: [4, 2], latencySeconds: 0.2 },
  ...{ coldObjects: 50, batches: 1, markCompactBytes: 16 * MIB, exactRequests: 100 },
  ...{ memoryRequests: 100, idleMs: 100 },
};

/** Reads the command line. @throws Error what it does not understand */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      against: { type: 'string' },
      peers: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const isShort = values.quick || values.smoke;
  const rounds = Number(values.rounds ?? (isShort ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a number of rounds');
  return {
    isHelp: values.help,
    isSmoke: values.smoke,
    against: values.against === undefined ? undefined : resolve(values.against),
    arePeersWanted: values.peers,
    only: values.only?.split(','),
    rounds,
    sizes: values.smoke ? SMOKE : values.quick ? QUICK : FULL,
  };
}
