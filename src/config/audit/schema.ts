/** The section `audit`: the durable record of every access. */
import { z } from 'zod';
import { count, key, path, section } from '../values/schema-words.ts';

export const audit = key(
  z.strictObject({
    directory: key(
      path,
      'the path of a directory',
      'Directory of the audit files; made, mode 0700, where it is missing. The gateway alone should be able to write there.',
    ),
    rotateBytes: count(1_048_576, 1_099_511_627_776, 268_435_456, 'A file is closed and a new one begun at this size.'),
    minFreeBytes: count(
      0,
      1_099_511_627_776,
      104_857_600,
      'With less free space than this, accesses are refused (503) and `/readyz` fails.',
    ),
    refusals: section(
      {
        perSecond: count(1, 10_000, 50, 'Refusals of unidentified callers that are recorded per second and process.'),
        burst: count(1, 100_000, 200, 'How many of them at once.'),
        maxBytes: count(
          1_048_576,
          1_099_511_627_776,
          67_108_864,
          'Space that those of one process may take; the oldest go first.',
        ),
      },
      'Requests refused before an identity was known: a capped stream of their own.',
    ),
  }),
  'a group of keys',
  'The durable record of every access.',
);
