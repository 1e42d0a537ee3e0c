/** The section `edge`: whose word on clients is believed. */
import { group, key, path, RELOADS } from '../values/schema-words.ts';

export const edge = group(
  {
    secretFile: key(
      path,
      'the path of a file',
      "32 to 128 visible ASCII characters, which HAProxy sends with each request (`SALLYPORT_EDGE_SECRET`: haproxy/README.md). Only beside it is an `X-Forwarded-For` the client's address and an `X-Request-Id` the edge's.",
      { ...RELOADS, file: 'secret' },
    ),
  },
  'The edge whose word on clients is believed. Without it the address on record is that of the connection, which over a socket is none (`edge`).',
);
