/**
 * Text of one YAML file in; a validated value or every issue out. Plain YAML only: aliases, anchors and tags are
 * refused, as each lets a file mean something else than what stands there; so is a key that objects would swallow.
 */
import { isAlias, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import type { PolicyIssue } from './invalid-policies.ts';

/** More than this of one file helps nobody. */
const MAX_ISSUES_PER_FILE = 100;

export type Path = readonly PropertyKey[];

/** A parsed file that can say where in it a path stands. */
export interface ReadDocument<T> {
  readonly file: string;
  readonly value: T;
  readonly issueAt: (path: Path, message: string) => PolicyIssue;
  /** Whether something is written there. */
  readonly has: (path: Path) => boolean;
}

/** Parses and validates by the schema that the content has; the issues are in the order in which they were found. */
export function readDocument<Schema extends z.ZodType>(
  file: string,
  text: string,
  schemaOf: (content: unknown) => Schema,
): ReadDocument<z.output<Schema>> | { readonly issues: readonly PolicyIssue[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const malformed = [...document.errors, ...document.warnings].map(({ pos, message }) => ({ offset: pos[0], message }));
  const syntax = malformed.length > 0 ? malformed : indirections(document);
  if (syntax.length > 0) {
    return {
      issues: syntax
        .slice(0, MAX_ISSUES_PER_FILE)
        .map(({ offset, message }) => ({ file, line: lines.linePos(offset).line, path: '', message })),
    };
  }
  const issueAt = (path: Path, message: string): PolicyIssue => ({
    file,
    line: lines.linePos(offsetOf(document, path)).line,
    path: renderPath(path),
    message,
  });
  const content: unknown = document.toJS({ maxAliasCount: 0 });
  const parsed = schemaOf(content).safeParse(content);
  if (parsed.success) return { file, value: parsed.data, issueAt, has: (path) => document.hasIn(path) };
  const found = parsed.error.issues.flatMap(ofMeantForm);
  return { issues: found.slice(0, MAX_ISSUES_PER_FILE).map((each) => issueAt(each.path, each.message)) };
}

/** Of a value that can have several forms: what is wrong inside of the one form that it has, else that it has none. */
function ofMeantForm(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inside = issue.errors.find((ofForm) => ofForm.some(({ path }) => path.length > 0)) ?? [];
  const found = inside.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
  return found.length > 0 ? found : [issue];
}

function indirections(document: Document.Parsed): { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Node: (_key, node) => {
      const plain = !isAlias(node) && node.anchor === undefined && node.tag === undefined;
      if (!plain) found.push({ offset: node.range?.[0] ?? 0, message: 'has an anchor, alias or tag: write it out' });
    },
    Pair: (_index, { key }) => {
      if (!isScalar(key) || key.value !== '__proto__') return;
      found.push({ offset: key.range?.[0] ?? 0, message: 'has a key that cannot be used' });
    },
  });
  return found;
}

/** The offset of the deepest part of the path that exists. */
function offsetOf(document: Document.Parsed, path: Path): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}

function renderPath(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
