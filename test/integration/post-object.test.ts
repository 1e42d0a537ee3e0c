/**
 * POST Object end to end: forms that browsers send, signed by an implementation of the test's own, and by boto3 where it is.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { crc32 } from 'node:zlib';
import { startSingleGateway, type SingleGateway } from '../support/stack/single-gateway.ts';
import { needs } from '../support/needs.ts';
import { sessionOf } from '../support/identity/session.ts';
import type { TestKeys } from '../support/store/store-client.ts';

const POLICY = `
id: team
description: The team uploads into box, and reads it.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: up, allow: [GET, PUT, PUT_TAGS], bucket: box, prefix: up/ }
  - { id: plain, allow: [GET, PUT], bucket: box, prefix: plain/ }
`;

type Fields = readonly (readonly [name: string, value: string])[];

interface Form {
  readonly fields: Fields;
  readonly file?: Buffer | string;
  readonly fileName?: string;
  readonly boundary?: string;
  /** What stands between the file and the end. */
  readonly behind?: string;
  readonly end?: string;
}

const BOUNDARY = '----WebKitFormBoundary7MA4YWxkTrZu0gW';

function bodyOf({
  fields,
  file = 'hello',
  fileName = 'a.txt',
  boundary = BOUNDARY,
  behind = '',
  end = '\r\n',
}: Form): Buffer {
  const parts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/plain\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(parts.join('') + head),
    Buffer.from(file),
    Buffer.from(`${behind}\r\n--${boundary}--${end}`),
  ]);
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Signs a policy as the S3 API Reference says. */
function signed(
  keys: Required<TestKeys>,
  conditions: readonly unknown[],
  more: { expiresMs?: number; date?: Date } = {},
) {
  const date = more.date ?? new Date();
  const amzDate = date.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = amzDate.slice(0, 8);
  const own: [string, string][] = [
    ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
    ['x-amz-credential', `${keys.accessKeyId}/${day}/us-east-1/s3/aws4_request`],
    ['x-amz-date', amzDate],
    ['x-amz-security-token', keys.sessionToken],
  ];
  const document = JSON.stringify({
    expiration: new Date(Date.now() + (more.expiresMs ?? 600_000)).toISOString(),
    conditions: [...conditions, ...own.map(([name, value]) => ({ [name]: value }))],
  });
  const policy = Buffer.from(document).toString('base64');
  const key = ['us-east-1', 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${keys.secretAccessKey}`, day));
  const signature = hmac(key, policy).toString('hex');
  return [...own, ['policy', policy], ['x-amz-signature', signature]] as Fields;
}

describe('POST Object', function () {
  this.timeout(60_000);
  let gateway: SingleGateway;
  let keys: Required<TestKeys>;
  let token: string;

  before(async () => {
    gateway = await startSingleGateway({
      stores: { main: { checksums: 'all' } },
      buckets: { box: { prefixes: { 'plain/': 'off' } }, other: {} },
      policies: { 'team.yaml': POLICY },
    });
    token = gateway.token('team');
    keys = await sessionOf(gateway.origin, token);
  });
  after(() => gateway.stop());

  interface Sent {
    readonly status: number;
    readonly headers: Record<string, string | string[] | undefined>;
    readonly text: string;
    readonly code: string | undefined;
  }

  function send(form: Form, { bucket = 'box', headers = {}, pieces = 1 }: SendOptions = {}): Promise<Sent> {
    const body = bodyOf(form);
    const { boundary = BOUNDARY } = form;
    const received = {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': body.length,
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${gateway.origin}/${bucket}`, { method: 'POST', headers: received }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => {
          const code = /<Code>([^<]*)</.exec(text)?.[1];
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, code });
        });
      });
      sent.on('error', reject);
      const step = Math.ceil(body.length / pieces);
      for (let at = 0; at < body.length; at += step) sent.write(body.subarray(at, at + step));
      sent.end();
    });
  }

  interface SendOptions {
    readonly bucket?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly pieces?: number;
  }

  const STARTS = ['starts-with', '$key', 'up/'];
  const usual = (key: string, ...conditions: readonly unknown[]): Fields => [
    ['key', key],
    ...signed(keys, [{ bucket: 'box' }, STARTS, ...conditions]),
  ];

  async function read(key: string) {
    const answer = await fetch(`${gateway.origin}/box/${key}`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
  }

  async function refused(code: string, form: Form, options?: SendOptions): Promise<void> {
    const answer = await send(form, options);
    assert.equal(answer.code, code, answer.text);
    const key = form.fields.find(([name]) => name === 'key')?.[1] ?? 'up/none';
    if (key.startsWith('up/refused')) assert.equal((await read(key)).status, 404, key);
  }

  for (const [size, file] of [
    ['empty', Buffer.alloc(0)],
    ['small', Buffer.from('a,b\r\n--x\r\n1,2\r\n')],
    ['of several chunks', randomBytes(300_001)],
    ['of several MiB', randomBytes(5_000_003)],
  ] as const) {
    it(`keeps a file that is ${size}, encrypted, as it was sent`, async () => {
      const key = `up/file ${size}`;
      const answer = await send({ fields: usual(key), file }, { pieces: 7 });
      assert.equal(answer.status, 204, answer.text);
      const encoded = encodeURI(key);
      assert.equal(answer.headers['location'], `${gateway.origin}/box/${encoded}`);
      const kept = await read(encoded);
      assert.equal(
        createHash('sha256').update(kept.body).digest('hex'),
        createHash('sha256').update(file).digest('hex'),
      );
      assert.equal(kept.headers.get('etag'), answer.headers['etag']);
      const stored = await gateway.atStore({ method: 'GET', bucket: 'box', key });
      assert.equal(typeof stored.headers['x-amz-meta-sallyport'], 'string');
      assert.ok(file.length < 16 || !stored.body.includes(file.subarray(0, 16)));
    });
  }

  it('keeps a file of a plain prefix with its type, metadata and checksum', async () => {
    const file = randomBytes(200_000);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(file));
    const own: Fields = [
      ['key', 'plain/${filename}'],
      ['Content-Type', 'text/csv'],
      ['x-amz-meta-Owner', 'finance'],
      ['x-amz-checksum-crc32', sum.toString('base64')],
      ['acl', 'private'],
      ['x-ignore-csrf', 'anything'],
    ];
    const conditions = [
      ['starts-with', '$key', 'plain/'],
      ['starts-with', '$Content-Type', 'text/'],
      ['starts-with', '$x-amz-meta-owner', ''],
      ['starts-with', '$x-amz-checksum-crc32', ''],
      { acl: 'private' },
      ['content-length-range', 1, 200_000],
    ];
    const answer = await send({
      fields: [...own, ...signed(keys, [{ bucket: 'box' }, ...conditions])],
      file,
      fileName: 'C:\\fakepath\\données 1.csv',
    });
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.headers['x-amz-checksum-crc32'], sum.toString('base64'));
    const kept = await read(encodeURI('plain/données 1.csv'));
    assert.ok(kept.body.equals(file));
    assert.equal(kept.headers.get('content-type'), 'text/csv');
    assert.equal(kept.headers.get('x-amz-meta-owner'), 'finance');
  });

  it('puts the tags of a form beside the object, and asks policy for them', async () => {
    const tagging = '<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>';
    const fields = usual('up/tagged', ['starts-with', '$tagging', '<Tagging>']);
    assert.equal((await send({ fields: [...fields, ['tagging', tagging]] })).status, 204);
    const stored = await gateway.atStore({ method: 'GET', bucket: 'box', key: 'up/tagged', query: { tagging: '' } });
    assert.match(stored.body.toString(), /<Key>a<\/Key><Value>b c<\/Value>/);
  });

  it('answers by the status or with the page that the signed form names', async () => {
    const status = (value: string) => [
      ...usual('up/status', ['starts-with', '$success_action_status', '']),
      ['success_action_status', value] as const,
    ];
    const created = await send({ fields: status('201') });
    assert.equal(created.status, 201);
    const url = `${gateway.origin}/box/up/status`;
    assert.equal(created.headers['location'], url);
    assert.ok(
      created.text.includes(`<PostResponse><Location>${url}</Location><Bucket>box</Bucket><Key>up/status</Key><ETag>`),
      created.text,
    );
    assert.equal((await send({ fields: status('200') })).status, 200);
    assert.equal((await send({ fields: status('999') })).status, 204);
    const page = (url: string) => [
      ...usual('up/page', ['starts-with', '$success_action_redirect', '']),
      ['success_action_redirect', url] as const,
    ];
    const sent = await send({ fields: page('https://app.example/done?x=1#top') });
    assert.equal(sent.status, 303);
    const location = new URL(String(sent.headers['location']));
    assert.equal(location.origin + location.pathname, 'https://app.example/done');
    assert.deepEqual(
      [location.searchParams.get('x'), location.searchParams.get('bucket'), location.searchParams.get('key')],
      ['1', 'box', 'up/page'],
    );
    assert.equal(location.searchParams.get('etag'), sent.headers['etag'] ?? location.searchParams.get('etag'));
    for (const url of [
      'javascript:alert(1)',
      '//evil.example',
      'https://u:p@app.example/',
      'data:text/html,x',
      '/local',
    ]) {
      const passed = await send({ fields: page(url) });
      assert.deepEqual([passed.status, passed.headers['location']], [204, `${gateway.origin}/box/up/page`], url);
    }
  });

  it('takes the forms that boto3 makes', async function () {
    const program = `
import json, sys, boto3
from botocore.config import Config
given = json.loads(sys.argv[1])
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}), **given)
print(json.dumps(s3.generate_presigned_post("box", "up/boto3/\${filename}", Fields={"Content-Type": "text/csv", "success_action_status": "201"},
    Conditions=[["starts-with", "$Content-Type", "text/"], {"success_action_status": "201"}, ["content-length-range", 0, 1000]])))
`;
    const received = {
      ...{ region_name: 'us-east-1', endpoint_url: gateway.origin, aws_access_key_id: keys.accessKeyId },
      ...{ aws_secret_access_key: keys.secretAccessKey, aws_session_token: keys.sessionToken },
    };
    const said = spawnSync('python3', ['-c', program, JSON.stringify(received)], { encoding: 'utf8' });
    needs(this, 'boto3', said.status === 0);
    const { url, fields } = JSON.parse(said.stdout) as { url: string; fields: Record<string, string> };
    assert.equal(url, `${gateway.origin}/box`);
    const answer = await send({ fields: Object.entries(fields), file: 'a,b', fileName: 'table.csv' });
    assert.equal(answer.status, 201, answer.text);
    const kept = await read('up/boto3/table.csv');
    assert.deepEqual([kept.body.toString(), kept.headers.get('content-type')], ['a,b', 'text/csv']);
    const long = { fields: Object.entries(fields), file: 'x'.repeat(1001), fileName: 'long' };
    assert.equal((await send(long)).code, 'EntityTooLarge');
  });

  it('is on record as what it is, with the rule that allowed it', async () => {
    await send({ fields: usual('up/recorded') });
    const [access] = (await gateway.audit()).filter(({ key }) => key === 'up/recorded');
    assert.deepEqual([access?.operation, access?.subject, access?.result], ['PostObject', 'team', 'completed']);
    assert.ok(!gateway.log().includes(keys.sessionToken) && !gateway.log().includes(keys.secretAccessKey));
  });

  it('gives back the place of its caller, whether it is kept or refused', async () => {
    const [kept, denied] = [usual('up/again'), usual('up/again', { key: 'up/another' })];
    // More than one identity may have at once.
    for (let count = 0; count < 150; count += 1) {
      assert.equal((await send({ fields: kept })).status, 204);
      assert.equal((await send({ fields: denied })).code, 'AccessDenied');
    }
  });

  describe('refuses', () => {
    it('a form that nobody signed, that somebody else signed, or whose signature is over something else', async () => {
      await refused('AccessDenied', { fields: [['key', 'up/refused-1']] });
      const fields = usual('up/refused-2');
      const replaced = (name: string, value: string): Fields =>
        fields.map((field) => (field[0] === name ? [name, value] : field));
      await refused('InvalidArgument', { fields: fields.filter(([name]) => name !== 'x-amz-signature') });
      await refused('SignatureDoesNotMatch', { fields: replaced('x-amz-signature', '0'.repeat(64)) });
      const another = signed(keys, [{ bucket: 'box' }, ['starts-with', '$key', '']]).find(
        ([name]) => name === 'policy',
      )?.[1];
      await refused('SignatureDoesNotMatch', { fields: replaced('policy', another ?? '') });
      await refused('InvalidAccessKeyId', {
        fields: replaced('x-amz-credential', 'AKIDOFSOMEBODY/20260101/us-east-1/s3/aws4_request'),
      });
      await refused('InvalidAccessKeyId', { fields: fields.filter(([name]) => name !== 'x-amz-security-token') });
      await refused('AuthorizationQueryParametersError', { fields: replaced('x-amz-algorithm', 'AWS4-HMAC-SHA1') });
      const later = new Date(Date.now() + 3_600_000 * 24);
      await refused('RequestTimeTooSkewed', {
        fields: [['key', 'up/refused-2'], ...signed(keys, [{ bucket: 'box' }, STARTS], { date: later })],
      });
    });

    it('a form whose policy has expired', async () => {
      const fields: Fields = [
        ['key', 'up/refused-3'],
        ...signed(keys, [{ bucket: 'box' }, STARTS], { expiresMs: -1000 }),
      ];
      const answer = await send({ fields });
      assert.deepEqual([answer.status, answer.code], [403, 'AccessDenied']);
      assert.match(answer.text, /Request has expired/);
    });

    it('another key, another bucket, a field that no condition covers, and a value that a condition does not allow', async () => {
      const form = (own: Fields, ...conditions: readonly unknown[]): Form => ({
        fields: [...own, ...signed(keys, conditions)],
      });
      const key = ['key', 'up/refused-4'] as const;
      await refused('AccessDenied', form([key], { bucket: 'box' }, { key: 'up/another' }));
      await refused('AccessDenied', form([key], { bucket: 'box' }, ['starts-with', '$key', 'upp']));
      await refused('AccessDenied', form([key], { bucket: 'other' }, STARTS));
      await refused('AccessDenied', form([key], STARTS));
      await refused('AccessDenied', form([key, ['acl', 'private']], { bucket: 'box' }, STARTS));
      await refused(
        'AccessDenied',
        form([key, ['x-amz-meta-a', 'b']], { bucket: 'box' }, STARTS, { 'x-amz-meta-a': 'c' }),
      );
      await refused(
        'AccessDenied',
        form([key, ['Content-Type', 'image/png, text/html']], { bucket: 'box' }, STARTS, [
          'starts-with',
          '$content-type',
          'image/',
        ]),
      );
      // What the file is named is part of the key by the time that the key is held to its condition.
      await refused('AccessDenied', {
        ...form([['key', '${filename}']], { bucket: 'box' }, STARTS),
        fileName: 'plain/x',
      });
    });

    it('a key or bucket that the signer may not write, whatever the form allows', async () => {
      const anything = [
        ['starts-with', '$bucket', ''],
        ['starts-with', '$key', ''],
      ];
      const answer = await send({ fields: [['key', 'elsewhere/k'], ...signed(keys, anything)] });
      assert.deepEqual([answer.status, answer.code], [403, 'AccessDenied']);
      assert.equal(
        (await send({ fields: [['key', 'up/k'], ...signed(keys, anything)] }, { bucket: 'other' })).status,
        403,
      );
      const acl = [
        ['key', 'up/public'],
        ['acl', 'public-read'],
        ...signed(keys, [...anything, { acl: 'public-read' }]),
      ] as Fields;
      assert.equal((await send({ fields: acl })).status, 403);
      const denied = (await gateway.audit()).filter(({ key }) => key === 'elsewhere/k');
      assert.equal(denied[0]?.result, 'denied');
    });

    it('a file that is shorter or longer than its policy allows', async () => {
      const fields = usual('up/refused-5', ['content-length-range', 3, 5]);
      await refused('EntityTooSmall', { fields, file: 'ab' });
      await refused('EntityTooLarge', { fields, file: 'abcdef' });
      assert.equal(
        (await send({ fields: usual('up/right', ['content-length-range', 3, 5]), file: 'abcde' })).status,
        204,
      );
    });

    it('a file that does not have the checksum that the form says', async () => {
      for (const file of ['short', randomBytes(200_000)]) {
        const fields: Fields = [
          ...usual('up/refused-6', ['starts-with', '$x-amz-checksum-crc32', '']),
          ['x-amz-checksum-crc32', 'AAAAAA=='],
        ];
        await refused('BadDigest', { fields, file });
      }
    });

    it('fields that stand twice, in whatever spelling, and credentials beside those of the form', async () => {
      const fields = usual('up/refused-7');
      await refused('InvalidArgument', { fields: [...fields, ['Key', 'up/other']] });
      await refused('InvalidArgument', { fields: [...fields, ['POLICY', 'x']] });
      await refused('InvalidRequest', { fields }, { headers: { authorization: `Bearer ${token}` } });
      await refused('NotImplemented', { fields }, { headers: { 'x-amz-acl': 'public-read' } });
    });

    it('fields smuggled behind the file or into it, and forms that do not end where they say', async () => {
      const fields = usual('up/refused-8');
      const smuggled = `\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\nup/smuggled`;
      for (const file of [Buffer.from('x'), randomBytes(200_000)]) {
        await refused('MalformedPOSTRequest', { fields, file, behind: smuggled });
        await refused('MalformedPOSTRequest', { fields, file, end: '\r\n\r\n' });
        await refused('MalformedPOSTRequest', {
          fields,
          file: Buffer.concat([file, Buffer.from(`\r\n--${BOUNDARY}--\r\n`), file]),
        });
      }
      await refused('MalformedPOSTRequest', { fields, file: randomBytes(200_000), end: '' });
      assert.equal((await send({ fields: usual('up/no-line-end'), end: '' })).status, 204);
      const split = Buffer.concat([randomBytes(100_000), Buffer.from(smuggled), randomBytes(100_000)]);
      await refused('MalformedPOSTRequest', { fields, file: split }, { pieces: 4001 });
    });

    it('line ends in fields that become headers, reserved metadata, and fields that would be obeyed elsewhere', async () => {
      const form = (name: string, value: string): Form => ({
        fields: [...usual('up/refused-9', ['starts-with', `$${name}`, '']), [name, value]],
      });
      await refused('InvalidArgument', form('content-type', 'text/plain\r\nx-amz-acl: public-read'));
      await refused('InvalidArgument', form('x-amz-meta-a', 'b\nc'));
      await refused('InvalidArgument', form('x-amz-meta-sallyport', '1;1;s;1;AAAA'));
      await refused('NotImplemented', form('x-amz-copy-source', 'other/k'));
      await refused('NotImplemented', form('x-amz-website-redirect-location', 'https://evil.example'));
      await refused('NotImplemented', form('if-none-match', '*'));
    });

    it('more fields than S3 takes, and forms that are none', async () => {
      const fields = usual('up/refused-10');
      await refused('MaxPostPreDataLengthExceededError', { fields: [['x-ignore-a', 'x'.repeat(21_000)], ...fields] });
      const many = Array.from({ length: 120 }, (_, at) => [`x-ignore-${at}`, ''] as const);
      await refused('MaxPostPreDataLengthExceededError', { fields: [...many, ...fields] });
      await refused('NotImplemented', { fields }, { headers: { 'content-type': 'application/json' } });
      await refused(
        'MalformedPOSTRequest',
        { fields },
        { headers: { 'content-type': 'multipart/form-data; boundary=another' } },
      );
      for (const condition of [['like', '$key', 'up/'], {}]) {
        await refused('InvalidPolicyDocument', { fields: [['key', 'up/refused-10'], ...signed(keys, [condition])] });
      }
    });
  });
});
