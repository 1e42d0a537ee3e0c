/**
 * The embedded S3 + STS of the demo: objects on disk, served on loopback. FOR THE DEMO AND TESTS ONLY; nobody should
 * keep data in it. It checks what a real store checks (signature, session token, expiry, session policy), so that what
 * the gateway claims can be seen. Never: an answer to a browser, or to a request whose signature does not hold.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBounded } from '../../src/platform/bounded-body.ts';
import { createLoopbackServer } from '../loopback-server.ts';
import { assumeRole } from './assume-role.ts';
import { assumeRoleWithWebIdentity, type WebIdentityProvider } from './assume-role-with-web-identity.ts';
import { ObjectFiles } from './object-files.ts';
import { s3Operation } from './s3-operations.ts';
import { verifySignature } from './signature.ts';
import { invalidArgument, StoreError } from './store-error.ts';
import { StoreKeys, type KeyPair } from './store-keys.ts';
import { parseStoreRequest } from './store-request.ts';
import { UploadFiles } from './upload-files.ts';
import { xmlDocument } from './xml.ts';

export const DEMO_REGION = 'us-east-1';
export const DEMO_ROLE_ARN = 'arn:aws:iam:::role/sallyport-demo';

export interface EmbeddedStoreOptions {
  readonly folder: string;
  readonly port: number;
  /** The port of a relay before it, which requests may name instead. */
  readonly relayPort?: number;
  /** Hosts that requests may name beside those of loopback. */
  readonly hosts?: readonly string[];
  readonly buckets: readonly string[];
  /** May assume the role and nothing else. */
  readonly gatewayKeys: KeyPair;
  /** May do everything in S3. */
  readonly ownerKeys: KeyPair;
  /** Whose tokens may assume the role without any keys; left out: nobody's. */
  readonly webIdentity?: WebIdentityProvider;
  /** The role that may be assumed; the demo's unless said. */
  readonly roleArn?: string;
  readonly log: (line: string) => void;
  readonly nowMs?: () => number;
  /** Of every part of an upload but the last; 5 MiB, as in S3, unless said. */
  readonly minPartBytes?: number;
}

/** How one of the two services answers: as it should, not at all, with a cut connection, or that it is too busy. */
type Fault = 'none' | 'hang' | 'cut' | 'throttle';

interface StoreCounters {
  stsCalls: number;
  s3Requests: number;
  /** S3 requests by operation that passed the signature check. */
  readonly byOperation: Record<string, number>;
}

export interface EmbeddedStore {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly port: number;
  readonly counters: StoreCounters;
  /** For tests: what STS and S3 do to every request from now on. */
  readonly faults: { sts: Fault; s3: Fault };
  /** A second pair for the gateway. */
  readonly addGatewayKeys: (keys: KeyPair) => void;
  readonly files: ObjectFiles;
  readonly start: () => Promise<void>;
  /** Cuts every connection; sessions and objects are still there after the next start. */
  readonly stop: () => Promise<void>;
}

const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_FORM_BYTES = 65_536;
const FAULT_HANG_MS = 600_000;

