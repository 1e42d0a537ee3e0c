import assert from 'node:assert/strict';
import { chargedTo, createEdgeReader } from '../../../src/http/edge.ts';

const SECRET = 'the-edge-and-the-gateway-share-this-one';
const ID = '7a1f3c52-9a4e-4c53-8d7e-2b6f0c9d1e11';

describe('what an edge says of a request', () => {
  const read = createEdgeReader(SECRET);
  const reported = (...headers: string[]) => {
    const { clientAddress, edgeRequestId } = read(headers);
    return [clientAddress, edgeRequestId];
  };

  it('is believed beside the secret', () => {
    assert.deepEqual(reported('X-Sallyport-Edge', SECRET, 'X-Forwarded-For', '192.0.2.1', 'X-Request-Id', ID), [
      '192.0.2.1',
      ID,
    ]);
    assert.deepEqual(reported('x-sallyport-edge', SECRET, 'x-forwarded-for', '2001:db8::1'), [
      '2001:db8::1',
      undefined,
    ]);
  });

  it('is believed of the scheme, where it names one', () => {
    const scheme = (...headers: string[]) => read(headers).scheme;
    const proof = ['X-Sallyport-Edge', SECRET];
    assert.equal(scheme(...proof, 'X-Forwarded-Proto', 'https'), 'https');
    assert.equal(scheme(...proof, 'x-forwarded-proto', 'http'), 'http');
    for (const other of ['javascript', 'https, http', '']) {
      assert.equal(scheme(...proof, 'X-Forwarded-Proto', other), undefined, other);
    }
    assert.equal(scheme('X-Forwarded-Proto', 'https'), undefined);
  });

  for (const [attack, proof] of [
    ['no secret', []],
    ['a guess', ['X-Sallyport-Edge', 'a-guess-of-the-same-length-as-that-one']],
    ['an empty one', ['X-Sallyport-Edge', '']],
    ['the beginning of it', ['X-Sallyport-Edge', SECRET.slice(0, -1)]],
    ['a guess beside the right one', ['X-Sallyport-Edge', 'a-guess', 'X-Sallyport-Edge', SECRET]],
  ] as const) {
    it(`is not believed beside ${attack}`, () => {
      assert.deepEqual(reported(...proof, 'X-Forwarded-For', '192.0.2.1', 'X-Request-Id', ID), [undefined, undefined]);
    });
  }

  it('is not believed where no secret is configured, whatever is sent', () => {
    for (const proof of ['', 'undefined', SECRET]) {
      const { clientAddress, edgeRequestId } = createEdgeReader(undefined)([
        ...['X-Sallyport-Edge', proof, 'X-Forwarded-For', '192.0.2.1', 'X-Request-Id', ID],
      ]);
      assert.deepEqual([clientAddress, edgeRequestId], [undefined, undefined]);
    }
  });

  it('is the nearest address, of however many lines and hops', () => {
    assert.equal(reported('X-Sallyport-Edge', SECRET, 'X-Forwarded-For', '203.0.113.9, 192.0.2.1')[0], '192.0.2.1');
    const lines = ['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-For', '192.0.2.2'];
    assert.equal(reported('X-Sallyport-Edge', SECRET, ...lines)[0], '192.0.2.2');
  });

  it('is the id that an edge added last, of those that have its form', () => {
    const id = (...ids: string[]) =>
      reported('X-Sallyport-Edge', SECRET, ...ids.flatMap((each) => ['X-Request-Id', each]))[1];
    assert.equal(id('an-earlier-one', ID), ID);
    assert.equal(id(ID, '7F000001:D2F4_7F000001:01BB_65F0_0001:0A2B'), ID);
  });

  it('is nothing where it is no address, or no id that is harmless in a line', () => {
    for (const [address, id] of [
      ['', ''],
      ['unknown', 'short'],
      ['192.0.2.1:80', 'a'.repeat(65)],
      ['192.0.2.1,', `${ID}, ${ID}`],
      ["'; --", '<b>id-12345</b>'],
    ] as const) {
      const headers = ['X-Forwarded-For', address, 'X-Request-Id', id];
      assert.deepEqual(reported('X-Sallyport-Edge', SECRET, ...headers), [undefined, undefined], address);
    }
  });

  it('goes no further with its secret, right or wrong: answers about signatures show headers', () => {
    for (const proof of [SECRET, 'a-guess']) {
      const { rawHeaders } = read([
        'Host',
        'h',
        'X-SALLYPORT-Edge',
        proof,
        'x-sallyport-edge',
        proof,
        'Range',
        'bytes=0-',
      ]);
      assert.deepEqual(rawHeaders, ['Host', 'h', 'Range', 'bytes=0-']);
    }
  });
});

describe('a bound per client address', () => {
  it('counts an IPv4 address, and the /64 of an IPv6 one, in whatever spelling', () => {
    assert.equal(chargedTo('192.0.2.1'), '192.0.2.1');
    const spellings = ['2001:db8::1', '2001:DB8:0:0:ffff::', '2001:db8:0:0:1:2:3:4', '2001:0db8::'];
    assert.deepEqual(new Set(spellings.map(chargedTo)), new Set(['2001:db8:0:0::/64']));
    assert.notEqual(chargedTo('2001:db8:0:1::1'), chargedTo('2001:db8::1'));
    assert.equal(chargedTo('::1'), '0:0:0:0::/64');
    assert.equal(chargedTo('fe80::1%eth0'), 'fe80:0:0:0::/64');
  });

  it('counts an IPv4 address that is written as an IPv6 one by itself', () => {
    assert.notEqual(chargedTo('::ffff:192.0.2.1'), chargedTo('::ffff:192.0.2.2'));
  });
});
