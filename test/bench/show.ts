/** Shows what was found, with goals: as lines while the benchmark runs, and as one table in Markdown at its end. */
import { median, type Found } from './measure.ts';
import type { Target } from './target.ts';

export interface Shown {
  readonly what: string;
  readonly unit: string;
  /** Of figures; ratios have two. */
  readonly digits: number;
  /** What multiplies a figure on its way out. */
  readonly scale?: number;
  readonly goals?: readonly Goal[];
}

/** What this checkout's build is to reach. */
interface Goal {
  /** The target of which this is a multiple; left out: the figure itself. */
  readonly of?: Target | undefined;
  readonly bound: number;
  /** The bound is the least, not the most. */
  readonly isLeast?: boolean;
}

export interface Report {
  /**
   * Shows the medians of each target, and its ratios to those before it: the median of the ratios of each round, and their
   * range. The last target is this checkout's build.
   */
  readonly show: (shown: Shown, found: Found<number>) => void;
  /** Says what this machine cannot measure, and why. */
  readonly skip: (what: string, why: string) => void;
  /** All that was shown of this checkout's build, in Markdown. */
  readonly table: () => string;
}

interface Row {
  readonly what: string;
  readonly figure: string;
  /** The ratio to each other target, by its name. */
  readonly ratios: ReadonlyMap<string, string>;
  readonly goals: string;
}

/** Begins one. */
export function createReport(): Report {
  const rows: Row[] = [];
  const skipped: string[] = [];
  return {
    show: (shown, found) => {
      const { what, unit } = shown;
      console.log(`${what}, ${unit}`);
      const targets = [...found.keys()];
      for (const [index, target] of targets.entries()) {
        const ratios = new Map(targets.slice(0, index).map((other) => [other.name, ratioText(found, target, other)]));
        const figure = figureText(shown, found, target);
        const goals = index === targets.length - 1 ? goalsText(shown, found, target) : '';
        const others = [...ratios].map(([name, text]) => `x${text} of ${name}`);
        console.log(
          `  ${target.name.padEnd(16)} ${[figure, ...others, ...(goals === '' ? [] : [`goal ${goals}`])].join(', ')}`,
        );
        if (index === targets.length - 1) rows.push({ what: `${what}, ${unit}`, figure, ratios, goals });
      }
    },
    skip: (what, why) => {
      console.log(`${what}: skipped, ${why}`);
      skipped.push(`${what}: skipped, ${why}.`);
    },
    table: () => {
      const others = [...new Set(rows.flatMap(({ ratios }) => [...ratios.keys()]))];
      const lines = rows.map(({ what, figure, ratios, goals }) => [
        ...[what, figure],
        ...others.map((name) => ratios.get(name) ?? ''),
        goals,
      ]);
      const heads = ['figure', 'this build', ...others.map((name) => `${name} = 1`), 'goal'];
      return [heads, heads.map(() => '---'), ...lines]
        .map((cells) => `| ${cells.join(' | ')} |`)
        .concat(skipped.length === 0 ? [] : ['', ...skipped])
        .join('\n');
    },
  };
}

/** The median of one target's values divided by another's of the same round. */
function ratio(found: Found<number>, target: Target, other: Target): number {
  return median(ratiosOf(found, target, other));
}

function figureText({ digits, scale = 1 }: Shown, found: Found<number>, target: Target): string {
  return spread(
    valuesOf(found, target).map((value) => value * scale),
    digits,
  );
}

function ratioText(found: Found<number>, target: Target, other: Target): string {
  return spread(ratiosOf(found, target, other), 2);
}

/** The median, and the range where there is one. */
function spread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    Number.isNaN(value) ? '-' : value.toFixed(digits),
  ) as [string, string, string];
  return least === most ? middle : `${middle} (${least} to ${most})`;
}

function goalsText({ digits, scale = 1, goals = [] }: Shown, found: Found<number>, target: Target): string {
  return goals
    .map(({ of, bound, isLeast = false }) => {
      const value = of === undefined ? median(valuesOf(found, target)) * scale : ratio(found, target, of);
      const shown = of === undefined ? bound.toFixed(digits) : `${bound.toFixed(2)} of ${of.name}`;
      const isMet = isLeast ? value >= bound : value <= bound;
      return `${isLeast ? '>=' : '<='} ${shown}: ${isMet ? 'met' : 'missed'}`;
    })
    .join('; ');
}

function ratiosOf(found: Found<number>, target: Target, other: Target): number[] {
  const others = valuesOf(found, other);
  return valuesOf(found, target).map((value, round) => value / (others[round] ?? NaN));
}

function valuesOf(found: Found<number>, target: Target): readonly number[] {
  return found.get(target) ?? [];
}
