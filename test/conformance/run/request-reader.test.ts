import assert from 'node:assert/strict';
import { RequestReader, type SeenRequest } from './request-reader.ts';

const read = (text: string, pieceBytes: number): SeenRequest[] => {
  const seen: SeenRequest[] = [];
  const reader = new RequestReader((request) => seen.push(request));
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.read(bytes.subarray(at, at + pieceBytes));
  return seen;
};

const framed = (sizes: readonly number[], trailer = ''): string =>
  `${sizes.map((size) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`).join('')}0\r\n${trailer}\r\n`;

describe('the wire recorder', () => {
  const digest = 'a'.repeat(64);
  const aws = framed([20, 300, 7], 'x-amz-checksum-crc32:AAAAAA==\r\n');
  const conversation = [
    `GET /b/k?X-Amz-Signature=${digest}&versionId=1 HTTP/1.1\r\nhost: h\r\n\r\n`,
    `PUT /b/1 HTTP/1.1\r\nContent-Length: 5\r\nX-Amz-Content-Sha256: ${digest}\r\n\r\nGET /`,
    `PUT /b/2 HTTP/1.1\r\ncontent-length: ${aws.length}\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\r\n${aws}`,
    // Chunks of the two framings do not fall together.
    `PUT /b/3 HTTP/1.1\r\ntransfer-encoding: chunked\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\r\n`,
    `${(100).toString(16)}\r\n${aws.slice(0, 100)}\r\n${(aws.length - 100).toString(16)}\r\n${aws.slice(100)}\r\n0\r\n\r\n`,
    `HEAD /b/4 HTTP/1.1\r\nhost: h\r\n\r\n`,
  ].join('');

  for (const pieceBytes of [1, 3, 64, 100_000]) {
    it(`tells requests and chunk sizes apart, in pieces of ${pieceBytes} bytes`, () => {
      const seen = read(conversation, pieceBytes);
      assert.deepEqual(
        seen.map(({ method, target, payload, bodyBytes, largestChunkBytes, complete }) => [
          method,
          target,
          payload,
          bodyBytes,
          largestChunkBytes,
          complete,
        ]),
        [
          ['GET', '/b/k?X-Amz-Signature=&versionId=1', 'none', 0, 0, true],
          ['PUT', '/b/1', 'digest', 5, 0, true],
          ['PUT', '/b/2', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', aws.length, 300, true],
          ['PUT', '/b/3', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', aws.length, 300, true],
          ['HEAD', '/b/4', 'none', 0, 0, true],
        ],
      );
    });
  }

  it('does not call complete what was cut', () => {
    const [cut] = read(conversation.slice(0, conversation.indexOf('GET /PUT') + 2), 10).slice(1);
    assert.equal(cut?.complete, false);
  });
});
