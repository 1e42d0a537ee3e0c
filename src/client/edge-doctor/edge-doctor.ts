/**
 * What an edge in front of the gateway lacks, tried from outside as a client would try it. Enters: the edge's origin and,
 * where there is one, a token of the caller's own. Leaves: for each protection whether it is there, and the lines of
 * haproxy/sallyport-backend.cfg that add it. Whether a forged address is believed is told by the gateway to identified
 * callers, about themselves (`GET /-/whoami`): nobody else learns anything. Never: a token or a signature in a finding.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { printable, reasonOf } from '../failure.ts';
import { presignedTarget } from './presign.ts';
import { overHttp1, overHttp2, type Edge, type Probe, type Reply } from './probe.ts';

export interface EdgeUnderTrial extends Edge {
  /** A bearer token; without one what only identified callers learn is not known. */
  readonly token: string | undefined;
  readonly region: string;
  /** By which this machine is known outside, where it is not by its own. */
  readonly address: string | undefined;
  /** Whether all gateways are stopped, for this trial. */
  readonly isDown: boolean;
}

export interface EdgeFinding {
  readonly check: string;
  /** `unknown`: it could not be told. */
  readonly state: 'ok' | 'missing' | 'unknown';
  readonly found: string;
  /** Where the lines belong: `backend`, `global` or `frontend`. */
  readonly where?: string;
  /** What mends it. */
  readonly lines?: readonly string[];
}

type Verdict = Omit<EdgeFinding, 'check'>;
type Check = readonly [check: string, look: (edge: EdgeUnderTrial) => Promise<Verdict>];

/** Tries everything, side by side, where there is a gateway; takes some seconds. What cannot be tried is `unknown`. */
export async function examineEdge(edge: EdgeUnderTrial): Promise<readonly EdgeFinding[]> {
  const tried = async ([check, look]: Check): Promise<EdgeFinding> => {
    try {
      return { check, ...(await look(edge)) };
    } catch (error) {
      return { check, state: 'unknown', found: reasonOf(error) };
    }
  };
  if (edge.isDown) {
    const findings: EdgeFinding[] = [];
    for (const check of WHILE_DOWN) findings.push(await tried(check));
    return findings;
  }
  const gateway = await tried(GATEWAY);
  return gateway.state === 'ok' ? [gateway, ...(await Promise.all(CHECKS.map(tried)))] : [gateway];
}

const FORGED_ADDRESS = '203.0.113.77';
const FORGED_ID = 'forged-by-the-doctor';
/** Nobody's: no bucket has a name like it, and nothing is let in without credentials. */
const TARGET = '/sallyport-doctor/edge';
const WHOAMI = '/-/whoami';
const LARGE_TOKEN = 30_000;
const MANY_HEADERS = 150;
const TOO_LARGE = 5_435_817_985;
/** More than HAProxy's window for a stream, so that only who reads it has it. */
const UPLOAD_BYTES = 2_000_000;
/** The edge ends it after 5 s. */
const SLOW_FORM_LIMIT_MS = 15_000;
/** An upload over HTTP/2 may get its answer by luck. */
const UPLOADS = 2;
/** Of ids that the gateway makes; an edge that answers by itself has others. */
const GATEWAY_ID = /^[A-Z2-9]{20}$/;

const ok = (found: string): Verdict => ({ state: 'ok', found });
const unknown = (found: string): Verdict => ({ state: 'unknown', found });
const missing = (found: string, where: string, ...lines: readonly string[]): Verdict => ({
  ...{ state: 'missing', found, where, lines },
});
const said = ({ status, headers }: Reply): string =>
  `${status}${headers['content-type'] === undefined ? '' : ` ${printable(headers['content-type'], 60)}`}`;
const isOfGateway = ({ headers }: Reply): boolean => GATEWAY_ID.test(String(headers['x-amz-request-id']));
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const BUFFERS = ['tune.bufsize 40960', 'tune.maxrewrite 2048'];

