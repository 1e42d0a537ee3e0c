/** The section `policies`: what callers may do. */
import { z } from 'zod';
import { count, group, key, path, text } from '../values/schema-words.ts';

const grants = group(
  {
    keyFile: key(
      path,
      'the path of a file',
      'At least 32 random bytes. Seals every grant; all gateways and commands need the same ones. With another key no grant is in force.',
      { file: 'seed' },
    ),
    maxDurationSeconds: count(60, 604_800, 28_800, 'Longest time that a grant can last.'),
    approvers: key(
      z
        .array(text((value) => /^[\x21-\x7e]{1,64}$/.test(value)))
        .max(16)
        .default([]),
      'a list of at most 16 users of the operating system',
      'Where there are some, every grant waits until one of them, who did not request it, approves it.',
    ),
  },
  'What operators may grant for a time (`sallyport grant`), kept where the revocations are. Without this group no grant is in force.',
);

const guardrails = group(
  {
    keyFile: key(
      path,
      'the path of a file',
      'At least 32 random bytes. Seals every breaker; all gateways and commands need the same ones.',
      { file: 'seed' },
    ),
  },
  'How breakers of budgets are kept that stop (`whenSpent: stop`): where the revocations are. Without this group policies can have none. With revocations in Redis, budgets are counted there for all gateways together.',
);

export const policies = key(
  z.strictObject({
    directory: key(path, 'the path of a directory', 'Directory of the policy files.', { file: 'directory' }),
    preview: key(
      path.optional(),
      'the path of a directory',
      'Directory of policy files that are decided beside those in force, and have no say: where they differ, the audit and the metrics have it.',
    ),
    grants,
    guardrails,
  }),
  'a group of keys',
  'What callers may do.',
);

/** The section as the file has it, each key by itself right. */
export type FilePolicies = z.output<typeof policies>;
