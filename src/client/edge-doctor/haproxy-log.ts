/**
 * What HAProxy's configuration says that nobody sees from outside: whether a log holds queries or credentials, and options
 * that change what clients send. Enters: the text of a file. Leaves: what is wrong, by line. It is read by words, not
 * evaluated: conditions (`.if`) and variables are taken as they stand.
 */

/** One line that should be another. */
export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  readonly found: string;
  /** What to write in its place. */
  readonly instead: string;
}

interface Section {
  readonly kind: string;
  readonly name: string;
  readonly from: string | undefined;
  readonly lines: readonly { readonly line: number; readonly words: string }[];
}

/** Of `option httplog`, the path in place of the request line. */
export const LOG_LINE =
  'log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs \\"%HM %HPO %HV\\""';

const FORMAT = /^(?:log-format|error-log-format|option +httplog|option +httpslog)\b/;
/** Variables and samples that hold the query. */
const HOLDS_QUERY =
  /^option +https?log\b|%(?:\{[^}]*\})?(?:r\b|HU\b|HQ\b|hrl?\b(?!\s+%))|%(?:\{[^}]*\})?\[[^\]]*\b(?:url|query|pathq|baseq|capture\.req\.uri)\b/;
const CAPTURES =
  /^(?:capture +request +header +|http-request +capture +req\.f?hdr\()(?:authorization|x-amz-security-token)\b/i;
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/^option +http-buffer-request\b/, 'nothing: uploads would be late, and 100 Continue said too early'],
  [/^option +http-restrict-req-hdr-names +(?:reject|delete)\b/, 'nothing: x-amz-meta-a_b is legal'],
  [
    /^option +accept-(?:invalid-http-request|unsafe-violations-in-http-request)\b/,
    'nothing: it lets smuggling through',
  ],
  [/^http-request +normalize-uri\b/, 'nothing: it changes what is signed'],
];

/** Reads a file. What holds only for other sites is reported as well. */
export function problemsOf(text: string): readonly ConfigProblem[] {
  const sections = sectionsOf(text);
  const problems: ConfigProblem[] = [];
  const defaultsOf = (section: Section): Section | undefined => {
    const before = sections.slice(0, sections.indexOf(section)).filter(({ kind }) => kind === 'defaults');
    return section.from === undefined ? before.at(-1) : before.find(({ name }) => name === section.from);
  };
  for (const section of sections) {
    for (const { line, words } of section.lines) {
      if (CAPTURES.test(words)) problems.push({ line, found: words, instead: 'nothing: it is a credential' });
      for (const [pattern, instead] of FORBIDDEN) {
        if (pattern.test(words)) problems.push({ line, found: words, instead });
      }
    }
    if (section.kind !== 'frontend' && section.kind !== 'listen') continue;
    const inForce = (own: Section | undefined, errors: boolean) =>
      own?.lines.findLast(({ words }) => FORMAT.test(words) && words.startsWith('error-') === errors);
    for (const errors of [false, true]) {
      const format = inForce(section, errors) ?? inForce(defaultsOf(section), errors);
      if (format === undefined || !HOLDS_QUERY.test(format.words)) continue;
      const found = `${format.words} (in force in ${section.kind} ${section.name})`;
      problems.push({ line: format.line, found, instead: LOG_LINE });
    }
  }
  return problems;
}

function sectionsOf(text: string): readonly Section[] {
  const sections: (Section & { lines: { line: number; words: string }[] })[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw.replace(/^\s*#.*|\s#.*$/, '').trim();
    if (words === '') continue;
    const [, kind, name = '', from] =
      /^(global|defaults|frontend|backend|listen|userlist|peers|resolvers|cache|program|ring|http-errors|mailers)(?: +([^\s]+))?(?: +from +([^\s]+))?$/.exec(
        raw.trimEnd(),
      ) ?? [];
    if (kind !== undefined) sections.push({ kind, name, from, lines: [] });
    else sections.at(-1)?.lines.push({ line: index + 1, words });
  }
  return sections;
}
