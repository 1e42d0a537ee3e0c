/**
 * Random ways in which clients cut an object into parts, and what must come of each: reproducible from a number. A model of
 * the store's slots says which uploads a Complete must refuse, because a later part took the place of an earlier one.
 */
const MIB = 1024 ** 2;
export const SEGMENT_BYTES = 65_536;
const CELL_BYTES = SEGMENT_BYTES + 28;
const TRAILER_BYTES = 160;
export const MIN_PART_BYTES = 5 * MIB;
const MAX_PARTS = 10_000;

export interface PlannedPart {
  readonly number: number;
  readonly sizeBytes: number;
}

export interface RandomLayout {
  readonly name: string;
  /** What is uploaded, in this order; a number that comes again replaces what came before. */
  readonly uploads: readonly PlannedPart[];
  /** Whether parts are uploaded at once; only where their order does not matter. */
  readonly parallel: boolean;
  /** Whether the store holds parts that Complete does not name. */
  readonly leavesParts: boolean;
  /** Numbers that the client names at Complete, ascending. */
  readonly named: readonly number[];
  /** What Complete answers instead of 200. */
  readonly refusal: 'InvalidPart' | 'EntityTooSmall' | 'InvalidRequest' | undefined;
  /** Whether the stored size alone tells the plaintext size. */
  readonly isRegular: boolean;
  /** Numbers that ListParts may leave out. */
  readonly ambiguous: ReadonlySet<number>;
}

/** A generator of numbers from a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => [this.next(), item] as const)
      .toSorted(([a], [b]) => a - b)
      .map(([, item]) => item);
  }
}

/** f and g of the specification, written down once more. */
const finalStored = (plain: number): number => plain + 28 * Math.ceil(plain / SEGMENT_BYTES) + TRAILER_BYTES;
const ordinaryStored = (plain: number): number => plain + 28 * Math.floor(plain / SEGMENT_BYTES);
const isFinal = ({ number, sizeBytes }: PlannedPart): boolean => sizeBytes < MIN_PART_BYTES || number === MAX_PARTS;
const slotOf = (part: PlannedPart): number => {
  if (!isFinal(part) || part.number === MAX_PARTS) return part.number;
  return part.number === 1 && finalStored(part.sizeBytes) < ordinaryStored(MIN_PART_BYTES) ? 1 : part.number + 1;
};

const SIZES: readonly (readonly [name: string, sizes: (dice: Dice, count: number) => number[]])[] = [
  ['uniform', (dice, count) => uniform(dice, count, MIN_PART_BYTES + dice.below(16) * SEGMENT_BYTES)],
  ['uniform and odd', (dice, count) => uniform(dice, count, MIN_PART_BYTES + dice.below(2 * MIB))],
  ['a ten-thousandth', (dice, count) => uniform(dice, count, Math.ceil((52_428_800_000 + dice.below(2 ** 33)) / 1e4))],
  ['growing', (dice, count) => growing(dice, count)],
  ['mixed', (dice, count) => Array.from({ length: count }, () => MIN_PART_BYTES + dice.below(MIB))],
];

/** The last part is anything from nothing to as large as the others. */
function uniform(dice: Dice, count: number, each: number): number[] {
  return [...Array<number>(count - 1).fill(each), dice.pick([each, dice.below(each + 1), lastBytes(dice)])];
}

function growing(dice: Dice, count: number): number[] {
  let size = MIN_PART_BYTES;
  const sizes = Array.from({ length: count }, () => (size += dice.below(MIB)));
  return dice.chance(0.5) ? [...sizes.slice(0, -1), lastBytes(dice)] : sizes;
}

/** Sizes at which something changes: in segments, and at S3's smallest part. */
function lastBytes(dice: Dice): number {
  const edge = dice.pick([0, 1, SEGMENT_BYTES, 2 * SEGMENT_BYTES, MIN_PART_BYTES, MIN_PART_BYTES - 160]);
  return Math.max(0, edge + dice.between(-2, 2));
}

function numbersOf(dice: Dice, count: number): { readonly name: string; readonly numbers: number[] } {
  const kind = dice.pick(['from 1', 'from 1', 'from 1', 'with gaps', 'to 10,000', 'to 10,000 with 9,999']);
  const from1 = Array.from({ length: count }, (_, index) => index + 1);
  if (kind === 'from 1') return { name: kind, numbers: from1 };
  const some = (limit: number, howMany: number): number[] => {
    const found = new Set<number>();
    while (found.size < howMany) found.add(dice.between(1, limit));
    return [...found].toSorted((a, b) => a - b);
  };
  if (kind === 'with gaps') return { name: kind, numbers: some(9999, count) };
  const last = kind === 'to 10,000' ? [MAX_PARTS] : [MAX_PARTS - 1, MAX_PARTS];
  return { name: kind, numbers: [...some(9998, Math.max(0, count - last.length)), ...last].slice(-count) };
}

