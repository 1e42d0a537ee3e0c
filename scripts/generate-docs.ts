/**
 * Writes the documentation that is made from the code: docs/configuration.md, docs/errors.md,
 * docs/operations-supported.md, docs/s3-api.md, docs/log-events.md and docs/metrics.md; and from what runs saw: docs/clients.md and docs/stores.md. Copies what the Helm chart must have within it. With `--check` it writes nothing, names each file that is not up to date, and exits 1
 * if there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KEYS, type KeyRow } from '../src/config/loading/keys.ts';
import { LOG_EVENTS } from '../src/contracts/log-events.ts';
import { ERRORS, type ErrorRow } from '../src/errors/codes.ts';
import type { Operation, OperationClass } from '../src/s3/operations/operation.ts';
import { OPERATIONS } from '../src/s3/operations/operations.ts';
import { MAX_USER_METADATA_BYTES } from '../src/s3/request/user-metadata.ts';
import { clientsPage } from './clients-page/page.ts';
import { metricsPage } from './metrics-page.ts';
import { coverageOf, type OperationCoverage, type ParameterCoverage } from './s3-model/coverage.ts';
import { SEEN_TO } from './s3-model/judgements.ts';
import { readModel } from './s3-model/model.ts';
import { readKnownStores, storePage } from './store-page.ts';

const root = dirname(import.meta.dirname);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

const generated = (source: string): string =>
  `<!-- Made from ${source} by scripts/generate-docs.ts. Change it there, then run \`npm run docs\`. -->`;

// --- configuration

const grouped = (value: number): string => value.toLocaleString('en-US');

const plainDefault = (value: unknown): string => {
  if (Array.isArray(value) && value.length > 0) return value.map((item) => `\`${String(item)}\``).join(', ');
  if (typeof value === 'object') return 'none';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
};

const defaultOf = (row: KeyRow): string => {
  if (row.required) return '**required**';
  if (row.derivedDefault !== undefined) return row.derivedDefault;
  return row.default === undefined ? '' : plainDefault(row.default);
};

const SECRET_FILES: readonly unknown[] = ['secret', 'seed', 'foreign seed', 'private key'];

/** A key, and the variable that sets it. */
const keyCell = ({ path, variable }: KeyRow): string =>
  `\`${path.join('.')}\`${variable === undefined ? '' : `<br>\`${variable}\``}`;

const TAKEN_UP = '[Taken up without a restart](running.md#certificates-keys-and-passwords-that-change).';

const rowOf = (row: KeyRow): string[] => [
  keyCell(row),
  row.shape.replace(/^an? /, ''),
  defaultOf(row),
  `${SECRET_FILES.includes(row.file) ? '**Secret.** ' : ''}${row.description}${row.reloads === 'whole' ? ` ${TAKEN_UP}` : ''}`,
];

const within = (...path: readonly string[]) =>
  KEYS.filter((row) => path.every((part, index) => row.path[index] === part) && row.path.length > path.length);

const sectionOf = (name: string): string => {
  const rows = KEYS.filter(({ path }) => path[0] === name);
  const own = rows.find(({ path }) => path.length === 1);
  const values = rows
    .filter(({ path, kind }) => kind !== 'group' || path.length > 2)
    .filter((row) => !row.path.at(-1)?.startsWith('<'));
  return `### \`${name}\`${own?.required === true ? ' (required)' : ''}

${own?.description ?? ''}

