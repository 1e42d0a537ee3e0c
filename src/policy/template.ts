/**
 * Texts of rules with variables in them: `home/${sub}/`. What enters was written by whoever writes policies, what is put in
 * for a variable by whoever makes tokens: that is one segment of a path, taken as it is, or nothing. Linear, no patterns.
 */

/** Literals and variables in turn; there is one literal more, and any of them may be empty. */
export interface Template {
  readonly literals: readonly string[];
  /** `sub`, `issuer`, `groups` or `claims.NAME`. */
  readonly variables: readonly string[];
}

const START = '${';
const END = '}';
const MAX_VALUE_BYTES = 256;
const CONTROL = /\p{Cc}/u;

/** Names that policies may write between `${` and `}`. */
export const isVariable = (name: string): boolean =>
  ['sub', 'issuer', 'groups'].includes(name) || /^claims\.[^${}]+$/.test(name);

/** Reads a text; gives what is wrong with it where it is none. `$${` stands for the two characters `${`. */
export function parseTemplate(text: string): Template | { readonly problem: string } {
  const literals: string[] = [];
  const variables: string[] = [];
  let literal = '';
  let at = 0;
  for (let start = text.indexOf(START); start !== -1; start = text.indexOf(START, at)) {
    if (start > at && text[start - 1] === '$') {
      literal += text.slice(at, start - 1) + START;
      at = start + START.length;
      continue;
    }
    const end = text.indexOf(END, start);
    const name = text.slice(start + START.length, end === -1 ? undefined : end);
    if (end === -1) return { problem: `has no \`}\` after \`\${\`; for the two characters themselves write \`$\${\`` };
    if (!isVariable(name)) {
      const known = '`${sub}`, `${issuer}`, `${groups}` or `${claims.NAME}`';
      return {
        problem: `has an unknown variable \`\${${name}}\`: there are ${known}; for the characters write \`$\${\``,
      };
    }
    literals.push(literal + text.slice(at, start));
    variables.push(name);
    literal = '';
    at = end + END.length;
  }
  literals.push(literal + text.slice(at));
  const joined = literals.slice(1, -1).find((between) => !between.includes('/'));
  if (joined !== undefined) return { problem: 'has two variables in one segment: put a `/` between them' };
  return { literals, variables };
}

/** Puts the values in, up to the first variable that has none; `isWhole`: that is the end. */
export function fill(
  { literals, variables }: Template,
  values: ReadonlyMap<string, string>,
): { readonly text: string; readonly isWhole: boolean } {
  let text = literals[0] ?? '';
  for (const [index, variable] of variables.entries()) {
    const value = values.get(variable);
    if (value === undefined) return { text, isWhole: false };
    text += value + (literals[index + 1] ?? '');
  }
  return { text, isWhole: true };
}

/** Tells whether a value can be one segment of a path, and of no other path than the one that it is written in. */
export const isSegment = (value: string): boolean =>
  value !== '' &&
  value !== '.' &&
  value !== '..' &&
  value.length <= MAX_VALUE_BYTES &&
  !value.includes('/') &&
  !CONTROL.test(value) &&
  value.isWellFormed() &&
  Buffer.byteLength(value) <= MAX_VALUE_BYTES;

/** The variables of texts that are templates. */
export const variablesIn = (texts: readonly string[]): ReadonlySet<string> =>
  new Set(
    texts.flatMap((text) => {
      const template = parseTemplate(text);
      return 'problem' in template ? [] : template.variables;
    }),
  );
