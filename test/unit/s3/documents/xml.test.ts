import assert from 'node:assert/strict';
import {
  bucketLocationDocument,
  errorDocument,
  escapeXml,
  parseStoreError,
  STORE_ERROR_LIMIT_BYTES,
} from '../../../../src/s3/documents/xml.ts';
import { readXml, textOf } from '../../../../src/s3/documents/xml-reader.ts';

const read = (text: string): ReturnType<typeof readXml> => readXml(Buffer.from(text), 1_000_000);

describe('s3/xml', () => {
  it('lets no text become markup', () => {
    const text = `</Message><Code>Fake</Code>&amp;"'`;
    const document = errorDocument({
      code: 'AccessDenied',
      message: text,
      resource: text,
      requestId: 'r',
      fields: { Rule: text },
    });
    const root = read(document);
    assert.ok(root);
    assert.deepEqual(
      root.children.map(({ name }) => name),
      ['Code', 'Message', 'Resource', 'Rule', 'RequestId', 'HostId'],
    );
    assert.equal(textOf(root, 'Rule'), text);
    assert.equal(textOf(root, 'Code'), 'AccessDenied');
  });

  it('writes what XML cannot hold as numeric references, and lone surrogates not at all', () => {
    assert.equal(escapeXml('a\u0001\r\uFFFE\u007F😀\t\n'), 'a&#x1;&#xD;&#xFFFE;\u007F😀\t\n');
    assert.equal(escapeXml('\uD800x\uDC00'), '\uFFFDx\uFFFD');
  });

  it('writes us-east-1 as the empty location', () => {
    assert.equal(read(bucketLocationDocument('us-east-1'))?.text, '');
    assert.equal(read(bucketLocationDocument('eu-west-1'))?.text, 'eu-west-1');
  });
});

describe('s3/xml parseStoreError', () => {
  it('reads the code of an error document', () => {
    assert.equal(parseStoreError(Buffer.from('<Error><Code>NoSuchKey</Code></Error>')), 'NoSuchKey');
    const long = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n <Code>SlowDown</Code>\n <Message>&lt;</Message></Error>`;
    assert.equal(parseStoreError(Buffer.from(long)), 'SlowDown');
  });

  for (const text of [
    '',
    'not xml',
    '<Error>',
    '<Error></Error>',
    '<Error><Code>A</Code><Code>B</Code></Error>',
    '<Error><Code>No Such Key</Code></Error>',
    '<Error><Code><b>A</b></Code></Error>',
    '<Other><Code>A</Code></Other>',
    '<html><body>Bad gateway</body></html>',
    '<!DOCTYPE x [<!ENTITY a "b">]><Error><Code>&a;</Code></Error>',
    `<Error><Code>A</Code><x>${'y'.repeat(STORE_ERROR_LIMIT_BYTES)}</x></Error>`,
  ]) {
    it(`finds no code in ${JSON.stringify(text.slice(0, 50))}`, () => {
      assert.equal(parseStoreError(Buffer.from(text)), undefined);
    });
  }

  it('finds no code in what is not UTF-8', () => {
    assert.equal(parseStoreError(Buffer.from('<Error><Code>\xff</Code></Error>', 'latin1')), undefined);
  });
});

describe('s3/xml-reader', () => {
  for (const text of [
    '<a><b></a></b>',
    '<a>',
    '</a>',
    '<a></a><b></b>',
    'x<a></a>',
    '<a></a>x',
    '<a>&unknown;</a>',
    '<a>&amp</a>',
    '<a>&#0;</a>',
    '<a>&#xD800;</a>',
    '<a>&#x110000;</a>',
    '<a><![CDATA[x]]></a>',
    '<a><!-- x --></a>',
    '<a><?php ?></a>',
    '<!DOCTYPE a><a></a>',
    '<a b=c></a>',
    '<a b="<"></a>',
    '<a b="x"c="y"></a>',
    '< a></a>',
    '<1></1>',
    '<?xml version="1.0"',
    '<'.repeat(1000),
    `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`,
    `<r>${'<a/>'.repeat(65_536)}</r>`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(read(text), undefined));
  }

  it('refuses a document over its bound', () => {
    assert.equal(readXml(Buffer.from('<a>xx</a>'), 8), undefined);
    assert.equal(readXml(Buffer.from('<a>x</a>'), 8)?.text, 'x');
  });

  it('reads attributes past, and keeps spaces and references of the text', () => {
    const root = read(`<?xml version='1.0'?>\n<a xmlns="u" x='y' >\n<b> &#32;&lt;&#x1F600; </b><c/><d  /></a>\n`);
    assert.ok(root);
    assert.equal(textOf(root, 'b'), '  <😀 ');
    assert.equal(textOf(root, 'c'), '');
    assert.equal(textOf(root, 'd'), '');
    assert.equal(textOf(root, 'e'), undefined);
  });
});
