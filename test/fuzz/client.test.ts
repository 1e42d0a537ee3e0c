import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hasProfile, withProfile, type AwsProfile } from '../../src/client/aws-config.ts';
import { ClientFailure } from '../../src/client/failure.ts';
import { unverifiedClaims } from '../../src/client/unverified-claims.ts';

const profileOf = (region: string): AwsProfile => ({
  name: 'sallyport',
  credentialCommand: ['node', 'sallyport.js', 'credentials'],
  settings: { gateway: 'https://g.example', region },
});
const line = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('[default]', '[profile a]', '  s3 =', '# <<< sallyport: profile other <<<', '', '\r', '# >>> x >>>'),
);
const file = fc
  .array(line, { maxLength: 12 })
  .chain((lines) => fc.constantFrom('\n', '\r\n').map((eol) => lines.join(eol)));

describe('an AWS configuration of any content', () => {
  it('keeps every byte but ours, however often it is written', () => {
    fc.assert(
      fc.property(file, file, (before, after) => {
        const block = withProfile('', profileOf('one'));
        const own = `${before}\n${block}${after}`;
        try {
          const second = withProfile(own, profileOf('two'));
          assert.ok(second.startsWith(`${before}\n`) && second.endsWith(after));
          assert.equal(withProfile(second, profileOf('one')), withProfile(own, profileOf('one')));
          assert.ok(hasProfile(second, profileOf('two')));
        } catch (error) {
          assert.ok(error instanceof ClientFailure);
        }
      }),
    );
  });

  it('keeps every byte when the profile is added', () => {
    fc.assert(
      fc.property(file, (before) => {
        const added = withProfile(before, profileOf('one'));
        assert.ok(added.startsWith(before));
        assert.equal(withProfile(added, profileOf('one')), added);
      }),
    );
  });
});

describe('a token of any content', () => {
  it('is looked at without an error', () => {
    const segment = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(fc.property(segment, segment, (head, claims) => void unverifiedClaims(`${head}.${claims}.x`)));
  });
});
