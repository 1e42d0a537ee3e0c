/** A store's multipart uploads in memory, as strict as S3: what is named must be there, in order, and large enough. */
import { createHash } from 'node:crypto';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { KeptChecksum, ObjectAddress, ObjectCipher } from '../../../src/contracts/object-cipher.ts';
import type { StoreRequest, StoreSession } from '../../../src/contracts/store-session.ts';
import type { Uploads } from '../../../src/contracts/stored-objects.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { readXml, childrenOf, textOf } from '../../../src/s3/documents/xml-reader.ts';
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
  /** Every one that was sent, in this order. */
  readonly attempts: (readonly [number, Part])[];
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
  /** What the gateway keeps beside uploads, by key. */
  readonly kept = new Map<string, Buffer>();
  readonly requested: StoreRequest[] = [];
  /** Parts that a page of ListParts holds at most. */
  pageSize = 1000;
  /** Says of the nth request (from 0) what goes wrong with it. */
  fault: (nth: number, request: StoreRequest) => Fault | undefined = () => undefined;
  /** What Complete answers with status 200. */
  completeAnswer: ((etag: string) => string) | undefined;
  /** Says what Ceph says: the key is gone where the upload is, and the ETag of a completed object is not told. */
  isCeph = false;
  /** Lists and takes each attempt at a part, as SeaweedFS does. */
  keepsAttempts = false;
  /** Lists part 10 before part 2, and every part at once, as S3Proxy does. */
  listsByText = false;
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
    return { bucket, send: (request) => this.#send(request) };
  }

  /** The same as clients' requests have it: what is kept of uploads is in reach. */
  serving(bucketId?: string, rules?: Partial<Bucket>): StoreSession {
    const session = this.session(bucketId, rules);
    return { ...session, states: () => Promise.resolve({ ...session, notAfterMs: Infinity }) };
  }

  async #send(request: StoreRequest): Promise<UpstreamResponse> {
    const fault = this.fault(this.requested.length, request);
    this.requested.push(request);
    if (fault === 'refused') throw new GatewayError('ServiceUnavailable');
    const answer = await this.#answer(request);
    if (fault === 'answer lost') throw new GatewayError('ServiceUnavailable');
    return answer;
  }

  async #answer(request: StoreRequest): Promise<UpstreamResponse> {
    const { method, key, headers } = request;
    const query = new Map(request.query);
    if (query.has('versions') || query.has('list-type')) return this.#listKept(query);
    if (query.has('delete')) return this.#deleteKept(request);
    if (key.startsWith('.sallyport/')) return this.#answerKept(request);
    if (method === 'HEAD') return this.#head(key);
    if (query.has('uploads')) return method === 'GET' ? this.#uploads(query) : this.#create(key, headers);
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload?.key !== key) throw refusal(this.isCeph ? 'NoSuchKey' : 'NoSuchUpload');
    switch (method) {
      case 'PUT':
        return this.#putPart(upload, Number(query.get('partNumber')), request);
      case 'GET':
        return this.#list(upload, Number(query.get('part-number-marker') ?? 0));
      case 'DELETE':
        this.uploads.delete(id);
        return response({});
      case 'POST':
        return this.#complete(id, upload, request);
    }
  }

  async #answerKept({ method, key, body }: StoreRequest): Promise<UpstreamResponse> {
    if (method === 'PUT') {
      const { content = Buffer.alloc(0) } = body ?? {};
      const bytes = Buffer.isBuffer(content) ? content : await collect(content);
      this.kept.set(key, bytes);
      return response({ etag: `"${md5(bytes)}"` });
    }
    const bytes = this.kept.get(key);
    if (method === 'DELETE') {
      this.kept.delete(key);
      return response({});
    }
    if (bytes === undefined) throw refusal('NoSuchKey');
    const headers = { etag: `"${md5(bytes)}"`, 'content-length': String(bytes.length) };
    return { ...response(headers), body: chunks(bytes), whole: () => Promise.resolve(bytes) };
  }

  #listKept(query: ReadonlyMap<string, string>): UpstreamResponse {
    const after = query.get('continuation-token') ?? query.get('key-marker') ?? '';
    const keys = [...this.kept.keys()]
      .toSorted()
      .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after);
    const page = keys.slice(0, this.pageSize);
    const element = query.has('versions') ? 'Version' : 'Contents';
    const root = query.has('versions') ? 'ListVersionsResult' : 'ListBucketResult';
    const entries = page.map((key) => {
      const bytes = this.kept.get(key)!;
      return (
        `<${element}><Key>${key}</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><ETag>${md5(bytes)}</ETag>` +
        `<LastModified>1970-01-01T00:00:00.000Z</LastModified><Size>${bytes.length}</Size></${element}>`
      );
    });
    const next = `<NextContinuationToken>${page.at(-1) ?? ''}</NextContinuationToken>`;
    return response(
      {},
      `<${root}><IsTruncated>${keys.length > page.length}</IsTruncated>${next}${entries.join('')}</${root}>`,
    );
  }

  #deleteKept({ body }: StoreRequest): UpstreamResponse {
    if (this.isCeph) throw refusal('AccessDeniedByStore');
    const root = readXml(body!.content as Buffer, 1 << 22)!;
    const deleted = childrenOf(root, 'Object').map((element) => {
      const key = textOf(element, 'Key') ?? '';
      this.kept.delete(key);
      return `<Deleted><Key>${key}</Key></Deleted>`;
    });
    return response({}, `<DeleteResult>${deleted.join('')}</DeleteResult>`);
  }

  #uploads(query: ReadonlyMap<string, string>): UpstreamResponse {
    const created = [...this.uploads].filter(([id]) => id > (query.get('upload-id-marker') ?? ''));
    const page = created.map(
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
    this.uploads.set(id, { key, headers, parts: new Map(), attempts: [] });
    return response({}, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  async #putPart({ parts, attempts }: Upload, number: number, { body }: StoreRequest): Promise<UpstreamResponse> {
    const { sizeBytes = 0, content = Buffer.alloc(0) } = body ?? {};
    const bytes = Buffer.isBuffer(content) ? content : await collect(content);
    if (bytes.length !== sizeBytes || !(number >= 1 && number <= 10_000)) throw refusal('InvalidRequest');
    this.#count += 1;
    const etag = createHash('md5').update(`part ${this.#count}`).digest('hex');
    this.now += 1;
    const part = { modified: this.now, etag, body: bytes };
    parts.set(number, part);
    attempts.push([number, part]);
    return response({ etag: `"${etag}"` });
  }

  #list({ parts, attempts }: Upload, marker: number): UpstreamResponse {
    const rest = sorted(this.keepsAttempts ? attempts : parts).filter(([number]) => number > marker);
    if (this.listsByText) rest.sort(([one], [other]) => (String(one) < String(other) ? -1 : 1));
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

  #complete(id: string, upload: Upload, { headers, body }: StoreRequest): UpstreamResponse {
    const { key } = upload;
    if (headers['if-none-match'] === '*' && this.objects.has(key)) throw refusal('PreconditionFailed');
    const root = readXml(body!.content as Buffer, 1 << 22)!;
    let last = 0;
    const named = childrenOf(root, 'Part').map((element) => {
      const number = Number(textOf(element, 'PartNumber'));
      if (number <= last) throw refusal('InvalidPartOrder');
      last = number;
      const kept = this.keepsAttempts ? upload.attempts : [...upload.parts];
      const [, part] = kept.find(([at, { etag }]) => at === number && `"${etag}"` === textOf(element, 'ETag')) ?? [];
      if (part === undefined) throw refusal('InvalidPart');
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
  checksum?: KeptChecksum,
): Promise<{ readonly number: number; readonly etag: string }> {
  const part = await uploads.sealPart(session, { key: KEY, uploadId }, { number, sizeBytes: plain.length, checksum });
  const answer = await part.session.send({
    method: 'PUT',
    key: part.key,
    query: part.query,
    headers: {},
    body: { sizeBytes: part.storedSizeBytes, content: part.body(chunks(plain, 1 << 20)) },
  });
  await part.onStored(answer.headers.get('etag')!);
  return { number, etag: answer.headers.get('etag')!.replaceAll('"', '') };
}

/** Opens what the store holds, as a reader that trusts nothing of it. */
export async function readBack(cipher: ObjectCipher, address: ObjectAddress, object: StoredObject): Promise<Buffer> {
  const { body } = object;
  const stored = { envelope: object.headers['x-amz-meta-sallyport']!, sizeBytes: body.length };
  const layout = await cipher.lookup(address, stored, ({ first, last }) =>
    Promise.resolve(body.subarray(first, last + 1)),
  );
  const { extent, whole } = await cipher.plan(address, stored, layout, undefined);
  return whole(body.subarray(extent.first, extent.last + 1), extent);
}

function sorted(parts: Iterable<readonly [number, Part]>): (readonly [number, Part])[] {
  return [...parts].toSorted(([one], [other]) => one - other);
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

function refusal(code: ErrorCode): GatewayError {
  return new GatewayError(code);
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
