import assert from 'node:assert/strict';
import {
  CHECKSUM_ALGORITHMS,
  completedChecksum,
  createdChecksum,
  readShownChecksum,
  writeChecksum,
} from '../../../../src/s3/body/checksums.ts';
import { readXml } from '../../../../src/s3/documents/xml-reader.ts';
import { parse, put, refused } from '../fixture.ts';

const created = (...headers: string[]) => createdChecksum(parse('POST', '/reports/k?uploads', ...headers).headers);
const completed = (...headers: string[]) =>
  completedChecksum(parse('POST', '/reports/k?uploadId=u', 'Content-Length', '10', ...headers).headers);

describe('s3/checksums', () => {
  it('takes the types that S3 has of each algorithm, in any case, and its defaults', () => {
    const types = new Map(
      CHECKSUM_ALGORITHMS.map((algorithm) => [algorithm, created('x-amz-checksum-algorithm', algorithm)?.type]),
    );
    assert.deepEqual(Object.fromEntries(types), {
      ...{ CRC32: 'COMPOSITE', CRC32C: 'COMPOSITE', CRC64NVME: 'FULL_OBJECT' },
      ...{ SHA1: 'COMPOSITE', SHA256: 'COMPOSITE', SHA512: 'COMPOSITE', MD5: 'COMPOSITE' },
    });
    const lower = created('x-amz-checksum-algorithm', 'crc32', 'x-amz-checksum-type', 'full_object');
    assert.deepEqual(lower, { algorithm: 'CRC32', type: 'FULL_OBJECT' });
    assert.equal(created(), undefined);
  });

  it('refuses a type that S3 does not make of an algorithm, one without an algorithm, and one that is none', () => {
    for (const [algorithm, type] of [
      ['CRC64NVME', 'COMPOSITE'],
      ['SHA1', 'FULL_OBJECT'],
      ['SHA256', 'FULL_OBJECT'],
      ['SHA512', 'FULL_OBJECT'],
      ['MD5', 'FULL_OBJECT'],
    ] as const) {
      refused('InvalidRequest', () => created('x-amz-checksum-algorithm', algorithm, 'x-amz-checksum-type', type));
    }
    refused('InvalidRequest', () => created('x-amz-checksum-type', 'FULL_OBJECT'));
    refused('InvalidArgument', () => created('x-amz-checksum-algorithm', 'CRC32', 'x-amz-checksum-type', 'HALF'));
  });

  for (const algorithm of ['XXHASH64', 'XXHASH3', 'XXHASH128', 'CRC99']) {
    it(`answers ${algorithm} with NotImplemented, by whichever header it is requested`, () => {
      const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
      refused('NotImplemented', () => put(header, 'AAAA'));
      refused('NotImplemented', () => put('x-amz-checksum-algorithm', algorithm));
      refused('NotImplemented', () => put('x-amz-sdk-checksum-algorithm', algorithm.toLowerCase()));
      refused('NotImplemented', () => created('x-amz-checksum-algorithm', algorithm));
      refused('NotImplemented', () => completed(header, 'AAAA'));
      refused('NotImplemented', () =>
        put(
          ...['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-trailer', header],
          ...['x-amz-decoded-content-length', '1'],
        ),
      );
    });
  }

  it('reads what a completion claims of the whole, with its type and its number of parts', () => {
    const value = Buffer.from('01020304', 'hex');
    const text = value.toString('base64');
    const claim = { algorithm: 'CRC32', value };
    assert.deepEqual(completed('x-amz-checksum-crc32', text), { ...claim, type: undefined, partsCount: undefined });
    assert.deepEqual(completed('x-amz-checksum-crc32', `${text}-12`), { ...claim, type: 'COMPOSITE', partsCount: 12 });
    const full = completed('x-amz-checksum-crc32', text, 'x-amz-checksum-type', 'full_object');
    assert.deepEqual(full, { ...claim, type: 'FULL_OBJECT', partsCount: undefined });
    assert.equal(completed('x-amz-checksum-type', 'COMPOSITE'), undefined);
  });

  it('refuses a claim of the whole that is malformed, contradicts itself, or stands twice', () => {
    refused('InvalidDigest', () => completed('x-amz-checksum-crc32', 'AQID'));
    refused('InvalidDigest', () => completed('x-amz-checksum-crc32', 'AQIDBA==-x'));
    const type = 'x-amz-checksum-type';
    refused('InvalidRequest', () => completed('x-amz-checksum-crc32', 'AQIDBA==-2', type, 'FULL_OBJECT'));
    refused('InvalidRequest', () => completed('x-amz-checksum-sha1', `${'A'.repeat(27)}=`, type, 'FULL_OBJECT'));
    refused('InvalidRequest', () => completed('x-amz-checksum-crc32', 'AQIDBA==', 'x-amz-checksum-crc32c', 'AQIDBA=='));
  });

  it('makes a checksum that is named without a value, and takes FULL_OBJECT of what comes in one piece', () => {
    assert.equal(put('x-amz-checksum-algorithm', 'crc32c').claims.wanted, 'CRC32C');
    const received = put('x-amz-checksum-algorithm', 'CRC32', 'x-amz-checksum-crc32', 'AQIDBA==');
    assert.deepEqual([received.claims.wanted, received.claims.checksum?.algorithm], [undefined, 'CRC32']);
    assert.ok(put('x-amz-checksum-type', 'FULL_OBJECT', 'x-amz-checksum-crc32', 'AQIDBA=='));
    refused('InvalidArgument', () => put('x-amz-checksum-type', 'COMPOSITE'));
  });

  it('gives back what a document shows, and nothing that is no checksum', () => {
    const read = (inner: string) => readShownChecksum(readXml(Buffer.from(`<a>${inner}</a>`), 4096)!);
    const composite = '<ChecksumCRC32>AQIDBA==-2</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType>';
    assert.equal(writeChecksum(read(composite)), composite);
    assert.equal(writeChecksum(read('<ChecksumSHA1>&lt;b&gt;</ChecksumSHA1>')), '');
    assert.equal(writeChecksum(read('<ETag>x</ETag>')), '');
  });
});
