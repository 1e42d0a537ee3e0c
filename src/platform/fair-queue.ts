/**
 * Seats that flows share. Enters: a hand (the queues that a flow may wait in) and so many seats. Leaves: a place with its
 * seats at once; one that waits, and begins later or is pushed out; or nothing, where the waiting room is full of others who
 * wait no longer. It knows no flow and keeps nothing of one: its memory is its queues and who waits, both bounded. It has no
 * timer: who waits too long leaves. Shuffle sharding, and seats by weight, are those of Kubernetes (KEP-1040); what one queue may
 * take of the seats is a dynamic threshold (Choudhury and Hahne 1998), since transfers have no end that could be waited for.
 */

/** Queues of a pool, and of a flow's hand: two flows have all eight in common once in four thousand million. */
export const QUEUES = 64;
export const HAND = 8;
/** A queue takes no more seats than this share of those that stay free: eight queues together take two thirds of all. */
const SHARE = 0.25;
/** Weight of the latest of the times between two starts. */
const NEWEST = 0.25;

export interface FairQueueOptions {
  readonly seats: number;
  /** At a time, in all queues together. */
  readonly maxWaiting: number;
}

/** What becomes of who waits; one of both is called, once, unless it leaves before. */
export interface Waiter {
  /** It has its seats. */
  readonly begin: () => void;
  /** Its place in the waiting room is somebody else's, who waits in a shorter queue; or nobody's, since the room is closed. */
  readonly pushOut: () => void;
}

export interface Place {
  readonly isWaiting: boolean;
  /** Gives its seats back, or its place in the queue. A second time does nothing. */
  readonly leave: (nowMs: number) => void;
}

export interface FairQueue {
  /** `undefined`: the waiting room is full. */
  readonly enter: (hand: readonly number[], seats: number, waiter: Waiter, nowMs: number) => Place | undefined;
  /** When a flow's shortest queue will have come to who joins it now, by the pace at which that queue moves; `undefined`: not known. */
  readonly expectedWaitMs: (hand: readonly number[], nowMs: number) => number | undefined;
  /** Pushes out who waits, and lets nobody wait any more; who finds seats free begins as before. */
  readonly closeRoom: () => void;
  readonly waiting: () => number;
  /** Seats in use. */
  readonly used: () => number;
}

interface Queue {
  used: number;
  readonly line: QueuePlace[];
  /** Seats that those in line ask for. */
  wanted: number;
  /** When it last had a start, as a number that grows. */
  turn: number;
  startedAtMs: number | undefined;
  paceMs: number | undefined;
}

type State = 'waiting' | 'running' | 'gone';
type Release = (place: QueuePlace, nowMs: number) => void;

interface Asked {
  readonly queue: Queue;
  readonly seats: number;
  readonly waiter: Waiter;
}

class QueuePlace implements Place {
  state: State;
  readonly queue: Queue;
  readonly seats: number;
  readonly waiter: Waiter;
  /** A number that grows; of one that waits. */
  readonly arrival: number;
  readonly #release: Release;

  constructor(asked: Asked, state: State, arrival: number, release: Release) {
    this.queue = asked.queue;
    this.seats = asked.seats;
    this.waiter = asked.waiter;
    this.state = state;
    this.arrival = arrival;
    this.#release = release;
  }

  get isWaiting(): boolean {
    return this.state === 'waiting';
  }

  leave(nowMs: number): void {
    this.#release(this, nowMs);
  }
}

/** Whether its queue has less; or as much, and was not served for longer; or neither ever was, and it came first. */
function goesBefore({ queue, arrival }: QueuePlace, other: QueuePlace): boolean {
  if (queue.used !== other.queue.used) return queue.used < other.queue.used;
  return queue.turn === other.queue.turn ? arrival < other.arrival : queue.turn < other.queue.turn;
}

