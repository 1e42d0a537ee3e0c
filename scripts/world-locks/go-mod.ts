/** `go.mod` of Go, beside the sources that need it: what is required directly, and what tools are. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchText, type LockKind, type Versions } from './lock.ts';

export interface GoModule extends Versions {
  /** Packages that are programs. */
  readonly tools: readonly string[];
}

/** Reads it. What a tool's module is counts as asked for. */
export function readGoMod(text: string): GoModule {
  const requested = new Map<string, string>();
  const further = new Map<string, string>();
  const tools = [...text.matchAll(/^\s*(?:tool\s+)?([\w./-]+\/[\w./-]+)\s*$/gm)].map(([, name = '']) => name);
  for (const [, name = '', version = '', indirect] of text.matchAll(
    /^\s*(?:require\s+)?([\w./~-]+)\s+(v\S+)(\s*\/\/ indirect)?\s*$/gm,
  )) {
    const isRequested = indirect === undefined || tools.some((tool) => tool === name || tool.startsWith(`${name}/`));
    (isRequested ? requested : further).set(name, version);
  }
  return { requested, further, tools };
}

/** Whatever Go is here: a module that wants a newer one stays. */
const HERE = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' };

export const goMod: LockKind = {
  is: (name) => name === 'go.mod',
  files: () => ['go.mod', 'go.sum'],
  versions: async (folder, name) => readGoMod(await readFile(join(folder, name), 'utf8')),
  move: async (folder, name) => {
    const { requested, tools } = readGoMod(await readFile(join(folder, name), 'utf8'));
    const isTools = (one: string) => tools.some((tool) => tool === one || tool.startsWith(`${one}/`));
    const modules = [...requested.keys()].filter((one) => !isTools(one)).map((one) => `${one}@latest`);
    if (modules.length > 0) await fetchText(folder, 'go', ['get', ...modules], HERE);
    for (const tool of tools) await fetchText(folder, 'go', ['get', '-tool', `${tool}@latest`], HERE);
    await fetchText(folder, 'go', ['mod', 'tidy'], HERE);
  },
};
