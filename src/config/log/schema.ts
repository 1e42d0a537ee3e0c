/** The section `log`: what is logged. */
import { z } from 'zod';
import { key, section } from '../values/schema-words.ts';

export const log = section(
  {
    level: key(
      z.enum(['error', 'warn', 'info', 'debug']).default('info'),
      '`error`, `warn`, `info` or `debug`',
      'What is logged.',
    ),
  },
  'The log of the service (not the audit).',
);