${table(
  ['key', 'must be', 'default', 'meaning'],
  values.filter((row) => row.path.length > 1 || row.kind !== 'map').map(rowOf),
)}`;
};

const numbers = (rows: readonly KeyRow[], unit: string) =>
  rows.map((row) => [
    keyCell(row),
    typeof row.default === 'number' ? `${grouped(row.default)}${unit}` : defaultOf(row),
    row.description,
  ]);

/** What a bearer token with this many groups takes of the head of a request, in bytes. */
export const authorizationBytes = (groups: number, nameLength: number): number => {
  const claims = {
    iss: 'https://login.example.com/realms/corporation',
    sub: '7c1e6f3e-2f9a-4b58-9d3b-5a7d0f6f6a10',
    aud: 'sallyport',
    iat: 1_700_000_000,
    exp: 1_700_003_600,
    jti: '0b9c3f6e-6d0e-4a43-8d6f-3f4e2f4b7a55',
    groups: Array.from({ length: groups }, () => 'g'.repeat(nameLength)),
  };
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url').length;
  const signature = Math.ceil((256 * 4) / 3);
  const header = encoded({ alg: 'RS256', typ: 'at+jwt', kid: '3f4e2f4b7a55' });
  return 'authorization: Bearer \r\n'.length + header + 1 + encoded(claims) + 1 + signature;
};

/** What the rest of a request takes at most in practice: a key of 1,024 bytes in percent encoding, usual headers. */
const OTHER_HEADERS_BYTES = 4096;

const tokenTable = (limit: number): string =>
  table(
    ['300 groups, each of', 'Authorization header', `with ${grouped(OTHER_HEADERS_BYTES)} bytes of everything else`],
    [12, 20, 36, 64, 80].map((length) => {
      const bytes = authorizationBytes(300, length);
      const fits = bytes + OTHER_HEADERS_BYTES <= limit;
      return [
        `${length} characters${length === 36 ? ' (UUIDs, as Entra ID)' : ''}`,
        `${grouped(bytes)} bytes`,
        fits ? 'accepted' : 'refused: 400 RequestHeaderSectionTooLarge',
      ];
    }),
  );

const SECTIONS = [...new Set(KEYS.map(({ path }) => path[0] ?? ''))].filter(
  (name) => !['limits', 'timeouts'].includes(name),
);

const configuration = (): string => {
  const headerBytes = Number(KEYS.find(({ path }) => path.join('.') === 'limits.headerBytes')?.default);
  return `# Configuration

${generated('src/config/schema.ts')}

