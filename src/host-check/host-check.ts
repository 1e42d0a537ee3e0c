/**
 * Who may speak to a server that trusts whoever reaches it. Enters: the head of a request, and the address and port that
 * its connection came in on. Leaves: nothing, or why it is refused. Pages in browsers reach such servers by DNS rebinding
 * (their own name in Host) and by cross-site requests (which browsers mark). Pure: it reads what came over the wire.
 * @see Fetch Metadata Request Headers; RFC 9110 section 7.2
 */

export interface RequestHead {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** Names and values in turn, duplicates included. */
  readonly rawHeaders: readonly string[];
}

/** The server's end of a connection, as a socket tells it. */
export interface ConnectionEnd {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** `host`: it names another server, or several. `page`: a browser sends it for a page that has no business here. */
export type Refusal = 'host' | 'page';

export type HostCheck = (head: RequestHead, end: ConnectionEnd) => Refusal | undefined;

export interface HostCheckOptions {
  /**
   * Names of this server beside those of loopback and the address that a connection came in on: lower case, IPv6 in
   * brackets. One with a port is met by that port only, one without by the port of the connection.
   */
  readonly hosts?: readonly string[];
  /** Ports that lead here through a relay. */
  readonly ports?: readonly number[];
  /**
   * What browsers may send. `none`: nothing. `typed`: the GET of an address that a person typed. `own`: what opens a page
   * of this server, by a link from anywhere or by a form of its own.
   */
  readonly pages: 'none' | 'typed' | 'own';
  /** Origins whose pages may send anything, letter by letter. */
  readonly origins?: readonly string[];
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(\d{1,5}))?$/;
const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;
const DEFAULT_PORT = '80';

/** Makes the host check of a server. */
export function createHostCheck(options: HostCheckOptions): HostCheck {
  const names = new Set([...LOOPBACK, ...(options.hosts ?? [])]);
  const origins = new Set(options.origins ?? []);
  const relays = (options.ports ?? []).map(String);

  const isServed = (host: string, { localAddress, localPort }: ConnectionEnd): boolean => {
    const match = HOST.exec(host);
    if (match === null) return false;
    // Whoever leaves the port out means the usual one (RFC 9110 section 4.2.1).
    const [, name = '', port = DEFAULT_PORT] = match;
    if (names.has(`${name}:${port}`)) return true;
    // An address cannot be rebound: only the server at that address could have served the page.
    const isNamed = names.has(name) || (localAddress !== undefined && name === literalOf(localAddress));
    return isNamed && (port === String(localPort) || relays.includes(port));
  };

  return (head, end) => {
    const headers = readHeaders(head.rawHeaders);
    const [host, ...furtherHosts] = headers.get('host') ?? [];
    // An absolute target names a host of its own, which would be another one than the header's, or a second one.
    if (!head.target.startsWith('/') || host === undefined || furtherHosts.length > 0) return 'host';
    const served = host.toLowerCase();
    if (!isServed(served, end)) return 'host';
    return isPage(headers) && !mayCome(head.method, headers, options.pages, origins, served) ? 'page' : undefined;
  };
}

const WATCHED = new Set(['host', 'origin', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest', 'sec-fetch-user']);

type Headers = ReadonlyMap<string, readonly string[]>;

function readHeaders(rawHeaders: readonly string[]): Headers {
  const found = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (!WATCHED.has(name)) continue;
    const values = found.get(name) ?? [];
    values.push(rawHeaders[index + 1] ?? '');
    found.set(name, values);
  }
  return found;
}

/** `Sec-Fetch-Mode` alone is no browser's: every one that sends it says the site too, and the fetch of Node does not. */
function isPage(headers: Headers): boolean {
  return ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user'].some((name) => headers.has(name));
}

function mayCome(
  method: string,
  headers: Headers,
  pages: HostCheckOptions['pages'],
  origins: ReadonlySet<string>,
  host: string,
): boolean {
  const origin = only(headers, 'origin');
  if (origin !== undefined && origins.has(origin)) return true;
  const site = only(headers, 'sec-fetch-site');
  const isGet = method === 'GET' || method === 'HEAD';
  if (pages === 'none') return false;
  if (pages === 'typed') return isGet && site === 'none' && !headers.has('origin');
  if (headers.has('origin') && origin !== `http://${host}`) return false;
  // Our own pages send forms and lead to other pages; no page, ours or not, makes calls or frames us.
  const opensPage = only(headers, 'sec-fetch-mode') === 'navigate' && only(headers, 'sec-fetch-dest') === 'document';
  return opensPage || !headers.has('sec-fetch-site');
}

/** The value of a header that stands exactly once. */
function only(headers: Headers, name: string): string | undefined {
  const values = headers.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/** An address as it stands in Host. */
function literalOf(address: string): string {
  const unmapped = address.replace(MAPPED, '').toLowerCase();
  return unmapped.includes(':') ? `[${unmapped}]` : unmapped;
}
