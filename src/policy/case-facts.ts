/**
 * What a case says of its request, in the words of conditions and of the audit record; the facts that conditions look at
 * out. What a case does not say is not known.
 */
import { z } from 'zod';
import { WAYS_IN, type RequestFacts } from '../contracts/authorizer.ts';
import { bytes, instant, tagSet } from './condition-schema.ts';
import { closed, expecting, present } from './schema-parts.ts';

/** The facts about what a PUT stores. */
const STORED = ['size', 'contentType', 'tags', 'createOnly'] as const;

export const caseFacts = closed('what is known of the request', {
  time: instant.optional(),
  clientAddress: z.string({ error: expecting('the address of the client, such as `192.0.2.7`') }).optional(),
  wayIn: z.enum(WAYS_IN, { error: `must be one of ${WAYS_IN.join(', ')}` }).optional(),
  size: bytes.optional(),
  contentType: z.string({ error: expecting('the Content-Type as the client says it') }).optional(),
  tags: tagSet.optional(),
  createOnly: z.boolean({ error: 'must be true, of a request that says `If-None-Match: *`, or false' }).optional(),
});

type CaseFacts = z.output<typeof caseFacts>;

/** Whether there is something about what is stored, which only a PUT has. */
export const isOfStored = (facts: CaseFacts | undefined): boolean => facts !== undefined && present(facts, STORED) > 0;

/** The facts as the authorizer takes them. */
export function factsOf(facts: CaseFacts = {}): RequestFacts {
  const { time, clientAddress, wayIn, size, contentType, tags, createOnly } = facts;
  return {
    ...(time !== undefined && { nowMs: time }),
    ...(clientAddress !== undefined && { clientAddress }),
    wayIn,
    ...(isOfStored(facts) && {
      stored: {
        ...{ sizeBytes: size, contentType, createsOnly: createOnly },
        tags: tags === undefined ? undefined : new Map(Object.entries(tags)),
      },
    }),
  };
}
