/** The section `cors`: what browsers let pages of other origins do. */
import { z } from 'zod';
import { count, group, key, text } from '../values/schema-words.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { parseUrl } from '../values/shapes.ts';

/** An origin as browsers send it. Plain http only where nobody is in between. */
const isWebOrigin = (text: string): boolean => {
  const url = parseUrl(text);
  // Browsers compare letter by letter, and so do we: a pattern would be met by nobody, or by a reader's belief.
  return (
    url !== undefined &&
    url.origin === text &&
    !text.includes('*') &&
    (url.protocol === 'https:' || isLoopback(url.hostname))
  );
};

/** The name of a response header, or the beginning of some. `*` alone would be every header. */
const isHeaderPattern = (text: string): boolean => /^[a-z][a-z0-9-]{0,62}\*?$/.test(text);

export const cors = group(
  {
    origins: key(
      z
        .array(text(isWebOrigin))
        .min(1)
        .max(64)
        .refine((list) => new Set(list).size === list.length),
      'a list of 1 to 64 different origins, such as `https://app.example.com`; no `*`',
      'Origins whose pages may send requests and read the answers. Compared letter by letter.',
    ),
    exposedHeaders: key(
      z.array(text(isHeaderPattern)).min(1).max(64).default(['etag', 'x-amz-*', 'x-sallyport-*']),
      'a list of 1 to 64 names of headers in lower case; a final `*` stands for any ending',
      'Headers of answers that those pages may read.',
    ),
    maxAgeSeconds: count(0, 86_400, 600, 'How long browsers remember the answer to a preflight.'),
  },
  'What browsers let pages of other origins do. Without this section: nothing. Identity is always a token or a signature, never a cookie.',
);
