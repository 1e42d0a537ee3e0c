import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { decodeChunked, type ChunkedBody, type ChunkSignatures } from '../../../../src/s3/body/aws-chunked.ts';

/** Pieces of a body: text, or buffers. */
type Pieces = readonly (string | Buffer)[];

interface Decoded {
  readonly data: Buffer;
  readonly pieces: number;
  readonly checksum: Buffer | undefined;
}

async function* stream(pieces: Pieces): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
}

async function decode(sizeBytes: number, pieces: Pieces, options: Partial<ChunkedBody> = {}): Promise<Decoded> {
  const body: Buffer[] = [];
  let checksum: Buffer | undefined;
  const all: ChunkedBody = { sizeBytes, trailer: undefined, signatures: undefined, ...options };
  for await (const data of decodeChunked(stream(pieces), all, (value) => (checksum = value))) body.push(data);
  return { data: Buffer.concat(body), pieces: body.length, checksum };
}

async function rejects(code: string, sizeBytes: number, pieces: Pieces, options?: Partial<ChunkedBody>): Promise<void> {
  await assert.rejects(decode(sizeBytes, pieces, options), { name: 'GatewayError', code });
}

const CRC = 'x-amz-checksum-crc32';
const CRC_HELLO = Buffer.from('NhCmhg==', 'base64');
const TRAILER = { trailer: 'CRC32' } as const;

/** Signatures that are `'a' * 64` for a chunk, and `'b' * 64` for a trailer. */
function signatures(seen: string[] = []): ChunkSignatures {
  const check = (signature: string, digit: string): void => {
    if (signature !== digit.repeat(64)) throw new GatewayError('SignatureDoesNotMatch');
  };
  return {
    chunk: (sha256, signature) => {
      seen.push(sha256.toString('hex'));
      check(signature, 'a');
    },
    trailer: (trailer, signature) => {
      seen.push(trailer);
      check(signature, 'b');
    },
  };
}

function signedChunk(size: number, signature = 'a'): Buffer {
  const line = `${size.toString(16)};chunk-signature=${signature.repeat(64)}\r\n`;
  return Buffer.from(`${line}${'x'.repeat(size)}${size === 0 ? '' : '\r\n'}`);
}

