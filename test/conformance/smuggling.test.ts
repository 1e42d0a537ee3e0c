import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { converse, head, type Endpoint } from '../support/http/raw-wire.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { releaseOf, versionOf } from '../support/store/versions.ts';

type Line = readonly [name: string, value: string];

describe('requests that HAProxy and the gateway could read in two ways', function () {
  this.timeout(60_000);
  let stack: Stack;
  let token: string;
  let edge: Endpoint;
  let edgeRelease: number;

  before(async () => {
    stack = await sharedStack();
    token = await stack.forge({});
    edge = { port: Number(new URL(stack.frontUrl).port), ca: await readFile(stack.caFile, 'utf8') };
    edgeRelease = releaseOf(await versionOf('haproxy'));
  });

  const put = (key: string, ...lines: readonly Line[]): string =>
    head({
      method: 'PUT',
      target: `/reports/2026/${key}`,
      lines: [['host', 'localhost'], ['authorization', `Bearer ${token}`], ...lines],
    });
  const statuses = (text: string): number[] =>
    [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));

  /** The connection has ended: what was said before is one refusal; HAProxy 3 ends some of these without a word. */
  const assertOneRefusal = (text: string): void => {
    if (text === '' && edgeRelease >= 3) return;
    const all = statuses(text);
    assert.equal(all.length, 1, text);
    // Two lines of a list are one list; a list of conditions on a write is not implemented.
    assert.ok((all[0]! >= 400 && all[0]! < 500) || all[0] === 501, text);
  };

  // The hidden request ends the connection, should anyone answer it: then there are two answers.
  const hidden = () => `${put('hidden', ['content-length', '1'], ['connection', 'close'])}x`;
  const framings: readonly (readonly [string, (length: string) => readonly Line[]])[] = [
    [
      'a length and chunks',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    [
      'chunks and a length',
      (length) => [
        ['transfer-encoding', 'chunked'],
        ['content-length', length],
      ],
    ],
    [
      'a length and an unknown encoding',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', 'xchunked'],
      ],
    ],
    [
      'chunks that are not the last encoding',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', 'chunked, identity'],
      ],
    ],
    [
      'two encodings',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', 'chunked'],
        ['transfer-encoding', 'identity'],
      ],
    ],
    [
      'an encoding behind a vertical tab',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', '\x0bchunked'],
      ],
    ],
    [
      'an encoding with a space before its colon',
      (length) => [
        ['content-length', length],
        ['transfer-encoding ', 'chunked'],
      ],
    ],
    [
      'an encoding that is folded',
      (length) => [
        ['content-length', length],
        ['transfer-encoding', '\r\n chunked'],
      ],
    ],
    [
      'two lengths',
      (length) => [
        ['content-length', length],
        ['content-length', '5'],
      ],
    ],
    ['two lengths in one', (length) => [['content-length', `${length}, 5`]]],
    ['a length with a sign', (length) => [['content-length', `+${length}`]]],
    ['a negative length', () => [['content-length', '-1']]],
  ];
  for (const [title, framing] of framings) {
    it(`${title}: one refusal at most, and the connection ends`, async () => {
      const body = `0\r\n\r\n${hidden()}`;
      assertOneRefusal(await converse(edge, [put('carrier', ...framing(String(body.length))), body]));
      for (const key of ['carrier', 'hidden']) {
        assert.equal((await stack.raw.get('reports', `2026/${key}`)).status, 404, key);
      }
      // Nothing is left on the connections that the edge shares among all clients.
      const others = await Promise.all(
        Array.from({ length: 8 }, () => stack.client.call({ method: 'GET', target: '/reports/2026/nothing', token })),
      );
      for (const { status, code } of others) assert.deepEqual({ status, code }, { status: 404, code: 'NoSuchKey' });
    });
  }

  it('without any of this, the hidden request is a second one', async () => {
    const text = await converse(edge, [`${put('carrier', ['content-length', '1'])}x`, hidden()]);
    assert.deepEqual(statuses(text), [200, 200]);
    for (const key of ['carrier', 'hidden']) await stack.raw.remove('reports', `2026/${key}`);
  });

  const twice: readonly Line[] = [
    ['host', 'elsewhere.example'],
    ['authorization', 'Bearer x'],
    ['content-type', 'text/html'],
    ['x-amz-acl', 'public-read'],
    ['if-none-match', '"x"'],
  ];
  for (const [name, value] of twice) {
    it(`a second ${name} is refused, not taken as one of the two`, async () => {
      const first: readonly Line[] = [
        ['content-type', 'text/plain'],
        ['x-amz-acl', 'private'],
        ['if-none-match', '*'],
        ['content-length', '1'],
        ['connection', 'close'],
      ];
      const good = `${put('doubled', ...first)}x`;
      for (const attack of [
        `${put('doubled', ...first, [name, value])}x`,
        `${put('doubled', [name, value], ...first)}x`,
      ]) {
        assertOneRefusal(await converse(edge, [attack]));
      }
      assert.deepEqual(statuses(await converse(edge, [good])), [200]);
      await stack.raw.remove('reports', '2026/doubled');
    });
  }
});
