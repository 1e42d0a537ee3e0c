/**
 * A store of several buckets in memory that copies. What it heeds of a copy's conditions can be switched off, as stores
 * differ in it; what happens before each request is for a test to say.
 */
import { createHash } from 'node:crypto';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { StoreRequest, StoreSession } from '../../../src/contracts/store-session.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { Encryption } from '../../../src/s3/encryption.ts';
import { collect } from '../core/cipher/object-store.ts';

export interface Kept {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: string;
  readonly etag: string;
  readonly versionId: string;
}

interface Upload {
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<string, { readonly etag: string; readonly body: Buffer }>;
}

type RequestHeaders = ReadonlyMap<string, string>;

const KEPT = /^(?:content-type|cache-control|expires|x-amz-meta-.*|x-amz-storage-class|x-amz-checksum-crc32)$/;
const DATE = 'Sat, 21 Nov 2026 12:00:00 GMT';

export class CopyingStore {
  readonly objects = new Map<string, Kept>();
  readonly uploads = new Map<string, Upload>();
  readonly requested: StoreRequest[] = [];
  /**
   * `source`: x-amz-copy-source-if-match. `alias`: x-amz-copy-if-match. `parts`: either, of parts. `target`: If-Match.
   * `completion`: the same of an upload, where it differs.
   */
  heeds: {
    readonly source: boolean;
    readonly alias: boolean;
    readonly parts: boolean;
    readonly target: boolean;
    readonly completion?: boolean;
  } = { source: true, alias: true, parts: true, target: true };
  /** Which writes it is said to do as all their headers say. */
  writes: 'all' | 'puts' = 'all';
  /** As Ceph does when a copy replaces metadata. */
  dropsTags = false;
  /** Whether the session may read tags. */
  mayReadTags = true;
  /** What a copy's ETag is made of, where it is not that of its body. */
  copiedEtag: ((etag: string) => string) | undefined;
  before: (request: StoreRequest, nth: number) => void | Promise<void> = () => undefined;
  #count = 0;
  #heard = 0;

