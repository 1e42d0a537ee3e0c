/** A store's multipart uploads in memory, as strict as S3: what is named must be there, in order, and large enough. */
import { createHash } from 'node:crypto';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { ObjectAddress, ObjectCipher } from '../../../src/contracts/object-cipher.ts';
import type { StoreQuestion, StoreSession } from '../../../src/contracts/store-session.ts';
import type { Uploads } from '../../../src/contracts/stored-objects.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { readXml, childrenOf, textOf } from '../../../src/s3/xml-reader.ts';
import { chunks, collect } from '../core/cipher/object-store.ts';

export const MIN = 5_242_880;
export const KEY = '2026/q3.csv';

interface Part {
  /** Seconds. */
  readonly modified: number;
  readonly etag: string;
  readonly body: Buffer;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, Part>;
}

export interface StoredObject {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly body: Buffer;
}

/** What may go wrong with a request: not heard, or heard and carried out, and its answer lost. */
export type Fault = 'refused' | 'answer lost';

export class MultipartStore {
  readonly uploads = new Map<string, Upload>();
  readonly objects = new Map<string, StoredObject>();
  readonly asked: StoreQuestion[] = [];
  /** Parts that a page of ListParts holds at most. */
  pageSize = 1000;
  /** Says of the nth request (from 0) what goes wrong with it. */
  fault: (nth: number, question: StoreQuestion) => Fault | undefined = () => undefined;
  /** What Complete answers with status 200. */
  completeAnswer: ((etag: string) => string) | undefined;
  /** Says what Ceph says: the key is gone where the upload is, and the ETag of a completed object is not told. */
  isCeph = false;
  /** The clock, in seconds; goes on with each part. */
  now = 0;
  #count = 0;

  /** A session in this store, of the bucket with this id. */
  session(bucketId = 'reports', rules: Partial<Bucket> = {}): StoreSession {
    const bucket: Bucket = {
      name: bucketId,
      id: bucketId,
      store: { name: 's', endpoint: 'https://store.invalid', region: 'r' },
      storeBucket: bucketId,
      style: 'path',
      roleArn: 'arn:aws:iam:::role/r',
      encryption: 'required',
      prefixes: [],
      ...rules,
    };
    return { bucket, ask: (question) => this.#ask(question) };
  }

  async #ask(question: StoreQuestion): Promise<UpstreamResponse> {
    const fault = this.fault(this.asked.length, question);
    this.asked.push(question);
    if (fault === 'refused') throw new GatewayError('ServiceUnavailable', 'forward');
    const answer = await this.#answer(question);
    if (fault === 'answer lost') throw new GatewayError('ServiceUnavailable', 'forward');
    return answer;
  }

