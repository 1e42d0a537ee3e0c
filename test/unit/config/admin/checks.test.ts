import { describeCases } from '../wrong-keys.ts';

const needing = (...names: readonly string[]) => ({ 'admin.readyNeeds': names });

describeCases('config/admin/checks', {
  'what readiness needs': [
    ['may be nothing', {}, []],
    ['is named as /readyz does', needing('issuer:corp', 'store:main', 'sts:main', 'credentials:main', 'audit'), []],
    ['may be a kind', needing('issuer', 'store', 'bucket'), []],
    ['must be there', needing('keyring:vault'), ['admin.readyNeeds']],
    ['must be there, each', needing('issuer:crop', 'revocations', 'store'), ['admin.readyNeeds', 'admin.readyNeeds']],
    [
      'has no STS without one',
      { ...needing('sts'), 'stores.main.method': 'static', 'stores.main.sts': {} },
      ['admin.readyNeeds'],
    ],
  ],
});
