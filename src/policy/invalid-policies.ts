/** One thing that is wrong with a file, and what would be right. */
export interface PolicyIssue {
  readonly file: string;
  /** 1-based; absent where the file as a whole is meant. */
  readonly line?: number;
  /** Where in the file, such as `rules[1].prefix`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A set of policies that must not be used; holds every issue that was found, and its message lists them all. */
export class InvalidPolicies extends Error {
  readonly issues: readonly PolicyIssue[];
  /** Of the texts that could be read; absent where none were. */
  readonly version: string | undefined;

  constructor(issues: readonly PolicyIssue[], version?: string) {
    super(issues.map(renderIssue).join('\n'));
    this.name = 'InvalidPolicies';
    this.issues = issues;
    this.version = version;
  }
}

function renderIssue({ file, line, path, message }: PolicyIssue): string {
  const at = line === undefined ? file : `${file}:${line}`;
  return path === '' ? `${at}: ${message}` : `${at}: ${path} ${message}`;
}
