/** What went wrong on a person's machine, and what that person can do. Never holds a token or a secret. */
export class ClientFailure extends Error {
  /** One sentence that says how to mend it. */
  readonly mend: string | undefined;

  constructor(message: string, mend?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClientFailure';
    this.mend = mend;
  }
}

/** The message at the end of a chain of causes, with the code of the system or the HTTP status that says why. */
export function reasonOf(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  const said = last instanceof Error ? last.message : String(last);
  if (last instanceof Error && last.cause instanceof Response) return printable(`${said}: ${last.cause.status}`);
  const code = last instanceof Error ? (last as NodeJS.ErrnoException).code : undefined;
  return printable(code === undefined || said.includes(code) ? said : `${said} (${code})`);
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere for a terminal, which obeys what it is sent; cut to `maxLength` characters. */
export function printable(text: string, maxLength = 500): string {
  return text.slice(0, maxLength).toWellFormed().replace(UNPRINTABLE, '\uFFFD');
}
