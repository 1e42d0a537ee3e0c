/** A stage, and the route through several of them. */
import { GatewayError, type StageName } from '../errors/gateway-error.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Traces } from '../contracts/tracing.ts';

/** `run` is a property on purpose: method syntax would let a stage take a context that is too small. */
export interface Stage<In, Out> {
  readonly name: StageName;
  readonly run: (context: In) => Out | Promise<Out>;
}

/** Stages in order; `to` accepts only a stage that can work with what the ones before it give. */
export interface Route<In, Out> {
  readonly to: <Next>(stage: Stage<Out, Next>) => Route<In, Next>;
  readonly stages: readonly StageName[];
  /** Never rejects. */
  readonly run: (context: In, observer: Observer) => Promise<Ended<In, Out>>;
}

/** What a route gives; or what ended it, with the context before the stage that did: contexts grow, so it is an `In` with more. */
export type Ended<In, Out> = { readonly output: Out } | { readonly error: unknown; readonly reached: In };

/** Gives the output of a route. @throws what ended it */
export function outputOf<In, Out>(ended: Ended<In, Out>): Out {
  if ('error' in ended) throw ended.error;
  return ended.output;
}

/** Starts a route with its first stage. */
export function route<In, Out>(first: Stage<In, Out>): Route<In, Out> {
  return extend<In, Out>([first as Stage<unknown, unknown>]);
}

// The types are checked where a route is put together (`to`); inside, a route is a plain list.
function extend<In, Out>(stages: readonly Stage<unknown, unknown>[]): Route<In, Out> {
  return {
    stages: stages.map((stage) => stage.name),
    to: <Next>(next: Stage<Out, Next>) => extend<In, Next>([...stages, next as Stage<unknown, unknown>]),
    run: async (context, observer) => {
      let current: unknown = context;
      let beganMs = performance.now();
      for (const stage of stages) {
        try {
          const given = runStage(stage, current, observer.traces);
          // What is in memory is given at once: a turn of the microtask queue for each would be most of the work.
          current = given instanceof Promise ? await given : given;
        } catch (error) {
          const stamped = error instanceof GatewayError ? error.at(stage.name) : error;
          return { error: stamped, reached: current as In };
        } finally {
          const endedMs = performance.now();
          observer.stage(stage.name, endedMs - beganMs);
          beganMs = endedMs;
        }
      }
      return { output: current as Out };
    },
  };
}

/** Runs one stage, in a span of its own where requests are traced. */
function runStage(stage: Stage<unknown, unknown>, context: unknown, traces: Traces | undefined): unknown {
  return traces === undefined ? stage.run(context) : traces.stage(stage.name, () => stage.run(context));
}
