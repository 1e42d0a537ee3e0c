/**
 * A store, an STS and an issuer for benchmarks, in one process and as cheap as they can be: bodies under `/<bucket>/keep/` stay in
 * memory, all others are discarded; nothing is verified. It exists so that the gateway's own cost is what is measured.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { StoreCounters } from './environment.ts';

interface Kept {
  readonly body: readonly Buffer[];
  readonly sizeBytes: number;
  readonly envelope: string | undefined;
}

const ETAG = '"00000000000000000000000000000000"';
const LISTED_KEYS = 1000;
const { publicKey, privateKey } = await generateKeyPair('RS256');
const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
const kept = new Map<string, Kept>();
let stsCalls = 0;
let requests = 0;

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (req, res) => {
  // The SDK for Go names the operation too.
  const url = (req.url ?? '/').replace(/\?x-id=\w+$/, '');
  if (!/^\/(box|plain)\b/.test(url)) {
    answerOther(req, res, url);
    return;
  }
  requests += 1;
  if (req.method === 'PUT') takeObject(req, res, url);
  else if (req.method === 'GET' && isKept(url)) sendObject(res, url);
  else if (req.method === 'GET' && url.includes('list-type=2')) sendXml(res, listing());
  else if (req.method === 'POST' && /[?&]delete\b/.test(url)) void deleteAll(req, res);
  else if (req.method === 'POST')
    sendXml(res, '<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>');
  // What the gateway asks of a bucket before it is ready.
  else if (req.method === 'HEAD') res.writeHead(200).end();
  else res.writeHead(404).end();
});

function takeObject(req: IncomingMessage, res: ServerResponse, url: string): void {
  const keep: Buffer[] | undefined = isKept(url) ? [] : undefined;
  let sizeBytes = 0;
  req.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    keep?.push(chunk);
  });
  req.on('end', () => {
    const envelope = req.headers['x-amz-meta-sallyport'];
    if (keep !== undefined)
      kept.set(url, { body: keep, sizeBytes, envelope: typeof envelope === 'string' ? envelope : undefined });
    res.writeHead(200, { etag: ETAG, 'content-length': '0', 'x-amz-request-id': 'bench' }).end();
  });
}

function sendObject(res: ServerResponse, url: string): void {
  const object = kept.get(url);
  if (object === undefined) {
    res.writeHead(404).end();
    return;
  }
  const { body, sizeBytes, envelope } = object;
  res.writeHead(200, {
    etag: ETAG,
    'content-length': String(sizeBytes),
    ...(envelope === undefined ? {} : { 'x-amz-meta-sallyport': envelope }),
  });
  let at = 0;
  const pump = (): void => {
    while (at < body.length) {
      const more = res.write(body[at]);
      at += 1;
      if (!more) {
        res.once('drain', pump);
        return;
      }
    }
    res.end();
  };
  pump();
}

/** A page of keys, each as large as the small object that is kept. */
function listing(): string {
  const sizeBytes = kept.get('/box/keep/small')?.sizeBytes ?? 0;
  const entry = (index: number): string =>
    `<Contents><Key>discard/${String(index).padStart(6, '0')}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;${ETAG.slice(1, -1)}&quot;</ETag><Size>${sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  const entries = Array.from({ length: LISTED_KEYS }, (_, index) => entry(index)).join('');
  return `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>box</Name><Prefix></Prefix><EncodingType>url</EncodingType><KeyCount>${LISTED_KEYS}</KeyCount><MaxKeys>${LISTED_KEYS}</MaxKeys><IsTruncated>false</IsTruncated>${entries}</ListBucketResult>`;
}

async function deleteAll(req: IncomingMessage, res: ServerResponse): Promise<void> {
  let document = '';
  for await (const chunk of req.setEncoding('utf8')) document += String(chunk);
  const deleted = [...document.matchAll(/<Key>[^<]*<\/Key>/g)].map(([key]) => `<Deleted>${key}</Deleted>`).join('');
  sendXml(res, `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${deleted}</DeleteResult>`);
}

/** What the issuer and the STS are asked, and what the benchmark asks. */
function answerOther(req: IncomingMessage, res: ServerResponse, url: string): void {
  const issuer = `http://127.0.0.1:${port()}`;
  if (req.method === 'POST') {
    stsCalls += 1;
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    sendXml(
      res,
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIABENCHBENCHBENCH0</AccessKeyId><SecretAccessKey>${'s'.repeat(40)}</SecretAccessKey><SessionToken>${'t'.repeat(400)}</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  } else if (url === '/.well-known/openid-configuration')
    sendJson(res, {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
    });
  else if (url === '/jwks') sendJson(res, { keys: [jwk] });
  else if (url.startsWith('/token')) void signToken(issuer, url.split('?')[1]).then((token) => res.end(token));
  else if (url === '/counters') sendJson(res, { stsCalls, requests } satisfies StoreCounters);
  else res.writeHead(404).end();
}

function signToken(issuer: string, subject = 'bench'): Promise<string> {
  return new SignJWT({ groups: ['bench'] })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience('bench')
    .setJti('bench')
    .setIssuedAt()
    .setExpirationTime('4h')
    .sign(privateKey);
}

function sendXml(res: ServerResponse, document: string): void {
  res.writeHead(200, { 'content-type': 'application/xml', 'x-amz-request-id': 'bench' }).end(document);
}

function sendJson(res: ServerResponse, value: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function isKept(url: string): boolean {
  return /^\/(box|plain)\/keep\//.test(url);
}

function port(): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

server.listen(0, '127.0.0.1', () => process.send?.({ port: port() }));
process.on('disconnect', () => process.exit(0));
