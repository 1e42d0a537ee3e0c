import assert from 'node:assert/strict';
import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { accessDenied, DENIED_BY_HEADER } from '../../../src/errors/access-denied.ts';
import { challenge, messageWithHelp } from '../../../src/errors/challenge.ts';
import { ERRORS, type ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';

describe('a denial by policy', () => {
  it('says rule and reason in its message, in fields, and in a header', () => {
    const error = accessDenied({ rule: 'team/no-deletes', reason: 'Nobody deletes here.' });
    assert.equal(error.code, 'AccessDenied');
    assert.deepEqual(error.clientFields, { Rule: 'team/no-deletes', Reason: 'Nobody deletes here.' });
    for (const reported of [error.clientMessage, error.clientHeaders[DENIED_BY_HEADER] ?? '']) {
      assert.ok(reported.includes('team/no-deletes') && reported.includes('Nobody deletes here.'), reported);
    }
  });

  it('says what helps on in the message and in the header: what the caller may do, and whom to ask', () => {
    const instead = 'The nearest prefix of yours for GET: box/desk/';
    const told = accessDenied({ rule: 'team/x', reason: 'No', owner: 'storage@corp.example', instead });
    const expected = `No. ${instead} Ask: storage@corp.example`;
    assert.equal(told.clientMessage, `Access denied by policy (rule team/x): ${expected}`);
    assert.equal(told.clientHeaders[DENIED_BY_HEADER], `team/x: ${expected}`);
    assert.equal(told.clientFields['Owner'], 'storage@corp.example');
    // What the log says is the decision.
    assert.equal(told.detail, 'team/x: No');
  });

  it('puts nothing into the header that could end it, whatever a policy or a key holds, and bounds it', () => {
    const units = [
      '\r\n',
      '\n',
      '\0',
      '%',
      '%0',
      '"',
      '\u2028',
      '\u{1F600}',
      '\uD800',
      'é',
      '~',
      'x-amz-forged: 1',
      ' ',
    ];
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...units), maxLength: 200 }), (reason) => {
        const error = accessDenied({ rule: 'default-deny', reason, instead: reason, owner: reason });
        const value = error.clientHeaders[DENIED_BY_HEADER] ?? '';
        validateHeaderValue(DENIED_BY_HEADER, value);
        assert.match(value, /^[ -~]{1,512}$/);
        // Decoded it is the beginning of what was meant: no escape is cut in two.
        const latin1 = value.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
        const whole = error.clientMessage.slice(error.clientMessage.indexOf('): ') + 3);
        const meant = Buffer.from(`default-deny: ${whole.toWellFormed()}`).toString('latin1');
        assert.ok(meant.startsWith(latin1));
      }),
    );
  });
});

describe('the challenge of a 401', () => {
  const PAGE = 'https://wiki.example.com/tokens';
  const ISSUERS = ['https://one.example.com', 'https://two.example.com/realm'];
  const FROM = { page: PAGE, issuers: ISSUERS };
  const of401 = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status === 401);

  it('says where to get a token, and what was wrong with the one that came', () => {
    assert.ok(of401.length >= 4);
    for (const code of of401) {
      const value = challenge(new GatewayError(code), FROM);
      validateHeaderValue('www-authenticate', value);
      assert.ok(value.startsWith('Bearer realm="sallyport"') && value.includes(`authorization_uri="${PAGE}"`), value);
      const isBad = code !== 'MissingToken';
      assert.ok(value.endsWith(`issuer="${ISSUERS.join(' ')}"`), value);
      assert.equal(value.includes('error="invalid_token"'), isBad);
      assert.equal(value.includes(`error_uri="${PAGE}"`), isBad);
      assert.equal(value.includes(`error_description="${ERRORS[code].message}"`), isBad);
    }
  });

  it('names no place where there is none', () => {
    assert.equal(challenge(new GatewayError('MissingToken'), undefined), 'Bearer realm="sallyport"');
  });

  it('cannot be left by a quote or a line break', () => {
    const evil = 'https://a"\r\n, Basic realm="b\\';
    const value = challenge(new GatewayError('InvalidToken'), { page: evil, issuers: [evil] });
    validateHeaderValue('www-authenticate', value);
    assert.match(value, /authorization_uri="[^"\\]*", issuer="[^"\\]*"$/);
  });

  it('has its places in the message too, since tools print nothing else, and only that of a 401', () => {
    const expired = new GatewayError('ExpiredToken');
    assert.equal(messageWithHelp(expired, FROM), `${expired.clientMessage} How to get a token: ${PAGE}`);
    assert.ok(messageWithHelp(expired, { issuers: ISSUERS }).endsWith(`issued by ${ISSUERS.join(' ')}`));
    assert.equal(messageWithHelp(expired, undefined), expired.clientMessage);
    assert.equal(messageWithHelp(expired, { issuers: [] }), expired.clientMessage);
    const denied = new GatewayError('AccessDenied');
    assert.equal(messageWithHelp(denied, FROM), denied.clientMessage);
  });
});
