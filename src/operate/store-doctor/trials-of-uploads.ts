/** Trials of uploads in parts. */
import { UNSIGNED_TRAILER } from '../../s3/body/frame-chunked.ts';
import { readXml, textOf } from '../../s3/documents/xml-reader.ts';
import {
  crc32Of,
  get,
  good,
  head,
  isGood,
  lacks,
  META,
  put,
  said,
  TrialFailed,
  works,
  type Reply,
  type Trial,
  type TrialContext,
} from './trial.ts';

const MAX_BYTES = 65_536;

async function begin(
  context: TrialContext,
  key: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const reply = good(
    'CreateMultipartUpload',
    await context.send({ method: 'POST', key, query: [['uploads', '']], headers }),
  );
  const root = readXml(reply.body, MAX_BYTES);
  const uploadId = root === undefined ? undefined : textOf(root, 'UploadId');
  if (uploadId === undefined) throw new TrialFailed('CreateMultipartUpload: no UploadId');
  context.began(key, uploadId);
  return uploadId;
}

function part(context: TrialContext, key: string, uploadId: string, text: string): Promise<Reply> {
  const content = Buffer.from(text);
  const query = [
    ['partNumber', '1'],
    ['uploadId', uploadId],
  ] as const;
  return context.send({ method: 'PUT', key, query, headers: {}, body: { sizeBytes: content.length, content } });
}

