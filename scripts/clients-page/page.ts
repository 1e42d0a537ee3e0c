/**
 * docs/clients.md: made of what the last runs of the lanes (test/world/seen.json) and of the conformance suite
 * (test/conformance/seen.json) saw, and of what was run by hand (test/world/hand-runs.json).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUTH_METHODS } from '../../test/conformance/run/cell.ts';
import { readCells, type SeenCell } from '../../test/conformance/run/seen.ts';
import { LANES } from '../../test/world/lanes.ts';
import { readHandRuns, readSeen, type HandRun, type SeenClient } from '../../test/world/run/seen.ts';
import { FAMILIES, type Shown } from './families.ts';

const world = join(import.meta.dirname, '../../test/world');

type Row = readonly [client: string, version: string, login: string, ca: string, string, string, string];

const code = (text: string): string => `\`${text}\``;
const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
const steps = (count: number): string => `${count} steps`;

export function trusts({ variables = [], machine, option }: SeenClient['trust']): string {
  const authMethods = [...(option === undefined ? [] : [option]), ...variables.map(code)];
  return [...authMethods, ...(machine === true ? ["the machine's list"] : [])].join(' and ');
}

function ofLane({ client, version, login, trust, encrypted, plain }: SeenClient): Row {
  const passed = ({ passed: good, known }: SeenClient['plain']) =>
    known.length === 0 ? steps(good) : `${good} of ${good + known.length} steps`;
  const known = unique([...encrypted.known, ...plain.known].map(({ step, reason }) => `${step}: ${reason}`));
  return [client, version, login, trusts(trust), passed(encrypted), passed(plain), known.join(' ')];
}

/** A client of the suite, of all cells in which it was tried. */
function ofSuite(cells: readonly SeenCell[]): Row {
  const [first] = cells;
  const of = (status: SeenCell['status']) => cells.filter((cell) => cell.status === status);
  const authMethods = AUTH_METHODS.filter((auth) => of('passed').some((cell) => cell.auth === auth));
  const count = (kind: 'encrypted' | 'plain') => steps(Math.max(...of('passed').map((cell) => cell[kind])));
  const lacks = of('unavailable')
    .filter(({ auth }) => auth !== 'bearer')
    .map(({ auth, reason = '' }) => `${auth}: ${reason}.`);
  const version = cells.find((cell) => cell.version !== '')?.version ?? '';
  const row = [
    first?.client ?? '',
    version,
    authMethods.join(', '),
    first?.ca ?? '',
    count('encrypted'),
    count('plain'),
  ];
  return [...row, unique(lacks).join(' ')] as unknown as Row;
}

const ofHand = ({ client, version, login, ca, encrypted, plain, lacks, handRun }: HandRun): Row => [
  ...([client, version, login, ca] as const),
  ...([`${encrypted} (by hand, ${handRun})`, plain, lacks] as const),
];

