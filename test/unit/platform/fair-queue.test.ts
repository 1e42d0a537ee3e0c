import assert from 'node:assert/strict';
import { createFairQueue, HAND, QUEUES, type FairQueue, type Place } from '../../../src/platform/fair-queue.ts';
import { fixedSeed } from '../../support/chance.ts';
import { createRandom } from '../../support/random.ts';

/** For who may not be pushed out. */
const unwanted = (): void => assert.fail('pushed out');

/** Hands that have nothing in common. */
const handOf = (flow: number): readonly number[] =>
  Array.from({ length: HAND }, (_, index) => (flow * HAND + index) % QUEUES);

class Flow {
  readonly begun: string[] = [];
  readonly pushedOut: string[] = [];
  readonly #queue: FairQueue;
  readonly hand: readonly number[];

  constructor(queue: FairQueue, number: number) {
    this.#queue = queue;
    this.hand = handOf(number);
  }

  enter(name = '', seats = 1, nowMs = 0): Place | undefined {
    const begin = (): number => this.begun.push(name);
    const pushOut = (): number => this.pushedOut.push(name);
    return this.#queue.enter(this.hand, seats, { begin, pushOut }, nowMs);
  }

  /** Enters until something waits; gives what runs. */
  fill(seats = 1): Place[] {
    const running: Place[] = [];
    for (;;) {
      const place = this.enter('fill', seats);
      if (place === undefined || place.isWaiting) {
        place?.leave(0);
        return running;
      }
      running.push(place);
    }
  }
}

