import assert from 'node:assert/strict';
import { Sample, type Changes } from './sample.ts';

/** What is done to a right configuration, and the keys that are then wrong. */
type Case = readonly [title: string, change: Changes, wrong: readonly string[]];

const TLS = { certFile: 'test-only.crt.pem', keyFile: 'test-only.key.pem', clientCaFile: 'test-only.crt.pem' };
const ROLE = 'arn:aws:iam::123456789012:role/other';
const below = (path: string) => (changes: Changes) =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`${path}.${key}`, value]));
const issuer = below('issuers.corp');
const store = below('stores.main');
const listen = (value: unknown) => ({ listen: value });
const second = { 'stores.second': { region: 'eu-west-1', sts: { roleArn: ROLE } } };

/** A store whose STS is asked with tokens of callers. */
const asked = (changes: Changes = {}) =>
  store({ method: 'web-identity', credentials: undefined, 'sts.audiences': ['https://objects.example'], ...changes });

const KEY = { id: 'k1', keyFile: 'seed' };
const SESSIONS = { deploymentId: 'test', keys: { current: KEY } };

const VAULT = { address: 'https://vault.example:8200', key: 'sallyport', auth: { tokenFile: 'secret' } };
const KMS = {
  region: 'eu-central-1',
  versions: { 1: { keyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' } },
};
const ALL = { 'keyring.vault': VAULT, 'keyring.kms': KMS };
const vault = (changes: Changes) => ({ keyring: { vault: { ...VAULT, ...changes } } });

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'a store that is asked with a token of the caller': [
    ['needs audiences and no credentials', asked(), []],
    ['has audiences', asked({ 'sts.audiences': undefined }), ['stores.main.sts.audiences']],
    ['has one audience at least', asked({ 'sts.audiences': [] }), ['stores.main.sts.audiences']],
    [
      'has no audience that an issuer is accepted for',
      asked({ 'sts.audiences': ['https://objects.example', 'sallyport'] }),
      ['stores.main.sts.audiences'],
    ],
    [
      'has no audience of any other issuer either',
      {
        ...asked({ 'sts.audiences': ['second'] }),
        'issuers.second': { issuer: 'https://idp.example/realms/second', audiences: ['first', 'second'] },
      },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no client for an audience whose tokens are accepted',
      { ...asked({ 'sts.audiences': ['app'] }), ...issuer({ allowedClients: ['app'] }) },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no audience that is the name of the deployment',
      { ...asked({ 'sts.audiences': ['test'] }), sessions: SESSIONS },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no credentials',
      asked({ credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' } }),
      ['stores.main.credentials'],
    ],
    ['has no ExternalId', asked({ 'sts.externalId': 'x1' }), ['stores.main.sts.externalId']],
    ['sets no SourceIdentity', asked({ 'sts.sourceIdentity': true }), ['stores.main.sts.sourceIdentity']],
    ['sets no tags', asked({ 'sts.sessionTags': { user: 'sub' } }), ['stores.main.sts.sessionTags']],
    ['has a role', asked({ 'sts.roleArn': undefined }), ['buckets.reports.roleArn']],
    [
      'sends no token over plain http, whatever else may go over it',
      asked({ 'sts.endpoint': 'http://sts.example', allowPlaintextHttp: true }),
      ['stores.main.sts.endpoint'],
    ],
    [
      'may send it over http on loopback, for a demo',
      asked({ 'sts.endpoint': 'http://127.0.0.1:9000', allowPlaintextHttp: true }),
      [],
    ],
    [
      'alone has such audiences',
      store({ 'sts.audiences': ['https://objects.example'] }),
      ['stores.main.sts.audiences'],
    ],
  ],
  'sessions of our own': [
    ['may be absent', {}, []],
    ['have a key and the name of a deployment', { sessions: SESSIONS }, []],
    ['have both', { sessions: {} }, ['sessions.deploymentId', 'sessions.keys']],
    [
      'have a previous key of another name',
      { sessions: { ...SESSIONS, keys: { current: KEY, previous: { ...KEY, keyFile: 'secret' } } } },
      ['sessions.keys.previous.id'],
    ],
    [
      'have a previous key of another file',
      { sessions: { ...SESSIONS, keys: { current: KEY, previous: { ...KEY, id: 'k2' } } } },
      ['sessions.keys.previous.keyFile'],
    ],
    ['last no shorter than the shortest', { sessions: { ...SESSIONS, minSeconds: 3601 } }, ['sessions.defaultSeconds']],
    ['last no longer than the longest', { sessions: { ...SESSIONS, maxSeconds: 1800 } }, ['sessions.defaultSeconds']],
    ['last 12 hours at most', { sessions: { ...SESSIONS, maxSeconds: 43_201 } }, ['sessions.maxSeconds']],
    [
      'have a key of 32 bytes at least',
      { sessions: { ...SESSIONS, keys: { current: { id: 'k1', keyFile: 'id' } } } },
      ['sessions.keys.current.keyFile'],
    ],
    [
      'have keys with plain names',
      { sessions: { ...SESSIONS, keys: { current: { ...KEY, id: 'k 1' } } } },
      ['sessions.keys.current.id'],
    ],
  ],
  'origins of pages': [
    [
      'may be https, and http on loopback',
      { cors: { origins: ['https://app.example.com', 'http://localhost:5173'] } },
      [],
    ],
    ['are named', { cors: {} }, ['cors.origins']],
    ...[
      '*',
      'null',
      'https://*.example.com',
      'https://app.example.com/',
      'https://app.example.com:443',
      'https://APP.example.com',
      'http://app.example.com',
      'app.example.com',
    ].map((origin): Case => [`are never ${origin}`, { cors: { origins: [origin] } }, ['cors.origins.0']]),
    [
      'expose no header by `*` alone',
      { cors: { origins: ['https://a.example'], exposedHeaders: ['*'] } },
      ['cors.exposedHeaders.0'],
    ],
  ],
  'what clients know the gateway by': [
    [
      'is host names, with a port where it is unusual',
      { endpoint: { publicHosts: ['s3.example.com', 'localhost:8443'] } },
      [],
    ],
    ...[
      'S3.example.com',
      'https://s3.example.com',
      '10.0.0.1',
      '[::1]',
      '*.example.com',
      's3.example.com:x',
      's3.example.com:70000',
      'a:1:2',
      '',
    ].map((host): Case => [
      `is never ${JSON.stringify(host)}`,
      { endpoint: { publicHosts: [host] } },
      ['endpoint.publicHosts.0'],
    ]),
    ...['wiki/tokens', 'javascript:alert(1)', 'https://a.example/?token='].map((page): Case => [
      `sends nobody to ${page} for a token`,
      { endpoint: { tokenHelp: page } },
      ['endpoint.tokenHelp'],
    ]),
    ['is at least one region', { endpoint: { regions: [] } }, ['endpoint.regions']],
  ],
  'the listener': [
    ['must be given', listen({}), ['listen']],
    [
      'is a socket or an address, not both',
      listen({ socket: 's', address: '127.0.0.1:1', tls: TLS }),
      ['listen', 'listen.tls'],
    ],
    ['may be TCP with mutual TLS', listen({ address: '0.0.0.0:8443', tls: TLS }), []],
    ['is never plain TCP beyond loopback', listen({ address: '0.0.0.0:80' }), ['listen.address']],
    ['is not plain TCP on loopback without the switch', listen({ address: '127.0.0.1:80' }), ['listen.address']],
    ['is plain TCP on loopback with it', listen({ address: '127.0.0.1:80', allowPlaintextLoopback: true }), []],
    ['is plain TCP on IPv6 loopback with it', listen({ address: '[::1]:80', allowPlaintextLoopback: true }), []],
    [
      'is no more than loopback because of the switch',
      listen({ address: '10.0.0.1:80', allowPlaintextLoopback: true }),
      ['listen.address', 'listen.allowPlaintextLoopback'],
    ],
    [
      'does not take the name of another host for loopback',
      listen({ address: '127.example.com:80', allowPlaintextLoopback: true }),
      ['listen.address', 'listen.allowPlaintextLoopback'],
    ],
    [
      'needs the CA of its clients',
      listen({ address: '0.0.0.0:1', tls: { ...TLS, clientCaFile: undefined } }),
      ['listen.tls.clientCaFile'],
    ],
    ['has no socket that everybody may open', listen({ socket: 's', socketMode: '0666' }), ['listen.socketMode']],
    ['has a path that fits a socket address', listen({ socket: `/${'s'.repeat(107)}` }), ['listen.socket']],
  ],
  'an issuer': [
    ['must exist', { issuers: {} }, ['issuers']],
    ['has a plain name', { 'issuers.Corp A': { issuer: 'https://a.example', audiences: ['x'] } }, ['issuers.Corp A']],
    ['is not http', issuer({ issuer: 'http://idp.example' }), ['issuers.corp.issuer']],
    [
      'is not http beyond loopback, switch or not',
      issuer({ issuer: 'http://idp.example', allowHttp: true }),
      ['issuers.corp.issuer'],
    ],
    ['may be http on loopback with the switch', issuer({ issuer: 'http://127.0.0.1:8191/x', allowHttp: true }), []],
    ['carries no credentials', issuer({ issuer: 'https://me@idp.example' }), ['issuers.corp.issuer']],
    ['carries no query', issuer({ issuer: 'https://idp.example/?tenant=1' }), ['issuers.corp.issuer']],
    ['accepts no symmetric algorithm', issuer({ algorithms: ['HS256'] }), ['issuers.corp.algorithms.0']],
    ['accepts no unsigned tokens', issuer({ algorithms: ['none'] }), ['issuers.corp.algorithms.0']],
    [
      'keeps keys at least as long as it refreshes them',
      issuer({ jwksRefreshSeconds: 600, jwksMaxStaleSeconds: 60 }),
      ['issuers.corp.jwksMaxStaleSeconds'],
    ],
    ['has an audience', issuer({ audiences: [] }), ['issuers.corp.audiences']],
    [
      'is listed once',
      { 'issuers.again': { issuer: 'https://idp.example/realms/corp', audiences: ['other'] } },
      ['issuers.again.issuer'],
    ],
    [
      'for everybody must be pinned',
      issuer({ issuer: 'https://token.actions.githubusercontent.com' }),
      ['issuers.corp.requiredClaims'],
    ],
    [
      'for everybody is not pinned by just any claim',
      issuer({ issuer: 'https://accounts.google.com', requiredClaims: { email_verified: true } }),
      ['issuers.corp.requiredClaims'],
    ],
    [
      'for everybody is not pinned by an address that nobody verified',
      issuer({ issuer: 'https://accounts.google.com', requiredClaims: { email: 'a@example.com' } }),
      ['issuers.corp.requiredClaims'],
    ],
    [
      'for everybody may be pinned by an address that was verified',
      issuer({
        issuer: 'https://accounts.google.com',
        requiredClaims: { email: 'a@example.com', email_verified: true },
      }),
      [],
    ],
    [
      'for everybody may be pinned',
      issuer({ issuer: 'https://token.actions.githubusercontent.com', requiredClaims: { repository_owner_id: '123' } }),
      [],
    ],
    [
      'for every tenant is refused',
      issuer({ issuer: 'https://login.microsoftonline.com/common/v2.0', requiredClaims: { tid: 'x' } }),
      ['issuers.corp.issuer'],
    ],
  ],
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
  'a bucket': [
    ['must exist', { buckets: {} }, ['buckets']],
    ['is no directory bucket', { 'buckets.logs--use1-az4--x-s3': {} }, ['buckets.logs--use1-az4--x-s3']],
    [
      'is no directory bucket in its store either',
      { 'buckets.logs': { storeBucket: 'logs--use1-az4--x-s3' } },
      ['buckets.logs.storeBucket'],
    ],
    ['has the name of a bucket', { 'buckets.-': { storeBucket: 'other' } }, ['buckets.-']],
    ['lies in a store that exists', { 'buckets.reports.store': 'nowhere' }, ['buckets.reports.store']],
    ['names its store where there are several', second, ['buckets.reports.store']],
    ['has a role from somewhere', { 'stores.main.sts.roleArn': undefined }, ['buckets.reports.roleArn']],
    ['may have a role of its own', { 'stores.main.sts.roleArn': undefined, 'buckets.reports.roleArn': ROLE }, []],
    [
      'may have a role of Ceph, which has no account',
      { 'buckets.reports.roleArn': 'arn:aws:iam:::role/sallyport' },
      [],
    ],
    [
      'has a role, not a user',
      { 'buckets.reports.roleArn': 'arn:aws:iam::123456789012:user/me' },
      ['buckets.reports.roleArn'],
    ],
    ['that is encrypted needs a keyring', { keyring: undefined }, ['buckets.reports.encryption']],
    ['that is not encrypted needs none', { keyring: undefined, 'buckets.reports.encryption': 'off' }, []],
    [
      'that migrates needs a keyring',
      { keyring: undefined, 'buckets.reports.encryption': 'migrating' },
      ['buckets.reports.encryption'],
    ],
    [
      'of which a part is encrypted needs a keyring',
      { keyring: undefined, 'buckets.reports': { encryption: 'off', prefixes: { x: 'required', y: 'off' } } },
      ['buckets.reports.prefixes.x'],
    ],
    [
      'has prefixes that keys can start with, and says how each is kept',
      { 'buckets.reports.prefixes': { '': 'off', ['é'.repeat(513)]: 'off', '\ud800': 'off', ok: 'plain' } },
      ['', 'é'.repeat(513), '\ud800', 'ok'].map((prefix) => `buckets.reports.prefixes.${prefix}`),
    ],
    [
      'has a key of KMS where the store is to encrypt by KMS, and only there',
      {
        'stores.main.serverSideEncryption': { kmsKeyId: 'key/1' },
        'buckets.reports.serverSideEncryption': { algorithm: 'aws:kms', kmsKeyId: 'key/1' },
      },
      ['stores.main.serverSideEncryption.kmsKeyId'],
    ],
    ['has an id of its own', { 'buckets.other': { id: 'reports' } }, ['buckets.other.id']],
    [
      'is not reachable under two names',
      { 'buckets.alias': { storeBucket: 'reports' } },
      ['buckets.alias.storeBucket'],
    ],
    [
      'may have the name of one in another store',
      { ...second, 'buckets.reports.store': 'main', 'buckets.copy': { store: 'second', storeBucket: 'reports' } },
      [],
    ],
  ],
  'the style of addressing': [
    ['may be virtual-hosted for a store', { 'stores.main.style': 'virtual' }, []],
    ['may be virtual-hosted for one bucket', { 'buckets.reports.style': 'virtual' }, []],
    [
      'is one of two',
      { 'stores.main.style': 'auto', 'buckets.reports.style': '' },
      ['stores.main.style', 'buckets.reports.style'],
    ],
    [
      'is not virtual-hosted at an address',
      { ...store({ endpoint: 'https://192.0.2.7:9000', style: 'virtual' }), 'buckets.other': {} },
      ['stores.main.style'],
    ],
    [
      'is not virtual-hosted at an address of version 6',
      { ...store({ endpoint: 'https://[2001:db8::7]' }), 'buckets.reports.style': 'virtual' },
      ['buckets.reports.style'],
    ],
    [
      'is not virtual-hosted at an address in disguise',
      store({ endpoint: 'https://3221225991', style: 'virtual' }),
      ['stores.main.style'],
    ],
    ['is path style at an address', store({ endpoint: 'https://192.0.2.7:9000', style: 'path' }), []],
    [
      'is not virtual-hosted over TLS for a bucket with a dot',
      { 'stores.main.style': 'virtual', 'buckets.reports.storeBucket': 'corp.reports' },
      ['buckets.reports.style'],
    ],
    [
      "is not virtual-hosted over TLS for a bucket with a dot, at AWS's own endpoint either",
      { ...store({ endpoint: undefined, style: 'virtual' }), 'buckets.reports.storeBucket': 'corp.reports' },
      ['buckets.reports.style'],
    ],
    [
      'is virtual-hosted for a bucket with a dot where the certificate has a name of its own',
      {
        ...store({ style: 'virtual', tls: { serverName: 's3.example' } }),
        'buckets.reports.storeBucket': 'corp.reports',
      },
      [],
    ],
    [
      'is virtual-hosted for a bucket with a dot without TLS',
      {
        ...store({ endpoint: 'http://store.example', allowPlaintextHttp: true, style: 'virtual' }),
        'buckets.reports.storeBucket': 'corp.reports',
      },
      [],
    ],
    [
      'may be path style for a bucket with a dot beside others',
      {
        'stores.main.style': 'virtual',
        'buckets.reports.storeBucket': 'corp.reports',
        'buckets.reports.style': 'path',
        'buckets.other': {},
      },
      [],
    ],
    [
      'is not virtual-hosted for a bucket that is no host name',
      {
        ...store({ endpoint: 'http://store.example', allowPlaintextHttp: true, style: 'virtual' }),
        'buckets.reports.storeBucket': 'corp-.reports',
      },
      ['buckets.reports.style'],
    ],
    [
      'is not virtual-hosted where the host would be too long',
      store({ endpoint: `https://${`${'a'.repeat(60)}.`.repeat(4)}example`, style: 'virtual' }),
      ['buckets.reports.style'],
    ],
  ],
  'the keyring': [
    ['has a version', { 'keyring.local.versions': {} }, ['keyring.local.current']],
    [
      'says which of several versions is current',
      { 'keyring.local.versions.2': { seedFile: 'seed' } },
      ['keyring.local.current'],
    ],
    ['has its current version', { 'keyring.local.current': 2 }, ['keyring.local.current']],
    [
      'numbers its versions from 1',
      { 'keyring.local.versions.0': { seedFile: 'seed' } },
      ['keyring.local.current', 'keyring.local.versions.0'],
    ],
    [
      'does not number a version twice',
      { 'keyring.local.versions.01': { seedFile: 'seed' } },
      ['keyring.local.current', 'keyring.local.versions.01'],
    ],
    ['is at least one', { keyring: {} }, ['keyring']],
    ['may be Vault alone', { keyring: { vault: VAULT } }, []],
    ['may be KMS alone', { keyring: { kms: KMS } }, []],
    ['may be all of them, of which one is current', { ...ALL, 'keyring.current': 'vault' }, []],
    ['says which of several is current', ALL, ['keyring.current']],
    ['is current only where it is configured', { 'keyring.current': 'vault' }, ['keyring.current']],
    ['is current only where it is known', { 'keyring.current': 'pkcs11' }, ['keyring.current']],
    ['has a cache that may be none', { 'keyring.cache': { maxKeys: 0 } }, []],
    ['has no cache without an end', { 'keyring.cache': { maxAgeSeconds: 0 } }, ['keyring.cache.maxAgeSeconds']],
  ],
  'the keyring of Vault': [
    ['is not http', vault({ address: 'http://vault.example:8200' }), ['keyring.vault.address']],
    [
      'is not http beyond loopback, switch or not',
      vault({ address: 'http://vault.example:8200', allowHttp: true }),
      ['keyring.vault.address'],
    ],
    ['may be http on loopback with the switch', vault({ address: 'http://127.0.0.1:8200', allowHttp: true }), []],
    ['has an address without a path', vault({ address: 'https://vault.example/v1' }), ['keyring.vault.address']],
    ['has a key', vault({ key: undefined }), ['keyring.vault.key']],
    ['has a key that cannot leave its place', vault({ key: '../sys' }), ['keyring.vault.key']],
    ['has a mount that cannot leave its place', vault({ mount: 'a/../sys' }), ['keyring.vault.mount']],
    ['has a namespace that is no header of its own', vault({ namespace: 'a\r\nb: c' }), ['keyring.vault.namespace']],
    ['has a way to log in', vault({ auth: {} }), ['keyring.vault.auth']],
    [
      'has one way to log in',
      vault({ auth: { tokenFile: 'secret', jwt: { role: 'a', jwtFile: 'secret' } } }),
      ['keyring.vault.auth'],
    ],
    ['has a private token', vault({ auth: { tokenFile: 'open' } }), ['keyring.vault.auth.tokenFile']],
    [
      'may have a token of Kubernetes that others in the pod may read',
      vault({ auth: { kubernetes: { role: 'a', jwtFile: 'open' } } }),
      [],
    ],
    [
      'has its files at start',
      vault({ auth: { approle: { roleId: 'a', secretIdFile: 'missing' } } }),
      ['keyring.vault.auth.approle.secretIdFile'],
    ],
    ['is not called local', vault({ id: 'local' }), ['keyring.vault.id']],
    ['has an id that fits an envelope', vault({ id: 'a;b' }), ['keyring.vault.id']],
    [
      'is not called as that of KMS',
      { ...ALL, 'keyring.current': 'kms', 'keyring.kms.id': 'vault' },
      ['keyring.kms.id'],
    ],
  ],
  'the keyring of KMS': [
    ['has its current version', { keyring: { kms: { ...KMS, current: 2 } } }, ['keyring.kms.current']],
    ['has a version', { keyring: { kms: { ...KMS, versions: {} } } }, ['keyring.kms.current']],
    [
      'has keys of KMS',
      { keyring: { kms: { ...KMS, versions: { 1: { keyId: ROLE } } } } },
      ['keyring.kms.versions.1.keyId'],
    ],
    ['may have an alias', { keyring: { kms: { ...KMS, versions: { 1: { keyId: 'alias/sallyport' } } } } }, []],
    ['is not http', { keyring: { kms: { ...KMS, endpoint: 'http://kms.example' } } }, ['keyring.kms.endpoint']],
    [
      "has an endpoint where the region is none of AWS's",
      { keyring: { kms: { ...KMS, region: 'here' } } },
      ['keyring.kms.endpoint'],
    ],
    [
      'has both halves of its credentials',
      { keyring: { kms: { ...KMS, credentials: { accessKeyIdFile: 'id' } } } },
      ['keyring.kms.credentials.secretAccessKeyFile'],
    ],
  ],
};

describe('config/cross-checks', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
    await sample.write('open', 'eyJhbGciOiJub25lIn0.e30.', 0o644);
  });
  after(() => sample.remove());

  for (const [subject, cases] of Object.entries(CASES)) {
    describe(subject, () => {
      for (const [title, change, wrong] of cases) {
        it(title, async () => {
          assert.deepEqual([...(await sample.wrongKeys(change))].sort(), [...wrong].sort());
        });
      }
    });
  }
});
