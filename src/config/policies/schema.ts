/** The section `policies`: what callers may do. */
import { z } from 'zod';
import { key, path } from '../values/schema-words.ts';

export const policies = key(
  z.strictObject({
    directory: key(path, 'the path of a directory', 'Directory of the policy files.', { file: 'directory' }),
  }),
  'a group of keys',
  'What callers may do.',
);
