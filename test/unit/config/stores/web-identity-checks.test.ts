import type { Changes } from '../sample.ts';
import { below, describeCases } from '../wrong-keys.ts';

const issuer = below('issuers.corp');
const store = below('stores.main');
/** A store whose STS is asked with tokens of callers. */
const requested = (changes: Changes = {}) =>
  store({ method: 'web-identity', credentials: undefined, 'sts.audiences': ['https://objects.example'], ...changes });
const KEY = { id: 'k1', keyFile: 'seed' };
const SESSIONS = { deploymentId: 'test', keys: { current: KEY } };

describeCases('config/stores/web-identity-checks', {
  'a store that is asked with a token of the caller': [
    ['needs audiences and no credentials', requested(), []],
    ['has audiences', requested({ 'sts.audiences': undefined }), ['stores.main.sts.audiences']],
    ['has one audience at least', requested({ 'sts.audiences': [] }), ['stores.main.sts.audiences']],
    [
      'has no audience that an issuer is accepted for',
      requested({ 'sts.audiences': ['https://objects.example', 'sallyport'] }),
      ['stores.main.sts.audiences'],
    ],
    [
      'has no audience of any other issuer either',
      {
        ...requested({ 'sts.audiences': ['second'] }),
        'issuers.second': { issuer: 'https://idp.example/realms/second', audiences: ['first', 'second'] },
      },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no client for an audience whose tokens are accepted',
      { ...requested({ 'sts.audiences': ['app'] }), ...issuer({ allowedClients: ['app'] }) },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no audience that is the name of the deployment',
      { ...requested({ 'sts.audiences': ['test'] }), sessions: SESSIONS },
      ['stores.main.sts.audiences'],
    ],
    [
      'has no credentials',
      requested({ credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' } }),
      ['stores.main.credentials'],
    ],
    ['has no ExternalId', requested({ 'sts.externalId': 'x1' }), ['stores.main.sts.externalId']],
    ['sets no SourceIdentity', requested({ 'sts.sourceIdentity': true }), ['stores.main.sts.sourceIdentity']],
    ['sets no tags', requested({ 'sts.sessionTags': { user: 'sub' } }), ['stores.main.sts.sessionTags']],
    ['has a role', requested({ 'sts.roleArn': undefined }), ['buckets.reports.roleArn']],
    [
      'sends no token over plain http, whatever else may go over it',
      requested({ 'sts.endpoint': 'http://sts.example', allowPlaintextHttp: true }),
      ['stores.main.sts.endpoint'],
    ],
    [
      'may send it over http on loopback, for a demo',
      requested({ 'sts.endpoint': 'http://127.0.0.1:9000', allowPlaintextHttp: true }),
      [],
    ],
    [
      'alone has such audiences',
      store({ 'sts.audiences': ['https://objects.example'] }),
      ['stores.main.sts.audiences'],
    ],
  ],
});
