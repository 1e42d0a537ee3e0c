import assert from 'node:assert/strict';
import type { ConfigSnapshot } from '../../../../src/config/loading/load.ts';
import { pathKey } from '../../../../src/config/loading/path-key.ts';
import { mergeReloaded } from '../../../../src/config/reload/merge.ts';

type Files = Readonly<Record<string, string>>;

const made = (content: object, files: Files = {}, directory = '/etc/sallyport'): ConfigSnapshot => ({
  content,
  files: Object.fromEntries(Object.entries(files).map(([path, text]) => [pathKey(path.split('.')), text])),
  directory,
});
const merged = (before: ConfigSnapshot, after: ConfigSnapshot) => {
  const kept = structuredClone([before, after]);
  const { snapshot, waiting } = mergeReloaded(before, after);
  assert.deepEqual([before, after], kept, 'neither is altered');
  return { ...snapshot, waiting };
};

describe('config/reload/merge', () => {
  it('takes up a reloadable group whole: what is added, changed and removed below it', () => {
    const before = made({ keyring: { local: { versions: { 1: { seedFile: 'a' }, 2: { seedFile: 'b' } } } } });
    const after = made({ keyring: { local: { versions: { 2: { seedFile: 'c' }, 3: { seedFile: 'd' } } } } });
    const { content, waiting } = merged(before, after);
    assert.deepEqual([content, waiting], [after.content, []]);
  });

  it('takes up a reloadable key that comes or goes in a group that both have', () => {
    const [bare, named] = [
      made({ revocation: { redis: { address: 'a:1' } } }),
      made({ revocation: { redis: { address: 'a:1', passwordFile: 'p' } } }, { 'revocation.redis.passwordFile': 'cA' }),
    ];
    for (const [before, after] of [
      [bare, named],
      [named, bare],
    ] as const) {
      const { content, files, waiting } = merged(before, after);
      assert.deepEqual({ content, files, waiting }, { content: after.content, files: after.files, waiting: [] });
    }
  });

  it('leaves all else as it was, and names it', () => {
    const before = made({ workers: 1, buckets: { a: {}, b: { style: 'path' } }, cors: { origins: ['x'] } });
    const after = made({ workers: 2, buckets: { b: { style: 'virtual' }, c: {} }, cors: { origins: ['x', 'y'] } });
    const { content, waiting } = merged(before, after);
    assert.deepEqual(content, before.content);
    assert.deepEqual(waiting.toSorted(), ['buckets.a', 'buckets.b.style', 'buckets.c', 'cors.origins', 'workers']);
  });

  it('a keyring, sessions or TLS that were not there before, or are no more, wait', () => {
    const keys = { sessions: { keys: { current: { id: 'k', keyFile: 'f' } } } };
    for (const [before, after] of [
      [{}, keys],
      [keys, {}],
      [{ sessions: {} }, keys],
      [keys, { sessions: { keys: 'k' } }],
    ] as const) {
      const { content, waiting } = merged(made(before), made(after));
      assert.deepEqual(content, before);
      assert.ok(waiting.some((key) => key.startsWith('sessions')));
    }
    const plain = made({ listen: { address: 'a:1' } });
    const { content, waiting } = merged(plain, made({ listen: { address: 'a:1', tls: { certFile: 'c' } } }));
    assert.deepEqual([content, waiting], [plain.content, ['listen.tls.certFile']]);
  });

  it('takes up the content of a file of a reloadable key; that of another one waits and names only its key', () => {
    const content = {
      listen: { tls: { certFile: 'c' } },
      stores: { main: { credentials: { secretAccessKeyFile: 's' } }, legacy: {} },
      issuers: { corp: { ca: 'x', caFile: 'ca' } },
    };
    const keys = ['listen.tls.certFile', 'stores.main.credentials.secretAccessKeyFile', 'issuers.corp.caFile'];
    const all = (text: string): Files => Object.fromEntries(keys.map((key) => [key, text]));
    const { files, waiting } = merged(made(content, all('old')), made(content, all('new')));
    assert.deepEqual(files, {
      ...made({}, all('new')).files,
      [pathKey(['issuers', 'corp', 'caFile'])]: 'old',
    });
    assert.deepEqual(waiting, ['issuers.corp.caFile']);
  });

  it('a file whose key stands in a variable alone counts to that key, and one that is gone is gone', () => {
    const before = made({}, { 'issuers.corp.caFile': 'old', 'listen.tls.certFile': 'old' });
    const { files, waiting } = merged(before, made({}, { 'issuers.corp.caFile': 'new' }));
    assert.deepEqual(files, made({}, { 'issuers.corp.caFile': 'old' }).files);
    assert.deepEqual(waiting, ['issuers.corp.caFile']);
  });

  it('no name reads as a path: neither one with dots nor one of an inherited property', () => {
    const before = made({ buckets: { 'a.b': { style: 'path' }, a: { b: {} } }, keyring: {} });
    const named = JSON.parse('{"a.b":{"style":"path"},"a":{"b":{}},"__proto__":{"style":"path"}}') as object;
    const { content, waiting } = merged(before, made({ buckets: named, 'keyring.local.versions': {}, keyring: {} }));
    assert.deepEqual(content, before.content);
    assert.deepEqual(waiting.toSorted(), ['buckets.__proto__.style', 'keyring.local.versions']);
    assert.equal(({} as { style?: string }).style, undefined);
    const { waiting: dotted } = merged(before, made({ buckets: { 'a.b': {}, a: { b: {} } }, keyring: {} }));
    assert.ok(dotted.includes('buckets.a.b.style'));
  });

  it('relative paths start where they did, and a content that is no group changes nothing', () => {
    const before = made({ workers: 1 });
    assert.equal(merged(before, made({ workers: 1 }, {}, '/elsewhere')).directory, before.directory);
    const { content, waiting } = merged(before, { ...before, content: 'nothing of the kind' });
    assert.deepEqual(content, before.content);
    assert.ok(waiting.includes('workers'));
  });
});
