/** Traces (OpenTelemetry), as the rooms see them. Nothing in a span is a key, a subject, a token, a secret or a query. */

/** Where something stands in a trace: lower-case hex, of 32 and 16 digits. */
export interface TraceIds {
  readonly traceId: string;
  /** Of the gateway's own span; absent where it makes none, and only the client traces. */
  readonly spanId?: string;
}

/** Names of the semantic conventions where they have one; nothing of `undefined`. */
export type SpanAttributes = Readonly<Record<string, string | number | undefined>>;

export interface Span {
  readonly ids: TraceIds;
  /** Whether anybody will see it; one that is not sampled only hands the context on. */
  readonly isRecorded: boolean;
  /** What goes along with a request to another service. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rename: (name: string) => void;
  readonly set: (attributes: SpanAttributes) => void;
  /** `type`: a code, of a closed set or of a service. */
  readonly fail: (type: string) => void;
  readonly end: () => void;
}

/** Work in spans, each below the one around it. */
export interface Traces {
  /** Gives what `run` gives, in a span of the gateway's own work. */
  readonly stage: <Result>(name: string, run: () => Result) => Result;
  /** The same of a request to another service. Outside of a request there is no span. */
  readonly call: <Result>(name: string, attributes: SpanAttributes, run: (span: Span | undefined) => Result) => Result;
  /** The span around. */
  readonly current: () => Span | undefined;
}

/** One request as it is remembered across timers and callbacks. */
export interface RequestContext {
  readonly requestId: string;
  /** Absent: neither the client nor the gateway traces it. */
  readonly trace?: TraceIds | undefined;
  readonly span?: Span | undefined;
}

/** Where requests begin and end. */
export interface RequestScope {
  /** `headers`: those of the client; absent: of nothing that is worth a span. */
  readonly begin: (requestId: string, method: string, headers?: TraceHeaders) => RequestContext;
  /** Runs what belongs to a request: what it leaves behind, such as timers, belongs to it as well. */
  readonly within: (context: RequestContext, run: () => void) => void;
  readonly end: (context: RequestContext, status: number | undefined) => void;
}

/** By lower-case names, `traceparent` and `tracestate` among them. */
type TraceHeaders = Readonly<Record<string, string | string[] | undefined>>;