const GATEWAY: Check = [
  'gateway',
  async (edge) => {
    const reply = await overHttp1(edge, { target: WHOAMI });
    return reply.status === 401 && isOfGateway(reply)
      ? ok(`${edge.origin} answers`)
      : unknown(`${edge.origin} answers ${said(reply)}, not like a gateway`);
  },
];

const CHECKS: readonly Check[] = [
  ['forged address', (edge) => addressOnRecord(edge)],
  ['forged id', (edge) => idOnRecord(edge)],
  [
    'paths under /-/',
    async (edge) => {
      const reply = await overHttp1(edge, { target: '/-/ready' });
      return reply.status === 404
        ? ok('health checks are not for clients')
        : missing(
            `GET /-/ready answers ${said(reply)}: health checks are for HAProxy alone`,
            'backend',
            'acl own path_beg /-/',
            'acl own_get path -m str /-/credentials /-/whoami /-/can-i /-/sts /-/sts/',
          );
    },
  ],
  ['large token, HTTP/1.1', (edge) => passes(edge, overHttp1, LARGE, 'a token of 30 KB', BUFFERS)],
  ['large token, HTTP/2', (edge) => passes(edge, overHttp2, LARGE, 'a token of 30 KB', BUFFERS)],
  ['many headers', (edge) => passes(edge, overHttp1, MANY, 'a request with 150 headers', ['tune.http.maxhdr 256'])],
  [
    'header names',
    async (edge) => {
      const reply = await overHttp1(edge, { target: TARGET, headers: { 'x-amz-meta-a_b': 'c' } });
      return isOfGateway(reply)
        ? ok('x-amz-meta-a_b passes')
        : missing(`x-amz-meta-a_b is refused (${said(reply)})`, 'frontend', 'no option http-restrict-req-hdr-names');
    },
  ],
  ['100 Continue', (edge) => continues(edge)],
  [
    'size',
    async (edge) => {
      const headers = { 'content-length': String(TOO_LARGE) };
      const reply = await overHttp1(edge, { method: 'PUT', target: TARGET, headers, withholds: true });
      return isOfGateway(reply)
        ? missing(
            'more than 5 GiB are let through to the gateway, which refuses them',
            'backend',
            'http-request return status 400',
            '{ req.hdr(content-length),add(0) gt 5435817984 }',
          )
        : ok(`more than 5 GiB are refused (${said(reply)})`);
    },
  ],
  [
    'slow form',
    async (edge) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '20' };
      const slow: Probe = {
        ...{ method: 'POST', target: '/-/sts', headers, body: Buffer.from('A'), withholds: true },
        limitMs: SLOW_FORM_LIMIT_MS,
      };
      const line = 'http-request wait-for-body time 5s if { method POST } { path -m str / /-/sts /-/sts/ }';
      await overHttp1(edge, { target: WHOAMI });
      const reply = await overHttp1(edge, slow).catch(() => undefined);
      return reply?.status === 408 && !isOfGateway(reply)
        ? ok('a form of STS that trickles ends at the edge')
        : missing(
            `a form of STS that trickles holds a place of the gateway (${reply === undefined ? 'no answer' : said(reply)})`,
            'backend',
            line,
          );
    },
  ],
  ['presigned URL', (edge) => keepsWhatIsSigned(edge)],
];

const LARGE = bearer('x'.repeat(LARGE_TOKEN));
const MANY = Object.fromEntries(Array.from({ length: MANY_HEADERS }, (_, index) => [`x-amz-meta-n${index}`, 'x']));

async function passes(
  edge: Edge,
  over: (edge: Edge, probe: Probe) => Promise<Reply>,
  headers: Readonly<Record<string, string>>,
  what: string,
  lines: readonly string[],
): Promise<Verdict> {
  // What does not get through at all says nothing.
  await over(edge, { target: WHOAMI });
  const reply = await over(edge, { target: WHOAMI, headers }).catch((error: unknown) => reasonOf(error));
  if (typeof reply !== 'string' && isOfGateway(reply)) return ok(`${what} reaches the gateway`);
  const how = typeof reply === 'string' ? reply : said(reply);
  return missing(`the edge refuses ${what} (${how})`, 'global', ...lines);
}

