import { type Case, describeCases } from '../wrong-keys.ts';

describeCases('config/cors/schema', {
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
});