/** Opens the folder and makes a store that is not yet started. */
export async function createEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { port, log, gatewayKeys, ownerKeys, roleArn = DEMO_ROLE_ARN, nowMs = Date.now } = options;
  const files = await ObjectFiles.open(options.folder, options.buckets);
  const uploads = await UploadFiles.open(files);
  const keys = new StoreKeys(gatewayKeys, ownerKeys);
  const counters: StoreCounters = { stsCalls: 0, s3Requests: 0, byOperation: {} };
  const faults: { sts: Fault; s3: Fault } = { sts: 'none', s3: 'none' };

  async function answer(incoming: IncomingMessage, response: ServerResponse, proceed: () => void): Promise<string> {
    const method = incoming.method ?? '';
    if (method === 'GET' && incoming.url === '/-/counters') {
      sendText(response, 200, 'application/json', JSON.stringify(counters));
      return 'counters';
    }
    const request = parseStoreRequest(method, incoming.url ?? '', incoming.rawHeaders);
    if (method === 'POST' && incoming.url === '/' && request.bucket === '') {
      counters.stsCalls += 1;
      await injectFault(faults.sts, 'Throttling', response);
      proceed();
      const body = await readForm(incoming);
      if (!request.headers.has('authorization') && isWebIdentity(body)) {
        const { webIdentity } = options;
        const text = await assumeRoleWithWebIdentity(webIdentity, body, keys, roleArn, nowMs());
        sendText(response, 200, 'text/xml', text);
        return 'AssumeRoleWithWebIdentity';
      }
      const caller = verifySignature(request, keys, { service: 'sts', region: DEMO_REGION, nowMs: nowMs(), body });
      sendText(response, 200, 'text/xml', assumeRole(caller, body, keys, roleArn, nowMs()));
      return 'AssumeRole';
    }
    counters.s3Requests += 1;
    await injectFault(faults.s3, 'SlowDown', response);
    const holder = verifySignature(request, keys, { service: 's3', region: DEMO_REGION, nowMs: nowMs() });
    const operation = s3Operation(request);
    counters.byOperation[operation.name] = (counters.byOperation[operation.name] ?? 0) + 1;
    const limits = { minPartBytes: options.minPartBytes ?? MIN_PART_BYTES };
    await operation.run({ request, holder, files, uploads, limits, nowMs: nowMs(), incoming, response, proceed });
    return operation.name;
  }

  const handler = (incoming: IncomingMessage, response: ServerResponse, proceed: () => void): void => {
    const requestId = randomUUID();
    response.setHeader('x-amz-request-id', requestId);
    answer(incoming, response, proceed).then(
      (name) => {
        log(`${requestId} ${name} ${response.statusCode}`);
      },
      (error: unknown) => {
        const refusal = error instanceof StoreError ? error : undefined;
        log(`${requestId} ${refusal === undefined ? String(error) : `${refusal.code}: ${refusal.message}`}`);
        refuse(incoming, response, requestId, refusal);
      },
    );
  };
  const hosts = [...options.buckets.map((bucket) => `${bucket}.localhost`), ...(options.hosts ?? [])];
  const server = createLoopbackServer({ port, relayPort: options.relayPort, hosts, pages: 'none' }, handler);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    counters,
    faults,
    addGatewayKeys: (added) => keys.addGateway(added),
    files,
    start: async () => {
      await server.start();
      log(
        `EMBEDDED STORE, FOR THE DEMO ONLY: S3 and STS on port ${port}, objects in ${options.folder}. Keep no data here.`,
      );
    },
    stop: server.stop,
  };
}

function isWebIdentity(form: string): boolean {
  return new URLSearchParams(form).get('Action') === 'AssumeRoleWithWebIdentity';
}

async function injectFault(fault: Fault, busyCode: string, response: ServerResponse): Promise<void> {
  if (fault === 'none') return;
  if (fault === 'throttle') throw new StoreError(busyCode, 503, 'Please reduce your request rate.');
  if (fault === 'hang') {
    const closed = new AbortController();
    response.once('close', () => {
      closed.abort();
    });
    await sleep(FAULT_HANG_MS, undefined, { signal: closed.signal, ref: false }).catch(() => undefined);
  }
  response.destroy();
  throw new Error(`the connection was cut: fault ${fault}`);
}

async function readForm(incoming: IncomingMessage): Promise<string> {
  const limits = { maxBytes: MAX_FORM_BYTES, refuse: () => invalidArgument('The form is too large.') };
  return (await readBounded(incoming, limits)).toString('utf8');
}

function refuse(
  incoming: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  refusal: StoreError | undefined,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { code, status, message, headers } =
    refusal ?? new StoreError('InternalError', 500, 'We encountered an internal error. Please try again.');
  // A client that waits for 100 Continue must not send its body any more; from any other it is read and dropped, for
  // closing with unread bytes would lose the answer.
  if (incoming.headers.expect !== undefined) response.setHeader('connection', 'close');
  else incoming.resume();
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (incoming.method === 'HEAD' || status === 304) {
    response.writeHead(status).end();
    return;
  }
  const isSts = incoming.method === 'POST' && incoming.url === '/';
  const text = isSts
    ? xmlDocument(
        'ErrorResponse',
        { Error: { Type: 'Sender', Code: code, Message: message }, RequestId: requestId },
        'https://sts.amazonaws.com/doc/2011-06-15/',
      )
    : xmlDocument('Error', { Code: code, Message: message, RequestId: requestId, HostId: 'sallyport-demo' });
  sendText(response, status, isSts ? 'text/xml' : 'application/xml', text);
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}
