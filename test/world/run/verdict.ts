/**
 * Compares what was seen with what is expected. A failure that nobody expects fails the run; so does a step that was
 * expected to fail and passed, for then the reason that stands beside it is no longer true.
 */
import { z } from 'zod';
import type { BucketKind } from './lane.ts';
import type { ProgramRun } from './run-program.ts';

/** More lanes than this without packages are no run of the world. */
export const MOST_UNAVAILABLE = 2;

const expectation = z.strictObject({
  program: z.string(),
  step: z.string(),
  /** Absent: in both. */
  bucket: z.enum(['encrypted', 'plain']).optional(),
  reason: z.string().min(1),
});
export type Expectation = z.infer<typeof expectation>;

/** Reads `expected.json`. @throws ZodError */
export function readExpectations(text: string): readonly Expectation[] {
  return z.array(expectation).parse(JSON.parse(text));
}

export interface Finding {
  readonly program: string;
  readonly bucket: BucketKind;
  readonly step: string;
  readonly said: string;
}

export interface Verdict {
  readonly passed: number;
  readonly failed: readonly Finding[];
  /** Failed, as expected. */
  readonly known: readonly (Finding & { readonly reason: string })[];
}

export function judge(runs: readonly ProgramRun[], expected: readonly Expectation[]): Verdict {
  let passed = 0;
  const failed: Finding[] = [];
  const known: (Finding & { reason: string })[] = [];
  for (const { lane, program, bucket, steps } of runs) {
    const name = `${lane}/${program}`;
    for (const step of steps) {
      const finding = { program: name, bucket, step: step.name, said: step.said };
      const reason = expected.find(
        (one) => one.program === name && one.step === step.name && (one.bucket ?? bucket) === bucket,
      )?.reason;
      if (step.ok && reason === undefined) passed += 1;
      else if (step.ok) failed.push({ ...finding, said: `passed, and is expected to fail: ${reason ?? ''}` });
      else if (reason === undefined) failed.push(finding);
      else known.push({ ...finding, reason });
    }
  }
  for (const { program, step, bucket } of expected) {
    const there = runs.filter(
      (run) => `${run.lane}/${run.program}` === program && run.bucket === (bucket ?? run.bucket),
    );
    for (const run of there.filter(({ steps }) => !steps.some(({ name }) => name === step))) {
      failed.push({ program, bucket: run.bucket, step, said: 'is expected to fail, and was not run' });
    }
  }
  return { passed, failed, known };
}