  session(name: string, encryption: Encryption): StoreSession {
    const bucket: Bucket = {
      ...{ name, id: `id-of-${name}`, storeBucket: `stored-${name}`, style: 'path', roleArn: 'arn:aws:iam:::role/r' },
      store: { name: 's', endpoint: 'https://store.invalid', region: 'r', writes: this.writes },
      ...{ encryption, prefixes: [] },
    };
    return { bucket, send: (request) => this.#send(bucket, request) };
  }

  /** Puts an object there, as somebody else does. */
  put(name: string, key: string, body: Buffer, headers: Readonly<Record<string, string>> = {}, tags = ''): Kept {
    this.#count += 1;
    const etag = createHash('md5').update(body).digest('hex');
    const kept = { body, headers, tags, etag, versionId: `v${this.#count}` };
    this.objects.set(`stored-${name}/${key}`, kept);
    return kept;
  }

  get(name: string, key: string): Kept | undefined {
    return this.objects.get(`stored-${name}/${key}`);
  }

  /** What was asked, as method and what distinguishes it. */
  get steps(): readonly string[] {
    return this.requested.map(({ method, query, headers }) => {
      const subresource = query.map(([name]) => name).find((name) => /^(?:tagging|uploads|uploadId)$/.test(name));
      const copy = 'x-amz-copy-source' in headers ? 'copy' : undefined;
      return [method, subresource, copy].filter((word) => word !== undefined).join(' ');
    });
  }

  async #send({ storeBucket }: Bucket, request: StoreRequest): Promise<UpstreamResponse> {
    this.#heard += 1;
    await this.before(request, this.#heard - 1);
    this.requested.push(request);
    const path = `${storeBucket}/${request.key}`;
    const query = new Map(request.query);
    const headers = new Map(Object.entries(request.headers));
    if (query.has('tagging')) return this.#tagging(path, request);
    if (query.has('uploads')) return this.#create(request);
    const source = headers.get('x-amz-copy-source');
    if (query.has('uploadId')) return this.#ofUpload(path, request, source);
    if (request.method === 'PUT') {
      return source === undefined ? this.#put(path, request) : this.#copy(path, headers, source);
    }
    if (request.method !== 'DELETE') return this.#read(path, request.method, headers);
    this.objects.delete(path);
    return answer({});
  }

  #read(path: string, method: string, headers: RequestHeaders): UpstreamResponse {
    const kept = this.#existing(path);
    const quoted = `"${kept.etag}"`;
    if (!matches(headers.get('if-match'), kept.etag)) throw refusal('PreconditionFailed');
    if (headers.has('if-none-match') && matches(headers.get('if-none-match'), kept.etag)) throw refusal('NotModified');
    const shown = {
      ...kept.headers,
      etag: quoted,
      'x-amz-version-id': kept.versionId,
      ...(kept.tags === '' ? {} : { 'x-amz-tagging-count': String(kept.tags.split('&').length) }),
    };
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.get('range') ?? '') ?? [];
    if (from === '' && to === '') {
      const length = String(kept.body.length);
      return answer({ ...shown, 'content-length': length }, method === 'HEAD' ? Buffer.alloc(0) : kept.body);
    }
    const first = from === '' ? Math.max(0, kept.body.length - Number(to)) : Number(from);
    const last = from === '' || to === '' ? kept.body.length - 1 : Math.min(Number(to), kept.body.length - 1);
    if (first > last) throw refusal('InvalidRange');
    const body = kept.body.subarray(first, last + 1);
    const range = `bytes ${first}-${last}/${kept.body.length}`;
    return answer({ ...shown, 'content-range': range, 'content-length': String(body.length) }, body, 206);
  }

  async #put(path: string, request: StoreRequest): Promise<UpstreamResponse> {
    const body = await bytesOf(request);
    const headers = new Map(Object.entries(request.headers));
    this.#demandTarget(path, headers);
    return this.#store(path, { body, headers, tags: headers.get('x-amz-tagging') ?? '' });
  }

  #copy(path: string, headers: RequestHeaders, source: string): UpstreamResponse {
    const from = this.#source(source);
    const { heeds } = this;
    if (heeds.source && !matches(headers.get('x-amz-copy-source-if-match'), from.etag))
      throw refusal('PreconditionFailed');
    if (heeds.alias && !matches(headers.get('x-amz-copy-if-match'), from.etag)) throw refusal('PreconditionFailed');
    if (heeds.target) this.#demandTarget(path, headers);
    const copied =
      headers.get('x-amz-tagging-directive') === 'REPLACE' ? (headers.get('x-amz-tagging') ?? '') : from.tags;
    const etag = this.copiedEtag?.(from.etag);
    const stored = this.#store(path, { body: from.body, headers, tags: this.dropsTags ? '' : copied, etag });
    return copyAnswer('CopyObjectResult', stored.headers, from);
  }

  #tagging(path: string, { method, body }: StoreRequest): UpstreamResponse {
    const kept = this.#existing(path);
    if (!this.mayReadTags) throw refusal('AccessDeniedByStore');
    if (method === 'PUT') {
      const tags = [...String(body?.content as Buffer).matchAll(/<Key>(.*?)<\/Key><Value>(.*?)<\/Value>/g)];
      this.objects.set(path, { ...kept, tags: tags.map(([, name, value]) => `${name}=${value}`).join('&') });
      return answer({});
    }
    const tags = kept.tags === '' ? [] : kept.tags.split('&').map((tag) => tag.split('='));
    const set = tags.map(([name, value]) => `<Tag><Key>${name}</Key><Value>${value}</Value></Tag>`).join('');
    return answer({}, Buffer.from(`<Tagging><TagSet>${set}</TagSet></Tagging>`));
  }

  #create({ headers }: StoreRequest): UpstreamResponse {
    this.#count += 1;
    const id = `upload-${this.#count}`;
    this.uploads.set(id, { headers, parts: new Map() });
    return answer(
      {},
      Buffer.from(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`),
    );
  }

  async #ofUpload(path: string, request: StoreRequest, source: string | undefined): Promise<UpstreamResponse> {
    const query = new Map(request.query);
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload === undefined) throw refusal('NoSuchUpload');
    const number = query.get('partNumber') ?? '';
    const headers = new Map(Object.entries(request.headers));
    if (request.method === 'DELETE') {
      this.uploads.delete(id);
      return answer({});
    }
    if (request.method === 'POST') {
      if (this.heeds.completion ?? this.heeds.target) this.#demandTarget(path, headers);
      const named = [...String(request.body?.content as Buffer).matchAll(/<PartNumber>(\d+)</g)];
      const body = Buffer.concat(named.map(([, at = '']) => upload.parts.get(at)!.body));
      this.uploads.delete(id);
      const stored = this.#store(path, {
        body,
        headers: new Map(Object.entries(upload.headers)),
        tags: upload.headers['x-amz-tagging'] ?? '',
        etag: `${createHash('md5').update(body).digest('hex')}-${named.length}`,
      });
      const etag = stored.headers.get('etag') ?? '';
      return answer(
        Object.fromEntries(stored.headers),
        Buffer.from(`<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`),
      );
    }
    if (source === undefined) {
      const body = await bytesOf(request);
      const etag = createHash('md5').update(body).digest('hex');
      upload.parts.set(number, { etag, body });
      return answer({ etag: `"${etag}"`, date: DATE });
    }
    const from = this.#source(source);
    if (this.heeds.parts && !matches(headers.get('x-amz-copy-source-if-match'), from.etag))
      throw refusal('PreconditionFailed');
    // The range is of a size that no test has in memory: one part is all of it.
    upload.parts.set(number, { etag: from.etag, body: from.body });
    return copyAnswer('CopyPartResult', new Map([['etag', `"${from.etag}"`]]), from);
  }

  #store(
    path: string,
    input: {
      readonly body: Buffer;
      readonly headers: RequestHeaders;
      readonly tags: string;
      readonly etag?: string | undefined;
    },
  ): UpstreamResponse {
    this.#count += 1;
    const { body, tags, etag = createHash('md5').update(body).digest('hex') } = input;
    const headers = Object.fromEntries([...input.headers].filter(([name]) => KEPT.test(name)));
    const versionId = `v${this.#count}`;
    this.objects.set(path, { body, headers, tags, etag, versionId });
    return answer({ etag: `"${etag}"`, 'x-amz-version-id': versionId, date: DATE });
  }

  #demandTarget(path: string, headers: RequestHeaders): void {
    const kept = this.objects.get(path);
    if (headers.get('if-none-match') === '*' && kept !== undefined) throw refusal('PreconditionFailed');
    if (headers.has('if-match') && !matches(headers.get('if-match'), kept?.etag ?? ''))
      throw refusal('PreconditionFailed');
  }

  #source(header: string): Kept {
    const [path = ''] = header.slice(1).split('?');
    return this.#existing(decodeURIComponent(path));
  }

  #existing(path: string): Kept {
    const kept = this.objects.get(path);
    if (kept === undefined) throw refusal('NoSuchKey');
    return kept;
  }
}