async function continues(edge: Edge): Promise<Verdict> {
  const headers = { expect: '100-continue', 'content-length': '5', connection: 'keep-alive' };
  const reply = await overHttp1(edge, { method: 'PUT', target: TARGET, headers, withholds: true });
  if (reply.continued) {
    return missing(
      'the edge says 100 Continue before the gateway has decided',
      'frontend',
      'no option http-buffer-request',
    );
  }
  return reply.headers.connection === 'close'
    ? ok('who waits for 100 Continue and is refused takes another connection')
    : missing(
        'after a refusal the next request of the connection is read as the missing body, and lost',
        'backend',
        'http-request set-var(txn.expects) bool(true) if { req.hdr(expect) -m found }',
        'http-after-response set-header Connection close if { var(txn.expects) -m bool } { status 300:599 }',
      );
}

const onRecord = z.object({ clientAddress: z.string(), edgeRequestId: z.string().optional() });

const LIES = {
  'x-forwarded-for': FORGED_ADDRESS,
  forwarded: `for=${FORGED_ADDRESS}`,
  'x-real-ip': FORGED_ADDRESS,
  'x-request-id': FORGED_ID,
};

async function recorded(edge: EdgeUnderTrial): Promise<(z.infer<typeof onRecord> & { local: string }) | string> {
  if (edge.token === undefined) return 'only an identified caller is told what is on record: --token-file';
  const reply = await overHttp1(edge, { target: WHOAMI, headers: { ...LIES, ...bearer(edge.token) } });
  if (reply.status !== 200) return `GET ${WHOAMI} answers ${said(reply)} to the token`;
  const known = answerOf(onRecord, reply);
  if (known === undefined) return 'this gateway does not tell what is on record';
  return { ...known, local: reply.localAddress };
}

