import assert from 'node:assert/strict';
import { makeKey, signTexts, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');
const attacker = makeKey('ES256', 'k1');
const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url');

/** Every way to write a text in capitals and small letters, up to 64 of them. */
const spellings = (text: string): string[] =>
  Array.from({ length: 2 ** text.length }, (_, bits) =>
    text.replace(/./g, (letter, index: number) => (bits & (1 << index) ? letter.toUpperCase() : letter)),
  );

describe('tokens that play with text', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  const claims = (more: Record<string, unknown> = {}) => {
    const now = subject.clock.seconds();
    return { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300, ...more };
  };
  const header = JSON.stringify({ alg: key.alg, kid: key.kid });
  const present = (token: string) => subject.authenticator.authenticate(bearer(token));
  const refuse = (token: string) => refusedWith('InvalidToken', present(token));
  const accept = async (token: string) => {
    const principal = await present(token);
    assert.ok(principal);
    return principal;
  };
  /** The claims as text, with one piece of it replaced, signed as they are by the right key. */
  const rewritten = (from: string, to: string): string => {
    const text = JSON.stringify(claims());
    assert.ok(text.includes(from));
    return signTexts(key, header, text.replace(from, to));
  };

  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url, groupsClaim: '/realm/roles', claimPaths: { tag: '/tags' } }]);
  });
  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('are refused under every spelling of none, and others that fold to it', async () => {
    for (const alg of [...spellings('none'), ' none', 'none ', 'n\u043ene', 'no\u0000ne', 'none\u200b', '\uff4eone']) {
      const input = `${base64url(JSON.stringify({ alg, kid: 'k1' }))}.${base64url(JSON.stringify(claims()))}`;
      for (const signature of ['', 'AA', base64url(Buffer.alloc(64))]) await refuse(`${input}.${signature}`);
      await refuse(signToken(key, claims(), { alg }));
    }
    for (const alg of [null, [], ['ES256'], {}, 0, true, undefined]) await refuse(signToken(key, claims(), { alg }));
  });

  it('are refused under every HMAC, and names of algorithms that only look right', async () => {
    for (const alg of [
      'HS256',
      'HS384',
      'HS512',
      'hs256',
      'es256',
      'ES256 ',
      '\u0415S256',
      'ES256K',
      'ES384',
      'A128KW',
      'dir',
    ]) {
      await refuse(signToken(key, claims(), { alg }));
    }
  });

  it('never choose a key by jwk, jku, x5u or x5c, whichever value these have', async () => {
    for (const name of ['jwk', 'jku', 'x5u', 'x5c']) {
      for (const value of [attacker.publicJwk, issuer.url, `${issuer.url}/jwks`, ['MIIB'], '', null, false, 0]) {
        await refuse(signToken(attacker, claims(), { [name]: value }));
        await refuse(signToken(key, claims(), { [name]: value }));
      }
    }
  });

  it('never choose a key by a kid that is a path, a query, a command, or nothing', async () => {
    const names = [
      ...['../../../../../../dev/null', '/proc/sys/kernel/randomize_va_space', '..%2f..%2fdev%2fnull', 'C:\\NUL'],
      ...["k1' UNION SELECT 'secret'-- ", 'k1"; DROP TABLE keys; --', '|cat /etc/passwd', '$(id)', '`id`'],
      ...['k1\u0000', 'k1\n', ' k1', 'K1', 'k\u0661', 'ｋ1', '${jndi:ldap://127.0.0.1/a}', '*', 'k?'],
    ];
    for (const kid of names) {
      await refuse(signToken(key, claims(), { kid }));
      await refuse(signToken(attacker, claims(), { kid }));
    }
    for (const kid of [null, false, 0, {}, ['k1'], { toString: 'k1' }]) await refuse(signToken(key, claims(), { kid }));
  });

  it('are refused with a member twice at any depth, however its name is escaped', async () => {
    const twice = [
      ['"sub":"alice"', '"sub":"alice","sub":"root"'],
      ['"sub":"alice"', '"\\u0073ub":"root","sub":"alice"'],
      ['"sub":"alice"', '"sub":"alice","\\u0073\\u0075\\u0062":"root"'],
      ['"sub":"alice"', '"sub":"alice","realm":{"roles":["a"],"roles":["b"]}'],
      ['"sub":"alice"', '"sub":"alice","x":[[{"a":1,"\\u0061":2}]]'],
      ['"sub":"alice"', '"sub":"alice","act":{"sub":"a","sub":"b"}'],
      ['"aud":', '"aud":"https://elsewhere.test/","aud":'],
      ['"iss":', '"iss":"https://elsewhere.test/","iss":'],
      ['"exp":', '"exp":1,"exp":'],
    ] as const;
    for (const [from, to] of twice) await refuse(rewritten(from, to));
    const payload = JSON.stringify(claims());
    for (const more of ['"alg":"none"', '"alg":"ES256"', '"\\u0061lg":"none"', '"kid":"k1"', '"typ":"a","typ":"b"']) {
      await refuse(signTexts(key, header.replace('{', `{${more},`), payload));
    }
  });

  it('take no similar text for the audience or the issuer', async () => {
    const similar = (text: string) => [
      ...[text.replace('s', '\u017f'), text.replace('a', '\u0430'), `${text}\u200b`, `\ufeff${text}`, `${text}\u0000`],
      ...[
        text.toUpperCase(),
        text.normalize('NFD').replace('t', 't\u0301'),
        encodeURI(text).replace(':', '%3A'),
        `${text} `,
      ],
    ];
    for (const aud of similar(AUDIENCE)) await refuse(signToken(key, claims({ aud })));
    for (const iss of similar(issuer.url)) {
      if (iss !== issuer.url) await refuse(signToken(key, claims({ iss })));
    }
  });

  it('keep two subjects apart that look the same, and refuse what nobody sees', async () => {
    const [composed, decomposed] = ['zo\u00e9', 'zoe\u0301'];
    assert.equal((await accept(signToken(key, claims({ sub: composed })))).subject, composed);
    assert.equal((await accept(signToken(key, claims({ sub: decomposed })))).subject, decomposed);
    for (const hidden of [
      '\u200b',
      '\u200d',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u00ad',
      '\u0000',
      '\u0085',
      '\u2028',
      '\ud800',
    ]) {
      for (const sub of [`a${hidden}lice`, `${hidden}alice`, `alice${hidden}`])
        await refuse(signToken(key, claims({ sub })));
      await refuse(signToken(key, claims({ realm: { roles: [`admin${hidden}`] } })));
      await refuse(signToken(key, claims({ tags: { [`team${hidden}`]: 'x' } })));
      await refuse(signToken(key, claims({ act: { sub: `agent${hidden}` } })));
    }
  });

  it('are refused where their bytes are no UTF-8, or no one spelling of base64url', async () => {
    const payload = JSON.stringify(claims());
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      const spoiled = Buffer.concat([
        Buffer.from(payload.slice(0, -1)),
        Buffer.from(',"x":"'),
        Buffer.from(bytes),
        Buffer.from('"}'),
      ]);
      const token = signTexts(key, header, spoiled);
      await refuse(token);
    }
    const [first = '', second = '', third = ''] = signToken(key, claims()).split('.');
    const spelled = [
      ...[`${first}=.${second}.${third}`, `${first}.${second}==.${third}`, `${first}. ${second}.${third}`],
      ...[`${first}.${second}.${third}\n`, `${first}\u2024${second}.${third}`, `${first}.${second}.${third}.`],
      ...[`.${first}.${second}.${third}`, `${first}..${third}`, '..', '...', '.'],
    ];
    for (const token of spelled) await refuse(token);
  });

  it('never reach what every object has, and never change it', async () => {
    const polluted = [
      ['"sub":"alice"', '"sub":"alice","__proto__":{"isAdmin":true,"groups":["admins"]}'],
      ['"sub":"alice"', '"sub":"alice","constructor":{"prototype":{"isAdmin":true}}'],
      ['"sub":"alice"', '"sub":"alice","realm":{"__proto__":{"roles":["admins"]}}'],
      ['"sub":"alice"', '"sub":"alice","tags":{"__proto__":"x"}'],
    ] as const;
    for (const [from, to] of polluted) {
      const principal = await accept(rewritten(from, to));
      assert.deepEqual(principal.groups, []);
      assert.equal(Object.getPrototypeOf(principal.claims), Object.prototype);
    }
    assert.ok(!('isAdmin' in {}));
    await refuse(rewritten('"sub":"alice"', '"__proto__":{"sub":"root"}'));
    await refuse(rewritten('"exp":', '"__proto__":{"exp":9999999999},"x":'));
  });

  it('are held to times that are numbers of the right size', async () => {
    for (const exp of ['1e400', '-1', '0', '1e300', '"9999999999"', '[9999999999]', 'true', 'null', '9'.repeat(400)]) {
      const error = await present(rewritten('"exp":', `"exp":${exp},"x":`)).then(
        () => undefined,
        (reason: unknown) => reason as { code: string },
      );
      assert.ok(error !== undefined && ['InvalidToken', 'ExpiredToken'].includes(error.code), exp);
    }
    for (const value of ['1e400', '"1"', 'true', '[1]']) {
      await refuse(rewritten('"sub":', `"nbf":${value},"sub":`));
      await refuse(rewritten('"iat":', `"iat":${value},"x":`));
    }
  });

  it('are refused within a moment, however large, deep or wide they are', async () => {
    const fill = (text: string) => text.repeat(Math.floor(17_000 / text.length));
    const payloads = [
      ...[fill('{"a":'), fill('['), `{"a":${fill('[')}`, `{"a":"${fill('\\')}`, `{"a":"${fill('\\u0061')}"}`],
      ...[
        `{${fill('"a":1,')}"a":1}`,
        `{"a":[${fill('{},')}{}]}`,
        `{"a":${fill('9')}}`,
        fill(' '),
        `{"${fill('x')}":1}`,
      ],
    ];
    for (const payload of payloads) {
      const startedAt = performance.now();
      await refuse(signTexts(key, header, payload));
      await refuse(signTexts(key, payload, JSON.stringify(claims())));
      assert.ok(performance.now() - startedAt < 500);
    }
    await refuse('a'.repeat(24_577));
    await refuse('.'.repeat(20_000));
  });
});
