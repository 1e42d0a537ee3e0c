/**
 * THE schema: every key of the configuration file, its shape, default and meaning. The types, the checks, the variables
 * (`keys.ts`) and docs/configuration.md all come from here. Rules that concern more than one key are in
 * `cross-checks.ts`.
 */
import { z } from 'zod';
import { isBucketName } from '../s3/bucket-name.ts';
import { isDirectoryBucketName } from '../s3/unsupported.ts';
import { cors, endpoint, sessions } from './client-sections.ts';
import { issuer } from './issuer-section.ts';
import { keyring } from './keyring-section.ts';
import { legacy } from './legacy-section.ts';
import { revocation } from './revocation-section.ts';
import { address, count, file, flag, group, hosts, key, name, path, section, text, whole } from './schema-words.ts';
import { parseSocketMode } from './shapes.ts';
import { sidecar } from './sidecar-section.ts';
import { role, serverSideEncryption, store, STYLES } from './store-section.ts';

/** 5 GiB less the overhead of the object format (docs/spec/object-format.md). */
const MAX_OBJECT_BYTES = 5_366_416_152;

const listen = section(
  {
    socket: key(path.optional(), 'the path of a unix socket', 'Unix socket on which the edge reaches the gateway.'),
    socketMode: key(
      text((value) => parseSocketMode(value) !== undefined).default('0660'),
      'a quoted octal mode that lets no others in, such as `"0660"`',
      'Mode of the socket: whoever may open it reaches the gateway past the edge.',
    ),
    address: key(address.optional(), '`host:port`', 'TCP address, for an edge on another machine; needs `listen.tls`.'),
    tls: group(
      {
        certFile: file('certificates', 'Certificate chain of the gateway (PEM).'),
        keyFile: file('private key', 'Its private key (PEM).'),
        clientCaFile: file('certificates', 'CA of the edge (PEM). Clients without a certificate of it are refused.'),
      },
      'Mutual TLS over TCP. All three files are needed.',
    ),
    allowPlaintextLoopback: flag('Accepts `listen.address` without TLS, on a loopback address only.'),
  },
  'Where the edge reaches the gateway: either `socket` or `address`.',
);

const edge = group(
  {
    secretFile: key(
      path,
      'the path of a file',
      "32 to 128 visible ASCII characters, which HAProxy sends with each request (`SALLYPORT_EDGE_SECRET`: haproxy/README.md). Only beside it is an `X-Forwarded-For` the client's address and an `X-Request-Id` the edge's.",
      { file: 'secret' },
    ),
  },
  'The edge whose word on clients is believed. Without it the address on record is that of the connection, which over a socket is none (`edge`).',
);

const encryption = z.enum(['required', 'migrating', 'off']);

export const bucket = z.strictObject({
  store: key(name.optional(), 'the name of a store', 'Store that holds it.', { derivedDefault: 'the only store' }),
  id: key(
    text((value) => /^[\x21-\x7e]{1,255}$/.test(value)).optional(),
    '1 to 255 visible ASCII characters',
    'What the keys of its objects are bound to. Never change it while objects exist.',
    { derivedDefault: 'the name' },
  ),
  storeBucket: key(
    text((value) => isBucketName(value) && !isDirectoryBucketName(value)).optional(),
    'the name of a bucket',
    'Its name in the store.',
    {
      derivedDefault: 'the name',
    },
  ),
  roleArn: key(role, 'a role ARN, such as `arn:aws:iam::123456789012:role/sallyport`', 'Role to assume.', {
    derivedDefault: '`sts.roleArn` of the store',
  }),
  account: key(
    text((value) => /^\d{12}$/.test(value)).optional(),
    'a quoted account id of 12 digits, such as `"111122223333"`',
    'Account that owns it. A request with `x-amz-expected-bucket-owner` (`x-amz-source-expected-bucket-owner` of a copy) passes where it names this one. Without the key every such request is refused, as nobody could tell.',
  ),
  style: key(z.enum(STYLES).optional(), '`path` or `virtual`', 'How requests name it in the store.', {
    derivedDefault: '`style` of the store',
  }),
  encryption: key(
    encryption.default('required'),
    '`required`, `migrating` or `off`',
    '`required`: objects are encrypted, and one that is not is never served. `migrating`: new objects are encrypted; plaintext, and what `legacy` opens, is read beside them, at the cost of one HEAD for each entry of a listing. `off`: stored as they are.',
  ),
  prefixes: key(
    z
      .record(
        z.string(),
        key(encryption, '`required`, `migrating` or `off`', 'As `encryption`, of keys that start so.'),
      )
      .default({}),
    'a map from prefixes of keys to `required`, `migrating` or `off`',
    'Parts of the bucket that are kept differently. The longest prefix that a key starts with decides.',
    { entry: '<prefix>' },
  ),
  serverSideEncryption,
  legacy,
});

const timeout = (fallback: number, description: string) => count(100, 3_600_000, fallback, description);