describe('a fair queue', () => {
  it('starts at once what finds its seats free, and what waits in the order in which it came', () => {
    const queue = createFairQueue({ seats: 1, maxWaiting: 8 });
    const flow = new Flow(queue, 0);
    const first = flow.enter('first');
    const waiting = ['second', 'third'].map((name) => flow.enter(name));
    assert.deepEqual([first?.isWaiting, ...waiting.map((place) => place?.isWaiting)], [false, true, true]);
    first?.leave(0);
    assert.deepEqual([flow.begun, queue.waiting(), queue.used()], [['second'], 1, 1]);
    for (const place of waiting) place?.leave(0);
    assert.deepEqual([flow.begun, queue.waiting(), queue.used()], [['second', 'third'], 0, 0]);
  });

  it('never lets one flow have all seats, even if it never gives one back: others start at once', () => {
    for (const seats of [1, 2]) {
      const queue = createFairQueue({ seats: 192, maxWaiting: 32 });
      new Flow(queue, 0).fill(seats);
      assert.equal(queue.used(), 128);
      for (const number of [1, 2]) {
        const free = 192 - queue.used();
        assert.equal(new Flow(queue, number).enter('one')?.isWaiting, false);
        const running = new Flow(queue, number).fill(seats).length * seats;
        assert.ok(running > 0 && running < free, `flow ${number}: ${running} of ${free}`);
      }
      assert.equal(new Flow(queue, 3).enter('one')?.isWaiting, false);
    }
  });

  it('gives more to who is alone than to who is not', () => {
    const queue = createFairQueue({ seats: 192, maxWaiting: 32 });
    const [alone, other] = [new Flow(queue, 0).fill(), new Flow(queue, 1).fill()];
    assert.ok(alone.length > 2 * other.length);
    for (const place of alone) place.leave(0);
    assert.equal(new Flow(queue, 2).fill().length > other.length, true);
  });

  it('goes on with the queue that has the fewest seats, and of several with the one that was not served for longest', () => {
    const queue = createFairQueue({ seats: 2, maxWaiting: 16 });
    const [many, few] = [new Flow(queue, 0), new Flow(queue, 1)];
    const places = [many.enter(), many.enter()];
    const order: string[] = [];
    const join = (flow: Flow, name: string): void => {
      places.push(queue.enter(flow.hand, 1, { begin: () => order.push(name), pushOut: unwanted }, 0));
    };
    for (let index = 0; index < 14; index += 1) join(many, 'many');
    for (let index = 0; index < 2; index += 1) join(few, 'few');
    while (places.length > 0) {
      const running = places.findIndex((place) => place?.isWaiting === false);
      places.splice(running, 1)[0]?.leave(0);
    }
    assert.equal(order.length, 16);
    // Fourteen came before; six of their queues have had nothing yet, as theirs.
    assert.deepEqual([order.indexOf('few'), order.lastIndexOf('few')], [6, 7], order.join(' '));
    const reversed = createFairQueue({ seats: 1, maxWaiting: 16 });
    const [first, second] = [new Flow(reversed, 0), new Flow(reversed, 1)];
    const holds = first.enter();
    const one = reversed.enter(
      first.hand.slice(0, 1),
      1,
      { begin: () => first.begun.push('first'), pushOut: unwanted },
      0,
    );
    const two = reversed.enter(
      second.hand.slice(0, 1),
      1,
      { begin: () => second.begun.push('second'), pushOut: unwanted },
      0,
    );
    holds?.leave(0);
    // The first has just been served, of the second nothing ever was.
    assert.deepEqual([first.begun, second.begun], [[], ['second']]);
    one?.leave(0);
    two?.leave(0);
  });

  it('does not pass over who asks for much', () => {
    const queue = createFairQueue({ seats: 2, maxWaiting: 8 });
    const [small, large] = [new Flow(queue, 0), new Flow(queue, 1)];
    const running = [small.enter(), small.enter()];
    large.enter('large', 2);
    const later = small.enter('small');
    running[0]?.leave(0);
    assert.deepEqual([large.begun, small.begun], [[], []]);
    running[1]?.leave(0);
    assert.deepEqual([large.begun, small.begun], [['large'], []]);
    later?.leave(0);
  });

  it('begins what asks for more seats than there are when it is alone', () => {
    const queue = createFairQueue({ seats: 2, maxWaiting: 8 });
    assert.equal(new Flow(queue, 0).enter('huge', 9)?.isWaiting, false);
    assert.equal(queue.used(), 2);
  });

  it('has a full waiting room for who waits in a shorter queue: the last of the longest one goes', () => {
    const queue = createFairQueue({ seats: 1, maxWaiting: 16 });
    const [flood, other] = [new Flow(queue, 0), new Flow(queue, 1)];
    flood.enter();
    for (let index = 0; index < 16; index += 1) flood.enter(`flood ${index}`);
    assert.equal(flood.enter('one more'), undefined);
    assert.deepEqual([...flood.pushedOut], []);
    const place = other.enter('other');
    assert.equal(place?.isWaiting, true);
    assert.equal(flood.pushedOut.length, 1);
    assert.ok(Number(flood.pushedOut[0]?.split(' ')[1]) >= 8, String(flood.pushedOut));
    assert.equal(queue.waiting(), 16);
  });

  it('goes on without who left while it waited, and gives back once only', () => {
    const queue = createFairQueue({ seats: 1, maxWaiting: 8 });
    const flow = new Flow(queue, 0);
    const first = flow.enter('first');
    const [left, stayed] = [flow.enter('left'), flow.enter('stayed')];
    left?.leave(0);
    left?.leave(0);
    assert.equal(queue.waiting(), 1);
    first?.leave(0);
    first?.leave(0);
    assert.deepEqual([flow.begun, queue.used()], [['stayed'], 1]);
    stayed?.leave(0);
    assert.equal(queue.used(), 0);
  });

  it('pushes out who waits when its room is closed, and lets begin who finds seats free', () => {
    const queue = createFairQueue({ seats: 2, maxWaiting: 8 });
    const flow = new Flow(queue, 0);
    const running = [flow.enter(), flow.enter()];
    const waiting = ['one', 'two'].map((name) => flow.enter(name));
    queue.closeRoom();
    assert.deepEqual([flow.pushedOut.toSorted(), queue.waiting()], [['one', 'two'], 0]);
    assert.equal(flow.enter('late'), undefined);
    for (const place of [...running, ...waiting]) place?.leave(0);
    assert.deepEqual([flow.begun, queue.used()], [[], 0]);
    assert.equal(flow.enter('still')?.isWaiting, false);
  });

  it('says when to come again by the pace of the queue, and by how long it has stood still', () => {
    const queue = createFairQueue({ seats: 1, maxWaiting: 64 });
    const { hand } = new Flow(queue, 0);
    const only = hand.slice(0, 1);
    assert.equal(queue.expectedWaitMs(only, 0), undefined);
    const places = Array.from({ length: 6 }, () => {
      return queue.enter(only, 1, { begin: () => undefined, pushOut: () => undefined }, 0);
    });
    for (const [index, place] of places.slice(0, 4).entries()) place?.leave((index + 1) * 200);
    // One is in line, at one each 200 ms.
    assert.equal(queue.expectedWaitMs(only, 800), 400);
    assert.equal(queue.expectedWaitMs(only, 800 + 3000), 6000);
  });

  it('without a bound lets everybody in', () => {
    const queue = createFairQueue({ seats: Infinity, maxWaiting: 0 });
    const flow = new Flow(queue, 0);
    const places = Array.from({ length: 1000 }, () => flow.enter('', 2));
    assert.ok(places.every((place) => place?.isWaiting === false));
    for (const place of places) place?.leave(0);
    assert.equal(queue.used(), 0);
  });

  it('keeps its bounds, loses nobody and has every seat back, whatever comes and goes', () => {
    const random = createRandom(fixedSeed ?? Date.now());
    const pick = (below: number): number => Math.floor(random() * below);
    let waited = 0;
    let pushed = 0;
    for (let round = 0; round < 60; round += 1) {
      const seats = 1 + pick(40);
      const maxWaiting = pick(20);
      const queue = createFairQueue({ seats, maxWaiting });
      const open = new Map<Place, { seats: number; calls: number }>();
      const ofRunning = (): number => {
        let sum = 0;
        for (const [place, entry] of open) if (!place.isWaiting) sum += Math.min(entry.seats, seats);
        return sum;
      };
      const check = (): void => {
        const waiting = [...open.keys()].filter((place) => place.isWaiting).length;
        assert.equal(queue.waiting(), waiting);
        assert.ok(waiting <= maxWaiting);
        assert.equal(queue.used(), ofRunning());
        assert.ok(queue.used() <= seats);
        // Nobody waits where nobody runs.
        assert.ok(waiting === 0 || queue.used() > 0);
      };
      for (let step = 0; step < 200; step += 1) {
        if (random() < 0.7) {
          const entry = { seats: 1 + pick(4), calls: 0 };
          let place: Place | undefined = undefined;
          const called = (): void => {
            entry.calls += 1;
            assert.equal(entry.calls, 1);
          };
          const pushOut = (): void => {
            called();
            pushed += 1;
            if (place !== undefined) open.delete(place);
          };
          const hand = handOf(random() < 0.7 ? 0 : pick(8));
          place = queue.enter(hand, entry.seats, { begin: called, pushOut }, step);
          if (place !== undefined) open.set(place, entry);
          if (place?.isWaiting === true) waited += 1;
        } else {
          const place = [...open.keys()][pick(open.size)];
          if (place !== undefined) {
            open.delete(place);
            place.leave(step);
          }
        }
        check();
      }
      for (const place of [...open.keys()]) {
        open.delete(place);
        place.leave(1000);
        check();
      }
      assert.deepEqual([queue.used(), queue.waiting()], [0, 0]);
    }
    assert.ok(waited > 100 && pushed > 10, `${waited} waited, ${pushed} were pushed out`);
  });
});
