import { below, describeCases } from '../wrong-keys.ts';

const ROLE = 'arn:aws:iam::123456789012:role/other';
const store = below('stores.main');

describeCases('config/stores/checks', {
  'a store': [
    ['must exist', { stores: {} }, ['stores']],
    ['is not http', store({ endpoint: 'http://store.example' }), ['stores.main.endpoint']],
    ['is http with the switch', store({ endpoint: 'http://store.example', allowPlaintextHttp: true }), []],
    ['has no http STS either', { 'stores.main.sts.endpoint': 'http://sts.example' }, ['stores.main.sts.endpoint']],
    ['has an endpoint without a path', store({ endpoint: 'https://store.example/s3' }), ['stores.main.endpoint']],
    ['has an endpoint without credentials', store({ endpoint: 'https://a:b@store.example' }), ['stores.main.endpoint']],
    ['has a region', store({ region: undefined }), ['stores.main.region']],
    [
      "has an endpoint where the region is none of AWS's",
      store({ region: 'here', endpoint: undefined }),
      ['stores.main.endpoint'],
    ],
    [
      'has both halves of its credentials',
      store({ credentials: { accessKeyIdFile: 'id' } }),
      ['stores.main.credentials.secretAccessKeyFile'],
    ],
    ['may use the default chain', store({ credentials: undefined }), []],
    ['has credentials that are not empty', store({ credentials: {} }), ['stores.main.credentials']],
    ['accepts no TLS older than 1.2', store({ tls: { minVersion: 'TLSv1.1' } }), ['stores.main.tls.minVersion']],
    ['has no switch that turns verification off', store({ tls: { insecure: true } }), ['stores.main.tls.insecure']],
    ['may have no STS, and then needs no role', store({ method: 'static', sts: undefined }), []],
    [
      'without STS has keys of its own',
      store({ method: 'static', sts: undefined, credentials: undefined }),
      ['stores.main.credentials'],
    ],
    [
      'without STS says nothing of roles',
      store({ method: 'static', 'sts.externalId': 'x1' }),
      ['stores.main.sts.roleArn', 'stores.main.sts.externalId'],
    ],
    [
      'without STS has no role for a bucket',
      { ...store({ method: 'static', sts: undefined }), 'buckets.reports.roleArn': ROLE },
      ['buckets.reports.roleArn'],
    ],
    ['is asked in a way that there is', store({ method: 'session-token' }), ['stores.main.method']],
    [
      'may tag sessions by what is known of a caller, and by claims that an issuer lists',
      {
        'stores.main.sts.sessionTags': { user: 'sub', from: 'iss', teams: 'groups', by: 'act', dept: 'department' },
        'stores.main.sts.transitiveTags': ['user'],
        'issuers.corp.claims': ['department'],
      },
      [],
    ],
    [
      'may tag sessions by what an issuer maps',
      {
        'stores.main.sts.sessionTags': { dept: 'department', may: 'scopes' },
        'issuers.corp.claimPaths': { department: '/org/department' },
        'issuers.corp.scopesClaim': 'scope',
      },
      [],
    ],
    [
      'may tag sessions by a member of what an issuer maps',
      {
        'stores.main.sts.sessionTags': { team: 'org.team' },
        'issuers.corp.claimPaths': { org: '/org' },
      },
      [],
    ],
    [
      'tags sessions by no claim that nobody lists',
      { 'stores.main.sts.sessionTags': { dept: 'department' } },
      ['stores.main.sts.sessionTags.dept'],
    ],
    [
      "has no tags of AWS's own, and none that STS does not take",
      { 'stores.main.sts.sessionTags': { 'AWS:x': 'sub' } },
      ['stores.main.sts.sessionTags.AWS:x'],
    ],
    [
      'has no two tags that are one for STS',
      { 'stores.main.sts.sessionTags': { Team: 'sub', team: 'iss' } },
      ['stores.main.sts.sessionTags.Team', 'stores.main.sts.sessionTags.team'],
    ],
    [
      'has 50 tags at most',
      {
        'stores.main.sts.sessionTags': Object.fromEntries(
          Array.from({ length: 51 }, (_, index) => [`tag-${index}`, 'sub']),
        ),
      },
      ['stores.main.sts.sessionTags'],
    ],
    [
      'makes transitive what is a tag',
      { 'stores.main.sts.transitiveTags': ['user'] },
      ['stores.main.sts.transitiveTags'],
    ],
    ['has sessions of STS length', { 'stores.main.sts.sessionSeconds': 899 }, ['stores.main.sts.sessionSeconds']],
  ],
});
