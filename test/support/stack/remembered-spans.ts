/** Traces that are remembered instead of sent, each span with the one header that it hands on. */
import type { Span, SpanAttributes, Traces } from '../../../src/contracts/tracing.ts';

export interface RememberedSpan {
  name: string;
  readonly attributes: Record<string, unknown>;
  failedBy: string | undefined;
}

/** Hands on the number of each span, in the form of the standard. */
export const traceparentOf = (number: number): string =>
  `00-${'a'.repeat(32)}-${number.toString(16).padStart(16, '0')}-01`;

/** Makes them, and the list that they go to: the first one is number 1. */
export function rememberSpans(): { readonly traces: Traces; readonly spans: readonly RememberedSpan[] } {
  const spans: RememberedSpan[] = [];
  let current: Span | undefined;
  const inSpan = <Result>(name: string, attributes: SpanAttributes, run: (span: Span) => Result): Result => {
    const remembered: RememberedSpan = { name, attributes: { ...attributes }, failedBy: undefined };
    spans.push(remembered);
    const nothing = (): void => undefined;
    current = {
      ids: { traceId: 'a'.repeat(32) },
      isRecorded: true,
      headers: { traceparent: traceparentOf(spans.length) },
      rename: (given) => {
        remembered.name = given;
      },
      end: nothing,
      set: (more) => void Object.assign(remembered.attributes, more),
      fail: (type) => {
        remembered.failedBy = type;
      },
    };
    return run(current);
  };
  return {
    spans,
    traces: { call: inSpan, stage: (name, run) => inSpan(name, {}, run), current: () => current },
  };
}
