import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTraceparent, parseTraceparent } from '../../../src/platform/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is read with its ids and its flag, and written the same', () => {
    for (const [flags, isSampled] of [
      ['01', true],
      ['00', false],
    ] as const) {
      const header = `00-${TRACE}-${SPAN}-${flags}`;
      const parsed = parseTraceparent(header);
      assert.deepEqual(parsed, { traceId: TRACE, spanId: SPAN, isSampled });
      assert.equal(formatTraceparent(parsed), header);
    }
  });

  it('of a later version may have more at its end', () => {
    const expected = { traceId: TRACE, spanId: SPAN, isSampled: true };
    assert.deepEqual(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`), expected);
    assert.deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-01`), expected);
  });

  it('that is not of the form is none', () => {
    const bad = [
      ...['', '00', TRACE, `00-${TRACE}-${SPAN}`, `00-${TRACE}-${SPAN}-1`, `00-${TRACE}-${SPAN}-01-more`],
      ...[`00-${TRACE}-${SPAN}-01 `, ` 00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01\n`],
      ...[`00-${TRACE.toUpperCase()}-${SPAN}-01`, `ff-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-0g`],
      ...[`00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`],
      // What Node makes of one that came twice.
      `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
      `01-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`,
    ];
    for (const header of bad) assert.equal(parseTraceparent(header), undefined, header);
    assert.equal(parseTraceparent(undefined), undefined);
  });

  it('gives nothing but hex of the right length, whatever comes', () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-fA-F]{${length}}$`));
    const nearly = fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join('-'));
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (header) => {
        const parsed = parseTraceparent(header);
        if (parsed === undefined) return;
        read += 1;
        assert.match(parsed.traceId, /^[0-9a-f]{32}$/);
        assert.match(parsed.spanId, /^[0-9a-f]{16}$/);
      }),
      { examples: [[`00-${TRACE}-${SPAN}-01`]] },
    );
    assert.ok(read > 0);
  });
});
