/**
 * What was recorded, for the commands that look back: a directory of the audit in; its accesses, and the sets of policies that
 * are kept in it, out. It reads only, may run while gateways write, and holds a bounded part of it at a time.
 */
import { LRUCache } from 'lru-cache';
import { auditFiles, readAudit, type AuditReading } from '../audit/read-audit.ts';
import type { Config } from '../config/config.ts';
import { InvalidPolicies } from '../policy/invalid-policies.ts';
import { readKeptSet } from '../policy/kept-sets.ts';
import { loadPolicies, type PolicySet } from '../policy/load-policies.ts';
import { keptIn, namesOf } from './policies.ts';

/** A set that is kept no more, or cannot be read any more. */
export interface NotKept {
  readonly problem: string;
}

export interface RecordedAudit {
  /** All accesses, or those of one request. @throws Error of the file system */
  readonly accesses: (requestId?: string) => Promise<AuditReading>;
  /** The set of a version, with what it looked at. */
  readonly setOf: (version: string) => Promise<PolicySet | NotKept>;
}

/** Sets that are held at a time. */
const MAX_SETS = 8;

/** Opens it. `config`: which buckets there are, and which clients are agents; both are as they are now. */
export function recordedAudit(directory: string, config?: Config): RecordedAudit {
  const sets = new LRUCache<string, PolicySet | NotKept>({ max: MAX_SETS });
  return {
    accesses: async (requestId) => readAudit(await auditFiles(directory), requestId),
    setOf: async (version) => {
      const found = sets.get(version) ?? (await keptSet(keptIn(directory), version, config));
      sets.set(version, found);
      return found;
    },
  };
}

async function keptSet(directory: string, version: string, config: Config | undefined): Promise<PolicySet | NotKept> {
  try {
    const files = await readKeptSet(directory, version);
    // Not held against today's names: what it named may be gone.
    const set = await loadPolicies(directory, undefined, () => Promise.resolve({ files, issues: [] }));
    if (config === undefined) return set;
    const { buckets, agents } = namesOf(config);
    return { ...set, buckets: new Set(buckets), ...(agents !== undefined && { agents }) };
  } catch (error) {
    return { problem: problemOf(version, error) };
  }
}

function problemOf(version: string, error: unknown): string {
  const what = `set ${version === '' ? '(none)' : version} of policies`;
  if (error instanceof InvalidPolicies) return `${what} is kept, but is not valid in this version: ${error.message}`;
  const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return isGone
    ? `${what} is not kept`
    : `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
