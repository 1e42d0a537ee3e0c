/**
 * Multipart uploads as files: per upload a folder `<uploadId>.upload` in the folder of its bucket, with `upload.json`,
 * and per part its bytes and a JSON file that names them. Completing one copies the parts into one object; only then
 * does the folder go. Never: a part that is half there, or one that changes while it is being assembled.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../src/platform/durable-file.ts';
import { replaceDocument } from './durable-files.ts';
import type { ObjectFiles, ObjectWrite } from './object-files.ts';
import { receiveFile, type BodyExpectation } from './receive-body.ts';
import { StoreError } from './store-error.ts';
import type { StoredUpload, StoredVersion, UploadedPart } from './stored-object.ts';
import { Turns } from './turns.ts';

interface OpenUpload {
  readonly upload: StoredUpload;
  readonly bucket: string;
  readonly folder: string;
  readonly parts: Map<number, UploadedPart>;
}

export class UploadFiles {
  readonly #files: ObjectFiles;
  readonly #uploads = new Map<string, OpenUpload>();
  readonly #turns = new Turns();

  private constructor(files: ObjectFiles) {
    this.#files = files;
  }

  /** Reads what is there. Leftovers of interrupted writes are removed. */
  static async open(files: ObjectFiles): Promise<UploadFiles> {
    const uploads = new UploadFiles(files);
    for (const bucket of files.bucketNames)
      for (const name of await readdir(files.folder(bucket)))
        if (name.endsWith('.upload')) await uploads.#load(bucket, join(files.folder(bucket), name));
    return uploads;
  }

  /** @throws StoreError NoSuchBucket */
  async create(bucket: string, upload: Omit<StoredUpload, 'uploadId' | 'initiatedMs'>): Promise<StoredUpload> {
    const initiatedMs = Date.now();
    // Ids that sort by age keep the pages of a listing whole.
    const uploadId = initiatedMs.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
    const folder = join(this.#files.folder(bucket), `${uploadId}.upload`);
    await mkdir(folder, { mode: 0o700 });
    const complete = { ...upload, uploadId, initiatedMs };
    await replaceDocument(join(folder, 'upload.json'), complete);
    await syncDirectory(this.#files.folder(bucket));
    this.#uploads.set(uploadId, { upload: complete, bucket, folder, parts: new Map() });
    return complete;
  }

  /** @throws StoreError NoSuchBucket, NoSuchUpload */
  find(bucket: string, key: string, uploadId: string): StoredUpload {
    return this.#find(bucket, key, uploadId).upload;
  }

  /** Unfinished uploads of a bucket, by key in byte order, then by age. @throws StoreError NoSuchBucket */
  list(bucket: string): readonly StoredUpload[] {
    this.#files.settings(bucket);
    return [...this.#uploads.values()]
      .filter((open) => open.bucket === bucket)
      .map(({ upload }) => upload)
      .sort((left, right) =>
        left.key === right.key
          ? Buffer.compare(Buffer.from(left.uploadId), Buffer.from(right.uploadId))
          : Buffer.compare(Buffer.from(left.key), Buffer.from(right.key)),
      );
  }

  /** In the order of their numbers. @throws StoreError NoSuchBucket, NoSuchUpload */
  parts(bucket: string, key: string, uploadId: string): readonly UploadedPart[] {
    return sortedParts(this.#find(bucket, key, uploadId));
  }

  /** Takes a part in, in place of one of the same number. @throws StoreError NoSuchUpload, and as receiveFile */
  async writePart(
    upload: StoredUpload,
    bucket: string,
    number: number,
    body: AsyncIterable<Buffer>,
    expected: BodyExpectation,
  ): Promise<UploadedPart> {
    const { folder } = this.#find(bucket, upload.key, upload.uploadId);
    const dataFile = `${number}.${randomBytes(4).toString('hex')}.data`;
    const partPath = join(folder, `${dataFile}.part`);
    const keeps = !this.#files.discardBodies;
    try {
      const { sizeBytes, md5, checksum } = await receiveFile(keeps ? partPath : undefined, body, expected);
      const part = { number, sizeBytes, etag: md5, checksum, dataFile, lastModifiedMs: Date.now() };
      return await this.#turns.take(upload.uploadId, async () => {
        const { parts } = this.#find(bucket, upload.key, upload.uploadId);
        const before = parts.get(number);
        if (keeps) {
          await rename(partPath, join(folder, dataFile));
          await replaceDocument(join(folder, `${number}.json`), part);
        }
        parts.set(number, part);
        if (before !== undefined) await rm(join(folder, before.dataFile), { force: true });
        return part;
      });
    } finally {
      await rm(partPath, { force: true });
    }
  }

  /** Makes the chosen parts the object; `choose` sees all that there are, and may refuse. @throws StoreError NoSuchUpload */
  async complete(
    upload: StoredUpload,
    bucket: string,
    choose: (parts: readonly UploadedPart[]) => {
      readonly parts: readonly UploadedPart[];
      readonly write: Pick<ObjectWrite, 'admit'> & {
        readonly expected: Omit<BodyExpectation, 'sizeBytes'>;
        readonly checksum: StoredVersion['checksum'];
      };
    },
  ): Promise<StoredVersion> {
    return this.#turns.take(upload.uploadId, async () => {
      const open = this.#find(bucket, upload.key, upload.uploadId);
      const { parts, write } = choose(sortedParts(open));
      const { checksum } = write;
      const version = await this.#files.write(bucket, upload.key, {
        description: upload.description,
        admit: write.admit,
        body: this.#files.discardBodies ? nothing() : concatenate(open.folder, parts),
        expected: this.#files.discardBodies
          ? { sizeBytes: 0 }
          : { ...write.expected, sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
        multipart: {
          etag: etagOf(parts),
          parts: parts.map(({ sizeBytes, checksum: own }, index) => ({ number: index + 1, sizeBytes, checksum: own })),
          ...(checksum === undefined ? {} : { checksum }),
        },
      });
      await this.#remove(open);
      return version;
    });
  }

  /** @throws StoreError NoSuchBucket, NoSuchUpload */
  async abort(bucket: string, key: string, uploadId: string): Promise<void> {
    await this.#turns.take(uploadId, () => this.#remove(this.#find(bucket, key, uploadId)));
  }

  /** Forgets the uploads of a bucket that was deleted, and their files with it. */
  forget(bucket: string): void {
    for (const [uploadId, open] of this.#uploads) if (open.bucket === bucket) this.#uploads.delete(uploadId);
  }

  async #remove({ upload, folder }: OpenUpload): Promise<void> {
    this.#uploads.delete(upload.uploadId);
    await rm(folder, { recursive: true, force: true });
  }

  #find(bucket: string, key: string, uploadId: string): OpenUpload {
    this.#files.settings(bucket);
    const open = this.#uploads.get(uploadId);
    if (open?.bucket !== bucket || open.upload.key !== key)
      throw new StoreError(
        'NoSuchUpload',
        404,
        'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
      );
    return open;
  }

  async #load(bucket: string, folder: string): Promise<void> {
    const names = await readdir(folder);
    if (!names.includes('upload.json')) {
      await rm(folder, { recursive: true });
      return;
    }
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(folder, file), 'utf8'));
    const upload = (await read('upload.json')) as StoredUpload;
    const parts = new Map<number, UploadedPart>();
    for (const name of names.filter((file) => /^\d+\.json$/.test(file))) {
      const part = (await read(name)) as UploadedPart;
      parts.set(part.number, part);
    }
    const wanted = new Set([...parts.values()].map(({ dataFile }) => dataFile));
    for (const name of names)
      if (name.endsWith('.part') || (name.endsWith('.data') && !wanted.has(name))) await rm(join(folder, name));
    this.#uploads.set(upload.uploadId, { upload, bucket, folder, parts });
  }
}

/** MD5 of the parts' MD5s and how many there are. */
function etagOf(parts: readonly UploadedPart[]): string {
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(etag, 'hex');
  return `${md5.digest('hex')}-${parts.length}`;
}

function sortedParts({ parts }: OpenUpload): readonly UploadedPart[] {
  return [...parts.values()].sort((left, right) => left.number - right.number);
}

async function* concatenate(folder: string, parts: readonly UploadedPart[]): AsyncGenerator<Buffer> {
  for (const { dataFile } of parts) yield* createReadStream(join(folder, dataFile)) as AsyncIterable<Buffer>;
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
async function* nothing(): AsyncGenerator<Buffer> {
  yield* [];
}
