import assert from 'node:assert/strict';
import { encodeEnvelope } from '../../../../src/core/cipher/envelope.ts';
import { ENVELOPE_HEADER, MAX_USER_METADATA_BYTES, METADATA_PREFIX } from '../../../../src/s3/request/user-metadata.ts';

describe('s3/user-metadata', () => {
  it("leaves room in the store's 2,048 bytes for the longest envelope that a keyring can make", () => {
    const longest = encodeEnvelope({
      ...{ kind: 'm', kekVersion: 0xffff_ffff, wrapped: Buffer.alloc(256) },
      keyringId: 'k'.repeat(32),
    });
    const ownBytes = ENVELOPE_HEADER.length - METADATA_PREFIX.length + longest.length;
    assert.ok(ownBytes + MAX_USER_METADATA_BYTES <= 2048, `${ownBytes} bytes`);
  });
});
