/** One request of every class of operation and of every kind of refusal, byte for byte as it goes over the wire. */
import { createHash } from 'node:crypto';

export interface Identities {
  /** May do everything in both buckets. */
  readonly allowed: string;
  /** Known, and denied everywhere. */
  readonly denied: string;
}

export interface WireSample {
  readonly name: string;
  readonly request: Buffer;
}

/** Keys that lie there before: `KEPT` in both buckets. */
export const KEPT = 'wire/kept';
const BUCKETS = ['reports', 'artifacts'] as const;
const DELETE_LIST = `<Delete><Object><Key>wire/gone</Key></Object><Object><Key>wire/gone too</Key></Object></Delete>`;
const PART_LIST =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"00000000000000000000000000000000-1"</ETag></Part></CompleteMultipartUpload>';
const TAGGING = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
const CHUNKED = ['x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding: aws-chunked'];
const CHUNKS = 'a\r\n0123456789\r\n5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n';
const FORM = 'content-type: application/x-www-form-urlencoded';

type Row = readonly [name: string, line: string, lines?: readonly string[], body?: string];

const inBucket = (bucket: string): readonly Row[] => [
  ['read', `GET /${bucket}/${KEPT}`],
  ['read a range', `GET /${bucket}/${KEPT}`, ['range: bytes=2-9']],
  ['read a range that is not there', `GET /${bucket}/${KEPT}`, ['range: bytes=900000-']],
  ['read on a condition', `GET /${bucket}/${KEPT}`, ['if-none-match: "x"']],
  ['read what is missing', `GET /${bucket}/wire/none`],
  ['head', `HEAD /${bucket}/${KEPT}`],
  ['head of what is missing', `HEAD /${bucket}/wire/none`],
  ['write', `PUT /${bucket}/wire/new`, [], 'x'.repeat(2000)],
  ['write what is large', `PUT /${bucket}/wire/large`, [], 'y'.repeat(300_000)],
  ['write, and wait', `PUT /${bucket}/wire/new`, ['expect: 100-continue'], 'x'.repeat(100)],
  [
    'write in chunks',
    `PUT /${bucket}/wire/new`,
    [...CHUNKED, 'x-amz-decoded-content-length: 15', 'x-amz-trailer: x-amz-checksum-crc32'],
    CHUNKS,
  ],
  ['write a wrong digest', `PUT /${bucket}/wire/new`, [`content-md5: ${md5('other')}`], 'words'],
  ['write on a condition that fails', `PUT /${bucket}/${KEPT}`, ['if-none-match: *'], 'words'],
  ['write with metadata', `PUT /${bucket}/wire/meta`, ['x-amz-meta-a: b', 'content-type: text/plain'], 'words'],
  ['delete', `DELETE /${bucket}/wire/gone`],
  ['delete many', `POST /${bucket}?delete`, [`content-md5: ${md5(DELETE_LIST)}`], DELETE_LIST],
  ['delete many, malformed', `POST /${bucket}?delete`, [`content-md5: ${md5('<Delete>')}`], '<Delete>'],
  ['copy', `PUT /${bucket}/wire/copy`, [`x-amz-copy-source: ${bucket}/${KEPT}`]],
  ['copy what is missing', `PUT /${bucket}/wire/copy`, [`x-amz-copy-source: ${bucket}/wire/none`]],
  ['list', `GET /${bucket}?list-type=2&prefix=wire%2F`],
  ['list by the old way', `GET /${bucket}?prefix=wire%2F&delimiter=%2F`],
  ['list versions', `GET /${bucket}?versions&prefix=wire%2F`],
  ['list uploads', `GET /${bucket}?uploads`],
  ['begin an upload', `POST /${bucket}/wire/parts?uploads`],
  ['a part of no upload', `PUT /${bucket}/wire/parts?partNumber=1&uploadId=0.none`, [], 'part'],
  ['complete no upload', `POST /${bucket}/wire/parts?uploadId=0.none`, [], PART_LIST],
  ['abort no upload', `DELETE /${bucket}/wire/parts?uploadId=0.none`],
  ['list parts of no upload', `GET /${bucket}/wire/parts?uploadId=0.none`],
  ['attributes', `GET /${bucket}/${KEPT}?attributes`, ['x-amz-object-attributes: ETag,ObjectSize']],
  ['tags', `GET /${bucket}/${KEPT}?tagging`],
  ['set tags', `PUT /${bucket}/${KEPT}?tagging`, [`content-md5: ${md5(TAGGING)}`], TAGGING],
  ['head of a bucket', `HEAD /${bucket}`],
  ['its location', `GET /${bucket}?location`],
  ['what is not served', `GET /${bucket}?inventory`],
];

const ELSEWHERE: readonly Row[] = [
  ['list buckets', 'GET /'],
  ['a bucket that is not there', 'GET /no-such-bucket/key'],
  ['a bad target', 'GET /%zz'],
  ['no path of ours', 'GET /-/nothing'],
  ['ready', 'GET /-/ready'],
  ['who am I', 'GET /-/whoami'],
  ['may I', 'GET /-/can-i?verb=GET&resource=s3://reports/k'],
  ['credentials', 'GET /-/credentials'],
  ['an unknown method', 'BREW /reports/pot'],
  ['a preflight', 'OPTIONS /reports/k', ['origin: https://app.example', 'access-control-request-method: PUT']],
];

/** Makes them all; `authority` is what stands in Host. */
export function wireSamples({ allowed, denied }: Identities, authority = 'localhost'): readonly WireSample[] {
  const all: WireSample[] = [];
  const add = ([name, line, lines = [], body]: Row, who: string, token?: string): void => {
    const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`];
    const identity = token === undefined ? [] : [`authorization: Bearer ${token}`];
    const head = [`${line} HTTP/1.1`, `host: ${authority}`, ...identity, ...lines, ...length].join('\r\n');
    all.push({ name: `${name} (${who})`, request: Buffer.from(`${head}\r\n\r\n${body ?? ''}`) });
  };
  for (const row of BUCKETS.flatMap(inBucket)) add(row, 'allowed', allowed);
  for (const row of inBucket('reports')) {
    add(row, 'denied', denied);
    add(row, 'nobody');
    add(row, 'bad token', 'aaaa.bbbb.cccc');
  }
  for (const row of ELSEWHERE) {
    add(row, 'allowed', allowed);
    add(row, 'nobody');
  }
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
    RoleSessionName: 'wire',
    WebIdentityToken: allowed,
  });
  add(['sts', 'POST /', [FORM], form.toString()], 'allowed');
  form.set('WebIdentityToken', 'aaaa.bbbb.cccc');
  add(['sts', 'POST /', [FORM], form.toString()], 'bad token');
  add(['sts', 'POST /-/sts', [FORM], 'Action=GetCallerIdentity&Version=2011-06-15'], 'allowed', allowed);
  add(['sts', 'POST /', [FORM], 'Action=Nothing'], 'nobody');
  all.push({ name: 'no HTTP', request: Buffer.from('\x16\x03\x01\x02\x00\x01\x00\r\n\r\n') });
  return all;
}
