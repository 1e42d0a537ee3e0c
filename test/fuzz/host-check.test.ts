import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createHostCheck } from '../../src/host-check/host-check.ts';

const PORT = 8190;
const END = { localAddress: '10.1.2.3', localPort: PORT };
const ALLOWED = new Set([
  ...['localhost', '127.0.0.1', '[::1]', '10.1.2.3', 'store.internal'].map((name) => `${name}:${PORT}`),
  'localhost:9999',
]);
const hostCheck = createHostCheck({ hosts: ['store.internal', 'localhost:9999'], pages: 'none' });

// Pieces of what is allowed, so that what is nearly allowed comes often.
const piece = fc.constantFrom(
  ...['localhost', 'LOCALHOST', '127.0.0.1', '[::1]', '10.1.2.3', 'store.internal', 'evil.example', 'localhost:9999'],
  ...[
    ':',
    `:${PORT}`,
    ':9999',
    ':80',
    '.',
    '@',
    '/',
    ' ',
    '%00',
    '\t',
    '#',
    '?',
    ',',
    '[',
    ']',
    '0',
    '::ffff:',
    '\u017f',
    'K',
  ],
);
const host = fc.oneof(
  fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
  fc.string({ maxLength: 40 }),
);
const headerName = fc.mixedCase(fc.constantFrom('host', 'origin', 'sec-fetch-site', 'sec-fetch-mode', 'accept'));
const headers = fc.array(fc.tuple(headerName, host), { maxLength: 6 }).map((pairs) => pairs.flat());
/** Half of them begin with a host of its own. */
const near = fc.oneof(
  headers,
  headers.map((rest) => ['Host', `localhost:${PORT}`, ...rest]),
);
const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'OPTIONS');
const values = (rawHeaders: readonly string[], name: string): readonly string[] =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);

describe('the guard of local servers', () => {
  it('lets no host in but those of a finite list, whatever its spelling', () => {
    fc.assert(
      fc.property(host, (each) => {
        const refusal = hostCheck({ method: 'GET', target: '/', rawHeaders: ['Host', each] }, END);
        assert.equal(refusal === undefined, ALLOWED.has(each.toLowerCase()));
      }),
      { numRuns: 2000 },
    );
  });

  it('lets in only what names one host of its own and bears no mark of a page', () => {
    let letIn = 0;
    fc.assert(
      fc.property(method, near, (each, rawHeaders) => {
        if (hostCheck({ method: each, target: '/', rawHeaders }, END) !== undefined) return;
        letIn += 1;
        const hosts = values(rawHeaders, 'host');
        assert.equal(hosts.length, 1);
        assert.ok(ALLOWED.has(hosts[0]?.toLowerCase() ?? ''));
        assert.deepEqual(values(rawHeaders, 'origin'), []);
        assert.deepEqual(values(rawHeaders, 'sec-fetch-site'), []);
      }),
      { numRuns: 2000 },
    );
    assert.ok(letIn > 100, `${letIn} cases looked at anything`);
  });
});
