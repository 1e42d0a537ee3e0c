/**
 * `npm run test:edge`: the integration tests that go through a real HAProxy; `npm test` has the same. The end-to-end suite
 * meets the edge in `npm run test:ceph`.
 */
import { mochaOnPair } from '../test/support/store/mocha-on-pair.ts';

const HELP = `Usage: npm run test:edge -- [options] [FILE.test.ts...] [options of mocha]

What is tested through a real HAProxy, on the embedded store, or some of its files.
`;

await mochaOnPair(HELP, {
  files: [
    'cuts',
    'haproxy',
    'haproxy-bearer',
    'haproxy-existing',
    'haproxy-limits',
    'haproxy-options',
    'haproxy-render',
    'identity-edge',
    'people',
    'sts',
    'uncaught',
    'workers',
  ].map((name) => `test/integration/${name}.test.ts`),
});