/** Draws a layout of up to `maxParts` parts. */
export function randomLayout(dice: Dice, maxParts: number): RandomLayout {
  const count = dice.between(1, maxParts);
  const [sizesName, sizes] = dice.pick(SIZES);
  const { name, numbers } = numbersOf(dice, count);
  const wanted = sizes(dice, count).map((sizeBytes, index) => ({ number: numbers[index] ?? 0, sizeBytes }));
  const names = [sizesName, name];
  if (wanted.length > 1 && dice.chance(0.04)) {
    names.push('a small one first');
    wanted[0] = { number: numbers[0] ?? 0, sizeBytes: dice.below(MIN_PART_BYTES) };
  }

  // As JS lib-storage does, which buffers the end of a stream first where it is short.
  const order = dice.pick(['ascending', 'last first', 'shuffled']);
  names.push(order);
  const ordered = order === 'ascending' ? wanted : order === 'shuffled' ? dice.shuffled(wanted) : wanted.toReversed();
  const uploads: PlannedPart[] = [...ordered];
  if (dice.chance(0.3)) {
    names.push('one again');
    const again = dice.pick(wanted);
    const firstTry = dice.chance(0.5)
      ? again.sizeBytes
      : dice.pick([MIN_PART_BYTES + dice.below(MIB), dice.below(MIB)]);
    uploads.splice(uploads.indexOf(again), 0, { number: again.number, sizeBytes: firstTry });
  }
  if (dice.chance(0.25)) {
    names.push('one too many');
    const free = [...numbers.map((number) => number + 1), ...numbers.map((number) => number - 1)].filter(
      (number) => number >= 1 && number <= MAX_PARTS && !numbers.includes(number),
    );
    if (free.length > 0) {
      const extra = {
        number: dice.pick(free),
        sizeBytes: dice.pick([MIN_PART_BYTES + dice.below(MIB), dice.below(MIB)]),
      };
      uploads.splice(dice.below(uploads.length + 1), 0, extra);
    }
  }

  const inSlots = new Map<number, PlannedPart>();
  const slots = uploads.map(slotOf);
  for (const [index, part] of uploads.entries()) inSlots.set(slots[index] ?? 0, part);
  const kept = wanted.map((part) => inSlots.get(slotOf(part)) === part);
  const parallel = new Set(slots).size === slots.length && dice.chance(0.6);
  if (parallel) names.push('in parallel');
  return {
    name: names.join(', '),
    uploads,
    parallel,
    named: numbers,
    refusal: refusalOf(wanted, kept),
    isRegular: isRegular(wanted),
    leavesParts: inSlots.size > wanted.length,
    ambiguous: ambiguousOf(uploads, inSlots),
  };
}

function refusalOf(wanted: readonly PlannedPart[], kept: readonly boolean[]): RandomLayout['refusal'] {
  if (kept.includes(false)) return 'InvalidPart';
  if (wanted.slice(0, -1).some(isFinal)) return 'EntityTooSmall';
  const last = wanted.at(-1);
  const beforeLast = wanted.at(-2);
  const isFull = last?.number === MAX_PARTS && beforeLast?.number === MAX_PARTS - 1;
  return isFull ? 'InvalidRequest' : undefined;
}

/** Whether C = f(P): equal parts of whole segments, and those whose odd ends happen to come to the same. */
function isRegular(wanted: readonly PlannedPart[]): boolean {
  const last = wanted.at(-1);
  if (last === undefined) return false;
  const plain = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const stored = wanted.reduce((sum, part) => sum + (isFinal(part) ? finalStored : ordinaryStored)(part.sizeBytes), 0);
  const runs = wanted.filter((part, index) => {
    const before = wanted[index - 1];
    return before?.number !== part.number - 1 || before.sizeBytes !== part.sizeBytes;
  }).length;
  if (!isFinal(last)) return finalStored(plain) - stored >= TRAILER_BYTES + (runs > 4 ? 10 * runs + 16 : 0);
  const isUniform = wanted.every(
    (part, index) => part.number === index + 1 && (part === last || part.sizeBytes === wanted[0]?.sizeBytes),
  );
  return isUniform && (last.number === MAX_PARTS ? false : stored === finalStored(plain));
}

/** A number in two slots, one whose slot another part took, and a stored size that could be that of two parts. */
function ambiguousOf(uploads: readonly PlannedPart[], inSlots: ReadonlyMap<number, PlannedPart>): ReadonlySet<number> {
  const latest = new Map(uploads.map((part) => [part.number, part]));
  const used = [...latest.values()].filter((part) => inSlots.get(slotOf(part)) !== part);
  const found = new Set(used.map(({ number }) => number));
  const seen = new Set<number>();
  const least = ordinaryStored(MIN_PART_BYTES);
  for (const [slot, part] of inSlots) {
    if (seen.has(part.number)) found.add(part.number);
    seen.add(part.number);
    // Small ones of both numbers lie in the place of part 10,000.
    if (slot === MAX_PARTS && part.sizeBytes < MIN_PART_BYTES) found.add(MAX_PARTS - 1).add(MAX_PARTS);
    // An empty part 10,000 is what an interrupted Complete leaves behind, too.
    if (part.number === MAX_PARTS && part.sizeBytes === 0) found.add(MAX_PARTS);
    const stored = (isFinal(part) ? finalStored : ordinaryStored)(part.sizeBytes);
    if (stored >= least && stored < least + TRAILER_BYTES && slot !== MAX_PARTS) found.add(slot).add(slot - 1);
  }
  return found;
}

/** Places in an object where something begins: parts and segments. `sizes`: of its parts in order. */
export function edgesOf(sizes: readonly number[]): { readonly parts: number[]; readonly segments: number[] } {
  const parts: number[] = [];
  const segments: number[] = [];
  let start = 0;
  for (const size of sizes) {
    for (let at = SEGMENT_BYTES; at < size; at += SEGMENT_BYTES) segments.push(start + at);
    start += size;
    parts.push(start);
  }
  return { parts: parts.slice(0, -1), segments };
}

/** Stored bytes that a read of so many plaintext bytes may cost: two segments more, and what lies between parts. */
export function readBound(plainBytes: number): number {
  return Math.ceil(plainBytes / SEGMENT_BYTES) * 28 + plainBytes + 2 * CELL_BYTES + TRAILER_BYTES;
}