/** Makes a pool of which no seat is taken. */
export function createFairQueue({ seats: total, maxWaiting }: FairQueueOptions): FairQueue {
  const queues: readonly Queue[] = Array.from({ length: QUEUES }, () => ({
    ...{ used: 0, line: [], wanted: 0, turn: 0, startedAtMs: undefined, paceMs: undefined },
  }));
  let free = total;
  let room = maxWaiting;
  let waiting = 0;
  let turns = 0;
  let arrivals = 0;

  /** What a queue holds leaves room for others, however many of its flow's queues do the same. */
  const isWithinShare = ({ used }: Queue, seats: number): boolean =>
    used === 0 || used + seats <= (free - seats) * SHARE;

  const shortestOf = (hand: readonly number[]): Queue => {
    let shortest: Queue | undefined;
    for (const index of hand) {
      const queue = queues[index];
      if (queue === undefined) throw new RangeError(`queue ${index} of ${QUEUES}`);
      if (shortest === undefined || queue.used + queue.wanted < shortest.used + shortest.wanted) shortest = queue;
    }
    if (shortest === undefined) throw new RangeError('a hand without queues');
    return shortest;
  };

  const take = (queue: Queue, seats: number): void => {
    free -= seats;
    queue.used += seats;
    turns += 1;
    queue.turn = turns;
  };

  const removeFromLine = (place: QueuePlace): void => {
    const { queue } = place;
    queue.line.splice(queue.line.indexOf(place), 1);
    queue.wanted -= place.seats;
    waiting -= 1;
  };

  const pushOut = (place: QueuePlace): void => {
    removeFromLine(place);
    place.state = 'gone';
    place.waiter.pushOut();
  };

  /** Of the queues that may have more, the one that has least goes on. */
  const next = (): QueuePlace | undefined => {
    let chosen: QueuePlace | undefined;
    for (const queue of queues) {
      const [first] = queue.line;
      if (first === undefined || !isWithinShare(queue, first.seats)) continue;
      if (chosen === undefined || goesBefore(first, chosen)) chosen = first;
    }
    // Nobody goes before it because less is enough for him, or who asks for much would never begin.
    return chosen !== undefined && chosen.seats <= free ? chosen : undefined;
  };

  const dispatch = (nowMs: number): void => {
    while (waiting > 0) {
      const place = next();
      if (place === undefined) return;
      const { queue, seats, waiter } = place;
      removeFromLine(place);
      take(queue, seats);
      place.state = 'running';
      if (queue.startedAtMs !== undefined) {
        const tookMs = Math.max(0, nowMs - queue.startedAtMs);
        queue.paceMs = queue.paceMs === undefined ? tookMs : queue.paceMs + NEWEST * (tookMs - queue.paceMs);
      }
      queue.startedAtMs = nowMs;
      waiter.begin();
    }
  };

  const release = (place: QueuePlace, nowMs: number): void => {
    const { state, queue, seats } = place;
    if (state === 'gone') return;
    place.state = 'gone';
    if (state === 'waiting') {
      removeFromLine(place);
    } else {
      free += seats;
      queue.used -= seats;
    }
    if (waiting > 0) dispatch(nowMs);
  };

  const longest = (): Queue | undefined => {
    let found: Queue | undefined;
    for (const queue of queues) if (queue.line.length > (found?.line.length ?? 0)) found = queue;
    return found;
  };

  return {
    enter: (hand, seats, waiter, nowMs) => {
      const queue = shortestOf(hand);
      const wanted = Math.min(seats, total);
      const asked = { queue, seats: wanted, waiter };
      if (queue.line.length === 0 && wanted <= free && isWithinShare(queue, wanted)) {
        take(queue, wanted);
        return new QueuePlace(asked, 'running', 0, release);
      }
      if (waiting >= room) {
        const last = longest()?.line.at(-1);
        // With both in line it would be no shorter than the other.
        if (last === undefined || last.queue.line.length <= queue.line.length + 1) return undefined;
        pushOut(last);
      }
      // The time between two starts says how fast a queue moves only while somebody is in it.
      if (queue.line.length === 0) queue.startedAtMs = nowMs;
      arrivals += 1;
      const place = new QueuePlace(asked, 'waiting', arrivals, release);
      queue.line.push(place);
      queue.wanted += wanted;
      waiting += 1;
      return place;
    },
    expectedWaitMs: (hand, nowMs) => {
      const { line, paceMs, startedAtMs } = shortestOf(hand);
      const stillMs = line.length === 0 || startedAtMs === undefined ? undefined : nowMs - startedAtMs;
      if (paceMs === undefined && stillMs === undefined) return undefined;
      // One that stands still is no faster than that.
      return (line.length + 1) * Math.max(paceMs ?? 0, stillMs ?? 0);
    },
    closeRoom: () => {
      room = 0;
      for (const { line } of queues) for (const place of [...line]) pushOut(place);
    },
    waiting: () => waiting,
    used: () => (total === Infinity ? 0 : total - free),
  };
}
