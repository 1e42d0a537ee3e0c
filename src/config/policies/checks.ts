/** The rules across the keys of `policies`. */
import type { Loose, Report } from '../loading/loose.ts';
import type { FilePolicies } from './schema.ts';

/** Checks the section beside that in which it is said where grants and breakers are kept. */
export const checkPolicies = (policies: Loose<FilePolicies>, revocation: unknown, report: Report): void => {
  if (revocation !== undefined) return;
  for (const [name, what] of [
    ['grants', 'grants'],
    ['guardrails', 'breakers'],
  ] as const) {
    if (policies?.[name] === undefined) continue;
    report(
      ['policies', name],
      `needs the section \`revocation\`: ${what} are kept where it says, in a file or in Redis`,
    );
  }
};
