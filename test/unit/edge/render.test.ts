import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderEdge, RenderFault, type EdgeFacts } from '../../../src/edge/render.ts';

const FACTS: EdgeFacts = {
  ...{ front: ':443', certificate: '/etc/haproxy/edge.pem', maps: '/etc/haproxy/maps' },
  ...{ gateways: [{ path: '/run/a gateway.sock' }], publicHosts: ['s3.example.com:8443'] },
  ...{ headerBytes: 16_384, requestBodyIdleMs: 60_000, upstreamHeadersMs: 60_000, keepAliveMs: 30_000 },
};
const block = (name: string, ...lines: readonly string[]) =>
  [`    # operator: begin ${name}`, ...lines, '    # operator: end'].join('\n');
const after = (text: string, line: string, added: string) => {
  assert.ok(text.includes(`\n${line}\n`), line);
  return text.replace(`\n${line}\n`, `\n${line}\n${added}\n`);
};

describe('the rendered haproxy.cfg', () => {
  let shipped: string;
  before(async () => {
    shipped = await readFile(join(import.meta.dirname, '../../../haproxy/haproxy.cfg'), 'utf8');
  });
  const render = (existing?: string, facts = FACTS) => renderEdge(shipped, facts, existing);

  it('has what the configuration knows, and else what is shipped', () => {
    const text = render();
    const lines = new Set(text.split('\n'));
    for (const line of [
      '    setenv SALLYPORT_FRONT :443',
      "    setenv SALLYPORT_SOCKET '/run/a gateway.sock'",
      "    server gateway 'unix@/run/a gateway.sock'",
      '    tune.bufsize 24576',
      '    timeout http-keep-alive 20000ms',
    ])
      assert.ok(lines.has(line), line);
    assert.match(text, /set-var\(txn\.bucket\) .* if \{ var\(txn\.host\) -m end \.s3\.example\.com \}$/m);
    const kept = shipped.split('\n').filter((line) => lines.has(line)).length;
    assert.ok(kept >= shipped.split('\n').length - 6, String(kept));
  });

  it('has a server for each gateway, whose certificates and names are verified', () => {
    const tls = { ca: '/ca.pem', certificate: '/edge.pem' };
    const gateways = [
      { host: 'gw1.internal', port: 8444, tls },
      { host: '2001:db8::1', port: 8444, tls },
    ];
    const text = render(undefined, { ...FACTS, gateways });
    assert.match(text, /^ {4}server gateway1 gw1\.internal:8444 ssl verify required .* verifyhost gw1\.internal$/m);
    assert.match(
      text,
      /^ {4}server gateway2 \[2001:db8::1\]:8444 ssl verify required ca-file \/ca\.pem crt \/edge\.pem$/m,
    );
  });

  it('keeps what an operator has added, where it was', () => {
    const rule = block('rule', '', '    http-request set-header X-Ours yes');
    const end = block('more', 'backend other', '    mode http');
    let text = after(render(), 'frontend s3', rule);
    // One of several lines that are equal.
    text = after(text, 'backend gateway\n    mode http', block('mode'));
    text = `${text}${end}\n`;
    assert.equal(render(text), text);
    const changed = render(text, { ...FACTS, front: ':8443' });
    assert.ok(changed.includes(`\nfrontend s3\n${rule}\n`));
    assert.ok(changed.includes(`\nbackend gateway\n    mode http\n${block('mode')}\n`));
    assert.ok(changed.endsWith(`${end}\n`));
    assert.ok(changed.includes('setenv SALLYPORT_FRONT :8443'));
    assert.equal(render(changed), text);
  });

  it('is refused where it would lose something', () => {
    const text = render();
    const refused = (existing: string, what: RegExp, facts = FACTS) =>
      assert.throws(
        () => render(existing, facts),
        (error) => error instanceof RenderFault && what.test(error.message),
      );
    refused(text.replace('maxconn 2000', 'maxconn 3000'), /has changes outside/);
    refused(`${text}backend mine\n`, /has changes outside/);
    refused('global\n', /was not made by/);
    refused(`${text}# operator: begin one\n`, /one does not end/);
    refused(`${text}# operator: end\n`, /line \d+: ends what did not begin/);
    refused(`${text}# operator: begin one\n# operator: begin two\n`, /line \d+: one has not ended/);
    refused(after(text, '    setenv SALLYPORT_FRONT :443', block('lost')), /lost follows a line that is not there/, {
      ...FACTS,
      front: ':8443',
    });
  });

  it('is refused where a value could be read as more than itself', () => {
    for (const front of ["a'b", 'a\nb', '']) {
      assert.throws(() => render(undefined, { ...FACTS, front }), RenderFault, front);
    }
    assert.match(render(undefined, { ...FACTS, front: '$HOME "x' }), /setenv SALLYPORT_FRONT '\$HOME "x'$/m);
  });
});
