/** The section `stores`: where objects are kept, and as whom each store is asked. */
import { z } from 'zod';
import { ADDRESSING_STYLES, STORE_CHECKSUMS, STORE_WRITES } from '../../contracts/bucket.ts';
import { SESSION_SECONDS, STORE_METHODS, TLS_VERSIONS } from '../../contracts/store-access.ts';
import { STORE_ENCRYPTIONS } from '../../s3/request/encryption-headers.ts';
import {
  countWithin,
  file,
  flag,
  group,
  key,
  hostName,
  name,
  origin,
  path,
  REREAD,
  region,
  section,
  text,
} from '../values/schema-words.ts';

/** A role as AWS, Ceph (no account) or MinIO (anything) writes it. */
const isRoleArn = (text: string): boolean =>
  text.length <= 2048 && /^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[^\s:]*:role\/[\x21-\x7e]+$/.test(text);

/** The key of a tag of STS; `aws:` is AWS's own. */
const isTagKey = (text: string): boolean => /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(text) && !/^aws:/i.test(text);

/** The key that names a role. */
export const roleArn = (description: string, more: { readonly derivedDefault?: string } = {}) =>
  key(text(isRoleArn).optional(), 'a role ARN, such as `arn:aws:iam::123456789012:role/sallyport`', description, more);

export const serverSideEncryption = group(
  {
    algorithm: key(
      z.enum(['none', ...STORE_ENCRYPTIONS]).default('AES256'),
      '`none`, `AES256`, `aws:kms` or `aws:kms:dsse`',
      'What `x-amz-server-side-encryption` names; `none`: the header is not added.',
    ),
    kmsKeyId: key(
      text((value) => /^[\w:/-]{1,256}$/.test(value)).optional(),
      'the id or ARN of a KMS key',
      "The key for `aws:kms`; without it the store's default one. The session policies that this gateway asks for name no action of KMS.",
    ),
  },
  'Asks the store to encrypt what is written, where the request does not: for stores and buckets whose policies deny a write that does not ask. Beside the encryption of this gateway, and no part of it.',
);