describe('s3/aws-chunked', () => {
  it('gives the data and the checksum of the trailer', async () => {
    assert.equal(CRC_HELLO.readUInt32BE(), crc32('hello'));
    const body = `5\r\nhello\r\n0\r\n${CRC}:NhCmhg==\r\n\r\n`;
    for (const pieces of [[body], body.split('')]) {
      const { data, checksum } = await decode(5, pieces, TRAILER);
      assert.equal(data.toString(), 'hello');
      assert.deepEqual(checksum, CRC_HELLO);
    }
  });

  it('keeps what looks like framing inside of a chunk', async () => {
    const data = '0\r\n\r\n5\r\n';
    assert.equal((await decode(8, [`8\r\n${data}\r\n0\r\n\r\n`])).data.toString(), data);
  });

  it('takes an empty body', async () => {
    assert.equal((await decode(0, ['0\r\n\r\n'])).data.length, 0);
  });

  it('takes small chunks in any place of an unsigned body', async () => {
    const { data } = await decode(9000 + 101, [
      '64\r\n',
      'a'.repeat(100),
      '\r\n2328\r\n',
      'b'.repeat(9000),
      '\r\n1\r\nc\r\n0\r\n\r\n',
    ]);
    assert.equal(data.length, 9101);
  });

  it('takes an unsigned chunk of any size: some clients send the whole body as one', async () => {
    const piece = Buffer.alloc(1024 * 1024);
    const { data } = await decode(17 * piece.length, [
      '1100000\r\n',
      ...Array<Buffer>(17).fill(piece),
      '\r\n0\r\n\r\n',
    ]);
    assert.equal(data.length, 17 * piece.length);
  });

  it('passes data on before its chunk has ended', async () => {
    const body = decodeChunked(
      stream(['400\r\nabc', 'def']),
      { sizeBytes: 1024, trailer: undefined, signatures: undefined },
      () => undefined,
    );
    assert.equal((await body.next()).value?.toString(), 'abc');
  });

  for (const [what, tail] of [
    ['an extra CRLF after the last chunk', `0\r\n\r\n${CRC}:NhCmhg==\r\n\r\n`],
    ['no CRLF at the very end', `0\r\n${CRC}:NhCmhg==\r\n`],
    ['lines of the trailer that end in LF', `0\r\n${CRC}:NhCmhg==\n\r\n`],
    ['a space after the colon', `0\r\n${CRC}: NhCmhg==\r\n\r\n`],
  ] as const) {
    it(`tolerates ${what}`, async () => {
      assert.deepEqual((await decode(5, ['5\r\nhello\r\n', tail], TRAILER)).checksum, CRC_HELLO);
    });
  }

  describe('a length that lies', () => {
    it('refuses a chunk that is larger than what was declared, before its data', async () => {
      const received: Buffer[] = [];
      const options = { sizeBytes: 5, trailer: undefined, signatures: undefined };
      await assert.rejects(
        async () => {
          for await (const data of decodeChunked(stream(['6\r\nhello', '!\r\n0\r\n\r\n']), options, () => undefined)) {
            received.push(data);
          }
        },
        { code: 'IncompleteBody' },
      );
      assert.equal(received.length, 0);
    });

    it('refuses chunks that sum to more or less', async () => {
      await rejects('IncompleteBody', 5, ['5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n']);
      await rejects('IncompleteBody', 6, ['5\r\nhello\r\n0\r\n\r\n']);
      await rejects('IncompleteBody', 1, ['0\r\n\r\n']);
    });

    it('refuses a size that no number holds', async () => {
      for (const size of ['ffffffffffffffff', '20000000000000', '7fffffffffffffff']) {
        await rejects('IncompleteBody', 5, [`${size}\r\nhello`]);
      }
      await rejects('InvalidRequest', 5, [`1${'0'.repeat(16)}\r\nhello`]);
    });

    it('refuses a body that ends anywhere before its last chunk', async () => {
      const body = '5\r\nhello\r\n0\r\n';
      for (let end = 0; end < body.length; end += 1) {
        await rejects('IncompleteBody', 5, [body.slice(0, end)]);
      }
    });
  });

  describe('malformed framing', () => {
    for (const line of [
      '',
      ' 5',
      '5 ',
      '+5',
      '-5',
      '0x5',
      '5;',
      '5;a=b',
      'five',
      '5\r',
      `5;chunk-signature=${'a'.repeat(63)}`,
    ]) {
      it(`refuses the line ${JSON.stringify(line)}`, async () => {
        await rejects('InvalidRequest', 5, [`${line}\r\nhello\r\n0\r\n\r\n`]);
      });
    }

    it('refuses a line that ends in LF alone', async () => {
      await rejects('InvalidRequest', 5, ['5\nhello\r\n0\r\n\r\n']);
    });

    it('refuses a chunk without its end', async () => {
      await rejects('InvalidRequest', 10, ['5\r\nhello5\r\nhello\r\n0\r\n\r\n']);
      await rejects('InvalidRequest', 5, ['5\r\nhello\r0\r\n\r\n']);
      await rejects('InvalidRequest', 5, ['5\r\nhello\n0\r\n\r\n']);
    });

    it('refuses a line that never ends, without keeping it', async () => {
      const endless = Array<string>(1000).fill('0');
      await rejects('InvalidRequest', 5, endless);
      await rejects('InvalidRequest', 5, ['0'.repeat(100_000)]);
    });

    it('refuses a body that is not framed at all', async () => {
      await rejects('InvalidRequest', 5, ['hello\n']);
      await rejects('InvalidRequest', 500, ['x'.repeat(500)]);
    });
  });

  describe('the trailer', () => {
    const tails: readonly (readonly [string, string, string])[] = [
      ['that never comes', 'MalformedTrailer', ''],
      ['of blank lines only', 'MalformedTrailer', '\r\n\r\n'],
      ['that stands twice', 'MalformedTrailer', `${CRC}:NhCmhg==\r\n${CRC}:NhCmhg==\r\n\r\n`],
      ['that was not declared', 'InvalidRequest', `x-amz-checksum-crc32c:NhCmhg==\r\n\r\n`],
      ['of another name beside it', 'InvalidRequest', `${CRC}:NhCmhg==\r\nx-amz-meta-a:b\r\n\r\n`],
      ['without a colon', 'MalformedTrailer', `${CRC}\r\n\r\n`],
      ['without a name', 'MalformedTrailer', ':NhCmhg==\r\n\r\n'],
      ['cut short', 'MalformedTrailer', `${CRC}:NhCm`],
      ['of the wrong length', 'MalformedTrailer', `${CRC}:NhCmhgAA\r\n\r\n`],
      ['that is not base64', 'MalformedTrailer', `${CRC}:NhCm!g==\r\n\r\n`],
      ['in another base64', 'MalformedTrailer', `${CRC}:NhCmhh==\r\n\r\n`],
      ['with a control byte', 'MalformedTrailer', `${CRC}:NhCmhg==\0\r\n\r\n`],
      [
        'and a signature that no one asked for',
        'MalformedTrailer',
        `${CRC}:NhCmhg==\r\nx-amz-trailer-signature:${'b'.repeat(64)}\r\n\r\n`,
      ],
      ['and a second body', 'MalformedTrailer', `${CRC}:NhCmhg==\r\n\r\nPUT / HTTP/1.1\r\n\r\n`],
      ['longer than fits', 'MalformedTrailer', `${CRC}:${'A'.repeat(5000)}`],
      ['of endless blank lines', 'MalformedTrailer', `${CRC}:NhCmhg==${'\r\n'.repeat(1000)}`],
    ];
    for (const [what, code, tail] of tails) {
      it(`is refused: one ${what}`, async () => {
        await rejects(code, 5, ['5\r\nhello\r\n0\r\n', tail], TRAILER);
      });
    }

    it('is refused where none was declared', async () => {
      await rejects('InvalidRequest', 5, [`5\r\nhello\r\n0\r\n${CRC}:NhCmhg==\r\n\r\n`]);
    });

    it('is never handed over when it is refused', async () => {
      let calls = 0;
      const body = decodeChunked(
        stream([`5\r\nhello\r\n0\r\n${CRC}:NhCmhg==\r\nx-amz-meta-a:b\r\n\r\n`]),
        { sizeBytes: 5, signatures: undefined, ...TRAILER },
        () => (calls += 1),
      );
      await assert.rejects(
        async () => {
          for await (const data of body) assert.equal(data.toString(), 'hello');
        },
        { code: 'InvalidRequest' },
      );
      assert.equal(calls, 0);
    });
  });

  describe('signed chunks', () => {
    it('has every chunk verified, the empty last one included', async () => {
      const seen: string[] = [];
      await decode(8193, [signedChunk(8192), signedChunk(1), signedChunk(0), '\r\n'], { signatures: signatures(seen) });
      assert.equal(seen.length, 3);
      assert.equal(seen[2], 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    });

    it('refuses a bad signature on any chunk', async () => {
      for (const bad of [0, 1, 2]) {
        const pieces = [8192, 1, 0].map((size, index) => signedChunk(size, index === bad ? 'c' : 'a'));
        await rejects('SignatureDoesNotMatch', 8193, pieces, { signatures: signatures() });
      }
    });

    it('never ends well without the signed last chunk', async () => {
      await rejects('IncompleteBody', 8192, [signedChunk(8192)], { signatures: signatures() });
    });

    it('refuses a chunk without signature, and one with a signature that nothing verifies', async () => {
      await rejects('InvalidRequest', 5, ['5\r\nhello\r\n0\r\n\r\n'], { signatures: signatures() });
      await rejects('InvalidRequest', 1, [signedChunk(1), signedChunk(0), '\r\n']);
    });

    it('refuses a small chunk that is not the last one', async () => {
      const pieces = [signedChunk(8191), signedChunk(8192), signedChunk(0), '\r\n'];
      await rejects('InvalidChunkSize', 8191 + 8192, pieces, { signatures: signatures() });
    });

    it('refuses a chunk of more than 16 MiB, before its data', async () => {
      const size = 16 * 1024 * 1024;
      const line = (bytes: number): string => `${bytes.toString(16)};chunk-signature=${'a'.repeat(64)}\r\n`;
      await rejects('InvalidChunkSize', size + 1, [line(size + 1)], { signatures: signatures() });
      await rejects('IncompleteBody', size + 1, [line(size)], { signatures: signatures() });
    });

    it('has the trailer verified as it is signed', async () => {
      const seen: string[] = [];
      const options = { signatures: signatures(seen), ...TRAILER };
      for (const between of ['\r\n', '\n\r\n']) {
        const tail = `${CRC}: NhCmhg==${between}x-amz-trailer-signature:${'b'.repeat(64)}\r\n\r\n`;
        await decode(5, [signedChunk(5), signedChunk(0), tail], options);
        assert.equal(seen.pop(), `${CRC}:NhCmhg==\n`);
      }
    });

    it('refuses a trailer without its signature, or with a wrong one', async () => {
      const start = [signedChunk(5), signedChunk(0), `${CRC}:NhCmhg==\r\n`];
      const options = { signatures: signatures(), ...TRAILER };
      await rejects('MalformedTrailer', 5, [...start, '\r\n'], options);
      const wrong = `x-amz-trailer-signature:${'c'.repeat(64)}\r\n\r\n`;
      await rejects('SignatureDoesNotMatch', 5, [...start, wrong], options);
    });
  });

  it('gives the data of a million tiny chunks in as many pieces as arrived', async () => {
    const piece = '1\r\nx\r\n'.repeat(10_000);
    const { data, pieces } = await decode(1_000_000, [...Array<string>(100).fill(piece), '0\r\n\r\n']);
    assert.equal(data.length, 1_000_000);
    assert.equal(pieces, 100);
  });

  it('closes its source when its reader stops', async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield await Promise.resolve(Buffer.from('1\r\nx\r\n'));
      } finally {
        isClosed = true;
      }
    }
    const options = { sizeBytes: 100, trailer: undefined, signatures: undefined };
    for await (const data of decodeChunked(source(), options, () => undefined)) {
      assert.equal(data.length, 1);
      break;
    }
    assert.ok(isClosed);
  });
});
