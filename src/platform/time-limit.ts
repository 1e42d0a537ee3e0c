/** A limit for work that has no way to be told to stop: whoever waits goes on, and the work ends when it ends, unheard. */

/** Settles as `work` does; after `limitMs` as `late` does, which gives another result or throws. */
export async function withinTime<Result>(work: Promise<Result>, limitMs: number, late: () => Result): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    return await Promise.race([work, over.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
