import assert from 'node:assert/strict';
import { encodeEnvelope, parseEnvelope } from '../../../../src/core/cipher/envelope.ts';

const KEY = Buffer.alloc(40, 0xa5);
const TEXT = KEY.toString('base64url');

describe('envelope', () => {
  it('reads back what it writes', () => {
    for (const envelope of [
      { kind: 's', kekVersion: 1, wrapped: KEY },
      { kind: 'm', kekVersion: 0xffff_ffff, wrapped: Buffer.alloc(256, 1) },
      { kind: 's', kekVersion: 12, wrapped: Buffer.alloc(24, 2), keyringId: 'transit-eu' },
    ] as const) {
      assert.deepEqual(parseEnvelope(encodeEnvelope(envelope)), envelope);
    }
  });

  it('stays within 400 characters at its largest', () => {
    const largest = {
      kind: 's',
      kekVersion: 0xffff_ffff,
      wrapped: Buffer.alloc(256),
      keyringId: 'k'.repeat(32),
    } as const;
    assert.ok(encodeEnvelope(largest).length <= 400);
  });

  const malformed: Record<string, string> = {
    nothing: '',
    'a kind that does not exist': `1;1;x;1;${TEXT}`,
    'a version of zero': `1;1;s;0;${TEXT}`,
    'a version with a leading zero': `1;1;s;01;${TEXT}`,
    'a version above 32 bits': `1;1;s;4294967296;${TEXT}`,
    'a negative version': `1;1;s;-1;${TEXT}`,
    'a padded key': `1;1;s;1;${TEXT}==`,
    'a key in the other base64 alphabet': `1;1;s;1;${'+/'.repeat(27)}`,
    'stray bits behind the key': `1;1;s;1;${TEXT.slice(0, -1)}R`,
    'a key that is too short': `1;1;s;1;${TEXT.slice(0, 31)}`,
    'a key that is too long': `1;1;s;1;${'A'.repeat(343)}`,
    'no key': '1;1;s;1;',
    'an empty keyring id': `1;1;s;1;${TEXT};`,
    'a keyring id in capitals': `1;1;s;1;${TEXT};Local`,
    'a field too many': `1;1;s;1;${TEXT};local;x`,
    'a space in front': ` 1;1;s;1;${TEXT}`,
    'a line end behind': `1;1;s;1;${TEXT}\n`,
    'a value of another format beyond bounds': `2;1;${'x'.repeat(400)}`,
  };
  for (const [what, value] of Object.entries(malformed)) {
    it(`refuses ${what}`, () => assert.throws(() => parseEnvelope(value), { code: 'IntegrityFailure' }));
  }

  it('says that another format or algorithm is of another release, and guesses nothing of it', () => {
    for (const value of [`2;1;s;1;${TEXT}`, `1;2;s;1;${TEXT}`, '9;99;whatever']) {
      assert.throws(() => parseEnvelope(value), { code: 'NotImplemented' });
    }
  });
});
