import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { boundaryOf, readFormFields } from '../../../../src/s3/request/form-fields.ts';

const BOUNDARY = 'b0undary';

function part(name: string, content: Buffer | string, more = ''): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]);
}

function form(file: Buffer | string, ...fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.map(([name, value]) => part(name, value));
  return Buffer.concat([...parts, part('file', file, '; filename="f"'), Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

/** In pieces of at most so many bytes, in turn. */
async function* pieces(body: Buffer, sizes: readonly number[] = [body.length]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    // A copy: whoever takes a piece may do with its memory what it likes.
    yield Buffer.from(body.subarray(at, at + size));
    at += size;
    await Promise.resolve();
  }
}

async function read(body: Buffer, sizes?: readonly number[], sizeBytes = body.length) {
  const { fields, file } = await readFormFields(pieces(body, sizes), { boundary: BOUNDARY, sizeBytes });
  const received: Buffer[] = [];
  for await (const piece of file.content) {
    received.push(Buffer.from(piece));
    // As a sealer does: what was taken must not be needed any more.
    piece.fill(0);
  }
  const content = Buffer.concat(received);
  assert.equal(content.length, file.sizeBytes);
  return { fields, content, name: file.name };
}

async function refused(code: string, body: Buffer, sizes?: readonly number[], sizeBytes?: number): Promise<void> {
  await assert.rejects(read(body, sizes, sizeBytes), (error) => error instanceof GatewayError && error.code === code);
}

describe('s3/form-fields', () => {
  it('gives the fields and the file of a form in whatever pieces it comes', async () => {
    const bytes = randomBytes(90_000);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 90_000 }),
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 }),
        async (size, sizes) => {
          const file = bytes.subarray(0, size);
          const read_ = await read(form(file, ['key', 'k'], ['x-amz-meta-a', ' b\r\n-- ü ']), sizes);
          assert.deepEqual(
            [...read_.fields],
            [
              ['key', 'k'],
              ['x-amz-meta-a', ' b\r\n-- ü '],
            ],
          );
          assert.ok(read_.content.equals(file));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes what looks like a boundary and is none for the file', async () => {
    for (const filler of [0, 100_000]) {
      const file = Buffer.concat([randomBytes(filler), Buffer.from(`\r\n--b0undar\r\n\n--${BOUNDARY}\r\r\n-\r\n--`)]);
      assert.ok((await read(form(file), [7])).content.equals(file));
    }
  });

  it('finds a second end or a field within the file, wherever pieces end', async () => {
    const smuggled = `\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\nother`;
    for (const filler of [10, 100_000]) {
      const file = Buffer.concat([randomBytes(filler), Buffer.from(smuggled), randomBytes(filler)]);
      for (const sizes of [[1], [3, 5], [file.length], [filler + 5]])
        await refused('MalformedPOSTRequest', form(file), sizes);
    }
  });

  it('ends a file only where the form ends', async () => {
    for (const filler of [10, 100_000]) {
      const whole = form(randomBytes(filler));
      await refused('MalformedPOSTRequest', Buffer.concat([whole, Buffer.from('x')]));
      await refused('MalformedPOSTRequest', whole.subarray(0, -3));
      await refused('MalformedPOSTRequest', whole, [1000], whole.length + 5);
      await refused('MalformedPOSTRequest', whole, [1000], whole.length - 5);
    }
  });

  it('reads names of files as browsers and as other programs write them', async () => {
    const named = async (parameter: string) =>
      (await read(Buffer.concat([part('file', '', parameter), Buffer.from(`--${BOUNDARY}--`)]))).name;
    assert.equal(await named('; filename="a%22b.txt"'), 'a"b.txt');
    assert.equal(await named('; filename="a\\"b.txt"'), 'a"b.txt');
    assert.equal(await named('; filename="C:\\dir\\ü.txt"'), 'C:\\dir\\ü.txt');
    assert.equal(await named(''), '');
    assert.equal(await named("; filename=plain.txt; filename*=utf-8''x"), 'plain.txt');
  });

  it('refuses parts that two parsers could read in two ways', async () => {
    const of = (head: string) => Buffer.from(`--${BOUNDARY}\r\n${head}\r\n\r\nx\r\n`);
    for (const head of [
      'Content-Disposition: form-data',
      'Content-Disposition: attachment; name="key"',
      'Content-Disposition: form-data; name="key"; name="other"',
      'Content-Disposition: form-data; name="key"\r\nContent-Disposition: form-data; name="other"',
      'Content-Disposition: form-data; name="k ey"',
      'Content-Disposition: form-data; name=""',
      'Content-Disposition: form-data; name="key',
      'Content-Disposition : form-data; name="key"',
      ' Content-Disposition: form-data; name="key"',
      'Content-Disposition: form-data; name="key"\r\nContent-Transfer-Encoding: base64',
      'Content-Disposition: form-data; name="key"\r\nX-Other: 1',
      'Content-Type: text/plain',
    ]) {
      await refused('MalformedPOSTRequest', Buffer.concat([of(head), form('x')]));
    }
    await refused('MalformedPOSTRequest', Buffer.concat([Buffer.from('preamble\r\n'), form('x')]));
    await refused('MalformedPOSTRequest', Buffer.from(`--${BOUNDARY}--\r\n`));
    await refused('MalformedPOSTRequest', Buffer.concat([part('key', Buffer.from([0xff, 0xfe])), form('x')]));
    await refused('InvalidArgument', form('x', ['key', 'a'], ['KEY', 'b']));
  });

  it('holds no more than the fields may be, however slowly they come', async () => {
    await refused('PostFieldsTooLong', form('x', ['a', 'x'.repeat(20_500)]));
    await refused('PostFieldsTooLong', form('x', ['a', 'x'.repeat(20_500)]), [100]);
    await refused(
      'PostFieldsTooLong',
      Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n${'A: b\r\n'.repeat(5000)}`)]),
      [100],
    );
    const many = Array.from({ length: 101 }, (_, at) => [`f${at}`, ''] as const);
    await refused('PostFieldsTooLong', form('x', ...many));
  });

  it('takes the boundaries that RFC 2046 knows, and no others', () => {
    assert.equal(boundaryOf('multipart/form-data; boundary=----WebKitFormBoundaryabc'), '----WebKitFormBoundaryabc');
    assert.equal(boundaryOf('Multipart/Form-Data;boundary="a b:c"'), 'a b:c');
    for (const type of [
      undefined,
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'multipart/form-data; boundary=',
      `multipart/form-data; boundary=${'a'.repeat(71)}`,
      'multipart/form-data; boundary="a "',
      'multipart/form-data; boundary=a; boundary=b',
      'multipart/form-data; boundary="a\r\nb"',
      'multipart/mixed; boundary=a',
    ]) {
      assert.equal(boundaryOf(type), undefined, type);
    }
  });
});
