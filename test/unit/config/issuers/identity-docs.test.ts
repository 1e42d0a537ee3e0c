import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { PRESET_NAMES } from '../../../../src/config/issuers/presets.ts';
import { policySchema } from '../../../../src/policy/policy-schema.ts';
import { Sample } from '../sample.ts';

const page = await readFile(fileURLToPath(new URL('../../../../docs/identity.md', import.meta.url)), 'utf8');
const blocks = (kind: string): Record<string, unknown>[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => parse(text) as Record<string, unknown>,
  );

describe('the page about identity', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('has a configuration for each preset, and each loads as it stands', async () => {
    const seen = new Set<unknown>();
    for (const { issuers } of blocks('yaml')) {
      const [name = '', entry] = Object.entries(issuers as Record<string, Record<string, unknown>>)[0] ?? [];
      const { introspection } = entry ?? {};
      const files = { clientIdFile: 'id', clientSecretFile: 'secret' };
      const merged = {
        ...entry,
        ...(introspection !== undefined && { introspection: { ...introspection, ...files } }),
      };
      const config = await sample.load({ issuers: { [name]: merged } });
      assert.equal(config.issuers[0]?.name, name);
      seen.add(entry?.['preset'] ?? 'generic');
    }
    assert.deepEqual([...seen].sort(), [...PRESET_NAMES].sort());
  });

  it('shows for Keycloak the very entry that CI runs', async () => {
    const file = fileURLToPath(new URL('../../../../examples/keycloak/sallyport.yaml', import.meta.url));
    const shown = blocks('yaml').find(({ issuers }) => Object.hasOwn(issuers as object, 'keycloak'));
    assert.deepEqual(shown, parse(await readFile(file, 'utf8')));
  });

  it('has a section for each preset', () => {
    for (const preset of PRESET_NAMES) assert.ok(page.includes(`\n### ${preset}\n`), preset);
  });

  it('shows subjects that policies understand', () => {
    const rules = [{ id: 'r', allow: ['GET'], bucket: 'reports', everything: true }];
    const found = blocks('yaml policy');
    assert.equal(found.length, 2);
    for (const { subjects } of found) {
      assert.ok(policySchema.safeParse({ id: 'p', description: 'Of the page.', subjects, rules }).success);
    }
  });
});
