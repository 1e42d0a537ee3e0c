import assert from 'node:assert/strict';
import { createHostCheck, type HostCheckOptions, type Refusal } from '../../../src/host-check/host-check.ts';

const PORT = 8190;
const LOOPBACK = { localAddress: '127.0.0.1', localPort: PORT };
const POD = { localAddress: '10.1.2.3', localPort: PORT };

type Headers = Readonly<Record<string, string | readonly string[]>>;

interface TestRequest {
  readonly options?: Partial<HostCheckOptions>;
  readonly method?: string;
  readonly target?: string;
  readonly end?: { readonly localAddress: string; readonly localPort: number };
}

function check(
  headers: Headers,
  { options, method = 'GET', target = '/', end = LOOPBACK }: TestRequest = {},
): Refusal | 'in' {
  const hostCheck = createHostCheck({ pages: 'none', ...options });
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((each) => [name, each]));
  return hostCheck({ method, target, rawHeaders }, end) ?? 'in';
}

const host = (value: string | readonly string[], requested?: TestRequest) => check({ Host: value }, requested);
const OWN = { host: `localhost:${PORT}` };

describe('the guard of local servers: the host', () => {
  for (const name of ['localhost', '127.0.0.1', '[::1]', 'LocalHost', 'LOCALHOST']) {
    it(`lets ${name} with the port of the server in`, () => {
      assert.equal(host(`${name}:${PORT}`), 'in');
    });
  }

  const foreignHosts = [
    ['a name that somebody else resolves', `rebound.example:${PORT}`],
    ['a name that begins like ours', `localhost.rebound.example:${PORT}`],
    ['a name that ends like ours', `rebound-localhost:${PORT}`],
    ['a name below ours', `evil.localhost:${PORT}`],
    ['a trailing dot', `localhost.:${PORT}`],
    ['a trailing dot behind an address', `127.0.0.1.:${PORT}`],
    ['another port', 'localhost:8191'],
    ['no port, which means port 80', 'localhost'],
    ['an empty port', 'localhost:'],
    ['a port with a zero before it', `localhost:0${PORT}`],
    ['a port with a sign', `localhost:+${PORT}`],
    ['two ports', `localhost:${PORT}:${PORT}`],
    ['nothing', ''],
    ['a port alone', `:${PORT}`],
    ['credentials', `user@localhost:${PORT}`],
    ['our name as credentials of another', `localhost:${PORT}@rebound.example`],
    ['a path', `localhost:${PORT}/`],
    ['spaces', ` localhost:${PORT}`],
    ['a tab in between', `localhost\t:${PORT}`],
    ['two names', `localhost:${PORT}, rebound.example`],
    ['a percent-escape', `%6cocalhost:${PORT}`],
    ['a letter that folds to one of ours', `\u017Focalhost:${PORT}`],
    ['an escaped zone', `[::1%25lo]:${PORT}`],
    ['IPv6 in full', `[0:0:0:0:0:0:0:1]:${PORT}`],
    ['IPv6 with zeros', `[0::1]:${PORT}`],
    ['IPv6 without brackets', `::1:${PORT}`],
    ['IPv4 within IPv6', `[::ffff:127.0.0.1]:${PORT}`],
    ['IPv4 in decimal', `2130706433:${PORT}`],
    ['IPv4 in octal', `0177.0.0.1:${PORT}`],
    ['IPv4 in hex', `0x7f.0.0.1:${PORT}`],
    ['IPv4 that is short', `127.1:${PORT}`],
    ['another address of loopback', `127.0.0.2:${PORT}`],
    ['the address of nowhere', `0.0.0.0:${PORT}`],
    ['the IPv6 address of nowhere', `[::]:${PORT}`],
    ['an address of somebody else', `10.9.9.9:${PORT}`],
    ['a very long name', `${'a'.repeat(100_000)}:${PORT}`],
  ] as const;
  for (const [what, value] of foreignHosts) {
    it(`refuses ${what}`, () => {
      assert.equal(host(value), 'host');
    });
  }

  it('refuses a request without one, as HTTP/1.0 allows', () => {
    assert.equal(check({}), 'host');
  });

  it('refuses one that stands twice, in whatever spelling and order', () => {
    const own = `localhost:${PORT}`;
    assert.equal(host([own, own]), 'host');
    assert.equal(check({ Host: own, hOST: 'rebound.example' }), 'host');
    assert.equal(check({ hOST: 'rebound.example', Host: own }), 'host');
  });

  for (const target of ['http://rebound.example/', `http://localhost:${PORT}/`, '*', 'rebound.example:443', '']) {
    it(`refuses the target ${JSON.stringify(target)}, which is not of the origin form`, () => {
      assert.equal(check(OWN, { target }), 'host');
    });
  }

  it('takes the usual port for one that is left out', () => {
    assert.equal(host('localhost', { end: { localAddress: '127.0.0.1', localPort: 80 } }), 'in');
  });

  it('lets the address in that the connection came in on, and no other', () => {
    assert.equal(host(`10.1.2.3:${PORT}`, { end: POD }), 'in');
    assert.equal(host('10.1.2.3:1', { end: POD }), 'host');
    assert.equal(host(`10.1.2.4:${PORT}`, { end: POD }), 'host');
    assert.equal(host(`10.1.2.3:${PORT}`), 'host');
    assert.equal(host(`10.1.2.3:${PORT}`, { end: { ...POD, localAddress: '::ffff:10.1.2.3' } }), 'in');
    assert.equal(host(`[FD00::7]:${PORT}`, { end: { ...POD, localAddress: 'fd00::7' } }), 'in');
  });

  it('lets configured names in: with a port by that one, without by the port of the server', () => {
    const options = { hosts: ['store.internal', 'localhost:9999', '[fd00::1]'] };
    assert.equal(host(`Store.Internal:${PORT}`, { options }), 'in');
    assert.equal(host('store.internal:9999', { options }), 'host');
    assert.equal(host('localhost:9999', { options }), 'in');
    assert.equal(host('127.0.0.1:9999', { options }), 'host');
    assert.equal(host(`[fd00::1]:${PORT}`, { options }), 'in');
    assert.equal(host(`sub.store.internal:${PORT}`, { options }), 'host');
  });

  it('lets the port of a relay in', () => {
    assert.equal(host('localhost:7000', { options: { ports: [7000] } }), 'in');
    assert.equal(host('rebound.example:7000', { options: { ports: [7000] } }), 'host');
  });
});

