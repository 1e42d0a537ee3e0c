/** Runs the checks of `test/verify/semantics` on an endpoint: what S3 does, as boto3 sees it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keyVariables } from '../../conformance/run/auth-methods.ts';

const PROGRAM = join(import.meta.dirname, '../..', 'verify', 'semantics', 'run.py');
const PYTHON = process.env['SALLYPORT_PYTHON'] ?? '/usr/bin/python3';

/** The store itself, or a place behind the gateway. */
export type SemanticsMode = 'direct' | 'encrypted' | 'plain';

/** Buckets by what they are: `versioned` and `suspended` keep versions, `locked` was made with object lock. */
export const SEMANTICS_BUCKETS = { bucket: 'reports', versioned: 'artifacts', suspended: 'drafts', locked: 'scratch' };

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly error: string | null;
}

interface StoreUnderTest {
  readonly endpoint: string;
  readonly ca: string | null;
  readonly region: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
}

interface Choice {
  /** A part of a check's name. */
  readonly only?: string | undefined;
  /** Files of `checks`; default: all of them. */
  readonly themes?: readonly string[];
  /** It is killed then. */
  readonly limitMs?: number;
  /** Of one read by the program; default: boto3's minute. */
  readonly readTimeoutSeconds?: number;
  /** Hears of each as it comes. */
  readonly onResult?: (result: CheckResult) => void;
}

/** @throws Error where the program does not come to its end */
export async function runChecks(
  mode: SemanticsMode,
  store: StoreUnderTest,
  choice: Choice = {},
): Promise<CheckResult[]> {
  const { endpoint, ca, region, keys } = store;
  const requested = {
    only: choice.only ?? null,
    themes: choice.themes ?? null,
    patience: choice.readTimeoutSeconds ?? 60,
  };
  const reported = { ...SEMANTICS_BUCKETS, ...requested, mode, region, prefix: `${mode}/`, endpoint, ca };
  const program = spawn(PYTHON, ['-B', PROGRAM, JSON.stringify(reported)], {
    env: { PATH: process.env['PATH'], ...keyVariables({ sessionToken: '', ...keys }) },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: choice.limitMs,
    killSignal: 'SIGKILL',
  });
  const results: CheckResult[] = [];
  let ended = false;
  for await (const line of createInterface({ input: program.stdout })) {
    if (line === 'done') ended = true;
    else {
      const result = JSON.parse(line) as CheckResult;
      results.push(result);
      choice.onResult?.(result);
    }
  }
  if (!ended || results.length === 0) throw new Error(`the checks on ${mode} ended early, after ${results.length}`);
  return results;
}
