/**
 * The directions of the house (docs/adr/0001-the-house.md), as rules:
 * platform sees nothing, and all see it; errors <- s3 <- { sigv4, contracts } <- { core, identity, policy, credentials, audit, telemetry, config: strangers to
 * each other }; pipeline, sts and operate see contracts, s3, errors and the audit trail only; http sees the pipeline; host-check sees nothing, and stands
 * before servers of http and of the demo; compose sees all but cli; cli and main see compose. The demo lies beside `src/`, which does not know it.
 */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${from}` },
  to: { path: '^src/', pathNot: [from, 'platform/', ...allowed].map((room) => `^src/${room}`) },
});

const VOCABULARY = ['errors/', 's3/', 'contracts/'];
/** What a composition root puts together. */
const COMPOSED = [
  ...[
    'config/',
    'sigv4/',
    'core/',
    'identity/',
    'policy/',
    'objects/',
    'operate/',
    'lists/',
    'revocation/',
    'grants/',
    'guardrails/',
    'credentials/',
    'audit/',
    'edge/',
  ],
  ...['telemetry/', 'pipeline/', 'sts/', 'host-check/', 'sidecar/', 'http/'],
];
/** The one way in which anything is put on record, over a sink that is a contract, and how the end of what failed reads there. */
const TRAIL = 'audit/(audit-trail|failed-end)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { path: '^(src|demo)' }, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|demo)', pathNot: ['^src/main\\.ts$', '^demo/command\\.ts$'] },
      to: {},
    },
    only('platform-sees-nothing', 'platform/', []),
    only('errors-see-nothing', 'errors/', []),
    only('s3-sees-errors', 's3/', ['errors/']),
    only('sigv4-sees-s3', 'sigv4/', ['errors/', 's3/']),
    only('contracts-see-s3', 'contracts/', ['errors/', 's3/']),
    only('core-is-a-stranger', 'core/', [...VOCABULARY, 'sigv4/']),
    only('identity-is-a-stranger', 'identity/', [...VOCABULARY, 'sigv4/']),
    only('policy-is-a-stranger', 'policy/', VOCABULARY),
    only('objects-is-a-stranger', 'objects/', VOCABULARY),
    only('operate-is-a-stranger', 'operate/', [...VOCABULARY, TRAIL]),
    only('lists-are-strangers', 'lists/', VOCABULARY),
    only('revocation-sees-lists', 'revocation/', [...VOCABULARY, 'lists/']),
    only('grants-see-lists', 'grants/', [...VOCABULARY, 'lists/']),
    only('guardrails-see-lists', 'guardrails/', [...VOCABULARY, 'lists/']),
    only('credentials-is-a-stranger', 'credentials/', [...VOCABULARY, 'sigv4/']),
    only('audit-is-a-stranger', 'audit/', VOCABULARY),
    only('edge-is-a-stranger', 'edge/', VOCABULARY),
    only('telemetry-is-a-stranger', 'telemetry/', VOCABULARY),
    only('config-sees-contracts', 'config/', VOCABULARY),
    only('pipeline-sees-contracts', 'pipeline/', [...VOCABULARY, TRAIL]),
    only('sts-sees-contracts', 'sts/', [...VOCABULARY, TRAIL]),
    only('host-check-sees-nothing', 'host-check/', []),
    only('sidecar-is-a-stranger', 'sidecar/', VOCABULARY),
    only('http-sees-the-pipeline', 'http/', [...VOCABULARY, 'host-check/', 'pipeline/']),
    only('client-runs-on-peoples-machines', 'client/', ['errors/', 'sigv4/(canonical-request|sign(er|ing-key))\\.ts$']),
    only('compose-sees-no-command-line', 'compose/', [...VOCABULARY, ...COMPOSED]),
    only('cli-sees-compositions', 'cli/', [
      ...VOCABULARY,
      'compose/',
      'config/',
      'client/',
      'http/',
      'telemetry/',
      'operate/',
      'policy/',
      'lists/',
      'revocation/',
      'grants/',
      'guardrails/',
      'objects/explain-refusal\\.ts$',
    ]),
    only('main-starts-the-command-line', 'main\\.ts$', ['cli/']),
    {
      name: 'demo-sees-the-command-line-alone',
      severity: 'error',
      from: { path: '^demo/' },
      to: { path: '^src/', pathNot: ['^src/(errors|host-check|platform)/', '^src/cli/(io|server/serve)\\.ts$'] },
    },
    { name: 'demo-is-beside', severity: 'error', from: { path: '^src' }, to: { path: '^demo/' } },
    {
      name: 'express-lives-in-http',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/http/'] },
      to: { path: 'node_modules/express' },
    },
    {
      name: 'pure-rooms',
      severity: 'error',
      from: { path: '^src/(s3|sigv4|errors|contracts|host-check|core/cipher)/' },
      to: {
        path: [
          '^(node:)?(fs|net|http|https|tls|child_process|cluster|dns)(/|$)',
          '^src/platform/(bounded-file|durable-file|file-lock|http-call)\\.ts$',
        ],
      },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(test|scripts)' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