export const store = z.strictObject({
  endpoint: key(origin.optional(), 'an https URL of scheme, host and port', 'The S3 endpoint.', {
    derivedDefault: '`AWS_ENDPOINT_URL_S3`, else that of AWS in the region',
  }),
  style: key(
    z.enum(ADDRESSING_STYLES).default('path'),
    '`path` or `virtual`',
    'How requests name a bucket. `path`: before the key, `https://<endpoint>/<bucket>/<key>`. `virtual`: before the host, `https://<bucket>.<endpoint>/<key>`; DNS and the certificate must know that host.',
  ),
  region: key(
    region.optional(),
    'the name of a region, such as `eu-central-1`',
    'Region that requests are signed for; required.',
    { derivedDefault: '`AWS_REGION`, else `AWS_DEFAULT_REGION`' },
  ),
  allowPlaintextHttp: flag(
    'Accepts http endpoints. Names, sizes, plaintext metadata and STS credentials go over them.',
  ),
  serverSideEncryption,
  checksums: key(
    z.enum(STORE_CHECKSUMS).optional(),
    '`all` or `headers`',
    'Which checksums of plain objects the store keeps. `all`: as S3 does, in trailers and of uploads in parts too. `headers`: only what stands in the head of a PutObject; all others are verified here, told to the writer, and not kept, and whoever asks for more than that (a FULL_OBJECT checksum of an upload, a new one of a copy) is refused. What CompleteMultipartUpload names as the checksum of a part is then compared with nothing: the ETag beside it names the bytes, and a checksum that came with them was verified. Ceph before 19 keeps none.',
    { derivedDefault: '`all` for AWS, `headers` for others' },
  ),
  writes: key(
    z.enum(STORE_WRITES).optional(),
    '`all` or `puts`',
    'Which writes the store does as all their headers say. `all`: every one, as S3 does. `puts`: PutObject alone; copies and uploads in parts may come without their object lock, tags, conditions or encryption (Ceph RGW, 16 and in part 20). Then the gateway sees to these itself, which takes more requests where a client asks for them, and copies that ask for them pass through it.',
    { derivedDefault: '`all` for AWS, `puts` for others' },
  ),
  conditionalDeletes: key(
    z.boolean().optional(),
    '`true` or `false`',
    'Whether the store heeds `If-Match` of DeleteObject and `<ETag>` in DeleteObjects. Where it does not, both are refused: passed over, they would delete what was not meant. Ceph 20 heeds both, Ceph 16 neither.',
    { derivedDefault: '`true` for AWS, `false` for others' },
  ),
  tls: section(
    {
      caFile: key(
        path.optional(),
        'the path of a file',
        'CA certificates (PEM) to trust for the store and its STS, instead of the system ones.',
        { file: 'certificates', derivedDefault: '`AWS_CA_BUNDLE`' },
      ),
      serverName: key(
        hostName.optional(),
        'a host name',
        'Name that the certificate must carry, where it is not the host that is connected to. One for all buckets, in virtual-hosted style too.',
      ),
      minVersion: key(z.enum(TLS_VERSIONS).default('TLSv1.2'), '`TLSv1.2` or `TLSv1.3`', 'Lowest version of TLS.'),
    },
    'TLS towards the store. Certificates are always verified.',
  ),
  method: key(
    z.enum(STORE_METHODS).default('assume-role'),
    '`assume-role`, `static` or `web-identity`',
    'How a caller is served there. `assume-role`: by a session of its STS, which the store itself holds to what policy grants. `static`: by `credentials` as they are, for a store without STS (Google Cloud Storage with HMAC keys); nothing but this gateway enforces policy there. `web-identity`: as `assume-role`, but STS is asked with a second token of the caller (header `x-sallyport-store-token`), and the gateway has no credentials of its own there.',
  ),
  credentials: group(
    {
      accessKeyIdFile: file('secret', 'Access key id.', REREAD),
      secretAccessKeyFile: file('secret', 'Secret access key.', REREAD),
      sessionTokenFile: file('secret', 'Session token, where the credentials are temporary.', REREAD),
    },
    "The gateway's own credentials, which may do no more than assume roles. Files that are rotated on disk take effect without a restart. Without them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else the default chain of the AWS SDK (web identity, container, instance).",
  ),
  sts: section(
    {
      endpoint: key(origin.optional(), 'an https URL of scheme, host and port', 'The STS endpoint.', {
        derivedDefault: "`AWS_ENDPOINT_URL_STS`, else AWS's in the region for AWS, the store's own for others",
      }),
      region: key(region.optional(), 'the name of a region', 'Region that STS requests are signed for.', {
        derivedDefault: "the store's",
      }),
      roleArn: roleArn('Role to assume for buckets that name none.'),
      audiences: key(
        z.array(name).max(16).default([]),
        'a list of 1 to 16 names',
        'For `method: web-identity`, which needs it: the second token must name one of these audiences, and none that this gateway accepts or another store asks for.',
      ),
      externalId: key(
        text((value) => /^[\w+=,.@:/-]{2,1224}$/.test(value)).optional(),
        '2 to 1224 letters, digits or `+=,.@:/_-`',
        'ExternalId that the trust policy of the role asks for.',
      ),
      sourceIdentity: flag('Sets SourceIdentity. The trust policy must allow sts:SetSourceIdentity.'),
      sessionSeconds: countWithin(
        SESSION_SECONDS,
        "Life of a session; never used beyond the end of the token. An hour at most where the gateway's own credentials are those of a role, as on EKS and EC2.",
      ),
      sessionTags: key(
        z.record(text(isTagKey), name).default({}),
        'a map from tags, of 1 to 128 letters, digits or `_.:/=+-@` and not `aws:…`, to names of claims',
        "Session tags by the claims that they are made of: `sub`, `iss`, `groups`, `act` (who acts for the subject), or one of an issuer's `claims`. The trust policy must allow sts:TagSession. A caller whose value does not fit into a tag is refused.",
        { entry: '<tag>' },
      ),
      transitiveTags: key(
        z.array(name).max(50).default([]),
        'a list of tags out of `sessionTags`',
        'Tags that stay when another role is assumed out of the session.',
      ),
      iamEscapes: key(
        z.boolean().optional(),
        '`true` or `false`',
        "Whether the store's IAM understands `${*}`, `${?}` and `${$}` as literal characters.",
        { derivedDefault: '`true` for AWS, `false` for others' },
      ),
      unknownActions: key(
        z
          .array(text((value) => /^s3:[A-Za-z]{1,64}$/.test(value)))
          .max(64)
          .optional(),
        'a list of at most 64 actions such as `s3:GetObjectAcl`',
        "Actions that the store's IAM does not know, so that its STS would refuse a session policy that names them: they are left out of allows and denies, and what needs them is refused by the store. Others are found by a refusal, and told in the log.",
        {
          derivedDefault:
            'none where `iamEscapes` is `true`; else, as Ceph 16 to 18: `s3:GetObjectAttributes`, `s3:GetObjectVersionAttributes`, `s3:GetEncryptionConfiguration`, `s3:GetBucketOwnershipControls`',
        },
      ),
    },
    'How roles are assumed.',
  ),
});

export const stores = key(z.record(z.string(), store), 'a map of stores by name', 'Where objects are kept.', {
  entry: '<store>',
});

/** One store as the file has it, each key by itself right. */
export type FileStore = z.output<typeof store>;
