/**
 * docs/clients.md: what a run of the suite found, as a table; and whether a run still finds what the table says. Versions
 * are not compared: they are those of the machine that ran it last.
 */
import { TRANSPORTS, UPSTREAMS, type Cell } from './cell.ts';

type Finding = Pick<Cell, 'client' | 'way' | 'transport' | 'upstream' | 'status'>;

const COLUMNS = UPSTREAMS.flatMap((upstream) => TRANSPORTS.map((transport) => ({ upstream, transport })));
const TITLES = { tls: 'TLS', plain: 'plain', embedded: 'embedded', ceph: 'Ceph' } as const;

const rows = (cells: readonly Cell[]): Map<string, Cell[]> => {
  const found = new Map<string, Cell[]>();
  for (const cell of cells) {
    const name = `${cell.client}|${cell.way}`;
    found.set(name, [...(found.get(name) ?? []), cell]);
  }
  return found;
};

/** Renders the document. */
export function renderClients(cells: readonly Cell[]): string {
  const table = [...rows(cells).values()].map((row) => {
    const [first] = row;
    const version = row.map((cell) => cell.version).find((text) => text !== '') ?? '';
    const marks = COLUMNS.map(({ upstream, transport }) => {
      const cell = row.find((one) => one.upstream === upstream && one.transport === transport);
      return cell?.status === 'passed' ? 'passed' : cell?.status === 'unavailable' ? 'unavailable' : 'not tried';
    });
    return `| ${[first?.client, version, first?.way, ...marks].join(' | ')} |`;
  });
  const reasons = new Set(
    cells.flatMap((cell) =>
      cell.status === 'unavailable' ? [`- ${cell.client}, ${cell.way}: ${cell.reason ?? ''}.`] : [],
    ),
  );
  const steps = new Map<string, Set<string>>();
  for (const cell of cells) {
    const known = steps.get(cell.client) ?? new Set();
    for (const step of cell.steps) known.add(step);
    steps.set(cell.client, known);
  }
  const head = ['client', 'version', 'way in', ...COLUMNS.map((c) => `${TITLES[c.transport]}, ${TITLES[c.upstream]}`)];
  return `# Clients

<!-- Made by \`npm run conformance -- --write\` from a run of all clients. -->

Real programs, unchanged, against the whole product. *TLS* is through HAProxy, *plain* the gateway's own port on loopback;
*embedded* and *Ceph* are the stores behind it. How each way in works: a bearer token on S3 paths; *web identity*:
\`AWS_ROLE_ARN\`, \`AWS_WEB_IDENTITY_TOKEN_FILE\`, \`AWS_ENDPOINT_URL_STS\`; *container credentials*:
\`AWS_CONTAINER_CREDENTIALS_FULL_URI\`, \`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\`; *session keys*: keys that STS issued
before, in the client's own settings.

| ${head.join(' | ')} |
| ${head.map(() => '---').join(' | ')} |
${table.join('\n')}

## Not available

${[...reasons].join('\n')}
- On Ceph 16, whatever the client: of plain objects GetObjectAttributes, which it does not know, and \`partNumber\`, which it
  passes over.

boto3 and version 1 of the AWS CLI presign by Signature Version 2 in the older regions, \`us-east-1\` among them: set
\`signature_version\` to \`s3v4\`. A URL that the JS SDK presigns for a PUT holds the checksum of no body, unless
\`requestChecksumCalculation\` is \`WHEN_REQUIRED\`. rclone wants \`no_check_bucket\` where it may not create buckets, and no
\`AWS_CA_BUNDLE\` (\`--ca-cert\` instead).

## What each client did

Against a bucket whose objects are encrypted, and one whose are not.

${[...steps]
  .filter(([, names]) => names.size > 0)
  .map(([client, names]) => `- **${client}**: ${[...names].join('; ')}.`)
  .join('\n')}
`;
}

/** Reads the table back. */
function readClients(document: string): readonly Finding[] {
  return document
    .split('\n')
    .filter((line) => /^\| .*\b(passed|unavailable|not tried) \|$/.test(line))
    .flatMap((line) => {
      const [client = '', , way = '', ...marks] = line
        .slice(2, -2)
        .split(' | ')
        .map((text) => text.trim());
      return COLUMNS.map(({ upstream, transport }, index) => ({
        client,
        way: way as Finding['way'],
        transport,
        upstream,
        status: (marks[index] === 'not tried' ? 'failed' : marks[index]) as Finding['status'],
      }));
    });
}

/** Names every required cell of the run of which the document says something else, or nothing. */
export function staleFindings(cells: readonly Cell[], document: string): readonly string[] {
  const said = readClients(document);
  return cells
    .filter(({ required }) => required)
    .filter(
      (cell) =>
        said.find(
          (finding) =>
            finding.client === cell.client &&
            finding.way === cell.way &&
            finding.transport === cell.transport &&
            finding.upstream === cell.upstream,
        )?.status !== cell.status,
    )
    .map((cell) => `${cell.client}, ${cell.way}, ${cell.transport}, ${cell.upstream}: ${cell.status}`);
}
