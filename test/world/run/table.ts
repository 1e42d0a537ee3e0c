/** What a person reads of a run. */
import type { ProgramRun } from './run-program.ts';
import type { StoreRun } from './run-store.ts';
import type { Verdict } from './verdict.ts';

/** Failures of a program in a bucket. */
const SHOWN = 12;
const CUT = 160;

/** One row per program and bucket, then every failure, then what failed as expected. */
export function table(runs: readonly ProgramRun[], verdict: Verdict): string {
  const rows = runs
    .toSorted(
      (one, other) =>
        one.lane.localeCompare(other.lane) ||
        one.program.localeCompare(other.program) ||
        one.bucket.localeCompare(other.bucket),
    )
    .map(({ lane, program, bucket, steps, seconds }) => {
      const name = `${lane}/${program}`;
      const here = (list: readonly { readonly program: string; readonly bucket: string }[]) =>
        list.filter((finding) => finding.program === name && finding.bucket === bucket).length;
      return [
        name,
        bucket,
        String(steps.length),
        String(here(verdict.failed)),
        String(here(verdict.known)),
        `${seconds} s`,
      ];
    });
  const all = [['client', 'bucket', 'steps', 'failed', 'known', 'time'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const failed = [...new Set(verdict.failed.map(({ program, bucket }) => `${program}, ${bucket}`))].flatMap((where) => {
    const here = verdict.failed.filter(({ program, bucket }) => `${program}, ${bucket}` === where);
    const shown = here.slice(0, SHOWN).map(({ step, said }) => `FAILED ${where}: ${step}: ${said}`);
    return here.length > SHOWN ? [...shown, `FAILED ${where}: and ${here.length - SHOWN} more; --json has all`] : shown;
  });
  const known = verdict.known.map(
    ({ program, bucket, step, reason }) => `known  ${program}, ${bucket}: ${step}: ${reason}`,
  );
  return [...lines, '', ...failed, ...known].join('\n').trimEnd();
}

/** What each store itself does not do, which is nobody's failure here. */
export function storeTable(runs: readonly StoreRun[]): readonly string[] {
  return runs.flatMap(({ store, version, control, seconds }) => {
    const not = control.filter(({ ok }) => !ok);
    const reported = `${control.length - not.length} of ${control.length} steps on the store itself, ${seconds} s in all`;
    return [
      '',
      `${store} ${version}: ${reported}`,
      ...not.map(({ name, said }) => `  not ${name}: ${said.slice(0, CUT)}`),
    ];
  });
}
