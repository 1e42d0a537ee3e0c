import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG_LINE, problemsOf } from '../../../src/client/edge-doctor/haproxy-log.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

describe('what an HAProxy configuration says of logs', () => {
  const linesOf = (text: string) => problemsOf(text).map(({ line }) => line);
  const frontend = (...lines: readonly string[]) => linesOf(['frontend f', ...lines].join('\n'));

  it('has nothing against the shipped files', async () => {
    for (const path of ['haproxy/haproxy.cfg', 'haproxy/sallyport-backend.cfg']) {
      assert.deepEqual(problemsOf(await read(path)), [], path);
    }
  });

  it('is a problem where the request line, the URI or the query is kept', () => {
    for (const format of [
      'option httplog',
      'option httplog clf',
      '  option   httpslog',
      'log-format "%ci %r"',
      'log-format %{+Q}r',
      'log-format "%HM %HU"',
      'log-format %HP%HQ',
      'log-format "%[capture.req.uri]"',
      'log-format "%{+Q}[url]"',
      'log-format "%[query,json(utf8s)]"',
      'log-format "%[pathq]"',
      'error-log-format "%r"',
    ]) {
      assert.deepEqual(frontend(format), [2], format);
    }
  });

  it('is none where the path alone is', () => {
    for (const format of ['option tcplog', 'log-format "%HM %HP %HV %hr %hs %rt %rc"', LOG_LINE, '# option httplog']) {
      assert.deepEqual(frontend(format), [], format);
    }
  });

  it('is that of the defaults unless the frontend has its own', () => {
    const defaults = 'defaults\n  mode http\n  option httplog\n';
    assert.deepEqual(linesOf(`${defaults}frontend f\n  bind :1\n`), [3]);
    assert.deepEqual(linesOf(`${defaults}frontend f\n  ${LOG_LINE}\n`), []);
    assert.deepEqual(linesOf(`${defaults}backend b\n  server s :1\n`), []);
    assert.deepEqual(linesOf(`${defaults}defaults other\n  option tcplog\nfrontend f from other\n  bind :1\n`), []);
    assert.deepEqual(linesOf(`defaults one\n  option httplog\ndefaults other\n  mode http\nlisten f from one\n`), [2]);
  });

  it('names captures of credentials and options that change requests', () => {
    for (const line of [
      'capture request header Authorization len 64',
      'http-request capture req.hdr(x-amz-security-token) len 64',
      'option http-buffer-request',
      'option http-restrict-req-hdr-names reject',
      'option accept-invalid-http-request',
      'http-request normalize-uri path-merge-slashes',
    ]) {
      assert.deepEqual(frontend(line), [2], line);
    }
    for (const line of ['capture request header Host len 64', 'no option http-buffer-request']) {
      assert.deepEqual(frontend(line), [], line);
    }
  });

  it('recommends the line that stands in the snippet, and so does the doctor of all others', async () => {
    const snippet = await read('haproxy/sallyport-backend.cfg');
    assert.ok(snippet.includes(LOG_LINE));
    const doctor = await read('src/client/edge-doctor/edge-doctor.ts');
    const texts = [...doctor.matchAll(/'((?:http-request|http-after-response|http-error|acl|tune\.|timeout )[^']*)'/g)];
    assert.ok(texts.length >= 14);
    for (const [, text] of texts) assert.ok(snippet.includes(text!), text);
  });
});
