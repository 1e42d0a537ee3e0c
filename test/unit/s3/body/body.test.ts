import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createBodyVerifier } from '../../../../src/s3/body/body-verifier.ts';
import { put, refused } from '../fixture.ts';

const BODY = Buffer.from('123456789');
/** Check values of the catalogue of parametrised CRC algorithms; digests by node:crypto. */
const DIGESTS: Readonly<Record<string, Buffer>> = {
  'x-amz-checksum-crc32': Buffer.from('cbf43926', 'hex'),
  'x-amz-checksum-crc32c': Buffer.from('e3069283', 'hex'),
  'x-amz-checksum-crc64nvme': Buffer.from('ae8b14860a799888', 'hex'),
  'x-amz-checksum-sha1': createHash('sha1').update(BODY).digest(),
  'x-amz-checksum-sha256': createHash('sha256').update(BODY).digest(),
  'x-amz-checksum-sha512': createHash('sha512').update(BODY).digest(),
  'x-amz-checksum-md5': createHash('md5').update(BODY).digest(),
  'content-md5': createHash('md5').update(BODY).digest(),
};
const SHA256_HEX = createHash('sha256').update(BODY).digest('hex');

function verify(headers: readonly string[], ...chunks: Buffer[]): void {
  const verifier = createBodyVerifier(put(...headers).claims);
  assert.ok(verifier);
  for (const chunk of chunks) verifier.update(chunk);
  verifier.verify();
}

describe('s3/body-claims', () => {
  for (const [name, digest] of Object.entries(DIGESTS)) {
    it(`refuses a ${name} of the wrong length or not base64`, () => {
      for (const text of [
        digest.subarray(1).toString('base64'),
        Buffer.concat([digest, Buffer.alloc(1)]).toString('base64'),
        digest.toString('hex'),
        digest.toString('base64url').replace(/.$/, '!'),
        ` ${digest.toString('base64')}`,
        '',
      ]) {
        refused('InvalidDigest', () => put(name, text));
      }
    });
  }

  it('refuses several checksums', () => {
    const [crc32, sha1] = ['x-amz-checksum-crc32', 'x-amz-checksum-sha1'];
    refused('InvalidRequest', () =>
      put(crc32, DIGESTS[crc32]!.toString('base64'), sha1, DIGESTS[sha1]!.toString('base64')),
    );
  });

  it('refuses an announced algorithm with another checksum, and one that the SDK announced without any', () => {
    const crc32 = DIGESTS['x-amz-checksum-crc32']!.toString('base64');
    for (const name of ['x-amz-sdk-checksum-algorithm', 'x-amz-checksum-algorithm']) {
      refused('InvalidRequest', () => put(name, 'SHA1', 'x-amz-checksum-crc32', crc32));
      assert.equal(put(name, 'crc32', 'x-amz-checksum-crc32', crc32).claims.checksum?.algorithm, 'CRC32');
    }
    refused('InvalidRequest', () => put('x-amz-sdk-checksum-algorithm', 'CRC32'));
  });

  it('takes a hex digest of the payload as a claim, UNSIGNED-PAYLOAD as none, and refuses the rest', () => {
    assert.equal(put('x-amz-content-sha256', SHA256_HEX.toUpperCase()).claims.sha256?.toString('hex'), SHA256_HEX);
    assert.equal(put('x-amz-content-sha256', 'UNSIGNED-PAYLOAD').claims.sha256, undefined);
    for (const value of ['', 'x', SHA256_HEX.slice(1), 'unsigned-payload']) {
      refused('InvalidArgument', () => put('x-amz-content-sha256', value));
    }
  });
});

describe('s3/body-verifier', () => {
  for (const [name, digest] of Object.entries(DIGESTS)) {
    it(`verifies ${name} over any chunks`, () => {
      const headers = [name, digest.toString('base64')];
      verify(headers, BODY);
      verify(headers, BODY.subarray(0, 2), Buffer.alloc(0), BODY.subarray(2));
    });

    it(`detects by ${name} a body that was altered, cut or extended`, () => {
      const headers = [name, digest.toString('base64')];
      refused('BadDigest', () => verify(headers, Buffer.from('123456780')));
      refused('BadDigest', () => verify(headers, BODY.subarray(1)));
      refused('BadDigest', () => verify(headers, BODY, Buffer.alloc(1)));
      refused('BadDigest', () => verify(headers));
    });
  }

  it('detects a body that does not match x-amz-content-sha256', () => {
    verify(['x-amz-content-sha256', SHA256_HEX], BODY);
    refused('ContentSha256Mismatch', () => verify(['x-amz-content-sha256', SHA256_HEX], BODY.subarray(1)));
  });

  it('verifies every claim, not the first only', () => {
    const good = ['content-md5', DIGESTS['content-md5']!.toString('base64')];
    refused('BadDigest', () => verify([...good, 'x-amz-checksum-crc32', 'AAAAAA=='], BODY));
    refused('ContentSha256Mismatch', () => verify([...good, 'x-amz-content-sha256', '0'.repeat(64)], BODY));
  });

  it('asks for a checksum behind the body once, when the body has ended, and digests the body once for it', () => {
    let requested = 0;
    const verifier = createBodyVerifier(
      {},
      {
        algorithm: 'CRC32',
        value: () => {
          requested += 1;
          return DIGESTS['x-amz-checksum-crc32']!;
        },
      },
    );
    verifier?.update(BODY);
    assert.equal(requested, 0);
    verifier?.verify();
    assert.equal(requested, 1);
  });

  it('does nothing where nothing is claimed', () => {
    assert.equal(createBodyVerifier(put().claims), undefined);
  });
});
