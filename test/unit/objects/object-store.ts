/** A store in memory behind a session: it answers GET and HEAD as S3 does, counts what it was asked, and lies on demand. */
import { createHash } from 'node:crypto';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { ObjectCipher } from '../../../src/contracts/object-cipher.ts';
import type { StoreRequest, StoreSession } from '../../../src/contracts/store-session.ts';
import type { ObjectQuery, OpenedObject, StoredEntry } from '../../../src/contracts/stored-objects.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { chunks, collect, slice, store as seal } from '../core/cipher/object-store.ts';
import { uploaded } from '../core/cipher/upload-store.ts';

export const BUCKET: Bucket = {
  ...{ name: 'reports', id: 'reports', storeBucket: 'reports', style: 'path', roleArn: 'arn:aws:iam:::role/r' },
  store: { name: 's', endpoint: 'https://store.invalid', region: 'r' },
  encryption: 'required',
  prefixes: [
    { prefix: 'migrating/', encryption: 'migrating' },
    { prefix: 'off/', encryption: 'off' },
  ],
};

export interface Kept {
  readonly body: Buffer;
  readonly etag: string;
  readonly envelope?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a store does wrong; absent: nothing. */
export interface Lies {
  readonly ignoresRange?: boolean;
  readonly ignoresIfMatch?: boolean;
  /** As Ceph 16, which looks at If-Modified-Since before If-Match and If-Unmodified-Since. */
  readonly checksModifiedFirst?: boolean;
  /** A part without a byte, and no word of where it is, instead of a refusal. */
  readonly omitsEmptyBody?: boolean;
  /** Alters the head of an answer. */
  readonly head?: (headers: Map<string, string>, request: StoreRequest) => void;
  /** Alters the body of an answer. */
  readonly body?: (bytes: Buffer, request: StoreRequest) => Buffer;
}

/** Sealing megabytes takes its time, and many tests need the same ones. */
const SEALED = new Map<string, Pick<Awaited<ReturnType<typeof uploaded>>, 'plain' | 'stored'>>();

const MODIFIED_MS = Date.parse('Sat, 21 Nov 2026 10:00:00 GMT');

export class StoreInMemory {
  readonly objects = new Map<string, Kept>();
  /** `GET bytes=0-9` or `HEAD`, in order. */
  readonly requested: string[] = [];
  readonly requests: StoreRequest[] = [];
  /** Bytes of bodies that were really taken. */
  transferredBytes = 0;
  /** Bodies that were neither read to their end nor aborted. */
  open = 0;
  lies: Lies = {};
  /** Called before each question is answered, with its number from 0. */
  meanwhile: (requested: number) => void = () => undefined;

