import { below, describeCases } from '../wrong-keys.ts';

const store = below('stores.main');

describeCases('config/buckets/address-checks', {
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
});
