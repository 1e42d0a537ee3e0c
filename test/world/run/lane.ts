/**
 * What a lane of foreign clients is. A lane's packages are had together, in a folder of its own; each of its programs is run
 * once per bucket, knows the product by environment variables alone, and prints `version VERSION` and a line per step:
 * `ok NAME`, or `FAIL NAME: what came back`.
 */
import type { AuthMethod } from '../../conformance/run/cell.ts';

export type BucketKind = 'encrypted' | 'plain';

/** The product as a program meets it. */
export interface Site {
  /** Of HAProxy: `https://localhost:<port>`. */
  readonly endpoint: string;
  readonly caFile: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly roleArn: string;
  readonly buckets: Readonly<Record<BucketKind, string>>;
  /** Of the origin whose pages may ask. */
  readonly pagePort: number;
}

/** How a program is told of a private CA; that alone tells it. */
export interface Trust {
  /** Variables that name its file. */
  readonly variables?: readonly string[];
  /** It reads no setting: the machine's list of certificates has the CA. */
  readonly machine?: true;
  /** An option, or a line of code, of the program itself. */
  readonly option?: string;
}

/** How a program logs in, and how it is told of the CA. */
export interface Manners {
  /** As its users call it. */
  readonly client: string;
  readonly login: AuthMethod;
  readonly trust: Trust;
}

/** Without a client's name it is none: docs/clients.md leaves it out. */
export interface Program extends Partial<Pick<Manners, 'client' | 'trust'>> {
  readonly name: string;
  /** `its own`: it logs in itself. */
  readonly login: AuthMethod | 'its own';
  /** How long it may take. Default: 300. */
  readonly limitSeconds?: number;
  /** Where it runs. Default: in both. */
  readonly buckets?: readonly BucketKind[];
  /** The command line; `folder` is where the lane's packages are. */
  readonly command: (folder: string) => readonly [string, ...string[]];
  /** What its users set beside their login and the CA. */
  readonly environment?: (site: Site, folder: string) => Readonly<Record<string, string>>;
}

export interface Lane {
  readonly name: string;
  /** What says which packages it wants: files below `lanes/<name>`. An install stands until one of them changes. */
  readonly locks: readonly string[];
  /** Has the packages in `folder`, where the lane's files lie already. @throws Error where they are not to be had */
  readonly install: (folder: string, run: Run) => Promise<void>;
  /** Makes the programs out of their sources, at every run. */
  readonly build?: (folder: string, run: Run) => Promise<void>;
  readonly programs: readonly Program[];
}

/** Runs a command of an install. @throws Error with the end of what it said, unless it succeeds */
export type Run = (
  command: string,
  parameters: readonly string[],
  options?: { readonly folder?: string; readonly environment?: Readonly<Record<string, string>> },
) => Promise<string>;
