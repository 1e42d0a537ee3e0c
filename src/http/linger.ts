/**
 * The rest of a refused body, read and dropped: many clients send all of it before they look at the answer, and a connection
 * that ends before takes the answer along. Enters: a request whose answer is written. Leaves: nothing; no byte is parsed or
 * kept. Nobody pays for it yet, so that it is bounded in bytes, in time, in places of the process and of one address, and
 * whoever trickles is cut.
 */
import type { IncomingMessage } from 'node:http';
import { createPlaces } from '../guard/places.ts';

export interface LingerBounds {
  /** Of one body that holds a place. */
  readonly bytes: number;
  /** As long as one may hold a place. */
  readonly ms: number;
  /** Of one body that found no place. */
  readonly bytesWithoutPlace: number;
  /** So often a body must have brought `bytesEach` to go on; one without a place ends here. */
  readonly everyMs: number;
  readonly bytesEach: number;
  readonly places: number;
  readonly placesPerAddress: number;
}

/** A place costs a socket and the reading of what comes; the answer is out before. */
const BOUNDS: LingerBounds = {
  bytes: 64 * 1024 * 1024,
  ms: 30_000,
  bytesWithoutPlace: 1024 * 1024,
  everyMs: 2000,
  bytesEach: 128 * 1024,
  places: 64,
  placesPerAddress: 16,
};

export interface Lingering {
  /** `chargedTo`: whose place it takes. Reads what is left; calls `done` once, when nothing is or when a bound is met. */
  readonly drop: (req: IncomingMessage, chargedTo: string | undefined, done: () => void) => void;
  /** Bodies that hold a place. */
  readonly places: () => number;
}

/** Makes the places of one process. */
export function createLingering(bounds: LingerBounds = BOUNDS): Lingering {
  const { everyMs, bytesEach } = bounds;
  const places = createPlaces({ all: bounds.places, perAddress: bounds.placesPerAddress });

  return {
    places: places.taken,
    drop: (req, chargedTo, done) => {
      const leave = places.enter(chargedTo);
      const hasPlace = leave !== undefined;
      let left = hasPlace ? bounds.bytes : bounds.bytesWithoutPlace;
      let lately = 0;
      let elapsedMs = 0;
      const timer = setInterval(() => {
        elapsedMs += everyMs;
        if (!hasPlace || lately < bytesEach || elapsedMs >= bounds.ms) finish();
        lately = 0;
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
        lately += chunk.length;
        left -= chunk.length;
        if (left < 0) finish();
      }
      req.once('end', finish);
      req.once('close', finish);
      req.on('data', count);
    },
  };
}
