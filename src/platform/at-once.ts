/**
 * What is there at once or comes later. Work of which most is in memory gives its value as it is: a promise, and a turn of
 * the queue of microtasks for each step, would be most of its cost.
 */

/** Gives what `next` makes of a value: at once where the value is there. @throws what `next` throws; rejects where the value does */
export function andThen<In, Out>(value: In | Promise<In>, next: (value: In) => Out | Promise<Out>): Out | Promise<Out> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Gives what `work` gives; where that throws or rejects, what `failed` makes of the error. @throws what `failed` throws; rejects where it does */
export function orElse<Result>(
  work: () => Result | Promise<Result>,
  failed: (error: unknown) => Result | Promise<Result>,
): Result | Promise<Result> {
  try {
    const result = work();
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}
