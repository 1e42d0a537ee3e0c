/** What went wrong on a person's machine, and what that person can do. Never holds a token or a secret. */
export class ClientFailure extends Error {
  /** One sentence that says how to fix it. */
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClientFailure';
    this.remedy = remedy;
  }
}

/** The message at the end of a chain of causes, with the code of the system or the HTTP status that says why. */
export function reasonOf(error: unknown): string {
  const last = rootOf(error);
  const said = last instanceof Error ? last.message : String(last);
  if (last instanceof Error && last.cause instanceof Response) return printable(`${said}: ${last.cause.status}`);
  const code = codeOf(last);
  return printable(code === undefined || said.includes(code) ? said : `${said} (${code})`);
}

function rootOf(error: unknown): unknown {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return last;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** What a person can do where a server cannot be reached, or is not believed; `undefined`: it is something else. */
export function networkRemedy(error: unknown): string | undefined {
  switch (codeOf(rootOf(error)) ?? '') {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'check the name; where it is known in one network only, join that (VPN)';
    case 'ECONNREFUSED':
      return 'nothing listens there: check the port, or ask whether it is up';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'the server has a certificate for another name: use the name that it is for';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return 'check the clock of this machine; if it is right, tell who runs the server';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'name the CA of your organisation: sallyport login --ca-file, or NODE_USE_SYSTEM_CA=1 where the system knows it';
    default:
      return undefined;
  }
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere for a terminal, which obeys what it is sent; cut to `maxLength` characters. */
export function printable(text: string, maxLength = 500): string {
  return text.slice(0, maxLength).toWellFormed().replace(UNPRINTABLE, '\uFFFD');
}
