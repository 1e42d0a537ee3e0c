import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { examine } from '../../../src/operate/examine.ts';
import { keptHeaders } from '../../../src/operate/kept-headers.ts';
import { scriptedSession } from './store-double.ts';

const parts = { cipher: { describe: () => ({ kind: 's', keyId: 'local:1' }) as const }, legacy: undefined };
const NOW = Date.parse('2026-06-01T00:00:00Z');

const seen = (headers: Readonly<Record<string, string>>, given = parts as Parameters<typeof examine>[0]) => {
  const { session } = scriptedSession(() => ({ headers: { etag: '"e"', 'content-length': '5', ...headers } }));
  return examine(given, session, { key: 'k' }, NOW);
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
      ...parts,
      legacy: {
        recognise: () => {
          throw new GatewayError(code, 'open');
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

  it('is refused without a size or an ETag', async () => {
    await assert.rejects(seen({ 'content-length': '-1' }), { code: 'InternalError' });
    await assert.rejects(seen({ 'content-length': '' }), { code: 'InternalError' });
  });
});

describe('what an object keeps', () => {
  const kept = (headers: Readonly<Record<string, string>>, dropped?: readonly string[]) =>
    keptHeaders(new Map(Object.entries(headers)), dropped);

  it('is its content headers, metadata and storage class, and nothing of its old form', () => {
    const headers = {
      'content-type': 'a/b',
      'x-amz-meta-own': '1',
      'x-amz-meta-isec': 'w',
      'x-amz-meta-sallyport': 'E',
      'x-amz-meta-sallyport-work': '1',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-server-side-encryption': 'AES256',
      etag: '"e"',
      'content-length': '5',
    };
    assert.deepEqual(kept(headers, ['x-amz-meta-isec']), {
      'content-type': 'a/b',
      'x-amz-meta-own': '1',
      'x-amz-storage-class': 'STANDARD_IA',
    });
  });

  it("keeps the store's own encryption where a key was chosen for it", () => {
    const headers = { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'k' };
    assert.deepEqual(kept(headers), headers);
  });

  it('is refused where it could not be written again as it is', () => {
    assert.throws(() => kept({ 'x-amz-missing-meta': '1' }), { code: 'NotImplemented' });
    assert.throws(() => kept({ 'x-amz-meta-a': 'gr\u00fc\u00df' }), { code: 'NotImplemented' });
    assert.throws(() => kept({ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }), {
      code: 'NotImplemented',
    });
  });
});
