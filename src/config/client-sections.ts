/** The part of the schema that clients meet: sessions of our own, the names of the gateway, pages in browsers. */
import { z } from 'zod';
import { count, flag, group, key, path, section, text } from './schema-words.ts';
import { isHeaderPattern, isPublicHost, isWebOrigin, parseUrl } from './shapes.ts';

const regionName = text((value) => /^[a-z0-9-]{1,64}$/.test(value));

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
    ),
    defaultSeconds: count(900, 43_200, 3600, 'Life of a session whose client asks for none.'),
    maxSeconds: count(900, 43_200, 43_200, 'Longest life that a client can ask for.'),
    minSeconds: count(
      900,
      43_200,
      900,
      'Shortest life that a client can ask for. A session ends with its token all the same.',
    ),
  },
  'Credentials of our own, for clients that sign: AWS CLI, SDKs, rclone, s3cmd. Without this section only bearer tokens are accepted.',
);

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

export const endpoint = section(
  {
    publicHosts: key(
      z.array(text(isPublicHost)).max(16).default([]),
      'a list of at most 16 host names in lower case, each with a port or without',
      'Names by which clients reach the edge. `bucket.<name>` then addresses a bucket (virtual-hosted style).',
    ),
    regions: key(
      z.array(regionName).min(1).max(64).optional(),
      'a list of 1 to 64 names of regions',
      'Regions that clients may sign for.',
      { derivedDefault: "those of the stores, and `us-east-1`, which is the clients' own default" },
    ),
    tokenHelp: key(
      text((value) => value.length <= 512 && parseUrl(value) !== undefined).optional(),
      'an http or https URL of at most 512 characters, without credentials, query or fragment',
      'Where people learn how to get a token. The `WWW-Authenticate` of a 401 names it, to everybody.',
      { derivedDefault: 'the URLs of the first eight issuers' },
    ),
    requireSignedContentHeaders: flag(
      'Refuses a signed request whose `Content-Type` or `Content-MD5` is not among its signed headers. Amazon S3 takes it, and aws-sdk-js v2, minio-js, GDAL and `curl --aws-sigv4` send it; nobody but the edge stands between a client and the gateway to alter one.',
    ),
  },
  'What clients know the gateway by.',
);
