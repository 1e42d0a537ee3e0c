/**
 * The rest of a refused body, read and dropped: many clients send all of it before they look at the answer, and a connection
 * that ends before takes the answer along. Enters: a request whose answer is written. Leaves: nothing; no byte is parsed or
 * kept. Nobody pays for it yet, so that it is bounded in bytes, in time, in permits of the process and of one address, and
 * whoever trickles is cut.
 */
import type { IncomingMessage } from 'node:http';
import { createPermits } from '../host-check/permits.ts';

export interface LingerBounds {
  /** Of one body that holds a permit. */
  readonly bytes: number;
  /** As long as one may hold a permit. */
  readonly ms: number;
  /** Of one body that found no permit. */
  readonly bytesWithoutPermit: number;
  /** So often a body must have brought `bytesEach` to go on; one without a permit ends here. */
  readonly everyMs: number;
  readonly bytesEach: number;
  readonly permits: number;
  readonly permitsPerAddress: number;
}

/** A permit costs a socket and the reading of what comes; the answer is out before. */
const BOUNDS: LingerBounds = {
  bytes: 64 * 1024 * 1024,
  ms: 30_000,
  bytesWithoutPermit: 1024 * 1024,
  everyMs: 2000,
  bytesEach: 128 * 1024,
  permits: 64,
  permitsPerAddress: 16,
};

export interface Lingering {
  /** `chargedTo`: whose permit it takes. Reads what is left; calls `done` once, when nothing is or when a bound is met. */
  readonly drop: (req: IncomingMessage, chargedTo: string | undefined, done: () => void) => void;
  /** Bodies that hold a permit. */
  readonly permits: () => number;
}

/** Makes the permits of one process. */
export function createLingering(bounds: LingerBounds = BOUNDS): Lingering {
  const { everyMs, bytesEach } = bounds;
  const permits = createPermits({ all: bounds.permits, perAddress: bounds.permitsPerAddress });

  return {
    permits: permits.inUse,
    drop: (req, chargedTo, done) => {
      const leave = permits.enter(chargedTo);
      const hasPermit = leave !== undefined;
      let left = hasPermit ? bounds.bytes : bounds.bytesWithoutPermit;
      let recentBytes = 0;
      let elapsedMs = 0;
      const timer = setInterval(() => {
        elapsedMs += everyMs;
        if (!hasPermit || recentBytes < bytesEach || elapsedMs >= bounds.ms) finish();
        recentBytes = 0;
      }, everyMs);
      function finish(): void {
        clearInterval(timer);
        req.off('data', count);
        req.off('end', finish);
        req.off('close', finish);
        leave?.();
        done();
      }
      function count(chunk: Buffer): void {
        recentBytes += chunk.length;
        left -= chunk.length;
        if (left < 0) finish();
      }
      req.once('end', finish);
      req.once('close', finish);
      req.on('data', count);
      // Whoever read a part of it has stopped it.
      req.resume();
    },
  };
}
