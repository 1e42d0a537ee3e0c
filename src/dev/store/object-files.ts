/**
 * Objects as files. Per object one data file with the bytes as they came and one JSON file that names it; renaming the
 * JSON file is what makes a write visible, so a reader sees the old object or the new one. Names start with a readable
 * part of the key and end in its hash, so no key can leave the folder. What is acknowledged has been flushed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { noSuchBucket, StoreError } from './store-error.ts';

export interface StoredObject {
  readonly key: string;
  /** Name of the data file in the bucket's folder. */
  readonly dataFile: string;
  readonly sizeBytes: number;
  /** 32 hex digits without quotes. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** The headers to give back with the object, lower-case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the body must turn out to be. */
export interface BodyExpectation {
  readonly sizeBytes: number;
  /** Base64, as in Content-MD5. */
  readonly md5: string | undefined;
  /** Hex. */
  readonly sha256: string | undefined;
}

/** An object opened for reading; the size is that of the file, whatever happened to it. */
export interface OpenObject {
  readonly object: StoredObject;
  readonly sizeBytes: number;
  readonly stream: (first: number, last: number) => Readable;
  readonly close: () => Promise<void>;
}

interface Bucket {
  readonly objects: Map<string, StoredObject>;
  /** Objects in the byte order of their keys, made when a listing asks. */
  sorted: readonly StoredObject[] | undefined;
}