/** One configuration file, key by key. */
export const schema = z.strictObject({
  listen,
  edge,
  admin: section(
    {
      address: key(
        address.default('127.0.0.1:9190'),
        '`host:port`',
        'Where `/healthz`, `/readyz` and `/metrics` are served, without authentication.',
      ),
      allowedHosts: hosts(
        'Hosts that requests to it may name beside `localhost`, `127.0.0.1`, `[::1]` and the address that they came in on.',
      ),
    },
    'The port of operators.',
  ),
  workers: key(
    z.union([whole(1, 64), z.literal('auto')]).default(1),
    'a whole number from 1 to 64, or `auto`',
    'Processes that serve, under a primary that replaces them (docs/running.md); `auto`: one per available CPU.',
  ),
  issuers: key(z.record(z.string(), issuer), 'a map of issuers by name', 'Who may say who a caller is.', {
    entry: '<issuer>',
  }),
  stores: key(z.record(z.string(), store), 'a map of stores by name', 'Where objects are kept.', { entry: '<store>' }),
  buckets: key(
    z.record(z.string(), bucket),
    'a map of buckets by name',
    "What clients can reach. The name is the clients' and the policies'.",
    { entry: '<bucket>' },
  ),
  keyring,
  sessions,
  revocation,
  endpoint,
  cors,
  sidecar,
  policies: key(
    z.strictObject({
      directory: key(path, 'the path of a directory', 'Directory of the policy files.', { file: 'directory' }),
    }),
    'a group of keys',
    'What callers may do.',
  ),
  audit: key(
    z.strictObject({
      directory: key(
        path,
        'the path of a directory',
        'Directory of the audit files; made, mode 0700, where it is missing. The gateway alone should be able to write there.',
      ),
      rotateBytes: count(
        1_048_576,
        1_099_511_627_776,
        268_435_456,
        'A file is closed and a new one begun at this size.',
      ),
      minFreeBytes: count(
        0,
        1_099_511_627_776,
        104_857_600,
        'With less free space than this, accesses are refused (503) and `/readyz` fails.',
      ),
      refusals: section(
        {
          perSecond: count(1, 10_000, 50, 'Refusals of unidentified callers that are recorded per second and process.'),
          burst: count(1, 100_000, 200, 'How many of them at once.'),
          maxBytes: count(
            1_048_576,
            1_099_511_627_776,
            67_108_864,
            'Space that those of one process may take; the oldest go first.',
          ),
        },
        'Requests refused before an identity was known: a capped stream of their own.',
      ),
    }),
    'a group of keys',
    'The durable record of every access.',
  ),
  limits: section(
    {
      headerBytes: count(
        8192,
        32_768,
        32_768,
        "Request line and headers together. HAProxy's `tune.bufsize` less `tune.maxrewrite` must not be smaller.",
      ),
      objectBytes: count(
        0,
        MAX_OBJECT_BYTES,
        MAX_OBJECT_BYTES,
        'Plaintext of a single PUT: 5 GiB less the overhead of the format.',
      ),
      inFlight: count(1, 65_536, 512, 'Requests at once per process; one more gets 503 SlowDown.'),
      inFlightPerIdentity: count(
        1,
        65_536,
        128,
        'Requests of one identity at once per process; one more gets 503 SlowDown, so that nobody takes all places. Batches and listings that cost more than one thing (a key to delete, an object to look at in a place under migration) have 2,000 things at once and wait for the rest.',
      ),
      legacyObjectBytes: count(
        1024,
        1_073_741_824,
        67_108_864,
        'Stored size of an object of another encrypting gateway; it is decrypted in memory, whole. A larger one is refused.',
      ),
      smallBodyBytes: count(0, 1_048_576, 65_536, 'Bodies up to this size are sealed in memory in one piece.'),
    },
    'What is accepted at most.',
  ),
  timeouts: section(
    {
      requestHeadersMs: timeout(10_000, 'The whole head of a request must have arrived.'),
      requestBodyIdleMs: timeout(60_000, 'Longest pause in the body of a request.'),
      upstreamConnectMs: timeout(5000, 'A connection to a store must stand, TLS included.'),
      upstreamHeadersMs: timeout(
        60_000,
        "The store's answer must have begun, counted from the end of the request to it. Copies and the completion of an upload have ten minutes.",
      ),
      upstreamBodyIdleMs: timeout(60_000, "Longest pause in the store's answer."),
      earlyAnswerMs: timeout(
        // The least that common clients and proxies wait for a byte is 30 s (boto3 and nginx: 60 s): one blank may be late.
        10_000,
        'The answer to a copy or the completion of an upload that takes longer begins before its end is known, and a blank is sent each time that this passes again. Less than half of what clients and proxies wait for a byte.',
      ),
      stsMs: timeout(5000, 'One call of STS, whole.'),
      jwksMs: timeout(5000, 'One call of an issuer (discovery or keys), whole.'),
      keyringMs: timeout(5000, 'One call of Vault or KMS, whole.'),
      keepAliveMs: timeout(
        75_000,
        "Life of an idle connection from the edge. Must exceed HAProxy's `http-keep-alive` and pool times, or requests race with its end.",
      ),
      drainDelayMs: count(
        0,
        3_600_000,
        2000,
        'After SIGTERM: time for the edge to see that readiness is gone, before connections are refused.',
      ),
      drainMs: timeout(
        60_000,
        'After that: requests in flight may finish, also those whose clients left. What has not is cut.',
      ),
    },
    'All in milliseconds.',
  ),
  log: section(
    {
      level: key(
        z.enum(['error', 'warn', 'info', 'debug']).default('info'),
        '`error`, `warn`, `info` or `debug`',
        'What is logged.',
      ),
    },
    'The log of the service (not the audit).',
  ),
});

/** A configuration file that holds no mistake in any single key. */
export type FileConfig = z.output<typeof schema>;