  session(bucket = BUCKET): StoreSession {
    return { bucket, send: (request) => this.#answer(request) };
  }

  put(key: string, body: Buffer, more: Omit<Kept, 'body' | 'etag'> & { readonly etag?: string } = {}): Kept {
    const etag = more.etag ?? `"${createHash('md5').update(body).digest('hex')}"`;
    const kept = { ...more, body, etag };
    this.objects.set(key, kept);
    return kept;
  }

  /** Seals an object of one PUT. */
  async single(cipher: ObjectCipher, key: string, plain: Buffer, checksum?: Parameters<typeof seal>[3]): Promise<Kept> {
    const { body, envelope } = await seal(cipher, plain, { bucketId: BUCKET.id, key }, checksum);
    return this.put(key, body, { envelope });
  }

  /** Seals an object of these parts; the same one again for the same parts. */
  async multipart(
    cipher: ObjectCipher,
    key: string,
    parts: readonly (readonly [number: number, size: number])[],
  ): Promise<Kept & { readonly plain: Buffer }> {
    const name = JSON.stringify([key, parts]);
    const { plain, stored } = SEALED.get(name) ?? (await uploaded(cipher, parts, { bucketId: BUCKET.id, key }));
    SEALED.set(name, { plain, stored });
    return { ...this.put(key, stored.body, { envelope: stored.envelope }), plain };
  }

  entry(key: string): StoredEntry {
    const kept = this.objects.get(key);
    if (kept === undefined) throw new Error(key);
    return { key, etag: kept.etag, sizeBytes: kept.body.length };
  }

  /** Forgets what was counted. */
  reset(): void {
    this.requested.length = 0;
    this.requests.length = 0;
    this.transferredBytes = 0;
  }

  async #answer(request: StoreRequest): Promise<UpstreamResponse> {
    await Promise.resolve();
    this.meanwhile(this.requests.length);
    this.requests.push(request);
    const { method, key, headers: requested } = request;
    const range = requested['range'];
    this.requested.push(range === undefined ? method : `${method} ${range}`);
    const kept = this.objects.get(key);
    if (kept === undefined) throw refuse('NoSuchKey');
    const { etag, body, envelope } = kept;
    const isUnmodified = (name: string): boolean => Date.parse(requested[name] ?? '') >= MODIFIED_MS;
    const isOld = requested['if-none-match'] === undefined && isUnmodified('if-modified-since');
    if (isOld && this.lies.checksModifiedFirst === true) throw refuse('NotModified');
    if (requested['if-match'] === undefined && requested['if-unmodified-since'] !== undefined) {
      if (!isUnmodified('if-unmodified-since')) throw refuse('PreconditionFailed');
    }
    if (this.lies.ignoresIfMatch !== true && ![etag, '*', undefined].includes(requested['if-match'])) {
      throw refuse('PreconditionFailed');
    }
    if (isOld || requested['if-none-match'] === etag) throw refuse('NotModified');
    const headers = new Map([
      ['etag', etag],
      ['last-modified', new Date(MODIFIED_MS).toUTCString()],
      ['content-length', String(body.length)],
      ...Object.entries(kept.headers ?? {}),
      ...(envelope === undefined ? [] : [['x-amz-meta-sallyport', envelope] as const]),
    ]);
    let received = body;
    let status = 200;
    if (range !== undefined && this.lies.ignoresRange !== true) {
      const { first, bytes } = slice(body, range);
      const isNothing = this.lies.omitsEmptyBody === true && body.length === 0;
      if (bytes.length === 0 && !isNothing) throw refuse('InvalidRange');
      received = bytes;
      status = 206;
      headers.set('content-length', String(received.length));
      if (!isNothing) headers.set('content-range', `bytes ${first}-${first + received.length - 1}/${body.length}`);
    }
    this.lies.head?.(headers, request);
    return this.#response(
      status,
      headers,
      method === 'HEAD' ? Buffer.alloc(0) : (this.lies.body?.(received, request) ?? received),
    );
  }

  #response(status: number, headers: ReadonlyMap<string, string>, bytes: Buffer): UpstreamResponse {
    let isOpen = true;
    this.open += 1;
    const close = (): void => {
      if (isOpen) this.open -= 1;
      isOpen = false;
    };
    const used = (chunk: Buffer): Buffer => {
      this.transferredBytes += chunk.length;
      return chunk;
    };
    return {
      status,
      headers,
      body: (async function* () {
        try {
          for await (const chunk of chunks(bytes)) yield used(chunk);
        } finally {
          close();
        }
      })(),
      whole: () => {
        close();
        return Promise.resolve(used(bytes));
      },
      discard: () => {
        close();
        return Promise.resolve();
      },
    };
  }
}

export function query(key: string, more: Partial<ObjectQuery> = {}): ObjectQuery {
  return {
    ...{ key, versionId: undefined, range: undefined, partNumber: undefined, wantsChecksum: false, conditions: {} },
    ...more,
  };
}

export async function bodyOf({ body }: OpenedObject): Promise<Buffer> {
  return Buffer.isBuffer(body) ? body : collect(body);
}

function refuse(code: ConstructorParameters<typeof GatewayError>[0]): GatewayError {
  return new GatewayError(code);
}