export class ObjectFiles {
  /** Reads bodies and checks them, but keeps nothing: an upstream for measuring. */
  discardBodies = false;
  readonly #folder: string;
  readonly #buckets = new Map<string, Bucket>();
  readonly #writes = new Map<string, Promise<unknown>>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads what is there and makes the named buckets. Leftovers of interrupted writes are removed. */
  static async open(folder: string, buckets: readonly string[]): Promise<ObjectFiles> {
    const files = new ObjectFiles(folder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const present = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    for (const name of new Set([...present.map((entry) => entry.name), ...buckets])) await files.#load(name);
    return files;
  }

  get bucketNames(): readonly string[] {
    return [...this.#buckets.keys()].sort();
  }

  /** @throws StoreError NoSuchBucket */
  find(bucket: string, key: string): StoredObject | undefined {
    return this.#bucket(bucket).objects.get(key);
  }

  /** All objects in the byte order of their keys. @throws StoreError NoSuchBucket */
  sorted(bucket: string): readonly StoredObject[] {
    const found = this.#bucket(bucket);
    found.sorted ??= [...found.objects.values()]
      .map((object) => [Buffer.from(object.key), object] as const)
      .sort(([left], [right]) => Buffer.compare(left, right))
      .map(([, object]) => object);
    return found.sorted;
  }

  /** Where the bytes of an object lie, for a person and for tests that tamper. */
  path(bucket: string, key: string): string | undefined {
    const object = this.find(bucket, key);
    return object === undefined ? undefined : join(this.#folder, bucket, object.dataFile);
  }

  /** @throws StoreError NoSuchBucket */
  async read(bucket: string, key: string): Promise<OpenObject | undefined> {
    // A replacement may remove the data file between the look-up and the open: look again, at the new object.
    for (let object = this.find(bucket, key), last: StoredObject | undefined; object !== last;) {
      if (object === undefined) return undefined;
      const handle = await openIfThere(join(this.#folder, bucket, object.dataFile));
      if (handle !== undefined) {
        const { size } = await handle.stat();
        return {
          object,
          sizeBytes: size,
          stream: (first, end) => handle.createReadStream({ start: first, end, autoClose: false }),
          close: () => handle.close(),
        };
      }
      last = object;
      object = this.find(bucket, key);
    }
    return undefined;
  }

  /**
   * Takes a body in and makes it the object, unless it is not as expected or `admit`, asked at the last moment with
   * the object that is there, throws.
   * @throws StoreError NoSuchBucket, IncompleteBody, BadDigest, XAmzContentSHA256Mismatch, and what `admit` throws
   */
  async write(
    bucket: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    body: AsyncIterable<Buffer>,
    expected: BodyExpectation,
    admit: (existing: StoredObject | undefined) => void,
  ): Promise<StoredObject> {
    const { objects } = this.#bucket(bucket);
    const folder = join(this.#folder, bucket);
    const dataFile = `${fileStem(key)}.${randomBytes(4).toString('hex')}.data`;
    const dataPath = join(folder, dataFile);
    try {
      const md5 = await this.#receive(`${dataPath}.part`, body, expected);
      const object = { key, dataFile, sizeBytes: expected.sizeBytes, etag: md5, lastModifiedMs: Date.now(), headers };
      await this.#alone(join(folder, fileStem(key)), async () => {
        const existing = objects.get(key);
        admit(existing);
        if (this.discardBodies) return;
        await rename(`${dataPath}.part`, dataPath);
        const index = join(folder, `${fileStem(key)}.json`);
        await writeDurably(`${index}.part`, JSON.stringify(object, null, 2));
        await rename(`${index}.part`, index);
        await flushFolder(folder);
        this.#set(bucket, key, object);
        if (existing !== undefined) await rm(join(folder, existing.dataFile), { force: true });
      });
      return object;
    } finally {
      await rm(`${dataPath}.part`, { force: true });
    }
  }

  /** @throws StoreError NoSuchBucket */
  async delete(bucket: string, key: string): Promise<void> {
    const { objects } = this.#bucket(bucket);
    const folder = join(this.#folder, bucket);
    await this.#alone(join(folder, fileStem(key)), async () => {
      const existing = objects.get(key);
      if (existing === undefined) return;
      await rm(join(folder, `${fileStem(key)}.json`), { force: true });
      await flushFolder(folder);
      this.#set(bucket, key, undefined);
      await rm(join(folder, existing.dataFile), { force: true });
    });
  }

  async #receive(path: string, body: AsyncIterable<Buffer>, expected: BodyExpectation): Promise<string> {
    const md5 = createHash('md5');
    const sha256 = expected.sha256 === undefined ? undefined : createHash('sha256');
    let sizeBytes = 0;
    const file = this.discardBodies ? undefined : await open(path, 'wx', 0o600);
    try {
      for await (const chunk of body) {
        sizeBytes += chunk.length;
        md5.update(chunk);
        sha256?.update(chunk);
        await file?.writeFile(chunk);
      }
      await file?.sync();
    } finally {
      await file?.close();
    }
    if (sizeBytes !== expected.sizeBytes)
      throw new StoreError('IncompleteBody', 400, 'The body is not as long as Content-Length said.');
    const digest = md5.digest();
    if (expected.md5 !== undefined && expected.md5 !== digest.toString('base64'))
      throw new StoreError('BadDigest', 400, 'The Content-MD5 did not match what was received.');
    if (sha256 !== undefined && sha256.digest('hex') !== expected.sha256)
      throw new StoreError(
        'XAmzContentSHA256Mismatch',
        400,
        "The provided 'x-amz-content-sha256' is not that of the body.",
      );
    return digest.toString('hex');
  }

  async #load(bucket: string): Promise<void> {
    const folder = join(this.#folder, bucket);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    const objects = new Map<string, StoredObject>();
    for (const name of names.filter((file) => file.endsWith('.json'))) {
      const object = JSON.parse(await readFile(join(folder, name), 'utf8')) as StoredObject;
      objects.set(object.key, object);
    }
    const wanted = new Set([...objects.values()].map(({ dataFile }) => dataFile));
    for (const name of names)
      if (name.endsWith('.part') || (name.endsWith('.data') && !wanted.has(name))) await rm(join(folder, name));
    this.#buckets.set(bucket, { objects, sorted: undefined });
  }

  #bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw noSuchBucket();
    return bucket;
  }

  #set(bucket: string, key: string, object: StoredObject | undefined): void {
    const found = this.#bucket(bucket);
    if (object === undefined) found.objects.delete(key);
    else found.objects.set(key, object);
    found.sorted = undefined;
  }

  /** Runs tasks of one object one after the other. */
  async #alone(name: string, task: () => Promise<void>): Promise<void> {
    const before = this.#writes.get(name) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.#writes.set(name, mine);
    try {
      await mine;
    } finally {
      if (this.#writes.get(name) === mine) this.#writes.delete(name);
    }
  }
}

/** Recognisable to a person and safe as a file name, at most 96 characters; differs whenever keys differ. */
function fileStem(key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9._-]+/g, '_').replace(/^\.+/, '_');
  return `${readable.slice(0, 60)}~${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
