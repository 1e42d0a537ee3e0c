import { refuseUnkeptChecksum } from '../../../../src/s3/request/unkept-checksum.ts';
import { parse, put, refused } from '../fixture.ts';

const CRC = ['x-amz-checksum-crc32', 'NSRBwg=='] as const;

describe('s3/unkept-checksum', () => {
  it('refuses who asks a store that keeps none for a checksum of the whole', () => {
    const whole = ['x-amz-checksum-algorithm', 'CRC32', 'x-amz-checksum-type', 'FULL_OBJECT'];
    const create = parse('POST', '/reports/k?uploads', ...whole);
    const complete = parse('POST', '/reports/k?uploadId=u', 'Content-Length', '9', ...CRC);
    const copy = parse('PUT', '/reports/k', 'x-amz-copy-source', '/reports/a', 'x-amz-checksum-algorithm', 'CRC32');
    for (const request of [create, complete, copy]) refused('NotImplemented', () => refuseUnkeptChecksum(request));
  });

  it('lets pass what is verified here, and what SDKs name by default', () => {
    const parts = ['x-amz-checksum-algorithm', 'CRC32', 'x-amz-checksum-type', 'COMPOSITE'];
    refuseUnkeptChecksum(parse('POST', '/reports/k?uploads', ...parts));
    refuseUnkeptChecksum(parse('POST', '/reports/k?uploads'));
    refuseUnkeptChecksum(parse('POST', '/reports/k?uploadId=u', 'Content-Length', '9'));
    refuseUnkeptChecksum(parse('PUT', '/reports/k', 'x-amz-copy-source', '/reports/a'));
    refuseUnkeptChecksum(put(...CRC));
  });
});
