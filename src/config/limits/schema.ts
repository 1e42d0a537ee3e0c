/** The section `limits`: what is accepted at most. */
import { MAX_SINGLE_PLAIN_BYTES } from '../../contracts/object-format.ts';
import { MAX_HEADER_BYTES } from '../../s3/request/request-headers.ts';
import { count, section } from '../values/schema-words.ts';

export const limits = section(
  {
    headerBytes: count(
      8192,
      MAX_HEADER_BYTES,
      MAX_HEADER_BYTES,
      "Request line and headers together. HAProxy's `tune.bufsize` less `tune.maxrewrite` must not be smaller.",
    ),
    objectBytes: count(
      0,
      MAX_SINGLE_PLAIN_BYTES,
      MAX_SINGLE_PLAIN_BYTES,
      'Plaintext of a single PUT: 5 GiB less the overhead of the format.',
    ),
    inFlight: count(
      1,
      65_536,
      512,
      'Requests at once per process; one more gets 503 SlowDown. Three in eight are seats of reads and three in eight of writes, which callers share fairly ([many callers at once](running.md#many-callers-at-once)). Batches and listings that cost more than one thing (a key to delete, an object to look at in a prefix under migration) have 2,000 things of one identity at once and wait for the rest.',
    ),
    legacyObjectBytes: count(
      1024,
      1_073_741_824,
      67_108_864,
      'Stored size of an object of another encrypting gateway; it is decrypted in memory, whole. A larger one is refused.',
    ),
    smallBodyBytes: count(0, 1_048_576, 131_072, 'Bodies up to this size are sealed in memory in one piece.'),
  },
  'What is accepted at most.',
);
