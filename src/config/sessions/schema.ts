/** The section `sessions`: credentials of our own, for clients that sign. */
import { z } from 'zod';
import { SESSION_SECONDS } from '../../contracts/store-access.ts';
import { countWithin, group, key, path, RELOADS, text } from '../values/schema-words.ts';

const sessionKey = {
  id: key(
    text((value) => /^[\w-]{1,32}$/.test(value)),
    '1 to 32 letters, digits, `_` or `-`',
    'Name of the key. It stands in every session token, in clear.',
  ),
  keyFile: key(path, 'the path of a file', 'At least 32 random bytes.', { file: 'seed' }),
};

export const sessions = group(
  {
    deploymentId: key(
      text((value) => /^[\x21-\x7e]{1,128}$/.test(value)),
      '1 to 128 visible ASCII characters',
      'Name of this deployment, such as `production`. Sessions of another one are refused, whatever their keys.',
    ),
    keys: key(
      z.strictObject({
        current: key(z.strictObject(sessionKey), 'a group of keys', 'Seals sessions, and opens them.'),
        previous: group(
          sessionKey,
          'Opens sessions only: the last key, or the next one while a change of keys reaches every replica.',
        ),
      }),
      'a group of keys',
      'Keys from which session tokens and secret access keys are derived. All replicas need the same ones.',
      RELOADS,
    ),
    defaultSeconds: countWithin(SESSION_SECONDS, 'Life of a session whose client asks for none.'),
    maxSeconds: countWithin(
      { ...SESSION_SECONDS, usual: SESSION_SECONDS.max },
      'Longest life that a client can ask for.',
    ),
    minSeconds: countWithin(
      { ...SESSION_SECONDS, usual: SESSION_SECONDS.min },
      'Shortest life that a client can ask for. A session ends with its token all the same.',
    ),
  },
  'Credentials of our own, for clients that sign: AWS CLI, SDKs, rclone, s3cmd. Without this section only bearer tokens are accepted.',
);

/** The section as the file has it, each key by itself right. */
export type FileSessions = z.output<typeof sessions>;