\`sallyport serve --config FILE\` reads one YAML file; variables override it, or [take its place](#without-a-file). A
file that has mistakes is not used: every mistake is told at once, with its line, its key, what is wrong and what would
be right, and the exit code is 2. Keys that are not known are mistakes. Commented files to start from: [AWS](../examples/aws.yaml), [Ceph and MinIO](../examples/ceph.yaml). Coming
from another program: [coming-from.md](coming-from.md).

- Relative paths in the file start at the directory of the file; those in a variable, in the directory where the gateway
  was started.
- **Secrets never stand in the file.** Keys that end in \`File\` name files; those marked *secret* must belong to their
  owner alone (\`chmod 600\`), or to root and be readable by a group of the gateway and no more (\`root:sallyport\`, 0440 or
  0640; so Kubernetes mounts them with \`fsGroup\`), or the gateway does not start. A final newline is not part of a
  secret. Secrets show in no message and no log. Where a platform cannot give files of such a mode, use the variables.
- Files are read once, at start.

## Variables

\`SALLYPORT_*\` overrides the file, or takes its place ([below](#without-a-file)). **The rule:** the variable of a key is
\`SALLYPORT_\` and its path in capitals: \`audit.refusals.perSecond\` is \`SALLYPORT_AUDIT_REFUSALS_PER_SECOND\`. Of paths with
a name that you choose, the singular stands for map and name: \`stores.<store>.sts.roleArn\` is
\`SALLYPORT_STORE_STS_ROLE_ARN\`, and \`issuers.<issuer>.issuer\` is \`SALLYPORT_ISSUER\`. The tables below have each.

- Such a variable means the only store or issuer, and refuses to start where there are several. \`SALLYPORT_BUCKET_*\` mean
  every bucket alike.
- A list is separated by commas: \`SALLYPORT_ISSUER_AUDIENCES=sallyport,ci\`.
- A map is YAML as in the file: \`SALLYPORT_BUCKET_PREFIXES='{public/: off}'\`,
  \`SALLYPORT_ISSUERS='{corp: {issuer: https://id.example, audiences: [sallyport]}, ci: {preset: github, …}}'\`. Of
  \`SALLYPORT_BUCKETS\` the names suffice: \`reports,artifacts\`.
- A variable replaces the whole value of the file, also where that is a list or a map.

Mistakes in a variable are told by its name. An empty variable counts as unset. A \`SALLYPORT_*\` variable that is not known
refuses to start and names the nearest one; what HAProxy reads (\`SALLYPORT_FRONT\`, \`SALLYPORT_CERT\`,
\`SALLYPORT_SOCKET\`, \`SALLYPORT_EDGE_SECRET\`) and what Kubernetes sets for a Service of that name is left alone.

Version 1 of the keyring is \`SALLYPORT_KEYRING_SEED_FILE\`, or \`SALLYPORT_KEYRING_SEED\`: the seed itself. \`SALLYPORT_POLICIES\`
holds policies themselves, in place of \`SALLYPORT_POLICIES_DIRECTORY\`: the text of one file, or of several with a line
\`---\` between them. They change with a restart only.

**A secret in a variable** can be read by whoever may see the container's definition (\`docker inspect\`, the console of an
orchestrator) and, as long as the process lives, by the same user and root in \`/proc/<pid>/environ\`. Therefore only the
seed and the keys of AWS may stand in one, for platforms that have nothing else; every other secret is a file, which a
variable that ends in \`_FILE\` names. \`SALLYPORT_KEYRING_SEED\` is taken out of the environment at the start, so that programs
that the gateway starts (a \`credential_process\` of the AWS SDK) and diagnostic reports of Node do not have it.

The variables of AWS fill what the file leaves open, and override nothing:

${table(
  ['variable', 'fills', 'when'],
  [
    ['`AWS_REGION`, `AWS_DEFAULT_REGION`', '`stores.<store>.region`', 'there is one store'],
    ['`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`', '`stores.<store>.endpoint`', 'there is one store'],
    ['`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`', '`stores.<store>.sts.endpoint`', 'there is one store'],
    ['`AWS_CA_BUNDLE`', '`stores.<store>.tls.caFile`', 'there is one store'],
    [
      '`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` (**secrets**)',
      '`stores.<store>.credentials`',
      'one store names none; refused where several do',
    ],
  ],
)}

Everything else of AWS (\`AWS_WEB_IDENTITY_TOKEN_FILE\`, container and instance credentials, profiles) reaches the
default chain of the AWS SDK, which serves a store without credentials.

### Without a file

\`sallyport serve\` without \`--config\` reads \`/etc/sallyport/sallyport.yaml\` where it exists, else variables alone: one
store, one issuer. So do the commands of operators. These are needed, and nothing else is:

${table(
  ['variable', 'what'],
  [
    ['`SALLYPORT_ISSUER`, `SALLYPORT_ISSUER_AUDIENCES`', 'Who says who a caller is. Policies name it `issuer`.'],
    ['`SALLYPORT_BUCKETS`', 'Buckets, by name.'],
    [
      '`SALLYPORT_STORE_REGION`, or `AWS_REGION`; `SALLYPORT_STORE_ENDPOINT` where it is not AWS',
      'The store of all of them.',
    ],
    [
      '`SALLYPORT_STORE_STS_ROLE_ARN`, or `SALLYPORT_STORE_METHOD=static`',
      'The role to assume there; or a store without STS, with its keys as they are.',
    ],
    [
      '`SALLYPORT_KEYRING_SEED_FILE` (or `SALLYPORT_KEYRING_VAULT_*`, `SALLYPORT_KEYRING_KMS_*`)',
      'The keyring. Objects are encrypted, and nothing starts without one; `SALLYPORT_BUCKET_ENCRYPTION=off` stores them as they are.',
    ],
    ['`SALLYPORT_POLICIES_DIRECTORY`, or `SALLYPORT_POLICIES`', 'What callers may do.'],
    ['`SALLYPORT_AUDIT_DIRECTORY`', 'Where every access is recorded: a volume.'],
  ],
)}

It listens on the unix socket \`/run/sallyport/gateway.sock\`, which HAProxy reaches over a shared volume, unless
\`SALLYPORT_LISTEN_SOCKET\` or \`SALLYPORT_LISTEN_ADDRESS\` (with \`SALLYPORT_LISTEN_TLS_*\`) says otherwise. The operator's port is
on loopback of the container (\`SALLYPORT_ADMIN_ADDRESS\`). \`sallyport serve --check\` says all that is missing.
Whole command lines: [coming-from.md](coming-from.md#command-lines). The [sidecar](sidecar.md#configuration) needs no file
either.

## Keys

${SECTIONS.map(sectionOf).join('\n\n')}

## Timeouts

All of them; change one under \`timeouts\`. Bodies have **idle** times, never totals: an upload may take hours as long as
bytes move.

${table(['key', 'default', 'meaning'], numbers(within('timeouts'), ' ms'))}

HAProxy in front has its own (\`haproxy/haproxy.cfg\`): its \`timeout server\` is longer than every silence here, so that
the gateway gives the answer; its \`http-keep-alive\` is shorter than \`timeouts.keepAliveMs\`, so that the gateway never
closes a connection that HAProxy is about to use. A test holds the two files together.

## Limits

All of them; those with a key can be changed under \`limits\`.

${table(
  ['key', 'default', 'meaning'],
  [
    ...numbers(within('limits'), ''),
    ['fixed', '1,024 bytes', 'Key of an object (KeyTooLongError).'],
    [
      'fixed',
      `${grouped(MAX_USER_METADATA_BYTES)} bytes`,
      'User metadata, names and values: the 2 KB of S3 less what the gateway keeps there.',
    ],
    ['fixed', '2 KB', 'Session policy given to STS. Grants that do not fit are narrowed to the one request.'],
    ['fixed', '1 MiB', 'This file, and every file that it names.'],
  ],
)}

### A caller in 300 groups

The head of a request may take ${grouped(headerBytes)} bytes (\`limits.headerBytes\`). A bearer token carries its groups in it, and
grows by a third in base64. An RS256 token of 300 groups takes:

${tokenTable(headerBytes)}

HAProxy accepts a little more (\`tune.bufsize\` less \`tune.maxrewrite\`), so that the gateway gives the answer. Far beyond
that, HAProxy answers 400 over HTTP/1.1 and ends the connection over HTTP/2. To accept more, raise \`tune.bufsize\` and
\`limits.headerBytes\` together. The better way is at the identity provider: send only the groups that policies name.

## What cannot be configured

Certificates of stores and issuers are always verified. Object encryption has one format. Tokens are never accepted
unsigned, or signed with a shared secret. Nothing is served without a policy that allows it, and nothing without a record.
`;
};

