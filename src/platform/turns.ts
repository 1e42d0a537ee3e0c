/**
 * Shares the event loop between bodies that pass and everything else. Enters: how many bytes of a body are about to be worked on.
 * Leaves: at once, while few passed; else after the loop has looked for other work, in the order in which they came. libuv reads up
 * to 32 times from one socket before it looks at the next, and a body that is worked on as it comes keeps it there: with 64 of
 * them, who wants 1 KiB waits for 128 MiB at each step of its request.
 */

/** A quarter of a millisecond of encryption, about. With half of it others wait less, and large bodies cost a sixth more CPU. */
const BYTES_A_TURN = 128 * 1024;

export interface Turns {
  /** `undefined`: at once. */
  readonly take: (bytes: number) => Promise<void> | undefined;
}

interface Waiter {
  readonly bytes: number;
  readonly begin: () => void;
}

/** Makes the turns of one process; `later` runs something in the next turn of the loop. */
export function createTurns(later: (next: () => void) => void = setImmediate, bytesATurn = BYTES_A_TURN): Turns {
  const line: Waiter[] = [];
  /** Since the loop last looked for other work, as far as is known. */
  let passed = 0;

  const goOn = (): void => {
    passed = 0;
    while (passed < bytesATurn) {
      const waiter = line.shift();
      if (waiter === undefined) return;
      passed += waiter.bytes;
      waiter.begin();
    }
    if (line.length > 0) later(goOn);
  };

  return {
    take: (bytes) => {
      if (passed < bytesATurn) {
        passed += bytes;
        return undefined;
      }
      if (line.length === 0) later(goOn);
      return new Promise((begin) => line.push({ bytes, begin }));
    },
  };
}
