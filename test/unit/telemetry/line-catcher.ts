import { Writable } from 'node:stream';

/** Keeps what is written to it; takes nothing while it is held. */
export class LineCatcher extends Writable {
  text = '';
  #held: (() => void)[] | undefined;

  constructor() {
    super({ decodeStrings: false });
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const next of held) next();
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    if (this.#held === undefined) done();
    else this.#held.push(done);
  }

  lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
