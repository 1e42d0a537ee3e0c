import assert from 'node:assert/strict';
import fc from 'fast-check';
import { triesOf } from '../support/chance.ts';
import { ConfigError } from '../../src/config/loading/config-error.ts';
import { KEYS } from '../../src/config/loading/keys.ts';
import { changed, Sample } from '../unit/config/sample.ts';

const NAMES: Readonly<Record<string, string>> = { '<issuer>': 'corp', '<store>': 'main', '<bucket>': 'reports' };
const paths = KEYS.map(({ path }) =>
  path.map((part) => (part.startsWith('<') ? (NAMES[part] ?? '1') : part)).join('.'),
);

describe('config (fuzz)', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('answers anything in the place of any keys with a configuration or a ConfigError, nothing else', async () => {
    const change = fc.tuple(fc.constantFrom(...paths), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        // JSON is YAML.
        const result: unknown = await sample
          .loadText(JSON.stringify(changed(Object.fromEntries(changes))))
          .catch((error: unknown) => error);
        assert(!(result instanceof Error) || (result instanceof ConfigError && result.lines.length > 0));
      }),
      { numRuns: triesOf(300) },
    );
  });

  it('tells of a mistake across keys whatever single key is wrong beside it', async () => {
    const others = paths.filter((path) => !path.startsWith('listen'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...others), fc.jsonValue(), async (path, value) => {
        // A file that holds this key is refused as a file, before its keys are looked at.
        fc.pre(!JSON.stringify(value).includes('"__proto__"'));
        const wrong = await sample.wrongKeys({ [path]: value, listen: { address: '0.0.0.0:80' } });
        assert(wrong.includes('listen.address'));
      }),
      { numRuns: triesOf(200) },
    );
  });

  it('answers any text with a configuration or a ConfigError, nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
        const result: unknown = await sample.loadText(text).catch((error: unknown) => error);
        assert(result instanceof ConfigError);
      }),
      { numRuns: triesOf(200) },
    );
  });
});
