/** Spoiled requests: heads, XML and chunks that no client would send, and ways to send them that no client would choose. */

type Random = () => number;

const INTERESTING: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '"',
    '%',
    '%00',
    '%2f',
    '%zz',
    '+',
    '?',
    '#',
    '&',
    '=',
  ],
  ...[
    '/',
    '//',
    '/../',
    '\\',
    '\u00ff',
    '\ud7ff',
    '<',
    '>',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '<![CDATA[',
    ']]>',
    '&b;',
    '&#0;',
  ],
  ...[
    '-1',
    '0',
    '1',
    '00000000000000000001',
    '18446744073709551616',
    '9007199254740993',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
  ],
];
const HEADERS: readonly string[] = [
  ...['content-length: 0', 'content-length: 5', 'content-length: -1', 'content-length: 99999999999999999999'],
  ...['transfer-encoding: chunked', 'transfer-encoding: identity', 'transfer-encoding: gzip, chunked', 'te: trailers'],
  ...['connection: close', 'connection: keep-alive, x', 'connection: upgrade', 'upgrade: h2c', 'expect: 100-continue'],
  ...[
    'expect: nothing',
    'host: other',
    'host:',
    'range: bytes=0-',
    'range: bytes=-1',
    'range: bytes=5-2',
    'range: bytes=0-1,3-4',
  ],
  ...[
    'if-match: "x"',
    'if-none-match: *',
    'if-modified-since: never',
    'if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT',
  ],
  ...[
    'authorization: Bearer',
    'authorization: Basic YTpi',
    'authorization: AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request',
  ],
  ...['content-encoding: aws-chunked', 'x-amz-decoded-content-length: 3', 'x-amz-trailer: x-amz-checksum-crc32'],
  ...['x-amz-content-sha256: UNSIGNED-PAYLOAD', 'x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ...['x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'x-amz-checksum-crc32: AAAAAA==', 'content-md5: x'],
  ...['x-amz-copy-source: reports/wire/kept', 'x-amz-copy-source: %', 'x-amz-copy-source-range: bytes=0-1'],
  ...[
    'x-amz-meta-ü: b',
    `x-amz-meta-long: ${'m'.repeat(9000)}`,
    `x-long: ${'l'.repeat(40_000)}`,
    'x-amz-tagging: a=b&a=c',
  ],
  ...[
    'x-forwarded-for: 1.2.3.4',
    'x-request-id: aaaaaaaaaaaa',
    'origin: null',
    'x-amz-object-attributes: ETag,,Nothing',
  ],
];
const QUERIES: readonly string[] = [
  ...[
    '?list-type=2',
    '?uploads',
    '?delete',
    '?versions',
    '?attributes',
    '?tagging',
    '?location',
    '?acl',
    '?torrent',
    '?partNumber=1',
  ],
  ...[
    '?partNumber=0&uploadId=x',
    '?uploadId=',
    '?max-keys=-1',
    '?max-keys=99999',
    '?continuation-token=%00',
    '?versionId=null',
  ],
  ...[
    '?response-content-type=a%0d%0ab',
    '?X-Amz-Algorithm=AWS4-HMAC-SHA256',
    '?encoding-type=url&delimiter=%F0%9F',
    '??',
    '?%',
  ],
];

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)] as T;

/** Spoils a request in one to four ways. */
export function mutate(request: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let spoiled = request;
  for (let kinds = 1 + below(random, 4); kinds > 0; kinds -= 1)
    spoiled = pick(random, MUTATIONS)(spoiled, others, random);
  return spoiled;
}

