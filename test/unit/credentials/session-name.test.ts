import assert from 'node:assert/strict';
import { sessionName } from '../../../src/credentials/session-name.ts';

const SHAPE = /^[\w+=,.@-]{2,64}$/;

describe('session name', () => {
  it('keeps subjects that STS would refuse within its alphabet and length', () => {
    for (const subject of [
      'auth0|123',
      '',
      'a b',
      'ü漢😀',
      'x'.repeat(5000),
      'arn:aws:sts::1:assumed-role/r/s',
      '\n',
    ]) {
      assert.match(sessionName('https://idp.example', subject), SHAPE);
    }
  });

  it('begins with what a person can read of the subject', () => {
    assert.match(sessionName('https://idp.example', 'alice@example.com'), /^alice@example\.com-/);
    assert.match(sessionName('https://idp.example', 'auth0|123'), /^auth0_123-/);
  });

  it('tells subjects apart that look the same once sanitised or cut', () => {
    const long = 'x'.repeat(60);
    const subjects = ['auth0|123', 'auth0_123', 'auth0/123', `${long}1`, `${long}2`, sessionName('i', 'auth0|123')];
    assert.equal(new Set(subjects.map((subject) => sessionName('i', subject))).size, subjects.length);
  });

  it('tells the same subject of two issuers apart, wherever issuer and subject are split', () => {
    assert.notEqual(sessionName('https://a.example', 'alice'), sessionName('https://b.example', 'alice'));
    assert.notEqual(sessionName('https://a', 'bc'), sessionName('https://ab', 'c'));
    assert.notEqual(sessionName('i', '\ud800'), sessionName('i', '\ud801'));
    assert.notEqual(sessionName('1:a', 'b'), sessionName('1', ':a1:b'));
  });
});
