/**
 * A store, an STS and an issuer for benchmarks, in one process and as cheap as they can be: bodies under `/<bucket>/keep/` stay in
 * memory, all others are discarded; nothing is verified. It exists so that the gateway's own cost is what is measured.
 */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const { publicKey, privateKey } = await generateKeyPair('RS256');
const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
const kept = new Map<string, { body: Buffer[]; size: number; envelope: string | undefined }>();
let stsCalls = 0;

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (req, res) => {
  const url = req.url ?? '/';
  if (req.method === 'PUT') {
    const keep: Buffer[] | undefined = isKept(url) ? [] : undefined;
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      keep?.push(chunk);
    });
    req.on('end', () => {
      const envelope = req.headers['x-amz-meta-sallyport'];
      if (keep !== undefined)
        kept.set(url, { body: keep, size, envelope: typeof envelope === 'string' ? envelope : undefined });
      res
        .writeHead(200, {
          etag: '"00000000000000000000000000000000"',
          'content-length': '0',
          'x-amz-request-id': 'bench',
        })
        .end();
    });
    return;
  }
  if (req.method === 'GET' && isKept(url)) {
    const object = kept.get(url);
    if (object === undefined) {
      res.writeHead(404).end();
      return;
    }
    res.writeHead(200, {
      etag: '"00000000000000000000000000000000"',
      'content-length': String(object.size),
      ...(object.envelope === undefined ? {} : { 'x-amz-meta-sallyport': object.envelope }),
    });
    let at = 0;
    const pump = (): void => {
      while (at < object.body.length) {
        const more = res.write(object.body[at]);
        at += 1;
        if (!more) {
          res.once('drain', pump);
          return;
        }
      }
      res.end();
    };
    pump();
    return;
  }
  // What the gateway asks of a bucket before it is ready.
  if (req.method === 'HEAD') {
    res.writeHead(200).end();
    return;
  }
  const issuer = `http://127.0.0.1:${port()}`;
  if (url === '/.well-known/openid-configuration') {
    json({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
    });
  } else if (url === '/jwks') json({ keys: [jwk] });
  else if (url === '/token') {
    void new SignJWT({ groups: ['bench'] })
      .setProtectedHeader({ alg: 'RS256', kid: 'bench', typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject('bench')
      .setAudience('bench')
      .setJti('bench')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
      .then((token) => res.end(token));
  } else if (req.method === 'POST' && url !== '/') {
    res
      .writeHead(200, { 'content-type': 'application/xml' })
      .end('<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>');
  } else if (req.method === 'POST') {
    stsCalls += 1;
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    res
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIABENCHBENCHBENCH0</AccessKeyId><SecretAccessKey>${'s'.repeat(40)}</SecretAccessKey><SessionToken>${'t'.repeat(400)}</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      );
  } else if (url === '/counters') json({ stsCalls });
  else res.writeHead(404).end();

  function json(value: unknown): void {
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  }
});

function isKept(url: string): boolean {
  return /^\/(box|plain)\/keep\//.test(url);
}

function port(): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

server.listen(0, '127.0.0.1', () => process.send?.({ port: port() }));
process.on('disconnect', () => process.exit(0));
