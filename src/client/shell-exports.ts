/** The environment of a profile as lines for a shell to run: `eval "$(sallyport configure --shell bash)"`. */
import { ClientFailure } from './failure.ts';

export const SHELLS = ['bash', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/** Writes one line per variable, with values that no shell reads anything into. @throws ClientFailure */
export function shellExports(shell: Shell, variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (/[\x00-\x1f\x7f]/.test(value)) throw new ClientFailure(`${name} cannot be written for a shell`);
      return `${line(shell, name, value)}\n`;
    })
    .join('');
}

function line(shell: Shell, name: string, value: string): string {
  switch (shell) {
    case 'bash':
      return `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`;
    case 'fish':
      return `set -gx ${name} '${value.replace(/[\\']/g, String.raw`\$&`)}'`;
    case 'powershell':
      // PowerShell takes typographic quotes for the plain one.
      return `$env:${name} = '${value.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
  }
}
