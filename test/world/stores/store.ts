/**
 * What an S3 server of others is to a run: had from a registry, started on free loopback ports for the run alone, and ended
 * with it. The same checks run on it as its owner, which is the control, and through the gateway.
 */
import type { Run } from '../run/lane.ts';

/** An S3 server that somebody else wrote, started for a run on free loopback ports. */
export interface ForeignStore {
  readonly name: string;
  /** What says which packages it wants: files below `stores/<name>`. An install stands until one of them changes. */
  readonly locks: readonly string[];
  /** Has the packages in `folder`, where the store's files lie already. @throws Error where they are not to be had */
  readonly install: (folder: string, run: Run) => Promise<void>;
  /** Starts it on `data`, a folder that is empty; the driver makes those `buckets` that are not there then. */
  readonly start: (input: {
    readonly folder: string;
    readonly data: string;
    readonly buckets: readonly string[];
  }) => Promise<RunningStore>;
}

export interface RunningStore {
  readonly version: string;
  readonly endpoint: string;
  readonly region: string;
  /** The owner's: the control runs with them. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What the gateway's configuration says of it (`stores.<name>`), and the environment that it needs. */
  readonly storeConfig: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}
