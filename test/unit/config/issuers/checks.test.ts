import { below, describeCases } from '../wrong-keys.ts';

const issuer = below('issuers.corp');

describeCases('config/issuers/checks', {
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
});