// --- errors

const errors = (): string => `# Errors

${generated('src/errors/codes.ts')}

Errors are S3 XML: \`<Error>\` with \`Code\`, \`Message\`, \`Resource\` and \`RequestId\`; answers to HEAD, and 304, have no body. The
*reason* is what the audit and the log say; several reasons may share one S3 code, and messages are fixed, so that no
detail of a failure reaches a caller. Two are not. A policy's denial says rule and reason, then what helps on: the nearest
prefix of the caller's own for the same verb in that bucket, and whom to ask (\`owner\` of the policy that denies or, where
none allows it, of one that gives the caller something there). It tells of this caller's rules only, never what is in the
store or what others may. All of it stands in the message of the document (of each key of DeleteObjects: rule, reason and
owner), in its elements \`Rule\`, \`Reason\` and \`Owner\`, and in the header \`x-sallyport-denied-by\`, for HEAD,
which has no document (tools show it with \`--debug\`, \`-vv --dump headers\` and the like); there, what is not printable
ASCII is percent-encoded, and 512 characters are the most.

A 401 says in its message where to get a token, and carries \`WWW-Authenticate: Bearer\` with \`error\` and
\`error_description\` (RFC 6750), \`error_uri\` (\`endpoint.tokenHelp\`), \`authorization_uri\` (the same, or the URLs of the issuers)
and \`issuer\` (the URLs of the first eight issuers, with a space between).

${table(
  ['reason', 'S3 code', 'status', 'Retry-After', 'message'],
  (Object.entries(ERRORS) as [string, ErrorRow][]).map(([code, row]) => [
    `\`${code}\``,
    `\`${row.s3Code}\``,
    String(row.status),
    row.retryAfterSeconds === undefined ? '' : `${row.retryAfterSeconds} s`,
    row.message,
  ]),
)}
`;

// --- operations

const CLASSES: Readonly<Record<OperationClass, string>> = {
  READ: 'decrypted on the way out',
  WRITE: 'encrypted on the way in',
  FORM: 'a form of a browser, signed by its policy; encrypted on the way in',
  LIST: 'sizes and ETags shown as of the plaintext',
  DELETE: 'passed on',
  LOCAL:
    'decided by configuration and policy; whether a bucket is there, and since when, its store is asked, and believed for seconds',
  COPY: 'two accesses: the verb on the target, `GET` (or `GET_VERSION`) on the source',
  BATCH: 'each key decided and audited as an access of its own',
  DOCUMENT: 'documents are read and written anew, both ways',
  UPLOAD: 'parts in the numbers, sizes and ETags of the client',
  ATTRIBUTES: 'sizes, parts and checksum of the plaintext',
};

const verbOf = ({ verb, level }: Operation): string => {
  if (verb !== undefined) return `\`${verb}\``;
  return level === 'service' ? 'none: shows what may be used' : 'any in the bucket';
};

