import assert from 'node:assert/strict';
import { format, inspect } from 'node:util';
import { Secret } from '../../../../src/config/loading/secret.ts';

describe('config/secret', () => {
  const secret = new Secret('hunter2');

  it('shows itself in no way of printing', () => {
    const shown = [
      String(secret),
      secret.toString(),
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: null, showHidden: true }),
      format('%s %o %O %j', secret, secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(Object.assign({}, secret)),
      inspect(structuredClone(secret)),
    ];
    assert.deepEqual(
      shown.filter((text) => text.includes('hunter2') || text.includes(Buffer.from('hunter2').toString('hex'))),
      [],
    );
  });

  it('gives its value to those who ask for it', () => {
    assert.equal(secret.reveal(), 'hunter2');
    assert.deepEqual(secret.revealBytes(), Buffer.from('hunter2'));
  });

  it('cannot be altered through what it gave or was given', () => {
    const received = Buffer.from('hunter2');
    const copy = new Secret(received);
    received.fill(0);
    copy.revealBytes().fill(0);
    assert.equal(copy.reveal(), 'hunter2');
  });
});
