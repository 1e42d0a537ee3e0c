import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeWord, encodeWord } from '../../../../src/s3/request/encoded-word.ts';

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

describe('s3/encoded-word', () => {
  it('gives every text back, and makes ASCII of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const word = encodeWord(bytes(text));
        if (word === undefined) assert.match(text, /[\0-\x1f\x7f]/);
        else {
          assert.match(word, /^[\0-\x7f]*$/);
          assert.equal(decodeWord(word), /^=\?UTF-8\?B\?/.test(text) ? decodeWord(text) : bytes(text));
        }
      }),
    );
  });

  it('makes no word of what is not UTF-8, nor of what holds a control character', () => {
    for (const value of ['\xe9', '\xc3', '\xed\xa0\x80', bytes('é\t'), bytes('é\0')]) {
      assert.equal(encodeWord(value), undefined);
    }
  });

  it('takes for a word only what it could have written: never one that ends a header, or hides ASCII', () => {
    for (const text of ['a', 'é\r\nx: y', 'é\0']) {
      const word = `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
      assert.equal(decodeWord(word), word);
    }
    for (const word of ['=?UTF-8?B??=', '=?UTF-8?B?w6k?=', '=?UTF-8?Q?=C3=A9?=', '=?UTF-8?B?w6k=?= x', 'a']) {
      assert.equal(decodeWord(word), word);
    }
  });
});
