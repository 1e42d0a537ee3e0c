/**
 * Tasks that must not overlap, by name: those of one name run one after the other, in the order in which they came.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs the task when its turn has come; gives or throws what it gives or throws. */
  async take<T>(name: string, task: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(task, task);
    this.#last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}
