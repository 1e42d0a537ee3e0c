/** The section `keyring`: what wraps the keys of objects. */
import { z } from 'zod';
import {
  count,
  file,
  flag,
  group,
  key,
  name,
  origin,
  path,
  region,
  RELOADS,
  REREAD,
  section,
  text,
  whole,
} from '../values/schema-words.ts';

/** A mount, namespace or the like of Vault: it stands in paths of requests. */
const isVaultPath = (text: string): boolean => text.length <= 255 && /^[\w-]+(?:\/[\w-]+)*$/.test(text);

/** A key of AWS KMS: ARN of a key or an alias, id, or alias. */
const isKmsKey = (text: string): boolean =>
  text.length <= 2048 &&
  /^(?:arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|(?:mrk-)?[0-9a-f-]{32,36})$/.test(
    text,
  );

const MAX_VERSION = 65_535;

const current = key(
  whole(1, MAX_VERSION).optional(),
  `a whole number from 1 to ${MAX_VERSION}`,
  'Version that new objects are wrapped with.',
  { derivedDefault: 'the only version' },
);

const keyringId = (fallback: string) =>
  key(
    text((value) => /^[a-z0-9][a-z0-9-]{0,31}$/.test(value)).default(fallback),
    '1 to 32 characters of a-z, 0-9 and inner hyphens',
    'How stored objects name it. Never change it while objects exist that it wrapped.',
  );

const vaultPath = (fallback: string, description: string) =>
  key(text(isVaultPath).default(fallback), 'a path of letters, digits, `_`, `-` and `/`', description);

const role = key(name, 'the name of a role', 'Role of that method.');

/** Kubernetes gives every pod a copy that others in it may read, and renews it in place. */
const jwtFile = key(path, 'the path of a file', 'The JWT to show. Read again at each login.', {
  ...REREAD,
  file: 'token',
});

const local = group(
  {
    current,
    versions: key(
      z.record(
        z.string(),
        z.strictObject({
          seedFile: key(path, 'the path of a file', 'Seed of this version: at least 32 random bytes.', {
            file: 'seed',
          }),
        }),
      ),
      'a map of versions by number',
      'Every version that stored objects may need.',
      { entry: '<version>' },
    ),
  },
  'Key-encryption keys that are derived from seeds.',
  RELOADS,
);

const vault = group(
  {
    id: keyringId('vault'),
    address: key(origin, 'an https URL of scheme, host and port', 'Where Vault, or OpenBao, is.'),
    allowHttp: flag('Accepts an http address on loopback, such as that of a Vault Agent.'),
    caFile: file('certificates', 'CA certificates (PEM) to trust for it, instead of the system ones.'),
    namespace: key(
      text(isVaultPath).optional(),
      'a path of letters, digits, `_`, `-` and `/`',
      'Namespace of the mounts below.',
    ),
    mount: vaultPath('transit', 'Where the Transit engine is mounted.'),
    key: key(
      text((value) => /^\w(?:[\w.-]{0,126}\w)?$/.test(value)),
      'the name of a key',
      'Transit key. It must have been made with `derived=true`.',
    ),
    auth: key(
      z.strictObject({
        tokenFile: file('secret', 'A token. Read again when it ends; renewed where it can be.', REREAD),
        approle: group(
          {
            mount: vaultPath('approle', 'Where the method is mounted.'),
            roleId: key(name, 'the RoleID', 'RoleID.'),
            secretIdFile: key(path, 'the path of a file', 'SecretID. Read again at each login.', {
              ...REREAD,
              file: 'secret',
            }),
          },
          'Login by AppRole.',
        ),
        kubernetes: group(
          { mount: vaultPath('kubernetes', 'Where the method is mounted.'), role, jwtFile },
          'Login by the service account of a pod.',
        ),
        jwt: group({ mount: vaultPath('jwt', 'Where the method is mounted.'), role, jwtFile }, 'Login by any JWT.'),
      }),
      'a group of keys',
      'How to get a token: exactly one of these.',
    ),
  },
  "A key of HashiCorp Vault's Transit engine. Its versions are Vault's.",
);

const kms = group(
  {
    id: keyringId('kms'),
    region: key(region, 'the name of a region', 'Region of the keys.'),
    endpoint: key(origin.optional(), 'an https URL of scheme, host and port', 'Endpoint of KMS.', {
      derivedDefault: "AWS's in the region",
    }),
    allowHttp: flag('Accepts an http endpoint on loopback.'),
    caFile: file('certificates', 'CA certificates (PEM) to trust for it, instead of the system ones.'),
    credentials: group(
      {
        accessKeyIdFile: key(path, 'the path of a file', 'Access key id.', { ...REREAD, file: 'secret' }),
        secretAccessKeyFile: key(path, 'the path of a file', 'Secret access key.', { ...REREAD, file: 'secret' }),
        sessionTokenFile: file('secret', 'Session token, where the credentials are temporary.', REREAD),
      },
      'Credentials that may use the keys. Without them: the default chain of the AWS SDK.',
    ),
    current,
    versions: key(
      z.record(
        z.string(),
        z.strictObject({
          keyId: key(
            text(isKmsKey),
            'the ARN or the id of a symmetric KMS key, or an alias',
            'Key of this version. An alias must never be moved to another key.',
          ),
        }),
      ),
      'a map of versions by number',
      'Every version that stored objects may need, each a KMS key.',
      { entry: '<version>' },
    ),
  },
  'Keys of AWS KMS.',
);

export const keyring = group(
  {
    current: key(
      z.enum(['local', 'vault', 'kms']).optional(),
      '`local`, `vault` or `kms`',
      'Which keyring wraps the keys of new objects. The others are for reading.',
      { derivedDefault: 'the only keyring' },
    ),
    cache: section(
      {
        maxKeys: count(0, 1_000_000, 10_000, 'Unwrapped keys of objects that are kept in memory; 0: none.'),
        maxAgeSeconds: count(
          1,
          86_400,
          300,
          'How long. So long are objects still read while the keyring is down, or after it withdrew a permission.',
        ),
      },
      'Keys of objects that are read again soon.',
    ),
    local,
    vault,
    kms,
  },
  'What wraps the keys of objects: one or several of `local`, `vault` and `kms`.',
);

/** The section as the file has it, each key by itself right. */
export type FileKeyring = z.output<typeof keyring>;