const ALL = Object.entries<Operation>(OPERATIONS);

const early = ALL.filter(([, { mayAnswerEarly }]) => mayAnswerEarly).map(([name]) => `\`${name}\``);

const operations = (): string => `# Operations

${generated('src/s3/operations/')}

What is not listed here is refused with 501 \`NotImplemented\`, and so are subresources, query parameters and \`x-amz-*\`
headers that are not known: nothing is passed on that the gateway does not understand. What SDKs add by themselves and that
asks for nothing is taken and dropped ([decision 24](adr/0024-what-clients-may-send.md)). Addressing is path-style, and
virtual-hosted below the configured public hosts. All of them are performed however a bucket or a prefix is kept
(\`encryption\`).

${table(
  ['operation', 'method', 'on', 'policy verb', 'class', 'how'],
  ALL.map(([name, operation]) => [
    `\`${name}\``,
    operation.method,
    operation.level,
    verbOf(operation),
    operation.operationClass,
    CLASSES[operation.operationClass],
  ]),
)}

Some requests ask for more than the verb of their operation; each is a decision of its own.

${table(
  ['request', 'asks for'],
  [
    ['`versionId` on `GET` and `DELETE`', '`GET_VERSION`, `DELETE_VERSION` in place of the plain verb'],
    ['`versionId` on tags, ACL and locks', '`GET_VERSION` too'],
    ['`x-amz-acl` other than `private` and `bucket-owner-full-control`', '`PUT_ACL` too'],
    ['`x-amz-tagging`, `x-amz-tagging-directive: REPLACE`', '`PUT_TAGS` too'],
    [
      '`CopyObject` of an object with tags',
      'nothing more; but the tags go along only with `GET_TAGS` on the source and `PUT_TAGS` on the target, and a store that decides it by the session policy (AWS) refuses the copy without them',
    ],
    ['`x-amz-storage-class` other than `STANDARD`', '`PUT_STORAGE_CLASS` too'],
    ['`x-amz-server-side-encryption*` other than `AES256`', '`PUT_SSE` too'],
    ['`x-amz-object-lock-*`, `x-amz-bypass-governance-retention`', '`PUT_LOCK` too'],
  ],
)}

## Forms of browsers

