/**
 * Objects as files. Each version has a data file with its bytes as they came; one JSON file per key names its versions,
 * and renaming that file is what makes a change visible, so a reader sees the old object or the new one. Names start
 * with a readable part of the key and end in its hash, so no key can leave the folder. What is acknowledged has been
 * flushed. A bucket's settings are in `bucket.json`, once they differ from those that a bucket has by itself.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { syncDirectory } from '../../src/platform/durable-file.ts';
import { fileStem, openIfThere, replaceDocument } from './durable-files.ts';
import { receiveFile, type BodyExpectation } from './receive-body.ts';
import { noSuchBucket, noSuchKey, StoreError } from './store-error.ts';
import { PLAIN } from './stored-object.ts';
import type { BucketSettings, Description, StoredObject, StoredVersion } from './stored-object.ts';
import { Turns } from './turns.ts';

/** A version opened for reading; the size is that of the file, whatever happened to it. */
export interface OpenVersion {
  readonly version: StoredVersion;
  readonly sizeBytes: number;
  readonly stream: (first: number, last: number) => Readable;
  readonly close: () => Promise<void>;
}

/** One write: what is said of the object, its body, and what decides at the last moment. */
export interface ObjectWrite {
  readonly description: Description;
  readonly body: AsyncIterable<Buffer>;
  readonly expected: BodyExpectation;
  /** Asked with the current version, or none, when nothing can change it any more; throws to refuse. */
  readonly admit: (existing: StoredVersion | undefined) => void;
  /** Of a multipart object: in place of what follows from the body. */
  readonly multipart?: Pick<StoredVersion, 'etag' | 'parts' | 'checksum'>;
}

/** What a deletion did. */
export interface Deletion {
  /** The marker that was made, or the version that was removed; `undefined` where there was no versioning. */
  readonly versionId: string | undefined;
  readonly isDeleteMarker: boolean;
}

interface Bucket {
  readonly folder: string;
  settings: BucketSettings;
  readonly objects: Map<string, StoredObject>;
  /** In the byte order of keys, made when a listing asks. */
  sorted: readonly StoredObject[] | undefined;
}

const SETTINGS_FILE = 'bucket.json';

export class ObjectFiles {
  /** Reads bodies and checks them, but keeps nothing: an upstream for measuring. */
  discardBodies = false;
  readonly #folder: string;
  readonly #buckets = new Map<string, Bucket>();
  readonly #turns = new Turns();

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
  settings(bucket: string): BucketSettings {
    return this.#bucket(bucket).settings;
  }

  /** @throws StoreError NoSuchBucket */
  folder(bucket: string): string {
    return this.#bucket(bucket).folder;
  }

  /** @throws StoreError BucketAlreadyOwnedByYou */
  async createBucket(name: string, settings: Omit<BucketSettings, 'createdMs'>): Promise<void> {
    await this.#turns.take(name, async () => {
      if (this.#buckets.has(name))
        throw new StoreError('BucketAlreadyOwnedByYou', 409, 'Your previous request to create the bucket succeeded.');
      const folder = join(this.#folder, name);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const complete = { createdMs: Date.now(), ...settings };
      await replaceDocument(join(folder, SETTINGS_FILE), complete);
      await syncDirectory(this.#folder);
      this.#buckets.set(name, { folder, settings: complete, objects: new Map(), sorted: undefined });
    });
  }

  /** Unfinished uploads go with it. @throws StoreError NoSuchBucket, BucketNotEmpty */
  async deleteBucket(name: string): Promise<void> {
    await this.#turns.take(name, async () => {
      const { folder, objects } = this.#bucket(name);
      if (objects.size > 0) throw new StoreError('BucketNotEmpty', 409, 'The bucket you tried to delete is not empty.');
      this.#buckets.delete(name);
      await rm(folder, { recursive: true, force: true });
      await syncDirectory(this.#folder);
    });
  }