type Mutation = (request: Buffer, others: readonly Buffer[], random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  // bytes
  (request, _, random) => {
    const copy = Buffer.from(request);
    for (let count = 1 + below(random, 5); count > 0 && copy.length > 0; count -= 1) {
      copy[below(random, copy.length)] = below(random, 256);
    }
    return copy;
  },
  (request, _, random) => splice(request, below(random, request.length + 1), 0, Buffer.from(pick(random, INTERESTING))),
  (request, _, random) => splice(request, below(random, request.length + 1), below(random, 40), Buffer.alloc(0)),
  (request, _, random) => {
    const from = below(random, request.length + 1);
    const piece = request.subarray(from, from + below(random, 200));
    return splice(request, below(random, request.length + 1), 0, piece);
  },
  // lines of the head
  (request, _, random) =>
    withHead(request, (lines) => lines.splice(1 + below(random, lines.length), 0, pick(random, HEADERS))),
  (request, _, random) => withHead(request, (lines) => lines.splice(1 + below(random, lines.length), 1)),
  (request, _, random) =>
    withHead(request, (lines) => lines.push(lines[1 + below(random, lines.length - 1)] ?? 'a: b')),
  (request, _, random) => withHead(request, (lines) => lines.sort(() => random() - 0.5)),
  (request, _, random) =>
    withHead(request, (lines) => {
      const at = below(random, lines.length);
      const [name = ''] = (lines[at] ?? '').split(':', 1);
      lines[at] = `${name}: ${pick(random, INTERESTING).repeat(1 + below(random, 3))}`;
    }),
  (request, _, random) =>
    withHead(request, (lines) => {
      const [method = '', target = '', version = ''] = (lines[0] ?? '').split(' ');
      const path = random() < 0.5 ? target : (target.split('?', 1)[0] ?? '');
      lines[0] = [method, `${path}${pick(random, QUERIES)}`, version].join(' ');
    }),
  (request, _, random) =>
    withHead(request, (lines) => {
      const [, target = '', version = ''] = (lines[0] ?? '').split(' ');
      lines[0] = [
        pick(random, ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'get']),
        target,
        version,
      ].join(' ');
    }),
  (request, _, random) =>
    withHead(request, (lines) => {
      lines[0] = (lines[0] ?? '').replace(
        /HTTP\/1\.1$/,
        pick(random, ['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 ', '']),
      );
    }),
  // the body, as chunks of HTTP and of aws-chunked
  (request, _, random) => {
    const [head, body] = parts(request);
    const size = pick(random, [
      body.length.toString(16),
      'ffffffff',
      '-1',
      '0',
      `${body.length.toString(16)};a=b`,
      'zz',
    ]);
    const framed = Buffer.concat([
      Buffer.from(`${size}\r\n`),
      body,
      Buffer.from(pick(random, ['\r\n0\r\n\r\n', '\r\n', '\r\n0\r\na: b\r\n\r\n'])),
    ]);
    const lines = head.split('\r\n').filter((line) => !/^content-length/i.test(line));
    return Buffer.concat([
      Buffer.from([...lines, 'transfer-encoding: chunked'].join('\r\n'), 'latin1'),
      Buffer.from('\r\n\r\n'),
      framed,
    ]);
  },
  (request, _, random) => {
    const [head, body] = parts(request);
    const spoiled = body
      .toString('latin1')
      .replace(/<(\w+)>/, pick(random, ['<$1', '<$1><$1>', '<$1 a="b">', '</$1>', '<a:$1>']));
    return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(spoiled, 'latin1')]);
  },
  // one behind the other, on one connection
  (request, others, random) => Buffer.concat([request, pick(random, others)]),
  // less of it
  (request, _, random) => request.subarray(0, below(random, request.length + 1)),
];

function splice(request: Buffer, at: number, less: number, more: Buffer): Buffer {
  return Buffer.concat([request.subarray(0, at), more, request.subarray(at + less)]);
}

function parts(request: Buffer): [head: string, body: Buffer] {
  const end = request.indexOf('\r\n\r\n');
  return end === -1
    ? [request.toString('latin1'), Buffer.alloc(0)]
    : [request.subarray(0, end).toString('latin1'), request.subarray(end + 4)];
}

function withHead(request: Buffer, change: (lines: string[]) => unknown): Buffer {
  const [head, body] = parts(request);
  const lines = head.split('\r\n');
  change(lines);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
