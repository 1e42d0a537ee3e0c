/**
 * A client of the embedded store for tests: signs with Smithy's signer, sends targets byte for byte (fetch would
 * normalise `..` away), and lets a test change anything after signing.
 */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { SignatureV4 } from '@aws-sdk/signature-v4';

export interface TestKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface TestRequest {
  readonly method: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly keys: TestKeys;
  /** Names the bucket in Host, below `localhost`, and not in the target. */
  readonly isHosted?: boolean;
  readonly date?: Date;
  /** Sends `Transfer-Encoding` with this value, and signs it, as SDKs do. */
  readonly transferEncoding?: string;
  /** Changes the signed request before it is sent. */
  readonly tamper?: (signed: { method: string; target: string; headers: Record<string, string> }) => void;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The `<Code>` of an error document. */
  readonly code: string | undefined;
}

export async function send(port: number, request: TestRequest): Promise<TestAnswer> {
  const signed = await sign(port, request);
  request.tamper?.(signed);
  return exchange(port, signed.method, signed.target, signed.headers, request.body);
}

export async function sign(
  port: number,
  request: TestRequest,
): Promise<{ method: string; target: string; headers: Record<string, string> }> {
  const { method, bucket = '', key = '', query = {}, keys, isHosted = false, date = new Date() } = request;
  const path = isHosted ? `/${encodeKey(key)}` : `/${bucket}${key === '' ? '' : `/${encodeKey(key)}`}`;
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: keys,
    sha256: NodeSha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const host = isHosted ? `${bucket}.localhost:${port}` : `127.0.0.1:${port}`;
  const signed = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: isHosted ? `${bucket}.localhost` : '127.0.0.1',
      port,
      path,
      query: { ...query },
      headers: {
        host,
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
        ...request.headers,
        ...(request.transferEncoding === undefined ? {} : { 'transfer-encoding': request.transferEncoding }),
      },
    },
    { signingDate: date, signableHeaders: new Set(['transfer-encoding']) },
  );
  const search = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return { method, target: search.length === 0 ? path : `${path}?${search.join('&')}`, headers: signed.headers };
}

export function exchange(
  port: number,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body?: Buffer | string,
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = httpRequest({ host: '127.0.0.1', port, method, path: target, headers: { ...length, ...headers } });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const content = Buffer.concat(chunks);
        const code = /<Code>([^<]*)<\/Code>/.exec(content.toString('latin1', 0, 65_536))?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content, code });
      });
    });
    request.end(body);
  });
}

function encodeKey(key: string): string {
  return key.split('/').map(encodeSegment).join('/');
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

class NodeSha256 {
  readonly #secret: Parameters<typeof createHmac>[1] | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined || typeof secret === 'string' ? secret : toBuffer(secret);
    this.#hash = this.#fresh();
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof chunk === 'string' ? chunk : toBuffer(chunk));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#fresh();
  }

  #fresh(): ReturnType<typeof createHash> | ReturnType<typeof createHmac> {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function toBuffer(data: ArrayBuffer | ArrayBufferView): Buffer {
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
