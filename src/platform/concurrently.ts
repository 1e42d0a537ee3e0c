/**
 * Runs a task for each item of a list or a stream, so many at once and no more in memory. Stops taking items when the
 * signal is aborted, a task fails or the stream breaks; what has begun is carried to its end.
 */
export async function concurrently<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  task: (item: Item) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const item of items) {
      if (signal?.aborted === true || failure !== undefined) break;
      const run = task(item)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(run));
      running.add(run);
      if (running.size >= limit) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
}
