/**
 * Paths of two or three files in; the keys that stand in them out, also after they were rotated on
 * disk. Requests never wait for a file: they go on with what is known while the files are looked at. What cannot be read,
 * others may read, or is being written is left alone: the known keys serve on.
 */
import { constants, open } from 'node:fs/promises';
import type { Clock } from '../contracts/clock.ts';
import type { KeyFilePaths } from '../contracts/key-credentials.ts';
import type { Observer } from '../contracts/observer.ts';
import { readBoundedFile } from '../platform/bounded-file.ts';
import { isPrivateMode, MAKE_PRIVATE } from '../platform/private-mode.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import type { BaseCredentials, BaseSource } from './base-credentials.ts';

export interface KeyFilesOptions {
  /** Names them in the log. */
  readonly whose: string;
  readonly paths: KeyFilePaths;
  /** What stood in the files when the configuration was read. */
  readonly first: BaseCredentials;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** How long what was read counts as fresh, in milliseconds. */
const FRESH_MS = 5000;
const MAX_FILE_BYTES = 16_384;
const ONE_LINE = /^[\x21-\x7e]+$/;

/** Makes the source of keys that are rotated on disk, without a restart. */
export function createKeyFiles({ whose, paths, first, clock, observer }: KeyFilesOptions): BaseSource {
  let known = first;
  let readAtMs = clock.now();
  const lookups = createSingleFlight();
  const renewals = createSingleFlight<boolean>();
  let warned: string | undefined;

  const readNow = async (): Promise<void> => {
    try {
      const found = await readPair(paths);
      if (found !== undefined && !same(found, known)) {
        known = found;
        observer.event('credentials_reloaded', { of: whose });
      }
      warned = undefined;
    } catch (error) {
      const fault = error instanceof UnusableFile ? error.message : 'cannot be read';
      if (fault !== warned) {
        observer.event('credentials_file_invalid', { of: whose, detail: fault });
      }
      warned = fault;
    }
    readAtMs = clock.now();
  };

  return {
    current: async () => {
      await renewals.inFlight();
      if (clock.now() - readAtMs >= FRESH_MS) void lookups.join(readNow);
      return known;
    },
    renew: () => {
      const refused = known;
      return renewals.join(() => lookups.join(readNow).then(() => known !== refused));
    },
  };
}

/** The file is there and must not be used. Its message holds neither path nor content. */
class UnusableFile extends Error {}

const same = (one: BaseCredentials, other: BaseCredentials): boolean =>
  one.accessKeyId === other.accessKeyId &&
  one.secretAccessKey === other.secretAccessKey &&
  one.sessionToken === other.sessionToken;

/** `undefined` where the files changed while they were read: half of a rotation is no pair of keys. */
async function readPair({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: KeyFilePaths): Promise<BaseCredentials | undefined> {
  const files = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])];
  const [before, after] = [await Promise.all(files.map(readLine)), await Promise.all(files.map(readLine))];
  if (before.some((line, index) => line !== after[index])) return undefined;
  const [id = '', secret = '', token] = after;
  return Object.freeze({
    accessKeyId: id,
    secretAccessKey: secret,
    ...(token === undefined ? {} : { sessionToken: token }),
  });
}

async function readLine(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe waits for its writer.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const status = await file.stat();
  if (!status.isFile()) throw new UnusableFile('is not a file');
  if (!isPrivateMode(status)) throw new UnusableFile(`can be read by others; ${MAKE_PRIVATE}`);
  const content = await readBoundedFile(file, MAX_FILE_BYTES);
  if (content === undefined) throw new UnusableFile('is too long');
  const line = content.toString('latin1').replace(/[\r\n]+$/, '');
  if (!ONE_LINE.test(line)) throw new UnusableFile('does not hold one line of visible ASCII');
  return line;
}
