/** What is wrong with a configuration: all of it at once, one line per problem. No line holds a secret. */

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Dotted path of the key, such as `stores.main.endpoint`; empty for the file as a whole. */
  readonly key: string;
  /** What is wrong, and what would be right. */
  readonly message: string;
  /** Where the value comes from: `sallyport.yaml:12`, or the name of a variable. */
  readonly where: string;
}

/** The configuration cannot be used. The command line prints `lines` and exits with 2. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }

  /** One line per problem: where, key, what is wrong and what would be right. Who set a variable knows no keys. */
  get lines(): readonly string[] {
    const lines = this.problems.map(({ where, key, message }) =>
      [where, isVariable(where) ? '' : key, message].filter((part) => part !== '').join(': '),
    );
    return [...new Set(lines)];
  }
}

/** Whether a value comes from a variable. */
export const isVariable = (where: string): boolean => /^(?:SALLYPORT|AWS)_/.test(where);
