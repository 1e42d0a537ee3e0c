/**
 * The shipped haproxy.cfg -> the one of an installation: what Sallyport's own configuration knows is filled in, and what an
 * operator has added stays where it was. Enters: three texts at most. Leaves: one. Never: a secret; those stay in variables.
 */
import { hash } from 'node:crypto';
import { isIP } from 'node:net';

/** It cannot be rendered; one line, safe for an operator. */
export class RenderFault extends Error {}

export interface EdgeFacts {
  /** HAProxy's own: addresses to listen on, a PEM file, a folder. */
  readonly front: string;
  readonly certificate: string;
  readonly maps: string;
  readonly gateways: readonly GatewayAddress[];
  /** Names under which each bucket has a host of its own; a port is left out. */
  readonly publicHosts: readonly string[];
  readonly headerBytes: number;
  readonly requestBodyIdleMs: number;
  readonly upstreamHeadersMs: number;
  readonly keepAliveMs: number;
}

/** Of TLS: PEM files of HAProxy's side. */
export type GatewayAddress =
  | { readonly path: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly tls: { readonly ca: string; readonly certificate: string } | undefined;
    };

const BEGIN = /^\s*# operator: begin (\S+)\s*$/;
const END = /^\s*# operator: end\s*$/;
const SUM = /^# sum ([0-9a-f]{32})$/m;

/**
 * Renders it. `existing`: what was rendered before, with the operator's additions.
 * @throws RenderFault
 */
export function renderEdge(shipped: string, facts: EdgeFacts, existing: string | undefined): string {
  const made = filledIn(shipped, facts);
  const head = `# Made by \`sallyport haproxy render\`. Lines of your own go between \`# operator: begin NAME\` and
# \`# operator: end\`: rendered again, they follow the line that they follow now. Other changes are refused.
# sum ${sumOf(made)}
`;
  if (existing === undefined) return `${head}${made}`;
  const { additions, rest } = takeAdditions(existing);
  const [, sum] = SUM.exec(rest) ?? [];
  if (sum === undefined) throw new RenderFault('was not made by `haproxy render`: name another file');
  if (sumOf(rest.slice(rest.indexOf(sum) + sum.length)) !== sum) {
    throw new RenderFault(
      'has changes outside of `# operator: begin NAME` and `# operator: end`: render to another file, compare, and put them in between',
    );
  }
  return withAdditions(`${head}${made}`, additions);
}

/** Blank lines do not count: they come and go with additions. */
function sumOf(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return hash('sha256', lines.join('\n'), 'hex').slice(0, 32);
}

function filledIn(shipped: string, facts: EdgeFacts): string {
  const { headerBytes, requestBodyIdleMs, upstreamHeadersMs, keepAliveMs } = facts;
  const socket = facts.gateways.find((gateway) => 'path' in gateway);
  const variables = {
    SALLYPORT_FRONT: facts.front,
    SALLYPORT_CERT: facts.certificate,
    SALLYPORT_EDGE_MAPS: facts.maps,
    ...(socket && { SALLYPORT_SOCKET: socket.path }),
  };
  const settings = Object.entries(variables).map(([name, value]) => `    setenv ${name} ${word(value)}`);
  const suffixes = facts.publicHosts.map((host) => `.${host.replace(/:\d+$/, '')}`);
  const bucket =
    '    http-request set-var(txn.bucket) var(txn.host),field(1,.) if { var(txn.host),map_end("${SALLYPORT_EDGE_MAPS}/virtual-hosts.map") -m found }';
  const changes: readonly (readonly [string, string])[] = [
    ['global', ['global', ...settings].join('\n')],
    ['    tune.bufsize 40960', `    tune.bufsize ${headerBytes + 8192}`],
    // A pause that the gateway ends itself is not ended here.
    ['    timeout client 75s', `    timeout client ${requestBodyIdleMs + 15_000}ms`],
    ['    timeout server 180s', `    timeout server ${Math.max(180_000, upstreamHeadersMs + 120_000)}ms`],
    [
      '    timeout http-keep-alive 50s',
      `    timeout http-keep-alive ${Math.min(50_000, Math.ceil((keepAliveMs * 2) / 3))}ms`,
    ],
    ...(suffixes.length === 0
      ? []
      : [
          [
            bucket,
            `${bucket}\n${bucket.replace(/\{.*\}/, `{ var(txn.host) -m end ${suffixes.map(word).join(' ')} }`)}`,
          ] as const,
        ]),
    ['    server gateway "unix@${SALLYPORT_SOCKET}"', facts.gateways.map(serverLine).join('\n')],
  ];
  return changes.reduce((text, [from, to]) => {
    const [before, after, ...more] = text.split(`\n${from}\n`);
    if (before === undefined || after === undefined || more.length > 0) {
      throw new RenderFault(`haproxy.cfg of this package does not have once: ${from.trim()}`);
    }
    return `${before}\n${to}\n${after}`;
  }, shipped);
}