  /** @throws StoreError NoSuchBucket */
  async changeSettings(name: string, change: Partial<BucketSettings>): Promise<void> {
    await this.#turns.take(name, async () => {
      const bucket = this.#bucket(name);
      const settings = { ...bucket.settings, ...change };
      await replaceDocument(join(bucket.folder, SETTINGS_FILE), settings);
      bucket.settings = settings;
    });
  }

  /** All objects in the byte order of their keys, those behind a delete marker too. @throws StoreError NoSuchBucket */
  sorted(bucket: string): readonly StoredObject[] {
    const found = this.#bucket(bucket);
    found.sorted ??= [...found.objects.values()]
      .map((object) => [Buffer.from(object.key), object] as const)
      .sort(([left], [right]) => Buffer.compare(left, right))
      .map(([, object]) => object);
    return found.sorted;
  }

  /** The named version, or the newest; it may be a delete marker. @throws StoreError NoSuchBucket */
  find(bucket: string, key: string, versionId?: string): StoredVersion | undefined {
    const versions = this.#bucket(bucket).objects.get(key)?.versions ?? [];
    return versionId === undefined ? versions[0] : versions.find((version) => version.versionId === versionId);
  }

  /** Where the bytes of the newest version lie, for a person and for tests that tamper. */
  path(bucket: string, key: string): string | undefined {
    const version = this.find(bucket, key);
    return version === undefined || version.isDeleteMarker ? undefined : join(this.folder(bucket), version.dataFile);
  }

  /** `choose` gives the version to open, or throws; it is asked again when what it gave was replaced meanwhile. */
  async read(bucket: string, choose: () => StoredVersion): Promise<OpenVersion> {
    for (let version = choose(), last: StoredVersion | undefined; version !== last;) {
      const handle = await openIfThere(join(this.folder(bucket), version.dataFile));
      if (handle !== undefined) {
        const { size } = await handle.stat();
        return {
          version,
          sizeBytes: size,
          stream: (first, end) => handle.createReadStream({ start: first, end, autoClose: false }),
          close: () => handle.close(),
        };
      }
      last = version;
      version = choose();
    }
    throw noSuchKey();
  }

  /**
   * Takes a body in and makes it the newest version, unless it is not as expected or `admit` refuses.
   * @throws StoreError NoSuchBucket, IncompleteBody, BadDigest, XAmzContentSHA256Mismatch, and what `admit` throws
   */
  async write(bucket: string, key: string, write: ObjectWrite): Promise<StoredVersion> {
    const { folder } = this.#bucket(bucket);
    const dataFile = `${fileStem(key)}.${randomBytes(4).toString('hex')}.data`;
    const partPath = join(folder, `${dataFile}.part`);
    try {
      const received = await receiveFile(this.discardBodies ? undefined : partPath, write.body, write.expected);
      const checksum = received.checksum && ({ ...received.checksum, type: 'FULL_OBJECT' } as const);
      const contents = { dataFile, sizeBytes: received.sizeBytes, etag: received.md5, checksum, ...write.multipart };
      return await this.#turns.take(join(folder, key), async () => {
        write.admit(this.find(bucket, key));
        const version = this.#newVersion(bucket, { ...write.description, ...contents, isDeleteMarker: false });
        if (this.discardBodies) return version;
        await rename(partPath, join(folder, dataFile));
        await this.#addVersion(bucket, key, version);
        return version;
      });
    } finally {
      await rm(partPath, { force: true });
    }
  }

  /**
   * Deletes as S3 does: the newest version, which under versioning only hides it behind a marker, or the named one.
   * `admit` is asked with what would be removed for good.
   * @throws StoreError NoSuchBucket, and what `admit` throws
   */
  async delete(
    bucket: string,
    key: string,
    versionId: string | undefined,
    admit: (version: StoredVersion | undefined) => void,
  ): Promise<Deletion> {
    const { folder } = this.#bucket(bucket);
    return this.#turns.take(join(folder, key), async () => {
      const { versioning } = this.settings(bucket);
      if (versionId === undefined && versioning !== undefined) {
        const nothing = { dataFile: '', sizeBytes: 0, etag: '' };
        const marker = this.#newVersion(bucket, { ...PLAIN, ...nothing, isDeleteMarker: true });
        await this.#addVersion(bucket, key, marker);
        return { versionId: marker.versionId, isDeleteMarker: true };
      }
      const version = this.find(bucket, key, versionId ?? 'null');
      admit(version);
      const remaining = this.#versions(bucket, key).filter((other) => other !== version);
      if (version !== undefined) await this.#setVersions(bucket, key, remaining);
      return { versionId, isDeleteMarker: version?.isDeleteMarker ?? false };
    });
  }

  /** Changes what is said of a version, not its bytes. `change` may throw to refuse. @throws StoreError NoSuchBucket, NoSuchKey */
  async describe(
    bucket: string,
    key: string,
    versionId: string,
    change: (version: StoredVersion) => Partial<Description>,
  ): Promise<void> {
    await this.#turns.take(join(this.folder(bucket), key), async () => {
      const version = this.find(bucket, key, versionId);
      if (version === undefined) throw noSuchKey();
      const changed = { ...version, ...change(version) };
      await this.#setVersions(
        bucket,
        key,
        this.#versions(bucket, key).map((other) => (other === version ? changed : other)),
      );
    });
  }

  #newVersion(bucket: string, contents: Omit<StoredVersion, 'versionId' | 'lastModifiedMs'>): StoredVersion {
    const versionId = this.settings(bucket).versioning === 'Enabled' ? randomBytes(24).toString('base64url') : 'null';
    return { ...contents, versionId, lastModifiedMs: Date.now() };
  }

  async #addVersion(bucket: string, key: string, version: StoredVersion): Promise<void> {
    const others = this.#versions(bucket, key).filter(({ versionId }) => versionId !== version.versionId);
    await this.#setVersions(bucket, key, [version, ...others]);
  }

  #versions(bucket: string, key: string): readonly StoredVersion[] {
    return this.#bucket(bucket).objects.get(key)?.versions ?? [];
  }

  async #setVersions(bucket: string, key: string, versions: readonly StoredVersion[]): Promise<void> {
    const found = this.#bucket(bucket);
    const before = this.#versions(bucket, key);
    const index = join(found.folder, `${fileStem(key)}.json`);
    if (versions.length === 0) {
      await rm(index, { force: true });
      await syncDirectory(found.folder);
      found.objects.delete(key);
    } else {
      await replaceDocument(index, { key, versions });
      found.objects.set(key, { key, versions });
    }
    found.sorted = undefined;
    const kept = new Set(versions.map(({ dataFile }) => dataFile));
    for (const { dataFile } of before)
      if (dataFile !== '' && !kept.has(dataFile)) await rm(join(found.folder, dataFile), { force: true });
  }

  async #load(name: string): Promise<void> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(folder, file), 'utf8'));
    const settings = names.includes(SETTINGS_FILE)
      ? ((await read(SETTINGS_FILE)) as BucketSettings)
      : { createdMs: (await stat(folder)).birthtimeMs, objectLock: false, tags: [] };
    const objects = new Map<string, StoredObject>();
    for (const file of names.filter((one) => one.endsWith('.json') && one !== SETTINGS_FILE)) {
      const object = withVersions((await read(file)) as StoredObject | UnversionedObject);
      objects.set(object.key, object);
    }
    const wanted = new Set([...objects.values()].flatMap(({ versions }) => versions.map(({ dataFile }) => dataFile)));
    for (const file of names)
      if (file.endsWith('.part') || (file.endsWith('.data') && !wanted.has(file))) await rm(join(folder, file));
    this.#buckets.set(name, { folder, settings, objects, sorted: undefined });
  }

  #bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw noSuchBucket();
    return bucket;
  }
}

/** What the store kept before it knew versions; a demo's folder may hold it still. */
type UnversionedObject = { readonly key: string } & Pick<
  StoredVersion,
  'dataFile' | 'sizeBytes' | 'etag' | 'lastModifiedMs' | 'headers'
>;

function withVersions(record: StoredObject | UnversionedObject): StoredObject {
  if ('versions' in record) return record;
  const { key, ...contents } = record;
  return { key, versions: [{ ...PLAIN, ...contents, versionId: 'null', isDeleteMarker: false }] };
}
