/** Reports of the operators' commands as text. Keys are shown so that none of them can command a terminal. */
import type { VisitReport } from '../../operate/visit-versions.ts';
import { total, type CountsReport, type VersionCounts } from '../../operate/version-counter.ts';

/** Counts as a table, one line per key version or form. */
export function versionsTable({ sealed, legacy, plain, unknown }: CountsReport): string {
  const rows: [string, VersionCounts][] = [
    ...Object.entries(sealed).map(([keyId, counts]): [string, VersionCounts] => [`wrapped by ${keyId}`, counts]),
    ...Object.entries(legacy).map(([format, counts]): [string, VersionCounts] => [`legacy, ${format}`, counts]),
    ['plaintext', plain],
    ['could not be looked at', unknown],
  ];
  const shown = rows.filter(([, counts]) => total(counts) > 0);
  if (shown.length === 0) return '  no objects\n';
  const width = Math.max(...shown.map(([name]) => name.length));
  const head = `  ${''.padEnd(width)}  ${columns(['current', 'old', 'locked'])}\n`;
  const lines = shown.map(
    ([name, { current, old, locked }]) => `  ${name.padEnd(width)}  ${columns([current, old, locked])}\n`,
  );
  return head + lines.join('');
}

/** What failed, and whether everything was seen. */
export function failuresText({ failed, failures, complete, listsVersions }: VisitReport): string {
  const lines = failures.map(({ key, error, detail }) => `  ${printable(key)}: ${error}: ${printable(detail)}\n`);
  const rest = failed > failures.length ? `  and ${failed - failures.length} more\n` : '';
  return (
    (failed === 0 ? '' : `${failed} failed:\n${lines.join('')}${rest}`) +
    (listsVersions ? '' : 'The store does not list versions: only current objects were checked.\n') +
    (complete ? '' : 'Interrupted before all objects were checked; run the command again to continue.\n')
  );
}

/** Names something, escaped where it holds control characters. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function columns(values: readonly (string | number)[]): string {
  return values.map((value) => String(value).padStart(9)).join(' ');
}
