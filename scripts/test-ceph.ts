/**
 * `npm run test:ceph`: the end-to-end suite and the tests of credentials on a real Ceph RADOS Gateway, which is started for
 * them and stopped after them.
 */
import { mochaOnPair } from '../test/support/store/mocha-on-pair.ts';

const HELP = `Usage: npm run test:ceph -- [options] [FILE.test.ts...] [options of mocha]

The end-to-end suite and the tests of credentials on a real Ceph RADOS Gateway, or some of their files.
`;

await mochaOnPair(
  HELP,
  ['test/ceph/**/*.test.ts', 'test/conformance/**/*.test.ts', 'test/integration/store-differences.test.ts'],
  { SALLYPORT_TEST_STORE: 'ceph' },
);
