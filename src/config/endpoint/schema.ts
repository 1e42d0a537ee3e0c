/** The section `endpoint`: what clients know the gateway by. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { flag, key, region, section, text } from '../values/schema-words.ts';
import { parseAddress, parseUrl } from '../values/shapes.ts';

/** A host name in lower case, with a port where it is not the usual one; no address, since no bucket stands before it. */
const isPublicHost = (text: string): boolean => {
  const [host = '', port, ...more] = text.split(':');
  const labels = host.split('.');
  const isName = host.length <= 253 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  return isName && more.length === 0 && isIP(host) === 0 && parseAddress(`${host}:${port ?? '0'}`) !== undefined;
};

export const endpoint = section(
  {
    publicHosts: key(
      z.array(text(isPublicHost)).max(16).default([]),
      'a list of at most 16 host names in lower case, each with a port or without',
      'Names by which clients reach the edge. `bucket.<name>` then addresses a bucket (virtual-hosted style).',
    ),
    regions: key(
      z.array(region).min(1).max(64).optional(),
      'a list of 1 to 64 names of regions',
      'Regions that clients may sign for.',
      { derivedDefault: "those of the stores, and `us-east-1`, which is the clients' own default" },
    ),
    tokenHelp: key(
      text((value) => value.length <= 512 && parseUrl(value) !== undefined).optional(),
      'an http or https URL of at most 512 characters, without credentials, query or fragment',
      'Where people learn how to get a token. The message and the `WWW-Authenticate` of a 401 name it, to everybody, beside the URLs of the first eight issuers.',
    ),
    requireSignedContentHeaders: flag(
      'Refuses a signed request whose `Content-Type` or `Content-MD5` is not among its signed headers. Amazon S3 takes it, and aws-sdk-js v2, minio-js, GDAL and `curl --aws-sigv4` send it; nobody but the edge stands between a client and the gateway to alter one.',
    ),
  },
  'What clients know the gateway by.',
);
