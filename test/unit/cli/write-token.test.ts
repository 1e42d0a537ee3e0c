import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { writeToken } from '../../../src/cli/io.ts';

const written = (isTTY?: boolean): string => {
  const stdout = Object.assign(new PassThrough(), isTTY === undefined ? {} : { isTTY });
  writeToken({ stdout }, 'a.b.c');
  return String(stdout.read());
};

describe('cli/io: writeToken', () => {
  it('ends a token file with the token: a newline in it is refused where the file becomes a header', () => {
    assert.equal(written(), 'a.b.c');
    assert.equal(written(false), 'a.b.c');
  });

  it('ends a line that a person sees', () => {
    assert.equal(written(true), 'a.b.c\n');
  });
});
