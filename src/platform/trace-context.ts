/**
 * `traceparent` as it came with a request -> where that stands in a trace. Whatever is not exactly of that form is no trace
 * context, and a new trace begins. @see https://www.w3.org/TR/trace-context/
 */

export interface TraceParent {
  /** 32 hex digits, lower case. */
  readonly traceId: string;
  /** Of the caller's span: 16 hex digits, lower case. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** A later version may have more behind a hyphen; `ff` is none. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.{0,200})?$/;

/** Reads a header; `undefined` where it is absent, was repeated or is not valid. */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  if (header === undefined) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes the header that names a span. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}