  async #answer(question: StoreQuestion): Promise<UpstreamResponse> {
    const { method, key, headers } = question;
    const query = new Map(question.query);
    if (method === 'HEAD') return this.#head(key);
    if (query.has('uploads')) return method === 'GET' ? this.#uploads(query) : this.#create(key, headers);
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload?.key !== key) throw refusal(this.isCeph ? 'NoSuchKey' : 'NoSuchUpload');
    switch (method) {
      case 'PUT':
        return this.#putPart(upload, Number(query.get('partNumber')), question);
      case 'GET':
        return this.#list(upload, Number(query.get('part-number-marker') ?? 0));
      case 'DELETE':
        this.uploads.delete(id);
        return response({});
      case 'POST':
        return this.#complete(id, upload, question);
    }
  }

  #uploads(query: ReadonlyMap<string, string>): UpstreamResponse {
    const begun = [...this.uploads].filter(([id]) => id > (query.get('upload-id-marker') ?? ''));
    const page = begun.map(
      ([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>d</Initiated></Upload>`,
    );
    return response(
      {},
      `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>${page.join('')}</ListMultipartUploadsResult>`,
    );
  }

  #head(key: string): UpstreamResponse {
    const object = this.objects.get(key);
    if (object === undefined) throw refusal('NoSuchKey');
    return response({ ...object.headers, etag: `"${object.etag}"` });
  }

  #create(key: string, headers: Upload['headers']): UpstreamResponse {
    this.#count += 1;
    const id = `store-upload.${this.#count}~/+`;
    this.uploads.set(id, { key, headers, parts: new Map() });
    return response({}, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  async #putPart({ parts }: Upload, number: number, { body }: StoreQuestion): Promise<UpstreamResponse> {
    const { sizeBytes = 0, content = Buffer.alloc(0) } = body ?? {};
    const bytes = Buffer.isBuffer(content) ? content : await collect(content);
    if (bytes.length !== sizeBytes || !(number >= 1 && number <= 10_000)) throw refusal('InvalidRequest');
    this.#count += 1;
    const etag = createHash('md5').update(`part ${this.#count}`).digest('hex');
    this.now += 1;
    parts.set(number, { modified: this.now, etag, body: bytes });
    return response({ etag: `"${etag}"` });
  }

  #list({ parts }: Upload, marker: number): UpstreamResponse {
    const rest = sorted(parts).filter(([number]) => number > marker);
    const page = rest
      .slice(0, this.pageSize)
      .map(
        ([number, { modified, etag, body }]) =>
          `<Part><PartNumber>${number}</PartNumber><LastModified>${new Date(modified * 1000).toISOString()}</LastModified>` +
          `<ETag>&quot;${etag}&quot;</ETag><Size>${body.length}</Size></Part>`,
      );
    return response(
      {},
      `<ListPartsResult><StorageClass>GLACIER</StorageClass><IsTruncated>${rest.length > page.length}</IsTruncated>` +
        `${page.join('')}</ListPartsResult>`,
    );
  }

  #complete(id: string, upload: Upload, { headers, body }: StoreQuestion): UpstreamResponse {
    const { key } = upload;
    if (headers['if-none-match'] === '*' && this.objects.has(key)) throw refusal('PreconditionFailed');
    const root = readXml(body!.content as Buffer, 1 << 22)!;
    let last = 0;
    const named = childrenOf(root, 'Part').map((element) => {
      const number = Number(textOf(element, 'PartNumber'));
      if (number <= last) throw refusal('InvalidPartOrder');
      last = number;
      const part = upload.parts.get(number);
      if (part === undefined || `"${part.etag}"` !== textOf(element, 'ETag')) throw refusal('InvalidPart');
      return part;
    });
    if (named.slice(0, -1).some((part) => part.body.length < MIN)) throw refusal('EntityTooSmall');
    const etag = `${createHash('md5')
      .update(Buffer.from(named.map((part) => part.etag).join(''), 'hex'))
      .digest('hex')}-${named.length}`;
    if (this.completeAnswer !== undefined) return response({}, this.completeAnswer(etag));
    this.objects.set(key, { headers: upload.headers, etag, body: Buffer.concat(named.map((part) => part.body)) });
    this.uploads.delete(id);
    return response(
      { 'x-amz-version-id': 'v1' },
      `\n  <CompleteMultipartUploadResult><ETag>${this.isCeph ? '' : etag}</ETag></CompleteMultipartUploadResult>`,
    );
  }
}

/** Uploads a part as the pipeline does, and gives the ETag that the store shows for it, unquoted. */
export async function putPart(
  uploads: Uploads,
  session: StoreSession,
  uploadId: string,
  number: number,
  plain: Buffer,
): Promise<{ readonly number: number; readonly etag: string }> {
  const part = await uploads.sealPart(
    session,
    { key: KEY, uploadId },
    { number, sizeBytes: plain.length, checksum: undefined },
  );
  const answer = await session.ask({
    method: 'PUT',
    key: KEY,
    query: [
      ['partNumber', String(part.slot)],
      ['uploadId', part.storeUploadId],
    ],
    headers: {},
    body: { sizeBytes: part.storedSizeBytes, content: part.body(chunks(plain, 1 << 20)) },
  });
  return { number, etag: answer.headers.get('etag')!.replaceAll('"', '') };
}

/** Opens what the store holds, as a reader that trusts nothing of it. */
export async function readBack(cipher: ObjectCipher, address: ObjectAddress, object: StoredObject): Promise<Buffer> {
  const { body } = object;
  const stored = { envelope: object.headers['x-amz-meta-sallyport']!, sizeBytes: body.length };
  const layout = await cipher.lookUp(address, stored, ({ first, last }) =>
    Promise.resolve(body.subarray(first, last + 1)),
  );
  const { extent, whole } = await cipher.plan(address, stored, layout, undefined);
  return whole(body.subarray(extent.first, extent.last + 1), extent);
}

function sorted(parts: ReadonlyMap<number, Part>): (readonly [number, Part])[] {
  return [...parts].toSorted(([one], [other]) => one - other);
}

function refusal(code: ErrorCode): GatewayError {
  return new GatewayError(code, 'forward');
}

function response(headers: Readonly<Record<string, string>>, document = ''): UpstreamResponse {
  const body = Buffer.from(document);
  return {
    status: 200,
    headers: new Map(Object.entries(headers)),
    body: chunks(body),
    whole: () => Promise.resolve(body),
    discard: () => Promise.resolve(),
  };
}
