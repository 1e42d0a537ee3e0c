import { type Case, describeCases } from '../wrong-keys.ts';

describeCases('config/endpoint/schema', {
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
});
