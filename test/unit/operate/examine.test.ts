import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { examine } from '../../../src/operate/examine.ts';
import { scriptedSession } from './store-double.ts';

const dependencies = { cipher: { describe: () => ({ kind: 's', keyId: 'local:1' }) as const }, legacy: undefined };
const NOW = Date.parse('2026-06-01T00:00:00Z');

const seen = (headers: Readonly<Record<string, string>>, input = dependencies as Parameters<typeof examine>[0]) => {
  const { session } = scriptedSession(() => ({ headers: { etag: '"e"', 'content-length': '5', ...headers } }));
  return examine(input, session, { key: 'k' }, NOW);
};

describe('the head of a stored object', () => {
  it('is locked by a legal hold, and by a retention until it ends', async () => {
    const until = (date: string) => seen({ 'x-amz-object-lock-retain-until-date': date });
    assert.equal((await seen({ 'x-amz-object-lock-legal-hold': 'ON' })).isLocked, true);
    assert.equal((await seen({ 'x-amz-object-lock-legal-hold': 'OFF' })).isLocked, false);
    assert.equal((await until('2026-06-01T00:00:01Z')).isLocked, true);
    assert.equal((await until('2026-05-31T23:59:59Z')).isLocked, false);
    assert.equal((await until('soon')).isLocked, true);
  });

  it('tells a legacy object whose seed is not configured for what it is', async () => {
    const refusing = (code: 'ServiceUnavailable' | 'IntegrityFailure') => ({
      ...dependencies,
      legacy: {
        recognise: () => {
          throw new GatewayError(code);
        },
      },
    });
    const formatOf = async (code: 'ServiceUnavailable' | 'IntegrityFailure') => {
      const { stored } = await seen({}, refusing(code));
      return stored.form === 'legacy' ? stored.format : stored.form;
    };
    assert.equal(await formatOf('ServiceUnavailable'), 'legacy-without-seed');
    assert.equal(await formatOf('IntegrityFailure'), 'legacy-of-another-seed');
  });

  it('is that of a folder, in which nothing is, where a store keeps a key that ends in a slash as one', async () => {
    const folder = (key: string) => {
      const { session } = scriptedSession(() => ({ headers: { 'content-length': '0' } }));
      return examine(dependencies, session, { key }, NOW);
    };
    assert.equal((await folder('k/')).stored.form, 'plain');
    await assert.rejects(folder('k'), { code: 'InternalError' });
  });

  it('is refused without a size or an ETag', async () => {
    await assert.rejects(seen({ 'content-length': '-1' }), { code: 'InternalError' });
    await assert.rejects(seen({ 'content-length': '' }), { code: 'InternalError' });
  });
});
