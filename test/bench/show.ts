/** How figures and their goals are shown. */
import { median, type Found } from './measure.ts';
import type { Target } from './target.ts';

export interface Shown {
  readonly what: string;
  readonly unit: string;
  /** Of figures; ratios have two. */
  readonly digits: number;
  /** What multiplies a figure on its way out. */
  readonly scale?: number;
  /** The most that the ratio to the first target may be, of each of the last ones, the builds. */
  readonly goal?: number | undefined;
}

/**
 * Shows what was found of each target, as medians, and its ratio to the targets before it: the median of the ratios of each
 * round, and their range.
 */
export function show({ what, unit, digits, scale = 1, goal }: Shown, found: Found<number>, builds: number): void {
  console.log(`${what}, ${unit}`);
  const targets = [...found.keys()];
  for (const [index, target] of targets.entries()) {
    const isBuild = index >= targets.length - builds;
    const figure = (median(valuesOf(found, target)) * scale).toFixed(digits);
    const ratios = targets.slice(0, index).map((other, at) => {
      const wanted = isBuild && at === 0 && goal !== undefined ? goal : undefined;
      return `${ratioText(found, target, other, wanted)} of ${other.name}`;
    });
    console.log(`  ${target.name.padEnd(16)} ${figure.padStart(7)}   ${ratios.join(', ')}`.trimEnd());
  }
}

/** Says whether a figure that may be so much reaches its goal. */
export function goalText(value: number, goal: number, digits: number, sign = ''): string {
  return `goal <= ${sign}${goal.toFixed(digits)}${value <= goal ? '' : ': missed'}`;
}

/** The median of one target's values divided by another's of the same round. */
export function ratio(found: Found<number>, target: Target, other: Target): number {
  return median(ratiosOf(found, target, other));
}

function ratioText(found: Found<number>, target: Target, other: Target, goal: number | undefined): string {
  const all = ratiosOf(found, target, other).toSorted((a, b) => a - b);
  const details = [
    ...(all.length > 1 ? [`${(all[0] ?? NaN).toFixed(2)} to ${(all.at(-1) ?? NaN).toFixed(2)}`] : []),
    ...(goal === undefined ? [] : [goalText(median(all), goal, 2, 'x')]),
  ];
  return `x${median(all).toFixed(2)}${details.length === 0 ? '' : ` (${details.join('; ')})`}`;
}

function ratiosOf(found: Found<number>, target: Target, other: Target): number[] {
  const others = valuesOf(found, other);
  return valuesOf(found, target).map((value, round) => value / (others[round] ?? NaN));
}

function valuesOf(found: Found<number>, target: Target): readonly number[] {
  return found.get(target) ?? [];
}
