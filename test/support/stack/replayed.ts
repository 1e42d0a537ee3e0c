/**
 * The audit of a gateway that has stopped in; every access of it decided anew, by what is behind `policy explain --request-id`
 * and the sets that are kept beside the audit. It fails where a decision, its rule or its reason is another one, and where an
 * access cannot be decided anew for a reason that is not known to be good.
 */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { recordedAudit } from '../../../src/compose/recorded.ts';
import type { Config } from '../../../src/config/config.ts';
import { recheckBy } from '../../../src/policy/analysis/recheck.ts';

/** Why a record need not tell: what policies did not decide alone, and what a set alone does not say. */
const GOOD_REASONS: readonly RegExp[] = [
  /^\w+ is no operation of S3, /,
  /^the record lacks (a decision|grant\/[0-9a-f]+, |what was used of |\w+, which was cut)/,
  /^the record lacks the (buckets|agents) of the configuration /,
  /^set (\(none\)|sidecar) of policies /,
];

const counts = { same: 0, untold: new Map<string, number>() };

/** Decides all of an audit anew. `config`: that of the gateway, where it is at hand. */
export async function replayAudit(directory: string, config?: Config): Promise<void> {
  const isThere = await access(directory).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  const audit = recordedAudit(directory, config);
  const recheck = recheckBy(audit.setOf);
  const wrong: string[] = [];
  for await (const record of await audit.accesses()) {
    const found = await recheck(record);
    const isDecided = 'decision' in found;
    const problem =
      found.problem ??
      (isDecided && record.clipped?.includes('reason') !== true && found.decision.reason !== record.reason
        ? 'the reason is another one'
        : undefined);
    if (problem === undefined) counts.same += 1;
    else if (!isDecided && GOOD_REASONS.some((good) => good.test(problem))) {
      const kind = problem.replace(/grant\/[0-9a-f]+/, 'grant/…');
      counts.untold.set(kind, (counts.untold.get(kind) ?? 0) + 1);
    } else wrong.push(JSON.stringify({ problem, decision: isDecided ? found.decision : undefined, record }));
  }
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} accesses on record are not explained as they were decided`);
}

/** Says how many there were since it was asked last, and of which it could not be told. */
export function replayedText(): string | undefined {
  const { same, untold } = counts;
  if (same === 0 && untold.size === 0) return undefined;
  const others = [...untold].map(([why, count]) => `${count}: ${why}`);
  counts.same = 0;
  untold.clear();
  return [`${same} accesses on record were decided anew as they were`, ...others].join('; ');
}