\`PostObject\` takes what \`generate_presigned_post\` and its like make: \`multipart/form-data\` whose policy is signed by
Signature Version 4 with credentials of a session (\`x-amz-security-token\` is among the fields). The signer is the caller:
policy decides over the key as over one of a \`PUT\`, with the verbs that further fields ask for. Every field must be covered by a
condition (\`eq\`, \`starts-with\`, \`content-length-range\` for the file), and so must the bucket. A form without a signature is
refused.

The fields are 100 and 20 KB at most, and each may stand once. \`\${filename}\` is put into \`key\` alone. The file is the last
field: what stands behind it S3 ignores, and this gateway refuses. Its length is known from that of the form before it comes, and
so a form with a file of more than 16 KiB must end with a line end, as browsers, curl and SDKs end it.
\`success_action_redirect\` goes to http and https pages only.

## Answers that begin before their end

${early.slice(0, -1).join(', ')} and ${early.at(-1)} may take minutes. After 10 seconds without a result the
gateway does what S3 does: it answers 200 with the XML declaration, sends a blank every 10 seconds, and then the result or
an \`<Error>\` document. A client must look into a 200 of these three; SDKs do, take it for a failure of the server and repeat
it. A failure within 10 seconds has its own status, and so has a result all its headers. Behind a head that went out there
can be no headers any more: \`x-amz-version-id\` and \`x-amz-copy-source-version-id\` are missing then (ask by HEAD). Unlike
S3's such an answer has a length (32 KiB), filled up by blanks before the document: a gateway that dies leaves an answer
that is seen to be broken, over HTTP/2 and HTTP/1.0 too.

The gateway waits 10 minutes for a store to begin its answer to one of these (\`timeouts.upstreamHeadersMs\` where that is
longer), and as long again for its end. The audit says how they ended, whatever the status (\`failed\` behind a 200). A client that leaves has its copy given
up as long as nothing has taken effect: a body that passes through ends there, the parts of a copy in parts are taken back.
What the store was asked to do in one step is carried to its end, and recorded as what it was.
`;

// --- the whole API of S3

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const parametersOf = ({ parameters }: OperationCoverage, how: ParameterCoverage['how']): string =>
  code(parameters.filter((parameter) => parameter.how === how).map(({ name }) => name));

const byReason = (entries: readonly (readonly [why: string | undefined, name: string])[]): string[][] => {
  const reasons = [...new Set(entries.map(([why]) => why ?? ''))];
  return reasons.map((why) => [
    code([...new Set(entries.filter(([one]) => (one ?? '') === why).map(([, name]) => name))]),
    why,
  ]);
};

const s3Api = (): string => {
  const model = readModel();
  const coverage = coverageOf(model);
  const served = coverage.filter(({ isServed }) => isServed);
  const parameters = served.flatMap((operation) => operation.parameters);
  const reasons = (how: ParameterCoverage['how']) =>
    byReason(parameters.filter((parameter) => parameter.how === how).map(({ why, name }) => [why, name]));
  return `# S3, operation by operation

${generated('scripts/s3-model/ and src/s3/')}

All ${coverage.length} operations of S3 with their headers and query parameters, as AWS's own SDKs know them (the model of botocore
${model.botocore}), and what becomes of each here. The parser of the gateway says it: each parameter was put to it in a request.
CI fails when a newer model names something that this page does not. What else a client sends and S3 does not name is
refused where it begins with \`x-amz-\` or \`if-\`, and has no effect otherwise; what SDKs add by themselves outside of the
model is taken (\`x-amz-api-version\`, \`x-amz-te\`, \`x-amz-user-agent\`, \`amz-sdk-*\`, \`x-id\`).

## Served: ${served.length} operations

${table(
  ['operation', 'served', 'ignored', 'refused'],
  served.map((operation) => [
    `\`${operation.operation}\``,
    parametersOf(operation, 'served'),
    parametersOf(operation, 'ignored'),
    parametersOf(operation, 'refused'),
  ]),
)}

Of some parameters not every value is taken:

${table(
  ['operation', 'parameter', 'refused values'],
  served.flatMap(({ operation, parameters: all }) =>
    all
      .filter(({ refusedValues }) => refusedValues.length > 0)
      .map(({ name, refusedValues }) => [`\`${operation}\``, `\`${name}\``, code(refusedValues)]),
  ),
)}

### What some stores pass over

