/** Requests as SDKs build them, with all that they add by themselves: their sources, or they themselves, were read for it. */
import assert from 'node:assert/strict';
import type { OperationName } from '../../../src/s3/operations/operations.ts';
import { parse, put, refused } from './fixture.ts';

const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SIGNED = ['Authorization', 'AWS4-HMAC-SHA256 Credential=A/20261201/us-east-1/s3/aws4_request', 'X-Amz-Date', 'd'];
const PRESIGNED =
  'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=A&X-Amz-Date=d' +
  '&X-Amz-Expires=900&X-Amz-Security-Token=t&X-Amz-SignedHeaders=host&X-Amz-Signature=00';

const JAVA_1 = ['amz-sdk-invocation-id', 'i', 'amz-sdk-request', 'attempt=1;max=4', 'amz-sdk-retry', '0/0/500'];
const JAVA_1_PLAIN = [
  ...JAVA_1,
  'Content-Type',
  'application/octet-stream',
  'x-amz-content-sha256',
  'UNSIGNED-PAYLOAD',
];
const PHP = [
  ...['aws-sdk-invocation-id', 'i', 'aws-sdk-retry', '0/0', 'X-Amz-User-Agent', 'aws-sdk-php/3.369 ua/2.1'],
  ...['x-amz-content-sha256', SHA256_OF_NOTHING],
];
const RUST = [
  ...['amz-sdk-invocation-id', 'i', 'amz-sdk-request', 'attempt=1; max=3', 'x-amz-user-agent', 'aws-sdk-rust/1.3.9'],
  ...['x-amz-content-sha256', SHA256_OF_NOTHING],
];
const DOT_NET = [
  ...['amz-sdk-invocation-id', 'i', 'amz-sdk-request', 'attempt=1; max=5', 'X-Amzn-Trace-Id', 'Root=1-0-0'],
  ...['x-amz-content-sha256', SHA256_OF_NOTHING],
];
const CPP = [
  ...['amz-sdk-invocation-id', 'i', 'amz-sdk-request', 'attempt=1', 'x-amz-api-version', '2006-03-01'],
  ...['x-amz-content-sha256', SHA256_OF_NOTHING],
];
const GO = [
  ...['Accept-Encoding', 'identity', 'Amz-Sdk-Invocation-Id', 'i', 'Amz-Sdk-Request', 'attempt=1; max=3'],
  ...['X-Amz-Content-Sha256', SHA256_OF_NOTHING],
];
const RUBY = ['Accept-Encoding', '', 'x-amz-content-sha256', SHA256_OF_NOTHING, 'amz-sdk-request', 'attempt=1; max=3'];

const streamed = (payload: string, trailer: string | undefined): string[] => [
  ...['Content-Encoding', 'aws-chunked', 'Content-Length', '300', 'x-amz-decoded-content-length', '3'],
  ...['x-amz-content-sha256', payload, 'Expect', '100-Continue'],
  ...(trailer === undefined ? [] : ['x-amz-trailer', trailer]),
];
const CRC32 = 'x-amz-checksum-crc32';
const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

type Sent = readonly [
  client: string,
  operation: OperationName,
  method: string,
  target: string,
  headers: readonly string[],
];

