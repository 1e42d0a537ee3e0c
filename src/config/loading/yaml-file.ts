/**
 * A YAML text as plain data, and the line of every key in it. Its own messages never quote the text: a secret that
 * stands where it should not must not end up on a terminal.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node } from 'yaml';

export interface YamlFile {
  readonly content: unknown;
  /** The line of a key, or of the closest key above it that exists; undefined for the file as a whole. */
  readonly lineOf: (path: readonly string[]) => number | undefined;
  /** Why the text is not usable, with the line. */
  readonly problems: readonly { readonly line: number | undefined; readonly message: string }[];
}

const entryOf = (node: unknown, part: string): { key: Node; value: unknown } | undefined => {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
    return isScalar(pair?.key) ? { key: pair.key, value: pair.value } : undefined;
  }
  const item = isSeq(node) ? node.items[Number(part)] : undefined;
  return item === undefined ? undefined : { key: item as Node, value: item };
};

/** Reads one YAML 1.2 document. */
export const readYaml = (source: string): YamlFile => {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    line: lines.linePos(pos[0]).line,
    message: `is not usable YAML (${code.toLowerCase().replaceAll('_', ' ')})`,
  }));
  visit(document, {
    Pair: (_, { key }) => {
      // Objects swallow this name, so that what stands below it would be ignored without a word.
      if (!isScalar(key) || key.value !== '__proto__') return;
      problems.push({ line: lines.linePos(key.range?.[0] ?? 0).line, message: 'has a key that cannot be used' });
    },
  });
  const lineOf = (path: readonly string[]): number | undefined => {
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const part of path) {
      const entry = entryOf(isAlias(node) ? node.resolve(document) : node, part);
      if (entry === undefined) break;
      offset = entry.key.range?.[0] ?? offset;
      node = entry.value;
    }
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  try {
    return { content: problems.length > 0 ? undefined : document.toJS(), lineOf, problems };
  } catch {
    // Aliases that multiply beyond the library's bound.
    return { content: undefined, lineOf, problems: [{ line: undefined, message: 'uses too many YAML aliases' }] };
  }
};
