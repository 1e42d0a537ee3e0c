/**
 * The directions of the house (docs/adr/0001-the-house.md), as rules:
 * errors <- s3 <- { sigv4, contracts } <- { core, identity, policy, credentials, audit, telemetry: strangers to each
 * other }; pipeline, sts and operate see contracts, s3, errors and the audit trail only; http sees the pipeline; guard sees nothing, and stands
 * before servers of http and dev; app sees all; cli and main see app.
 */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${from}` },
  to: { path: '^src/', pathNot: [`^src/${from}`, ...allowed.map((room) => `^src/${room}`)] },
});

const VOCABULARY = ['errors/', 's3/', 'contracts/'];
/** The one way in which anything is put on record, over a sink that is a contract. */
const TRAIL = 'audit/audit-trail\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { path: '^src' }, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src', pathNot: ['^src/main\\.ts$'] },
      to: {},
    },
    only('errors-see-nothing', 'errors/', []),
    only('s3-sees-errors', 's3/', ['errors/']),
    only('sigv4-sees-s3', 'sigv4/', ['errors/', 's3/']),
    only('contracts-see-s3', 'contracts/', ['errors/', 's3/']),
    only('core-is-a-stranger', 'core/', [...VOCABULARY, 'sigv4/']),
    only('identity-is-a-stranger', 'identity/', [...VOCABULARY, 'sigv4/']),
    only('policy-is-a-stranger', 'policy/', VOCABULARY),
    only('objects-is-a-stranger', 'objects/', VOCABULARY),
    only('operate-is-a-stranger', 'operate/', [...VOCABULARY, TRAIL]),
    only('revocation-is-a-stranger', 'revocation/', VOCABULARY),
    only('credentials-is-a-stranger', 'credentials/', VOCABULARY),
    only('audit-is-a-stranger', 'audit/', VOCABULARY),
    only('telemetry-is-a-stranger', 'telemetry/', VOCABULARY),
    only('config-sees-errors', 'config/', ['errors/', 's3/']),
    only('pipeline-sees-contracts', 'pipeline/', [...VOCABULARY, TRAIL]),
    only('sts-sees-contracts', 'sts/', [...VOCABULARY, TRAIL]),
    only('guard-sees-nothing', 'guard/', []),
    only('sidecar-is-a-stranger', 'sidecar/', VOCABULARY),
    only('http-sees-the-pipeline', 'http/', [...VOCABULARY, 'guard/', 'pipeline/']),
    only('client-runs-on-peoples-machines', 'client/', ['errors/']),
    only('dev-stands-alone', 'dev/', ['errors/', 'guard/']),
    {
      name: 'dev-is-for-the-demo',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/dev/', '^src/cli/demo'] },
      to: { path: '^src/dev/' },
    },
    {
      name: 'express-lives-in-http',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/http/'] },
      to: { path: 'node_modules/express' },
    },
    {
      name: 'pure-rooms',
      severity: 'error',
      from: { path: '^src/(s3|sigv4|errors|contracts|guard|core/cipher)/' },
      to: { path: '^(node:)?(fs|net|http|https|tls|child_process|cluster|dns)(/|$)' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^test' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
