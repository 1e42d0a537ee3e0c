import assert from 'node:assert/strict';
import { parse, refused } from '../fixture.ts';

const SIGNED =
  'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SPLY%2F20261121%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20261121T000000Z' +
  '&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=t';
const AUTHORIZATION = ['Authorization', 'AWS4-HMAC-SHA256 Credential=a'] as const;

describe('s3/presigned-query', () => {
  it('says where the credentials are', () => {
    assert.equal(parse('GET', '/reports/k').presented, 'nothing');
    assert.equal(parse('GET', '/reports/k', 'Authorization', 'Bearer t').presented, 'bearer');
    assert.equal(parse('GET', '/reports/k', ...AUTHORIZATION).presented, 'signed-header');
    assert.equal(parse('GET', `/reports/k?${SIGNED}`).presented, 'signed-query');
  });

  it('leaves the signature out of the query, and in the raw target', () => {
    const request = parse('GET', `/reports/k?versionId=v&${SIGNED}`);
    assert.deepEqual([...request.query], [['versionId', 'v']]);
    assert.equal(request.raw.target, `/reports/k?versionId=v&${SIGNED}`);
  });

  it('takes other x-amz-* parameters for the headers that they stand for', () => {
    const request = parse('PUT', `/reports/k?${SIGNED}&X-Amz-Acl=public-read&x-amz-meta-a=b`, 'Content-Length', '1');
    assert.equal(request.headers.get('x-amz-acl'), 'public-read');
    assert.equal(request.headers.get('x-amz-meta-a'), 'b');
    assert.equal(request.query.size, 0);
  });

  for (const name of ['Content-Type', 'content-md5', 'Content-Disposition', 'Cache-Control', 'Expires']) {
    it(`takes ${name} in a presigned query, as S3 does, and gives it no meaning`, () => {
      const request = parse('PUT', `/reports/k?${name}=text%2Fplain&${SIGNED}`, 'Content-Length', '1');
      assert.equal(request.query.size, 0);
      assert.equal(request.headers.has(name.toLowerCase()), false);
      refused('InvalidRequest', () => parse('GET', `/reports/k?${name}=a`, 'Authorization', 'Bearer t'));
    });
  }

  it('still takes no parameter that it does not know', () => {
    refused('NotImplemented', () => parse('GET', `/reports/k?${SIGNED}&anything`));
    refused('NotImplemented', () => parse('GET', `/reports/k?${SIGNED}&content-range=a`));
  });

  it('takes metadata in UTF-8 from a presigned query as from a header', () => {
    const request = parse('PUT', `/reports/k?${SIGNED}&x-amz-meta-a=f%C3%BCr`, 'Content-Length', '1');
    assert.equal(request.headers.get('x-amz-meta-a'), '=?UTF-8?B?ZsO8cg==?=');
  });

  it('holds such headers to the same rules as all headers', () => {
    refused('NotImplemented', () => parse('GET', `/reports/k?${SIGNED}&x-amz-meta-a=b`));
    refused('InvalidArgument', () =>
      parse('PUT', `/reports/k?${SIGNED}&x-amz-meta-sallyport=1`, 'Content-Length', '1'),
    );
  });

  for (const [what, attempt] of [
    [
      'a header in the query that stands in the head too',
      () => parse('GET', `/reports/k?${SIGNED}&x-amz-date=a`, 'x-amz-date', 'a'),
    ],
    ['a header that ends a header', () => parse('GET', `/reports/k?${SIGNED}&x-amz-user-agent=a%0d%0ab`)],
    ['one header in two spellings', () => parse('GET', `/reports/k?${SIGNED}&x-amz-user-agent=a&X-Amz-User-Agent=b`)],
    ['a signature parameter in another spelling', () => parse('GET', `/reports/k?${SIGNED}&x-amz-expires=604800`)],
    ['a repeated signature', () => parse('GET', `/reports/k?${SIGNED}&X-Amz-Signature=11`)],
    ['a header in the query of a bearer', () => parse('GET', '/reports/k?x-amz-acl=a', 'Authorization', 'Bearer t')],
    ['a header in an unsigned query', () => parse('GET', '/reports/k?x-amz-acl=a')],
    ['lower-case signature parameters alone', () => parse('GET', '/reports/k?x-amz-signature=00')],
  ] as const) {
    it(`refuses ${what}`, () => {
      refused('InvalidRequest', attempt);
    });
  }

  it('refuses a presigned query together with any other credential', () => {
    for (const value of ['Bearer t', AUTHORIZATION[1], 'Basic a', '']) {
      refused('InvalidArgument', () => parse('GET', `/reports/k?${SIGNED}`, 'Authorization', value));
      refused('InvalidArgument', () => parse('GET', '/reports/k?X-Amz-Signature=0', 'Authorization', value));
    }
    refused('InvalidArgument', () => parse('GET', `/reports/k?${SIGNED}`, 'x-amz-security-token', 't'));
  });

  it('takes a session token beside a header signature only', () => {
    assert.ok(parse('GET', '/reports/k', ...AUTHORIZATION, 'x-amz-security-token', 't'));
    refused('NotImplemented', () =>
      parse('GET', '/reports/k', 'Authorization', 'Bearer t', 'x-amz-security-token', 't'),
    );
  });
});