/** What an answer says; `undefined`: something else. An error of the parser could quote what is secret in it. */
function answerOf<Answer>(schema: z.ZodType<Answer>, { body }: Reply): Answer | undefined {
  try {
    return schema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

const plain = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');

async function addressOnRecord(edge: EdgeUnderTrial): Promise<Verdict> {
  const known = await recorded(edge);
  if (typeof known === 'string') return unknown(known);
  const { clientAddress, edgeRequestId, local } = known;
  const address = printable(plain(clientAddress), 60);
  if (clientAddress === FORGED_ADDRESS) {
    const found = 'a client chooses the address on record';
    return missing(found, 'backend', 'http-request del-header', 'http-request set-header X-Forwarded-For %[src]');
  }
  if (edgeRequestId === undefined) {
    return missing(
      `the address on record is ${address}, and no id: the gateway is not shown its edge.secretFile`,
      'backend',
      'http-request set-header X-Sallyport-Edge %[env(SALLYPORT_EDGE_SECRET)]',
      'http-request set-header X-Request-Id %[var(txn.edge_id)]',
    );
  }
  const expected = edge.address ?? plain(local);
  if (address === expected) return ok(`the address on record is ${address}, that of this machine`);
  if (edge.address === undefined && isIP(clientAddress) !== 0) {
    return unknown(`the address on record is ${address}, this machine has ${expected}: name its own with --address`);
  }
  return missing(
    `the address on record is ${address}, not ${expected}: something in front ends connections`,
    'frontend',
    'tcp-request connection expect-proxy layer4 if { src ADDRESSES_OF_WHAT_IS_IN_FRONT }',
  );
}

async function idOnRecord(edge: EdgeUnderTrial): Promise<Verdict> {
  const known = await recorded(edge);
  if (typeof known === 'string') return unknown(known);
  if (known.edgeRequestId === undefined) return unknown('no id of the edge is on record');
  return known.edgeRequestId.includes(FORGED_ID)
    ? missing(
        'a client chooses the id of the edge that is on record',
        'backend',
        'http-request set-var(txn.edge_id) unique-id',
        'http-request set-header X-Request-Id %[var(txn.edge_id)]',
      )
    : ok('the id of the edge on record is its own');
}

const keys = z.object({ AccessKeyId: z.string(), SecretAccessKey: z.string(), Token: z.string() });

/** The path holds all that a helpful proxy would tidy up. */
async function keepsWhatIsSigned(edge: EdgeUnderTrial): Promise<Verdict> {
  if (edge.token === undefined) return unknown('only an identified caller can sign: --token-file');
  const issued = await overHttp1(edge, { target: '/-/credentials', headers: bearer(edge.token) });
  if (issued.status !== 200) return unknown(`GET /-/credentials answers ${said(issued)}: no keys to sign with`);
  const session = answerOf(keys, issued);
  if (session === undefined) return unknown('GET /-/credentials does not answer with keys');
  const { AccessKeyId, SecretAccessKey, Token } = session;
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  const path = '/sallyport-doctor/a//b/../c/./d%2Fe%2Bf%20g';
  const { host } = new URL(edge.origin);
  const reply = await overHttp1(edge, {
    target: presignedTarget({ host, path, region: edge.region }, credentials, Date.now()),
  });
  const [, code = 'no code'] = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(reply.body) ?? [];
  if (code === 'NoSuchBucket' || code === 'AccessDenied') return ok(`path, query and Host arrive as signed (${code})`);
  return code === 'SignatureDoesNotMatch'
    ? missing(
        'path, query or Host do not arrive as they were signed',
        'frontend',
        'no http-request normalize-uri',
        'no rewrite of path, query or Host',
      )
    : unknown(`a presigned URL is answered ${said(reply)}, ${code}`);
}

const WHILE_DOWN: readonly Check[] = [
  ['request, no gateway', (edge) => whileDown(edge, () => overHttp1(edge, { target: TARGET }))],
  ['upload over HTTP/1.1, no gateway', (edge) => whileDown(edge, () => overHttp1(edge, UPLOAD))],
  ['upload over HTTP/2, no gateway', (edge) => whileDown(edge, () => overHttp2(edge, UPLOAD))],
];

const UPLOAD: Probe = { method: 'PUT', target: TARGET, body: Buffer.alloc(UPLOAD_BYTES) };

async function whileDown(edge: Edge, send: () => Promise<Reply>): Promise<Verdict> {
  const tarpit = [
    'timeout tarpit 2s',
    'http-request tarpit deny_status 503 if { nbsrv eq 0 } !{ stopping } { method PUT POST } !{ var(txn.expects) -m bool }',
  ];
  // A name that cannot be reached would look like an answer that was lost.
  await overHttp1(edge, { target: TARGET });
  const replies: (Reply | string)[] = [];
  // One after another: they must not keep each other from being read in time.
  for (let count = 0; count < UPLOADS; count += 1) {
    replies.push(await send().catch((error: unknown) => reasonOf(error)));
  }
  const heard = replies.filter((each) => typeof each !== 'string');
  const strange = heard.find((each) => each.status !== 503 || isOfGateway(each));
  if (strange !== undefined) return unknown(`${said(strange)}: a gateway answers; stop all of them`);
  const lost = UPLOADS - heard.filter(({ isWhole }) => isWhole).length;
  const [reply] = heard;
  if (lost > 0 || reply === undefined) {
    const why = replies.find((each) => typeof each === 'string') ?? 'it came before the upload was read';
    return missing(`${lost} of ${UPLOADS} lose their answer (${why})`, 'backend', ...tarpit);
  }
  return /<Code>ServiceUnavailable</.test(reply.body) && reply.headers['retry-after'] !== undefined
    ? ok('503 ServiceUnavailable, with Retry-After')
    : missing(`503 is not an error of S3 with Retry-After (${said(reply)})`, 'backend', 'http-error status 503');
}