describe('the guard of local servers: pages in browsers', () => {
  const marks: readonly (readonly [string, string])[] = [
    ['Origin', 'https://evil.example'],
    ['Origin', 'null'],
    ['Origin', ''],
    ['ORIGIN', `http://localhost:${PORT}`],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Sec-Fetch-Site', 'same-site'],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-Site', 'none'],
    ['sec-fetch-dest', 'image'],
    ['sec-fetch-user', '?1'],
  ];
  for (const [name, value] of marks) {
    it(`refuses ${name}: ${value}`, () => {
      assert.equal(check({ ...OWN, [name]: value }), 'page');
      assert.equal(check({ ...OWN, [name]: value }, { method: 'POST' }), 'page');
    });
  }

  it('lets the fetch of Node in, which sends Sec-Fetch-Mode and nothing else of a browser', () => {
    assert.equal(check({ ...OWN, 'sec-fetch-mode': 'cors' }), 'in');
  });

  it('lets origins in that are configured, letter by letter and once', () => {
    const options = { origins: ['https://app.example'] };
    const page = (origin: string | readonly string[]) =>
      check({ ...OWN, origin, 'sec-fetch-site': 'cross-site' }, { options, method: 'PUT' });
    assert.equal(page('https://app.example'), 'in');
    for (const other of ['https://app.example.', 'https://APP.example', 'http://app.example', 'null']) {
      assert.equal(page(other), 'page', other);
    }
    assert.equal(page(['https://app.example', 'https://app.example']), 'page');
    assert.equal(check({ ...OWN, 'sec-fetch-site': 'cross-site' }, { options }), 'page');
  });

  it('refuses a host that is not ours whatever the origin', () => {
    const options = { origins: ['https://app.example'] };
    assert.equal(check({ host: `rebound.example:${PORT}`, origin: 'https://app.example' }, { options }), 'host');
  });

  it('lets in what a person typed where that is allowed, and nothing that a page sends', () => {
    const typed = (headers: Headers, method = 'GET') =>
      check({ ...OWN, ...headers }, { options: { pages: 'typed' }, method });
    const none = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' };
    assert.equal(typed(none), 'in');
    assert.equal(typed(none, 'HEAD'), 'in');
    assert.equal(typed(none, 'POST'), 'page');
    assert.equal(typed({ ...none, origin: 'null' }), 'page');
    assert.equal(typed({ 'sec-fetch-site': ['none', 'none'] }), 'page');
    assert.equal(typed({ 'sec-fetch-site': 'same-origin' }), 'page');
    assert.equal(typed({ 'sec-fetch-dest': 'document' }), 'page');
  });

  it('lets pages of a server of pages be opened, by a link from anywhere and by a form of its own', () => {
    const own = (headers: Headers, method = 'GET') =>
      check({ ...OWN, ...headers }, { options: { pages: 'own' }, method });
    const open = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    assert.equal(own({ ...open, 'sec-fetch-site': 'cross-site' }), 'in');
    assert.equal(own({ ...open, 'sec-fetch-site': 'same-origin', origin: `http://localhost:${PORT}` }, 'POST'), 'in');
    assert.equal(own({ origin: `http://localhost:${PORT}` }, 'POST'), 'in');
    assert.equal(own({ ...open, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 'POST'), 'page');
    assert.equal(own({ ...open, 'sec-fetch-site': 'cross-site', origin: 'null' }, 'POST'), 'page');
    assert.equal(own({ ...open, 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'iframe' }), 'page');
    assert.equal(own({ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }), 'page');
    assert.equal(own({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }), 'page');
  });
});
