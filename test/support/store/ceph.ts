/**
 * The Ceph lab of scripts/ceph for tests: started when none runs, with the bytes that are really stored within reach.
 * Requests are signed by `aws4`, which shares no code with the gateway. Folder and ports: CEPHLAB_* variables.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import aws4 from 'aws4';
import type { StoreCredentials } from '../../../src/contracts/credential-broker.ts';
import { releaseOf, versionOf } from './versions.ts';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../../../', import.meta.url));
const script = (name: string) => `${checkout}scripts/ceph/${name}.sh`;

export interface CephKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What scripts/ceph/up.sh writes to lab.json. */
export interface CephLab {
  /** Of the RGW that runs, such as `16.2.15`. */
  readonly version: string;
  readonly endpoint: string;
  readonly tlsEndpoint: string;
  readonly caFile: string;
  readonly region: string;
  readonly roleArn: string;
  readonly buckets: readonly string[];
  /** May assume the role and do nothing else. */
  readonly gateway: CephKeys;
  /** Owns the buckets and sees all that is stored. */
  readonly owner: CephKeys;
}

export interface CephRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  readonly key?: string;
  /** Encoded, without the request mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export interface CephResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ceph {
  readonly lab: CephLab;
  /** One request, signed with these keys. */
  readonly request: (keys: CephKeys | StoreCredentials, request: CephRequest) => Promise<CephResponse>;
  /** The stored object as it lies in the store, metadata among the headers. @throws unless it is there */
  readonly readStored: (bucket: string, key: string) => Promise<CephResponse>;
  readonly writeStored: (
    bucket: string,
    key: string,
    body: Buffer | string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<void>;
  /** Asks its IAM, as the owner of the buckets. @throws unless it does so */
  readonly iam: (parameters: Readonly<Record<string, string>>) => Promise<void>;
  readonly stopGateway: () => Promise<void>;
  readonly startGateway: () => Promise<void>;
  /** Stops the lab, unless it ran before. */
  readonly stop: () => Promise<void>;
}

/** Starts the lab, or uses the one that runs already and leaves it running. @throws Error where that is of another release */
export async function startCeph(): Promise<Ceph> {
  const running = await labOf(`${process.env['CEPHLAB_DIR'] ?? `${checkout}.ceph`}/lab.json`);
  const wanted = await versionOf('radosgw');
  if (running !== undefined && running.version !== wanted)
    throw new Error(`a lab of Ceph ${running.version} runs, ${wanted} is wanted; stop it with scripts/ceph/down.sh`);
  const lab = running ?? (JSON.parse((await run(script('up'))).stdout) as CephLab);
  const request = (keys: CephKeys | StoreCredentials, requested: CephRequest) => send(lab, keys, requested);
  const succeed = async (requested: CephRequest): Promise<CephResponse> => {
    const response = await request(lab.owner, requested);
    if (response.status < 300) return response;
    throw new Error(
      `${requested.method} ${requested.bucket}/${requested.key ?? ''}: ${response.status} ${response.body.toString()}`,
    );
  };
  return {
    lab,
    request,
    readStored: (bucket, key) => succeed({ method: 'GET', bucket, key }),
    writeStored: async (bucket, key, body, headers = {}) => {
      await succeed({ method: 'PUT', bucket, key, body, headers });
    },
    iam: async (parameters) => {
      const body = new URLSearchParams(parameters).toString().replaceAll('+', '%20');
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await request(lab.owner, { method: 'POST', bucket: '', headers, body });
      if (answer.status !== 200) throw new Error(`${parameters['Action']}: ${answer.status} ${answer.body.toString()}`);
    },
    stopGateway: () => runScript('rgw', 'stop'),
    startGateway: () => runScript('rgw', 'start'),
    stop: async () => {
      if (running === undefined) await runScript('down');
    },
  };
}

async function runScript(name: string, ...args: readonly string[]): Promise<void> {
  await run(script(name), args);
}

async function labOf(file: string): Promise<CephLab | undefined> {
  try {
    const lab = JSON.parse(await readFile(file, 'utf8')) as CephLab;
    await fetch(lab.endpoint);
    return lab;
  } catch {
    return undefined;
  }
}

/** What docs/upstream-credentials.md says to set for the release that runs. */
export const settingsFor = ({ version }: CephLab): Readonly<Record<string, unknown>> =>
  releaseOf(version) < 20 ? {} : { checksums: 'all', conditionalDeletes: true };

const encodeKey = (key: string) =>
  encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

// Not fetch: it would take `..` out of the path.
async function send(lab: CephLab, keys: CephKeys | StoreCredentials, requested: CephRequest): Promise<CephResponse> {
  const { hostname, port } = new URL(lab.endpoint);
  const query = requested.query === undefined ? '' : `?${requested.query}`;
  const signed = aws4.sign(
    {
      service: 's3',
      region: lab.region,
      host: `${hostname}:${port}`,
      method: requested.method,
      path: `/${requested.bucket}${requested.key === undefined ? '' : `/${encodeKey(requested.key)}`}${query}`,
      headers: { ...requested.headers },
      ...(requested.body === undefined ? {} : { body: requested.body }),
    },
    keys as aws4.Credentials,
  );
  const { promise, resolve, reject } = Promise.withResolvers<CephResponse>();
  const outgoing = httpRequest(
    {
      host: hostname,
      port,
      method: requested.method,
      path: signed.path,
      headers: signed.headers as Record<string, string>,
    },
    (response) => {
      buffer(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    },
  );
  outgoing.on('error', reject);
  outgoing.end(requested.body);
  return promise;
}
