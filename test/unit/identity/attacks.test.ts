import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { makeKey, signTexts, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const rsa = makeKey('RS256', 'rsa-1');
const ec = makeKey('ES256', 'ec-1');
const ed = makeKey('EdDSA', 'ed-1');
const attacker = makeKey('ES256', 'ec-1');
const otherKey = makeKey('ES256', 'other-1');

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('forged and confused tokens', () => {
  let issuer: TestIssuer;
  let other: TestIssuer;
  let subject: Subject;
  const claims = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
    iss: issuer.url,
    sub: 'alice',
    aud: AUDIENCE,
    iat: subject.clock.seconds(),
    exp: subject.clock.seconds() + 300,
    ...more,
  });
  const accept = async (token: string) => {
    const principal = await subject.authenticator.authenticate(bearer(token));
    assert.ok(principal);
    return principal;
  };
  const refuse = (token: string) => refusedWith('InvalidToken', subject.authenticator.authenticate(bearer(token)));

  before(async () => {
    issuer = await startTestIssuer([rsa.publicJwk, ec.publicJwk, ed.publicJwk]);
    other = await startTestIssuer([otherKey.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }, { issuer: other.url }]);
  });

  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
    await other.stop();
  });

  it('accepts each allowed algorithm when nothing is wrong', async () => {
    for (const key of [rsa, ec, ed]) assert.equal((await accept(signToken(key, claims()))).subject, 'alice');
  });

  for (const alg of ['none', 'None', 'nOnE', 'NONE', '']) {
    it(`refuses alg ${JSON.stringify(alg)}, with and without a signature`, async () => {
      const input = `${encode({ alg, kid: ec.kid })}.${encode(claims())}`;
      await refuse(`${input}.`);
      await refuse(`${input}.AAAA`);
      await refuse(signToken(ec, claims(), { alg }));
    });
  }

  it('refuses HS256 keyed with the published RSA key, in each of its spellings', async () => {
    const spellings = [
      rsa.publicKey.export({ format: 'pem', type: 'spki' }),
      rsa.publicKey.export({ format: 'der', type: 'spki' }),
      rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }),
      JSON.stringify(rsa.publicJwk),
      rsa.publicJwk.n!,
    ];
    for (const secret of spellings) {
      const input = `${encode({ alg: 'HS256', kid: rsa.kid })}.${encode(claims())}`;
      await refuse(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`);
    }
  });

  it('refuses a symmetric key even where the issuer publishes one', async () => {
    const secret = Buffer.from('published by mistake, known to all');
    const careless = await startTestIssuer([{ kty: 'oct', k: secret.toString('base64url'), kid: 'h', alg: 'HS256' }]);
    const { authenticator } = authenticatorFor([{ issuer: careless.url }]);
    try {
      const input = `${encode({ alg: 'HS256', kid: 'h' })}.${encode(claims({ iss: careless.url }))}`;
      const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
      await refusedWith('InvalidToken', authenticator.authenticate(bearer(token)));
    } finally {
      await authenticator.close();
      await careless.stop();
    }
  });

  it('refuses a token that brings its own key in the header', async () => {
    await refuse(signToken(attacker, claims(), { jwk: attacker.publicJwk }));
    await refuse(signToken(attacker, claims(), { kid: undefined, jwk: attacker.publicJwk }));
  });

  it('never fetches what jku or x5u point to', async () => {
    let visits = 0;
    const trap = createServer((_, res) => {
      visits += 1;
      res.end(JSON.stringify({ keys: [attacker.publicJwk] }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => trap.once('listening', resolve));
    const address = trap.address();
    assert.ok(address !== null && typeof address === 'object');
    const url = `http://127.0.0.1:${address.port}/jwks`;
    await refuse(signToken(attacker, claims(), { jku: url }));
    await refuse(signToken(attacker, claims(), { x5u: url, kid: 'elsewhere' }));
    trap.close();
    assert.equal(visits, 0);
  });

  it('refuses header parameters that it will not honour, although the signature is good', async () => {
    const refused = { jku: 'https://a.test/', jwk: {}, x5u: 'https://a.test/', x5c: ['MA=='], cty: 'JWT', zip: 'DEF' };
    for (const [name, value] of Object.entries(refused)) {
      const error = await refuse(signToken(ec, claims(), { [name]: value }));
      assert.equal(error.detail, `header parameter ${name}`);
    }
  });

  it('refuses crit and b64, known or unknown', async () => {
    await refuse(signToken(ec, claims(), { crit: ['exp'] }));
    await refuse(signToken(ec, claims(), { crit: [] }));
    await refuse(signToken(ec, claims(), { b64: false, crit: ['b64'] }));
    await refuse(signToken(ec, claims(), { b64: true }));
  });

  it('treats a kid as a name and nothing else', async () => {
    const names = [
      '../../../../dev/null',
      "' OR 1=1 --",
      'file:///etc/passwd',
      '__proto__',
      'constructor',
      '',
      '\u0000',
    ];
    for (const kid of names) await refuse(signToken(ec, claims(), { kid }));
    await refuse(signToken(ec, claims(), { kid: 7 }));
    await refuse(signToken(ec, claims(), { kid: ['ec-1'] }));
    await refuse(signToken(ec, claims(), { kid: 'x'.repeat(513) }));
  });

  it('accepts a token without kid when exactly one key fits its algorithm', async () => {
    assert.equal((await accept(signToken(ec, claims(), { kid: undefined }))).subject, 'alice');
    await refuse(signToken(attacker, claims(), { kid: undefined }));
  });

  it('refuses a key of the right name used with the wrong algorithm', async () => {
    await refuse(signToken(ec, claims(), { kid: rsa.kid }));
    await refuse(signToken(rsa, claims(), { kid: ec.kid }));
    await refuse(signToken(rsa, claims(), { alg: 'PS256' }));
  });

  it('refuses an algorithm that this issuer was not given, although its key is published', async () => {
    const { authenticator } = authenticatorFor([{ issuer: issuer.url, algorithms: ['RS256'] }]);
    assert.ok(await authenticator.authenticate(bearer(signToken(rsa, claims()))));
    await refusedWith('InvalidToken', authenticator.authenticate(bearer(signToken(ec, claims()))));
    await authenticator.close();
  });

  it('refuses a signature that was stripped, cut, zeroed or taken from another token', async () => {
    const token = signToken(ec, claims());
    const [header, payload, signature = ''] = token.split('.');
    const input = `${header}.${payload}`;
    const another = signToken(ec, claims({ sub: 'bob' })).split('.')[2]!;
    const zeroes = Buffer.alloc(64).toString('base64url');
    for (const forged of ['', signature.slice(0, 40), zeroes, another, 'A', `${signature}AAAA`]) {
      await refuse(`${input}.${forged}`);
    }
    await refuse(input);
    await refuse(`${token}.`);
    await refuse(`${token}.${signature}`);
  });

  it('refuses an ECDSA signature in DER, and r or s at the order of the curve', async () => {
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    const input = `${encode({ alg: 'ES256', kid: ec.kid, typ: 'at+jwt' })}.${encode(claims())}`;
    await refuse(`${input}.${Buffer.from(order + order, 'hex').toString('base64url')}`);
    await refuse(`${input}.${Buffer.from(`3006020101020101`, 'hex').toString('base64url')}`);
  });

  it('refuses another spelling of the same signature', async () => {
    const token = signToken(rsa, claims());
    // 256 bytes leave four unused bits in the last character.
    const last = token.at(-1)!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    await refuse(token.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1]!);
    await refuse(`${token}=`);
    await refuse(`${token}==`);
  });

  it('refuses a payload that was changed after signing', async () => {
    const [header, , signature] = signToken(ec, claims()).split('.');
    await refuse(`${header}.${encode(claims({ sub: 'root' }))}.${signature}`);
  });

  it('refuses issuers that differ from the configured one in anything', async () => {
    const { url } = issuer;
    for (const iss of [
      `${url}/`,
      url.toUpperCase(),
      `${url}#`,
      ` ${url}`,
      'https://evil.test',
      '',
      [url],
      { url },
      7,
      null,
    ]) {
      await refuse(signToken(ec, claims({ iss })));
    }
    await refuse(signToken(ec, claims({ iss: undefined })));
  });

  it('refuses a token of one issuer that is signed by another configured one', async () => {
    await refuse(signToken(otherKey, claims()));
    await refuse(signToken(ec, claims({ iss: other.url })));
    await refuse(signToken(ec, claims({ iss: other.url }), { kid: otherKey.kid }));
  });

  it('keeps equal subjects of two issuers apart', async () => {
    const here = await accept(signToken(ec, claims({ jti: '1' })));
    const there = await accept(signToken(otherKey, claims({ jti: '1', iss: other.url })));
    assert.equal(here.subject, there.subject);
    assert.notEqual(here.issuer, there.issuer);
    assert.notEqual(here.issuerName, there.issuerName);
  });

  it('refuses an audience that is missing, empty, of another kind, or only similar', async () => {
    for (const aud of [
      undefined,
      '',
      [],
      'https://elsewhere.test/',
      `${AUDIENCE}x`,
      AUDIENCE.slice(0, -1),
      [[AUDIENCE]],
      { [AUDIENCE]: 1 },
    ]) {
      await refuse(signToken(ec, claims({ aud })));
    }
  });

  it('accepts an audience among others', async () => {
    assert.ok(await accept(signToken(ec, claims({ aud: ['https://elsewhere.test/', AUDIENCE] }))));
  });

  it('refuses duplicate members, whichever of the two is harmless', async () => {
    const { alg, kid } = ec;
    const header = JSON.stringify({ alg, kid });
    const payload = JSON.stringify(claims());
    assert.ok(await accept(signTexts(ec, header, payload)));
    await refuse(signTexts(ec, header, payload.replace('{', '{"sub":"root",')));
    await refuse(signTexts(ec, header, payload.replace(/}$/, ',"\\u0073ub":"root"}')));
    await refuse(signTexts(ec, header, payload.replace(/}$/, ',"x":{"a":1,"a":2}}')));
    await refuse(signTexts(ec, header.replace('{', '{"alg":"none",'), payload));
    await refuse(signTexts(ec, header.replace(/}$/, ',"kid":"ec-1"}'), payload));
  });

  it('refuses a header or payload that is no plain JSON object', async () => {
    const header = JSON.stringify({ alg: ec.alg, kid: ec.kid });
    const payload = JSON.stringify(claims());
    for (const text of ['null', '[]', '"text"', '1', '', '{', `${payload},`, `${payload}{}`, `\ufeff${payload}`]) {
      await refuse(signTexts(ec, header, text));
    }
    await refuse(signTexts(ec, '[]', payload));
    await refuse(signTexts(ec, `\ufeff${header}`, payload));
  });

  it('refuses a nested token', async () => {
    const inner = signToken(ec, claims());
    await refuse(signTexts(ec, JSON.stringify({ alg: ec.alg, kid: ec.kid, cty: 'JWT' }), inner));
    await refuse(signTexts(ec, JSON.stringify({ alg: ec.alg, kid: ec.kid }), inner));
    await refuse(`${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`);
  });

  it('refuses a payload that is nested deeper than any claim needs', async () => {
    const nested = (depth: number): string => {
      const arrays = `${'['.repeat(depth)}${']'.repeat(depth)}`;
      return signTexts(ec, `{"alg":"ES256","kid":"ec-1"}`, JSON.stringify(claims()).replace('{', `{"x":${arrays},`));
    };
    assert.ok(await accept(nested(15)));
    await refuse(nested(16));
    await refuse(nested(8000));
  });

  it('refuses a token over the size limit without parsing it', async () => {
    const error = await refuse(signToken(ec, claims({ padding: 'x'.repeat(24_576) })));
    assert.equal(error.detail, 'longer than the accepted size');
  });

  it('refuses tokens made for other purposes by the same issuer', async () => {
    for (const typ of ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JOSE', 'at', '', 7, null]) {
      await refuse(signToken(ec, claims(), { typ }));
    }
    await refuse(signToken(ec, claims({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })));
    await refuse(signToken(ec, claims({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } })));
  });

  it('says the same to the caller whatever was wrong, and never repeats the token', async () => {
    const wrong = [
      signToken(attacker, claims()),
      signToken(ec, claims({ aud: 'secret-audience-value' })),
      signToken(ec, claims({ iss: 'secret-issuer-value' })),
      signToken(ec, claims({ sub: 'secret-subject\u0000' })),
      signToken(ec, claims(), { kid: 'secret-kid-value' }),
    ];
    for (const token of wrong) {
      const error = await refuse(token);
      assert.deepEqual(error.clientFields, {});
      const logged = `${error.stack} ${error.detail} ${String(error.cause)} ${JSON.stringify(error)}`;
      assert.ok(!logged.includes('secret-'));
      for (const part of token.split('.')) assert.ok(!logged.includes(part));
    }
  });
});
