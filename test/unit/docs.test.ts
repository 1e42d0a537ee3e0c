import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function pages(): Promise<string[]> {
  const folders = [
    '.',
    'docs',
    'docs/adr',
    'docs/spec',
    'policies',
    'haproxy',
    'examples',
    'examples/compose',
    'examples/company',
  ];
  const names = await Promise.all(
    folders.map(async (folder) => (await readdir(join(root, folder))).map((name) => join(folder, name))),
  );
  return names.flat().filter((name) => name.endsWith('.md'));
}

/** Files of set-ups that are there to be copied. */
async function examples(): Promise<string[]> {
  const names = await readdir(join(root, 'examples'), { recursive: true });
  return names.filter((name) => /\.(?:ya?ml|sh|env)$/.test(name)).map((name) => join('examples', name));
}

describe('the documents', () => {
  it('link only to what is there', async () => {
    const broken: string[] = [];
    for (const page of await pages()) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        if (!existsSync(resolve(root, dirname(page), link))) broken.push(`${page}: ${link}`);
      }
    }
    assert.deepEqual(broken, []);
  });

  it('name only npm scripts that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const unknown: string[] = [];
    for (const page of await pages()) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, name = ''] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
        if (scripts[name] === undefined) unknown.push(`${page}: npm run ${name}`);
      }
    }
    assert.deepEqual(unknown, []);
  });

  it('never show a set-up that sends a token to AWS: no endpoint stands without that of STS', async () => {
    const texts = await Promise.all(
      [...(await pages()), ...(await examples()), 'demo/banner.ts', 'src/cli/client/configure.ts'].map(
        async (name) => [name, await readFile(join(root, name), 'utf8')] as const,
      ),
    );
    const astray: string[] = [];
    let shown = 0;
    for (const [name, text] of texts) {
      for (const block of text.split(/\n[ \t]*\n|\n(?=\|)/)) {
        const trades = block.includes('AWS_WEB_IDENTITY_TOKEN_FILE') && block.includes('AWS_ENDPOINT_URL');
        if (!trades && !/\bAWS_ENDPOINT_URL['"]?\s*[=:]/.test(block)) continue;
        shown += 1;
        if (!block.includes('AWS_ENDPOINT_URL_STS')) astray.push(`${name}: ${block.slice(0, 200)}`);
      }
    }
    assert.deepEqual(astray, []);
    assert.ok(shown >= 4);
  });

  it('have one page per decision, numbered without a gap', async () => {
    const numbers = (await readdir(join(root, 'docs/adr')))
      .map((name) => Number(name.slice(0, 4)))
      .toSorted((a, b) => a - b);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
  });
});
