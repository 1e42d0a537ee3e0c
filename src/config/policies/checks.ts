/** The rules across the keys of `policies`. */
import type { Loose, Report } from '../loading/loose.ts';
import type { FilePolicies } from './schema.ts';

/** Checks the section beside that in which it is said where grants are kept. */
export const checkPolicies = (policies: Loose<FilePolicies>, revocation: unknown, report: Report): void => {
  if (policies?.grants === undefined || revocation !== undefined) return;
  report(
    ['policies', 'grants'],
    'needs the section `revocation`: grants are kept where it says, in a file or in Redis',
  );
};