function complete(context: TrialContext, key: string, uploadId: string, etag: string): Promise<Reply> {
  const content = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><ETag>${etag}</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>`,
  );
  return context.send({
    method: 'POST',
    key,
    query: [['uploadId', uploadId]],
    headers: {},
    body: { sizeBytes: content.length, content },
  });
}

const etagOf = ({ headers }: Reply): string => headers.get('etag') ?? '';

export const UPLOAD_TRIALS: readonly Trial[] = [
  {
    id: 'parts',
    what: 'uploads in parts, which keep their metadata',
    lost: 'every large upload: most clients send more than 8 to 16 MB in parts',
    needed: true,
    run: async (context) => {
      const key = context.key('parts');
      const uploadId = await begin(context, key, { [META]: 'kept' });
      const sent = good('UploadPart', await part(context, key, uploadId, 'of parts'));
      const done = await complete(context, key, uploadId, etagOf(sent));
      if (!isGood(done) || done.body.includes('<Error>')) return lacks(`CompleteMultipartUpload: ${said(done)}`);
      const read = good('GetObject', await get(context, key));
      if (read.body.toString() !== 'of parts') return lacks('what was read is not what was sent');
      return read.headers.get(META) === 'kept'
        ? works('as they should be')
        : lacks('metadata of the beginning are lost');
    },
  },
  {
    id: 'parts-listed',
    what: 'parts are listed, one of each number',
    lost: 'encrypted uploads in parts: their parts are looked up in the listing',
    needed: true,
    run: async (context) => {
      const key = context.key('parts-listed');
      const uploadId = await begin(context, key);
      good('UploadPart', await part(context, key, uploadId, 'sent first'));
      const again = good('UploadPart', await part(context, key, uploadId, 'sent twice'));
      const query = [['uploadId', uploadId]] as const;
      const listed = await context.send({ method: 'GET', key, query, headers: {} });
      if (!isGood(listed)) return lacks(`ListParts: ${said(listed)}`);
      const count = listed.body.toString().match(/<PartNumber>/g)?.length ?? 0;
      const done = await complete(context, key, uploadId, etagOf(again));
      const read = await get(context, key);
      if (!isGood(done) || read.body.toString() !== 'sent twice')
        return lacks(`a part that was sent twice: ${said(done)}`);
      return works(
        count === 1
          ? 'one that was sent twice is listed once'
          : `one that was sent twice is listed ${count} times; of these the named one counts`,
      );
    },
  },
  {
    id: 'part-copy',
    what: 'parts are copied from objects (UploadPartCopy)',
    lost: 'copies in parts are not made within the store',
    needed: false,
    run: async (context) => {
      const [from, key] = [context.key('part-from'), context.key('part-copied')];
      good('PutObject', await put(context, from, '0123456789'));
      const uploadId = await begin(context, key);
      const query = [
        ['partNumber', '1'],
        ['uploadId', uploadId],
      ] as const;
      const headers = { 'x-amz-copy-source': context.source(from), 'x-amz-copy-source-range': 'bytes=2-5' };
      const copied = await context.send({ method: 'PUT', key, query, headers });
      if (!isGood(copied)) return lacks(said(copied));
      const root = readXml(copied.body, MAX_BYTES);
      const done = await complete(context, key, uploadId, (root && textOf(root, 'ETag')) ?? '');
      if (!isGood(done)) return lacks(`CompleteMultipartUpload: ${said(done)}`);
      return (await get(context, key)).body.toString() === '2345'
        ? works('with a range')
        : lacks('another range than was requested');
    },
  },
  {
    id: 'complete-condition',
    what: 'If-None-Match: * of CompleteMultipartUpload holds',
    lost: 'of two uploads in parts with If-None-Match: * that end at the same moment both can succeed',
    needed: false,
    run: async (context) => {
      const key = context.key('parts-lock');
      const uploadId = await begin(context, key);
      const sent = good('UploadPart', await part(context, key, uploadId, 'late'));
      good('PutObject', await put(context, key, 'first'));
      const content = Buffer.from(
        `<CompleteMultipartUpload><Part><ETag>${etagOf(sent)}</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>`,
      );
      const done = await context.send({
        ...{ method: 'POST', key, query: [['uploadId', uploadId]], headers: { 'if-none-match': '*' } },
        body: { sizeBytes: content.length, content },
      });
      const isFirst = (await get(context, key)).body.toString() === 'first';
      return isFirst && done.status >= 400
        ? works(said(done))
        : lacks(`${said(done)}; ${isFirst ? 'the object stays' : 'the object was replaced'}`);
    },
  },
  {
    id: 'checksums-all',
    what: 'checksums in trailers, of uploads in parts and of copies are kept and told',
    lost: 'whoever asks for such a checksum in a plain prefix has it verified and told at most, or is refused (a FULL_OBJECT one of an upload, a new one of a copy)',
    needed: false,
    run: async (context) => {
      const name = `stores.${context.storeName}.checksums`;
      const steps = [summedInTrailer, summedUpload, summedCopy];
      const lacking: string[] = [];
      for (const step of steps) lacking.push(...(await step(context)));
      if (lacking.length > 0) {
        return lacks(lacking.join('; '), context.checksums === 'all' ? `${name}: headers` : undefined);
      }
      return works(context.checksums === 'all' ? 'all three' : `all three; ${name}: all would serve them`);
    },
  },
];

const CHECKSUM_MODE = { 'x-amz-checksum-mode': 'ENABLED' };

async function summedInTrailer(context: TrialContext): Promise<readonly string[]> {
  const key = context.key('trailer-summed');
  const base64 = crc32Of('summed');
  const content = Buffer.from(`6\r\nsummed\r\n0\r\nx-amz-checksum-crc32:${base64}\r\n\r\n`);
  const headers = {
    ...{ 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '6' },
    ...{ 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-sdk-checksum-algorithm': 'CRC32' },
  };
  const body = { sizeBytes: content.length, content, payloadHash: UNSIGNED_TRAILER } as const;
  const written = await context.send({ method: 'PUT', key, query: [], headers, body });
  if (!isGood(written)) return [`in a trailer: ${said(written)}`];
  if ((await get(context, key)).body.toString() !== 'summed') return ['in a trailer: the body is kept with its frame'];
  const response = await head(context, key, CHECKSUM_MODE);
  return response.headers.get('x-amz-checksum-crc32') === base64 ? [] : ['in a trailer: not kept'];
}

async function summedUpload(context: TrialContext): Promise<readonly string[]> {
  const key = context.key('parts-summed');
  const requested = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' };
  const created = await context.send({ method: 'POST', key, query: [['uploads', '']], headers: requested });
  const root = readXml(created.body, MAX_BYTES);
  const uploadId = root && textOf(root, 'UploadId');
  if (!isGood(created) || uploadId === undefined) return [`of an upload: ${said(created)}`];
  context.began(key, uploadId);
  const sent = await part(context, key, uploadId, 'summed');
  const done = isGood(sent) ? await complete(context, key, uploadId, etagOf(sent)) : sent;
  if (!isGood(done)) return [`of an upload: ${said(done)}`];
  return (await head(context, key, CHECKSUM_MODE)).headers.has('x-amz-checksum-crc32')
    ? []
    : ['of an upload: not kept'];
}

async function summedCopy(context: TrialContext): Promise<readonly string[]> {
  const [from, key] = [context.key('copy-unsummed'), context.key('copy-summed')];
  good('PutObject', await put(context, from, 'summed'));
  const headers = { 'x-amz-copy-source': context.source(from), 'x-amz-checksum-algorithm': 'SHA256' };
  const copied = await context.send({ method: 'PUT', key, query: [], headers });
  if (!isGood(copied)) return [`of a copy: ${said(copied)}`];
  return (await head(context, key, CHECKSUM_MODE)).headers.has('x-amz-checksum-sha256') ? [] : ['of a copy: not made'];
}
