import assert from 'node:assert/strict';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import {
  lockOf,
  parseTerms,
  showsHold,
  showsRetention,
  termsText,
  writeTerms,
} from '../../../../src/s3/request/write-terms.ts';

const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';
const DATE = '2030-01-02T03:04:05Z';
const headers = (...pairs: readonly (readonly [string, string])[]) => new Map(pairs);
const failsWith = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code;

describe('what a write says of its object', () => {
  it('is the same after it was written down and read again', () => {
    for (const said of [
      headers([MODE, 'COMPLIANCE'], [UNTIL, DATE], [HOLD, 'ON'], ['x-amz-tagging', 'a=b&c=%C3%A9']),
      headers([HOLD, 'ON']),
      headers(['x-amz-tagging', 'a=']),
      headers([MODE, 'GOVERNANCE'], [UNTIL, '2030-01-02T03:04:05.678+01:00']),
    ]) {
      const terms = writeTerms(said);
      assert.deepEqual(parseTerms(termsText(terms) ?? ''), terms);
    }
  });

  it('is nothing without a lock or tags, and with a legal hold that is off', () => {
    assert.equal(termsText(writeTerms(headers())), undefined);
    assert.equal(termsText(writeTerms(headers([HOLD, 'OFF'], ['x-amz-tagging', '']))), undefined);
  });

  it('is refused where a mode has no date, a date no mode, or the date is none', () => {
    for (const said of [
      headers([MODE, 'GOVERNANCE']),
      headers([UNTIL, DATE]),
      headers([MODE, 'GOVERNANCE'], [UNTIL, 'tomorrow']),
      headers([MODE, 'GOVERNANCE'], [UNTIL, '2030-13-02T03:04:05Z']),
    ]) {
      assert.throws(() => lockOf(said), failsWith('InvalidArgument'));
    }
  });

  it('is not taken from a store that changed it into what nobody could have said', () => {
    for (const text of [
      '',
      '[]',
      'null',
      '{',
      `{"${MODE}":"NONE","${UNTIL}":"${DATE}"}`,
      '{"x-amz-tagging":"a=b&a=c"}',
    ]) {
      assert.throws(() => parseTerms(text), failsWith('IntegrityFailure'), text);
    }
    assert.throws(() => parseTerms(JSON.stringify({ a: 'x'.repeat(9000) })), failsWith('IntegrityFailure'));
  });

  it('is seen in a head that shows it whole, with whatever fraction of a second, and in no weaker one', () => {
    const lock = lockOf(headers([MODE, 'GOVERNANCE'], [UNTIL, '2030-01-02T03:04:05.678Z'], [HOLD, 'ON']))!;
    for (const until of ['2030-01-02T03:04:05.678000000Z', '2030-01-02T03:04:05Z', '2031-01-01T00:00:00Z']) {
      assert.ok(showsRetention(headers([MODE, 'GOVERNANCE'], [UNTIL, until]), lock), until);
    }
    for (const head of [
      headers(),
      headers([MODE, 'COMPLIANCE'], [UNTIL, DATE]),
      headers([MODE, 'GOVERNANCE'], [UNTIL, '2030-01-02T03:04:04Z']),
      headers([MODE, 'GOVERNANCE'], [UNTIL, 'soon']),
      headers([MODE, 'GOVERNANCE']),
    ]) {
      assert.ok(!showsRetention(head, lock));
    }
    assert.ok(showsHold(headers([HOLD, 'ON']), lock));
    assert.ok(!showsHold(headers([HOLD, 'OFF']), lock) && !showsHold(headers(), lock));
  });
});
