/**
 * S3 operations on objects for black-box tests, each at a client of the test's choice, with a bearer token. They say what
 * was answered, as values; they judge nothing but that an answer that should be a success is one.
 */
import assert from 'node:assert/strict';
import { target, type Answer, type Client } from '../client/client.ts';

export interface PartOf {
  readonly number: number;
  readonly etag: string;
}

export interface ListedPart extends PartOf {
  readonly sizeBytes: number;
}

/** An object as one operation shows it. */
export interface Shown {
  readonly sizeBytes: number;
  readonly etag: string;
}

/** The operations of one identity on one object; `via` gives the client for each request. */
export class ObjectCalls {
  readonly #via: () => Client;
  readonly #token: string;
  readonly bucket: string;
  readonly key: string;

  constructor(via: () => Client, token: string, bucket: string, key: string) {
    this.#via = via;
    this.#token = token;
    this.bucket = bucket;
    this.key = key;
  }

  /** As it is answered, errors too. */
  call(method: string, query = '', headers: Readonly<Record<string, string>> = {}, body?: Buffer): Promise<Answer> {
    const path = `${target(this.bucket, this.key)}${query === '' ? '' : `?${query}`}`;
    const more = body === undefined ? {} : { body };
    return this.#via().call({ method, target: path, token: this.#token, headers, ...more });
  }

  async must(
    method: string,
    query = '',
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer,
  ): Promise<Answer> {
    const answer = await this.call(method, query, headers, body);
    const isGood = answer.status < 300 && answer.complete && (method === 'GET' || answer.code === undefined);
    assert.ok(isGood, `${method} ${this.key}?${query}: ${answer.status} ${answer.body.toString('utf8', 0, 500)}`);
    return answer;
  }

  async create(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    return field(await this.must('POST', 'uploads', headers), 'UploadId');
  }

  async uploadPart(uploadId: string, number: number, body: Buffer): Promise<PartOf> {
    const answer = await this.must('PUT', partQuery(uploadId, number), {}, body);
    return { number, etag: String(answer.headers.etag) };
  }

  async listParts(uploadId: string, maxParts = 1000): Promise<ListedPart[]> {
    const parts: ListedPart[] = [];
    for (let marker = '0'; ;) {
      const query = `uploadId=${encodeURIComponent(uploadId)}&max-parts=${maxParts}&part-number-marker=${marker}`;
      const answer = await this.must('GET', query);
      for (const [part] of answer.body.toString().matchAll(/<Part>.*?<\/Part>/gs)) {
        const of = (name: string) => unescaped(new RegExp(`<${name}>([^<]*)<`).exec(part)?.[1] ?? '');
        parts.push({ number: Number(of('PartNumber')), etag: of('ETag'), sizeBytes: Number(of('Size')) });
      }
      if (!answer.body.includes('<IsTruncated>true<')) return parts;
      marker = field(answer, 'NextPartNumberMarker');
    }
  }

  complete(
    uploadId: string,
    parts: readonly PartOf[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const inner = parts.map(
      ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const document = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner.join('')}</CompleteMultipartUpload>`;
    return this.call('POST', `uploadId=${encodeURIComponent(uploadId)}`, headers, Buffer.from(document));
  }

  abort(uploadId: string): Promise<Answer> {
    return this.call('DELETE', `uploadId=${encodeURIComponent(uploadId)}`);
  }

  range(header: string): Promise<Answer> {
    return this.call('GET', '', { range: header });
  }

  async head(): Promise<Shown> {
    const { headers } = await this.must('HEAD');
    return { sizeBytes: Number(headers['content-length']), etag: unquoted(String(headers.etag)) };
  }

  /** The entry of this very key. */
  async listed(kind: 'v1' | 'v2' | 'versions'): Promise<Shown> {
    const mode = { v1: '', v2: 'list-type=2&', versions: 'versions=&' }[kind];
    const query = `${mode}max-keys=1&prefix=${encodeURIComponent(this.key)}`;
    const answer = await this.#via().call({ method: 'GET', target: `/${this.bucket}?${query}`, token: this.#token });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(unescaped(field(answer, 'Key')), this.key);
    return { sizeBytes: Number(field(answer, 'Size')), etag: unquoted(unescaped(field(answer, 'ETag'))) };
  }

  /** And how many parts it says there are. */
  async attributes(): Promise<Shown & { readonly parts: number | undefined }> {
    const answer = await this.must('GET', 'attributes', { 'x-amz-object-attributes': 'ETag,ObjectSize,ObjectParts' });
    const parts = /<(?:Total)?PartsCount>(\d+)</.exec(answer.body.toString())?.[1];
    return {
      sizeBytes: Number(field(answer, 'ObjectSize')),
      etag: unquoted(unescaped(field(answer, 'ETag'))),
      parts: parts === undefined ? undefined : Number(parts),
    };
  }
}

/** The query of UploadPart. */
export function partQuery(uploadId: string, number: number): string {
  return `partNumber=${number}&uploadId=${encodeURIComponent(uploadId)}`;
}

/** Text of an element. @throws AssertionError where there is none */
export function field(answer: Answer, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer.body.toString())?.[1];
  assert.ok(text !== undefined, `no ${name} in ${answer.body.toString('utf8', 0, 1000)}`);
  return text;
}

/** An ETag without its quotes. */
export function unquoted(etag: string): string {
  return etag.replaceAll('"', '');
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
