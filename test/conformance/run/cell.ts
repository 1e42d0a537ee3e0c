/**
 * What the conformance suite tries: a cell is one client in one version that authenticates by one method, over one transport, to
 * one store. Nothing here, or in a client, may import `src`: the suite knows the product by its wire alone.
 */

export const AUTH_METHODS = ['bearer', 'web identity', 'container credentials', 'session keys'] as const;
export type AuthMethod = (typeof AUTH_METHODS)[number];

/** `tls`: through HAProxy. `plain`: the gateway's own port on loopback. */
export const TRANSPORTS = ['tls', 'plain'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const UPSTREAMS = ['embedded', 'ceph'] as const;
export type Upstream = (typeof UPSTREAMS)[number];

/** A program of this machine that was found to be a client. */
export interface Program {
  readonly path: string;
  readonly version: string;
}

export interface SessionKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** Where the product is, and who asks. */
export interface Access {
  readonly auth: AuthMethod;
  readonly transport: Transport;
  /** `https://localhost:<port>` or `http://127.0.0.1:<port>`; serves S3, STS and `/-/credentials`. */
  readonly endpoint: string;
  /** Where credentials for containers are fetched by clients that trust no private CA for it. */
  readonly plainEndpoint: string;
  /** The CA of a TLS endpoint. */
  readonly caFile: string | undefined;
  readonly token: string;
  readonly tokenFile: string;
  readonly roleArn: string;
  /** Issued for this cell by the product's own STS. */
  readonly keys: SessionKeys;
}

/** The same files for every cell; read only. */
export interface Fixtures {
  readonly small: string;
  /** Larger than 16 MiB: several parts, or one chunk, by client. */
  readonly large: string;
  /** A folder of files with nested folders and names that are hard to encode. */
  readonly tree: string;
  /** Paths in the folder, sorted. */
  readonly treeFiles: readonly string[];
}

export interface CellContext {
  readonly access: Access;
  readonly program: Program;
  readonly upstream: Upstream;
  /** Empty, the cell's own; `HOME` as well. */
  readonly folder: string;
  readonly fixtures: Fixtures;
  /** A bucket whose objects are encrypted, and one whose are not. */
  readonly buckets: { readonly sealed: string; readonly open: string };
  /** What all keys of this cell start with; ends with a slash. */
  readonly prefix: string;
  /** What the store really holds at a key of the encrypted bucket. */
  readonly stored: (key: string) => Promise<Buffer>;
  /** Where a program finds that: a URL that a key is appended to, encoded. */
  readonly storedUrl: string;
  /** Runs one operation and counts it when it succeeds. @throws Error that names the step */
  readonly step: <Value>(name: string, run: () => Promise<Value>) => Promise<Value>;
  readonly run: Runner;
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in an environment that has nothing of this machine's but `PATH`. @throws Error unless it exits with 0 */
export type Runner = (
  command: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
) => Promise<Ran>;

export interface Client {
  readonly name: string;
  /** `undefined`: must be there. Else why it may be missing. */
  readonly optional: string | undefined;
  /** Finds the program. A text says why there is none. */
  readonly find: () => Promise<Program | string>;
  /** How it is told of a private CA. */
  readonly ca: string;
  /** A text: why the client cannot authenticate that way. */
  readonly authMethods: Readonly<Record<AuthMethod, true | string>>;
  readonly exercise: (context: CellContext) => Promise<void>;
}

export interface Cell {
  readonly client: string;
  readonly version: string;
  readonly ca: string;
  readonly auth: AuthMethod;
  readonly transport: Transport;
  readonly upstream: Upstream;
  readonly required: boolean;
  readonly status: 'passed' | 'failed' | 'unavailable';
  /** Of what failed, or is unavailable. */
  readonly reason: string | undefined;
  /** Operations that succeeded, by name. */
  readonly steps: readonly string[];
  /** Requests of this cell that the wire recorder saw. */
  readonly requests: number;
  readonly seconds: number;
}
