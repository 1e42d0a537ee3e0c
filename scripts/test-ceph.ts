/**
 * `npm run test:ceph`: the end-to-end suite and the tests of credentials on a real Ceph RADOS Gateway, which is started for
 * them and stopped after them.
 */
import { mochaOnPair } from '../test/support/store/mocha-on-pair.ts';

const HELP = `Usage: npm run test:ceph -- [options] [FILE.test.ts...] [options of mocha]

The end-to-end suite and the tests of credentials on a real Ceph RADOS Gateway, or some of their files.
`;

/** Neither Ceph nor HAProxy has a part in these: `npm test` has them. */
const WITHOUT_BOTH = ['keyring-down', 'tokens-in-memory', 'run/*'];
/** Always on the embedded store, behind HAProxy: with the stable one `npm test` has them. */
const WITHOUT_CEPH = ['broken-answers', 'slow-store'];

await mochaOnPair(HELP, {
  files: ['test/ceph/**/*.test.ts', 'test/conformance/**/*.test.ts', 'test/integration/store-differences.test.ts'],
  leftOut: (pair) =>
    [...WITHOUT_BOTH, ...(pair === 'stable' ? WITHOUT_CEPH : [])].map((name) => `test/conformance/${name}.test.ts`),
  onCeph: true,
});
