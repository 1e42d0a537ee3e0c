import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authorizationBytes, staleDocs } from '../../../scripts/generate-docs.ts';
import { EDGE_VARIABLES, VARIABLES } from '../../../src/config/loading/environment.ts';
import { KEYS } from '../../../src/config/loading/keys.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFile(join(root, path), 'utf8');
const defaultOf = (key: string) => Number(KEYS.find(({ path }) => path.join('.') === key)?.default);

describe('the documentation of the configuration', () => {
  it('says what the code says now', async () => {
    assert.deepEqual(await staleDocs(), []);
  });

  it('has every timeout in one table, and nothing that is measured in ms elsewhere', () => {
    const times = KEYS.filter(({ path }) => path.at(-1)?.endsWith('Ms')).map(({ path }) => path[0]);
    assert.deepEqual([...new Set(times)], ['timeouts']);
  });

  it('maps the variables of other programs to keys and variables that exist', async () => {
    const text = await read('docs/coming-from.md');
    // The last cell of a row is the counterpart; names that the operator chooses are in angle brackets.
    const cells = text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split('|').at(-2) ?? '');
    const keys = new Set(KEYS.map(({ path }) => path.join('.')));
    const tops = new Set(KEYS.map(({ path }) => path[0]));
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
    const ours = named.filter((name) => tops.has(name.split('.')[0]) && /^[\w.<>-]+$/.test(name));
    assert(ours.length > 20);
    assert.deepEqual(
      ours.filter((name) => !keys.has(name)),
      [],
    );
    const variables = named.filter((name) => name.startsWith('SALLYPORT_'));
    assert.deepEqual(
      variables.filter((name) => !VARIABLES.includes(name)),
      [],
    );
  });

  it('says truly what a token with 300 groups takes', () => {
    assert.equal(authorizationBytes(300, 36) - authorizationBytes(299, 36), Math.round(((36 + 3) * 4) / 3));
    assert(authorizationBytes(300, 64) < defaultOf('limits.headerBytes'));
    assert(authorizationBytes(300, 80) > defaultOf('limits.headerBytes'));
  });
});

describe('haproxy/haproxy.cfg and the defaults of the gateway', () => {
  let config: string;
  before(async () => {
    config = await read('haproxy/haproxy.cfg');
  });
  const setting = (name: string): number => {
    const match = new RegExp(`^\\s*${name.replaceAll('.', '\\.')}\\s+(\\d+)(s?)\\s*$`, 'm').exec(config);
    assert(match !== null, `haproxy.cfg sets no ${name}`);
    return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
  };

  it('agree on headers: the edge lets through all that the gateway accepts', () => {
    assert(setting('tune.bufsize') - setting('tune.maxrewrite') >= defaultOf('limits.headerBytes'));
  });

  it('agree on idle connections: the edge closes them first', () => {
    assert(setting('timeout http-keep-alive') < defaultOf('timeouts.keepAliveMs'));
  });

  it('agree on patience: the gateway aborts first, and so gives the answer', () => {
    for (const key of ['upstreamHeadersMs', 'upstreamBodyIdleMs', 'requestBodyIdleMs']) {
      assert(setting('timeout server') > defaultOf(`timeouts.${key}`), key);
    }
    assert(setting('timeout client') > defaultOf('timeouts.requestBodyIdleMs'));
  });

  it('are those of the backend that others take into their own file', async () => {
    const shared = (text: string) =>
      /^backend (?:gateway|sallyport)\n(.*?)^ {4}default-server [^\n]+\n/ms.exec(text)?.[0].split('\n').slice(1);
    const ours = shared(config);
    assert(ours !== undefined && ours.length > 60);
    assert.deepEqual(shared(await read('haproxy/sallyport-backend.cfg')), ours);
  });

  it('agree on variables: what the edge reads, the gateway does not take for a mistake', () => {
    const read = new Set(config.match(/SALLYPORT_[A-Z0-9_]+/g));
    assert(read.size > 0);
    assert.deepEqual(
      [...read].filter((name) => !EDGE_VARIABLES.includes(name)),
      [],
    );
  });
});