const table = (rows: readonly Row[]): string =>
  [
    ['client', 'version', 'login', 'private CA', 'encrypted bucket', 'plain bucket', 'what does not work'],
    Array.from({ length: 7 }, () => '---'),
    ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|'))),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const block = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;

/** Lanes do without retries, so that they see every failure; and they know the product by variables of their own. */
const OURS: readonly (readonly [RegExp, string])[] = [
  [/, retry_config=\{"max_retries": 0\}/g, ''],
  [/, "max_retries": "?\d"?/g, ''],
  [/"retries": \{"total_max_attempts": 1\}, /g, ''],
  [/, retries=urllib3\.Retry\(total=0\)/g, ''],
  [/, max(?:Attempts|Retries): \d/g, ''],
  [/^ *retries: 0,\n/gm, ''],
  [/, MaxRetries: 1/g, ''],
  [/, config\.WithRetryMaxAttempts\(1\)/g, ''],
  [/\$\{WORLD_ENDPOINT#https:\/\/\}/g, 's3.example.com'],
  [/"?\$WORLD_ENDPOINT"?/g, 'https://s3.example.com'],
  [/"?\$WORLD_CA_FILE"?/g, '/etc/company/ca.pem'],
  [/\$WORLD_BUCKET/g, 'my-bucket'],
  [/\$ROOT/g, 'my-bucket/folder'],
  [/\$\{WORLD_PREFIX%\/\}/g, 'folder'],
  [/os\.environ\["WORLD_TOKEN_FILE"\]/g, '"/run/company/token"'],
  [/(System\.getenv|os\.Getenv)\("WORLD_TOKEN_FILE"\)/g, '"/run/company/token"'],
  [/\b[Ss]tep\.(?:ENDPOINT|Endpoint)\b/g, '"https://s3.example.com"'],
  [/\(long\) Step\.PART_BYTES/g, '5L << 20'],
];

/** The lines between the marks, moved to the left. @throws Error where there are none */
export function setUpOf(source: string): string {
  const text = readFileSync(join(world, source), 'utf8');
  const found = /^[ \t]*(?:#|\/\/) set-up\n([\s\S]*?)^[ \t]*(?:#|\/\/) end of set-up/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`${source} marks no set-up`);
  const lines = found.trimEnd().split('\n');
  const margin = Math.min(...lines.filter((line) => line !== '').map((line) => /^\s*/.exec(line)?.[0].length ?? 0));
  const left = lines.map((line) => line.slice(margin)).join('\n');
  return OURS.reduce((shown, [seen, replaced]) => shown.replaceAll(seen, replaced), left);
}

function snippet({ program, environment, source, language = '' }: Shown, clients: readonly SeenClient[]): string {
  const { client = program, given = {} } = clients.find((one) => one.program === program) ?? {};
  // Every program of the lanes has a region, without which some SDKs ask AWS.
  const variables = Object.entries({ AWS_REGION: 'us-east-1', ...given }).map(
    ([name, value]) => `export ${name}=${value}`,
  );
  return [
    `${client}:`,
    ...(environment === true && Object.keys(given).length > 0 ? [block('sh', variables.join('\n'))] : []),
    ...(source === undefined ? [] : [block(language, setUpOf(source))]),
  ].join('\n\n');
}

/** Renders the page. */
export function clientsPage(): string {
  const clients = readSeen();
  const cells = readCells();
  const hands = readHandRuns();
  const suite = unique(cells.map(({ client }) => client)).map((name) =>
    ofSuite(cells.filter(({ client }) => client === name)),
  );
  const order = FAMILIES.flatMap(({ programs }) => programs);
  const rows = clients.toSorted((one, other) => order.indexOf(one.program) - order.indexOf(other.program)).map(ofLane);
  const unseen = unique(
    LANES.flatMap((lane) =>
      lane.programs.flatMap(({ name, client }) =>
        client === undefined || clients.some(({ program }) => program === `${lane.name}/${name}`) ? [] : [client],
      ),
    ),
  );
  const dates = clients.map(({ date }) => date).toSorted();
  return `# Clients

<!-- Made from test/world/seen.json, test/world/hand-runs.json and test/conformance/seen.json by scripts/generate-docs.ts. -->

Real programs, unchanged, against the whole product: HAProxy over TLS in front, an encrypted and a plain bucket behind.
Each logs in as in its line and trusts a private CA by what its line names, and by nothing else. Last seen: ${dates.at(-1) ?? 'never'}.

${table([...rows, ...hands.map(ofHand)])}
${unseen.length === 0 ? '' : `\nThese have a lane, and no run of it was kept yet: ${unseen.join('; ')}.\n`}
What a Debian of some years ago has, and the newest boto3, AWS CLI 1 and SDK for JavaScript, by each login on Ceph and by session
keys on the embedded store, through HAProxy and at the gateway's own port:

${table(suite)}

On Ceph 16, whatever the client, plain objects have no GetObjectAttributes, which that store does not know, and no
\`partNumber\`, which it passes over.

## Logging in

- **Bearer token**: \`Authorization: Bearer …\` on any S3 request. curl, browsers, what signs nothing.
- **Web identity**: \`AWS_ROLE_ARN\` and \`AWS_WEB_IDENTITY_TOKEN_FILE\`, and always \`AWS_ENDPOINT_URL_STS\` beside
  \`AWS_ENDPOINT_URL\` or \`AWS_ENDPOINT_URL_S3\`: without it a client trades the token at AWS, which then has seen it.
- **Container credentials**: \`AWS_CONTAINER_CREDENTIALS_FULL_URI\` and \`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\`. The token file is a
  header: without a final newline, as \`sallyport token > file\` writes it.
- **Session keys**: keys that STS issued before, with their session token. \`sallyport credentials\` prints them.

In what follows \`https://s3.example.com\` is the gateway, \`/etc/company/ca.pem\` its CA, \`/run/company/token\` the file of a token;
\`endpoint\`, \`bucket\`, \`prefix\` and \`ca_file\` in code stand for the same. Lanes ran with these lines; only their retries were off.

${FAMILIES.map(({ title, shows, note }) =>
  [`### ${title}`, ...shows.map((shown) => snippet(shown, clients)), note].join('\n\n'),
).join('\n\n')}

${hands
  .map(({ client, did, setUp, handRun, version }) =>
    [`### ${client}`, block('sh', setUp.join('\n')), `Run by hand on ${handRun} (${version}): ${did}`].join('\n\n'),
  )
  .join('\n\n')}

### curl and s3cmd

curl sends a bearer token, or signs (\`--aws-sigv4\`) with session keys; \`--cacert\`. s3cmd signs with session keys
(\`access_token\` in \`~/.s3cfg\`); \`--ca-certs\`. Its STS is fixed, so it cannot log in by itself.

## Seen again by

\`npm run world -- --write\` (every lane; \`--lane NAME\` for some) and \`npm run conformance -- --write\` keep what they see;
\`npm run docs\` makes this page of it. \`npm run world:update\` moves every client to its newest version and shows what changed.
`;
}
