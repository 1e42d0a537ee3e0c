/** The section `audit`: the durable record of every access. */
import { z } from 'zod';
import {
  AUDIT_FILE_BYTES,
  AUDIT_MIN_FREE_BYTES,
  REFUSALS_BURST,
  REFUSALS_BYTES,
  REFUSALS_PER_SECOND,
} from '../../contracts/audit-limits.ts';
import { countWithin, key, path, section } from '../values/schema-words.ts';

export const audit = key(
  z.strictObject({
    directory: key(
      path,
      'the path of a directory',
      'Directory of the audit files; made, mode 0700, where it is missing. The gateway alone should be able to write there.',
    ),
    rotateBytes: countWithin(AUDIT_FILE_BYTES, 'A file is closed and a new one begun at this size.'),
    minFreeBytes: countWithin(
      AUDIT_MIN_FREE_BYTES,
      'With less free space than this, accesses are refused (503) and `/readyz` fails.',
    ),
    refusals: section(
      {
        perSecond: countWithin(
          REFUSALS_PER_SECOND,
          'Refusals of unidentified callers that are recorded per second and process.',
        ),
        burst: countWithin(REFUSALS_BURST, 'How many of them at once.'),
        maxBytes: countWithin(REFUSALS_BYTES, 'Space that those of one process may take; the oldest go first.'),
      },
      'Requests refused before an identity was known: a capped stream of their own.',
    ),
  }),
  'a group of keys',
  'The durable record of every access.',
);