async function bytesOf({ body }: StoreRequest): Promise<Buffer> {
  const { sizeBytes = 0, content = Buffer.alloc(0) } = body ?? {};
  const bytes = Buffer.isBuffer(content) ? content : await collect(content);
  if (bytes.length !== sizeBytes) throw refusal('IncompleteBody');
  return bytes;
}

function matches(condition: string | undefined, etag: string): boolean {
  return condition === undefined || condition === '*' || condition.replaceAll('"', '') === etag;
}

function copyAnswer(name: string, stored: RequestHeaders, from: Kept): UpstreamResponse {
  const etag = stored.get('etag') ?? '';
  const document = `<${name}><LastModified>2026-11-21T12:00:00.000Z</LastModified><ETag>${etag}</ETag></${name}>`;
  return answer(
    { ...Object.fromEntries(stored), 'x-amz-copy-source-version-id': from.versionId },
    Buffer.from(document),
  );
}

function refusal(code: ErrorCode): GatewayError {
  return new GatewayError(code);
}

function answer(
  headers: Readonly<Record<string, string>>,
  body: Buffer = Buffer.alloc(0),
  status = 200,
): UpstreamResponse {
  return {
    status,
    headers: new Map(Object.entries(headers)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
    body: (async function* () {
      // A chunk belongs to its reader, who may release its memory.
      for (let at = 0; at < body.length; at += 30_000) yield Buffer.from(body.subarray(at, at + 30_000));
    })(),
    whole: () => Promise.resolve(Buffer.from(body)),
    discard: () => Promise.resolve(),
  };
}