const REQUESTS: readonly Sent[] = [
  ['Java 1', 'GetObject', 'GET', '/reports/k', JAVA_1_PLAIN],
  ['Java 1', 'ListObjectsV2', 'GET', '/reports/?list-type=2&encoding-type=url&fetch-owner=false', JAVA_1_PLAIN],
  ['Java 1', 'PutObject', 'PUT', '/reports/k', [...JAVA_1, ...streamed(SIGNED_CHUNKS, undefined)]],
  ['PHP', 'GetObject', 'GET', '/reports/k', [...PHP, 'x-amz-checksum-mode', 'enabled']],
  ['PHP', 'HeadObject', 'HEAD', '/reports/k', PHP],
  [
    'PHP',
    'PutObject',
    'PUT',
    '/reports/k',
    [...PHP, 'x-amz-acl', 'private', 'Expect', '100-Continue', 'Content-Length', '0'],
  ],
  ['Rust', 'GetObject', 'GET', '/reports/k?x-id=GetObject', [...RUST, 'x-amz-checksum-mode', 'ENABLED']],
  [
    'Rust',
    'PutObject',
    'PUT',
    '/reports/k?x-id=PutObject',
    [...RUST.slice(0, 6), ...streamed(UNSIGNED_TRAILER, CRC32), 'x-amz-sdk-checksum-algorithm', 'CRC32'],
  ],
  ['.NET', 'GetObject', 'GET', '/reports/k', [...DOT_NET, 'x-amz-checksum-mode', 'ENABLED']],
  ['.NET', 'GetObjectAcl', 'GET', '/reports/k?acl', DOT_NET],
  [
    '.NET',
    'PutObject',
    'PUT',
    '/reports/k',
    [...DOT_NET.slice(0, 6), ...streamed(`${SIGNED_CHUNKS}-TRAILER`, CRC32), 'x-amz-sdk-checksum-algorithm', 'CRC32'],
  ],
  ['C++', 'ListObjectsV2', 'GET', '/reports?list-type=2&prefix=a%2F', CPP],
  ['C++', 'CopyObject', 'PUT', '/reports/k', [...CPP, 'x-amz-copy-source', 'reports/x', 'Content-Length', '0']],
  ['Go 2', 'GetObject', 'GET', '/reports/k?x-id=GetObject', [...GO, 'X-Amz-Checksum-Mode', 'ENABLED']],
  ['Go 2', 'DeleteObject', 'DELETE', '/reports/k?x-id=DeleteObject', GO],
  ['Ruby', 'GetObject', 'GET', '/reports/k', [...RUBY, 'x-amz-checksum-mode', 'ENABLED']],
  ['Ruby', 'PutObject', 'PUT', '/reports/k', [...RUBY.slice(4), ...streamed(UNSIGNED_TRAILER, CRC32)]],
];

describe('requests of SDKs', () => {
  for (const [client, operation, method, target, headers] of REQUESTS) {
    it(`are taken with what ${client} adds by itself to ${operation}`, () => {
      assert.equal(parse(method, target, ...SIGNED, ...headers).operation, operation);
    });
  }

  for (const [client, operation, method, parameters] of [
    ['JavaScript 3', 'GetObject', 'GET', 'x-amz-checksum-mode=ENABLED&x-id=GetObject'],
    ['JavaScript 3', 'CopyObject', 'PUT', 'x-amz-copy-source=reports%2Fx&x-id=CopyObject'],
    ['JavaScript 2', 'GetObject', 'GET', 'X-Amz-User-Agent=aws-sdk-js'],
    ['Go 2', 'PutObject', 'PUT', 'x-id=PutObject'],
    ['.NET', 'UploadPart', 'PUT', 'partNumber=1&uploadId=u'],
  ] as const) {
    it(`are taken as ${client} presigns ${operation}`, () => {
      const length = method === 'PUT' ? ['Content-Length', '0'] : [];
      assert.equal(parse(method, `/reports/k?${PRESIGNED}&${parameters}`, ...length).operation, operation);
    });
  }
});

describe('a presigned upload that carries the checksum of a body that the presigner had not', () => {
  for (const [algorithm, header, value] of [
    ['CRC32', 'x-amz-checksum-crc32', 'AAAAAA=='],
    ['CRC64NVME', 'x-amz-checksum-crc64nvme', 'AAAAAAAAAAA='],
    ['SHA1', 'x-amz-checksum-sha1', '2jmj7l5rSw0yVb/vlWAYkK/YBwk='],
    ['SHA256', 'x-amz-checksum-sha256', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  ] as const) {
    it(`takes any body, as S3 does (${algorithm}, which JavaScript 3 signs by itself)`, () => {
      for (const address of ['x-id=PutObject', 'x-id=UploadPart&partNumber=1&uploadId=u']) {
        const query = `${address}&x-amz-sdk-checksum-algorithm=${algorithm}&${header}=${encodeURIComponent(value)}`;
        const request = parse('PUT', `/reports/k?${PRESIGNED}&${query}`, 'Content-Length', '3');
        assert.deepEqual(request.claims, {});
      }
    });
  }

  it('is held to any other checksum, and to that of nothing where it stands in the head', () => {
    const query = 'x-amz-sdk-checksum-algorithm=CRC32&x-amz-checksum-crc32=AAAAAQ%3D%3D';
    const { claims } = parse('PUT', `/reports/k?${PRESIGNED}&${query}`, 'Content-Length', '3');
    assert.equal(claims.checksum?.value.toString('base64'), 'AAAAAQ==');
    assert.equal(put('x-amz-checksum-crc32', 'AAAAAA==').claims.checksum?.algorithm, 'CRC32');
    refused('InvalidRequest', () =>
      parse('PUT', `/reports/k?${PRESIGNED}&x-amz-sdk-checksum-algorithm=CRC32`, 'Content-Length', '3'),
    );
  });
});
