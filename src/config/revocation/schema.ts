/** The section `revocation`: where it is kept who was revoked. */
import { z } from 'zod';
import {
  address,
  count,
  file,
  flag,
  group,
  hostName,
  key,
  path,
  RELOADS,
  text,
  whole,
} from '../values/schema-words.ts';

const redis = group(
  {
    address: key(address, '`host:port`', 'Where Redis, or Valkey, listens. TLS unless said otherwise.'),
    allowPlaintextLoopback: flag('Speaks plain TCP with a Redis on a loopback address.'),
    tls: group(
      {
        caFile: file('certificates', 'CA certificates (PEM) to trust for it, instead of the system ones.'),
        certFile: file('certificates', 'Certificate of the gateway (PEM), where Redis asks for one.'),
        keyFile: file('private key', 'Its private key (PEM).'),
        serverName: key(
          hostName.optional(),
          'a host name',
          'Name that the certificate must carry, where it is not the host of the address.',
        ),
      },
      'TLS towards Redis. Certificates are always verified.',
    ),
    usernameFile: file('secret', 'Name of the user, where Redis has an ACL.', RELOADS),
    passwordFile: file('secret', 'Its password, or that of `requirepass`.', RELOADS),
    database: key(whole(0, 65_535).default(0), 'a whole number from 0 to 65535', 'Number of the database.'),
    keyPrefix: key(
      text((value) => /^[\w:.{}-]{0,128}$/.test(value)).default('sallyport:'),
      'at most 128 letters, digits or `_:.{}-`',
      'Stands before every key. One for each deployment.',
    ),
  },
  'Redis, for gateways on several machines.',
);

export const revocation = group(
  {
    file: key(
      path.optional(),
      'the path of a file',
      'File on this machine, for the gateways of this machine. Made by the first revocation; its directory must exist.',
    ),
    redis,
    whenUnavailable: key(
      z.enum(['fail-open', 'fail-closed']).optional(),
      '`fail-open` or `fail-closed`',
      'While the list cannot be read: `fail-closed` refuses every request (503) once it is older than `maxStaleSeconds`, `fail-open` goes on with the last one.',
      { derivedDefault: '`fail-closed` for a file; for Redis it must be said' },
    ),
    maxStaleSeconds: count(5, 86_400, 60, 'How long `fail-closed` goes on with the last list.'),
  },
  'Where it is kept who was revoked: exactly one of `file` and `redis`. Without this section nobody can be.',
);

/** The section as the file has it, each key by itself right. */
export type FileRevocation = z.output<typeof revocation>;