function serverLine(gateway: GatewayAddress, index: number, all: readonly unknown[]): string {
  const name = all.length === 1 ? 'gateway' : `gateway${index + 1}`;
  if ('path' in gateway) return `    server ${name} ${word(`unix@${gateway.path}`)}`;
  const { host, port, tls } = gateway;
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  if (tls === undefined) return `    server ${name} ${word(address)}`;
  const named = isIP(host) === 0 ? ` verifyhost ${word(host)}` : '';
  return `    server ${name} ${word(address)} ssl verify required ca-file ${word(tls.ca)} crt ${word(tls.certificate)}${named}`;
}

/** One word of HAProxy, in which nothing means more than itself. */
function word(text: string): string {
  if (/^[\w.,:@/[\]*-]+$/.test(text)) return text;
  if (text === '' || /['\p{Cc}]/u.test(text))
    throw new RenderFault(`${JSON.stringify(text)}: HAProxy cannot read that as one word`);
  return `'${text}'`;
}

interface Addition {
  readonly name: string;
  readonly lines: readonly string[];
  readonly place: string;
}

/** Tells lines apart that are equal: each by its section, and how often it has been there. */
function placeNamer(): (line: string) => string {
  let section = '';
  const seen = new Map<string, number>();
  return (line) => {
    if (/^[a-z]/.test(line)) section = line;
    const name = `${section}\n${line}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return `${name}\n${seen.get(name)}`;
  };
}

function takeAdditions(text: string): { readonly additions: readonly Addition[]; readonly rest: string } {
  const additions: Addition[] = [];
  const rest: string[] = [];
  const nameOf = placeNamer();
  let place = '';
  let open: { readonly name: string; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, begun] = BEGIN.exec(line) ?? [];
    if (open === undefined && END.test(line)) throw new RenderFault(`line ${index + 1}: ends what did not begin`);
    if (open !== undefined && begun !== undefined)
      throw new RenderFault(`line ${index + 1}: ${open.name} has not ended`);
    if (begun !== undefined) open = { name: begun, lines: [] };
    if (open === undefined) {
      rest.push(line);
      if (line.trim() !== '') place = nameOf(line);
      continue;
    }
    open.lines.push(line);
    if (!END.test(line)) continue;
    additions.push({ ...open, place });
    open = undefined;
  }
  if (open !== undefined) throw new RenderFault(`${open.name} does not end: \`# operator: end\` is missing`);
  return { additions, rest: rest.join('\n') };
}

function withAdditions(text: string, additions: readonly Addition[]): string {
  const waiting = new Set(additions);
  const nameOf = placeNamer();
  const lines = text.split('\n').flatMap((line) => {
    const place = line.trim() === '' ? undefined : nameOf(line);
    const here = additions.filter((addition) => addition.place === place);
    for (const addition of here) waiting.delete(addition);
    return [line, ...here.flatMap((addition) => addition.lines)];
  });
  const [lost] = waiting;
  if (lost === undefined) return lines.join('\n');
  const line = lost.place.split('\n')[1]?.trim() ?? '';
  throw new RenderFault(`${lost.name} follows a line that is not there any more: move it (it followed: ${line})`);
}