A store that is not AWS, and of which [\`writes\`](configuration.md) is not set to \`all\`, may answer 200 to these and heed
them not ([ADR 27](adr/0027-writes-that-stores-pass-over.md)). Then the gateway sees to them:

${table(
  ['operation', 'parameter', 'what is done'],
  served.flatMap(({ operation, parameters: all }) =>
    byReason(
      all
        .filter(({ how }) => how === 'served')
        .map(({ name }) => [SEEN_TO.find(({ of }) => of.test(`${operation} ${name}`))?.why, name] as const)
        .filter(([why]) => why !== undefined),
    ).map(([names, why]) => [`\`${operation}\``, names ?? '', why ?? '']),
  ),
)}

### Why parameters are refused

${table(['parameter', 'why'], reasons('refused'))}

### Why parameters are ignored

${table(['parameter', 'why'], reasons('ignored'))}

## Refused: ${coverage.length - served.length} operations

${table(
  ['operation', 'why'],
  byReason(coverage.filter(({ isServed }) => !isServed).map(({ why, operation }) => [why, operation])),
)}
`;
};

// --- events of the log

const logEvents = (): string => `# Events of the log

${generated('src/contracts/log-events.ts')}

The service's log is JSON, one line each: \`time\`, \`level\`, \`event\`, \`message\`, \`worker\`, and of a request that is
[traced](traces.md) \`traceId\` and \`spanId\`. \`event\` is stable, and no line is without it: search and alert on it, not on the message. The record of accesses is the [audit](audit.md), not this log.

${table(
  ['event', 'level', 'message'],
  Object.entries(LOG_EVENTS).map(([event, { level, message }]) => [`\`${event}\``, level, message]),
)}

At level \`debug\`, each request that ended is \`request_ended\`. A request that fails is \`request_failed\`, with its \`requestId\` and the [code](errors.md): at level \`error\` where something does not work,
\`warn\` where an operator has to look into it, \`info\` for refusals.
`;

const stores = (): string =>
  storePage(readKnownStores(), {
    table,
    generated:
      '<!-- Made from docs/data/stores.json by scripts/generate-docs.ts. Run `npm run stores -- --write`, then `npm run docs`. -->',
  });

// --- the chart

/** Helm reads nothing outside of the chart, so that it has copies. */
const copiesForChart = (): (readonly [string, string])[] => {
  const files = 'deploy/helm/sallyport/files';
  const maps = readdirSync(join(root, 'haproxy/maps')).map((name) => `maps/${name}`);
  const pairs = [
    ...['haproxy.cfg', ...maps].map((name) => [`${files}/haproxy/${name}`, `haproxy/${name}`] as const),
    [`${files}/sallyport.rules.yml`, 'deploy/prometheus/sallyport.rules.yml'] as const,
    [`${files}/dashboard.json`, 'deploy/grafana/sallyport.json'] as const,
  ];
  return pairs
    .filter(([, source]) => existsSync(join(root, source)))
    .map(([copy, source]) => [copy, readFileSync(join(root, source), 'utf8')]);
};

/** Renders every generated file, by its path from the root of the repository. */
export const renderDocs = (): ReadonlyMap<string, string> =>
  new Map([
    ...copiesForChart(),
    ['docs/configuration.md', configuration()],
    ['docs/errors.md', errors()],
    ['docs/operations-supported.md', operations()],
    ['docs/s3-api.md', s3Api()],
    ['docs/clients.md', clientsPage()],
    ['docs/stores.md', stores()],
    ['docs/log-events.md', logEvents()],
    ['docs/metrics.md', metricsPage({ table, generated: generated('src/telemetry/metric-table.ts') })],
  ]);

/** Names the generated files that differ from what the code says now. */
export const staleDocs = async (): Promise<readonly string[]> => {
  const stale: string[] = [];
  for (const [path, content] of renderDocs()) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== content) stale.push(path);
  }
  return stale;
};

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    for (const path of await staleDocs()) {
      console.error(`${path} is not up to date; run \`npm run docs\``);
      process.exitCode = 1;
    }
  } else {
    for (const [path, content] of renderDocs()) await writeFile(join(root, path), content);
  }
}
