/**
 * What was spent of budgets, counted in Redis for all gateways that share it. One script takes from every budget that bears on a
 * request, or from none; Redis runs nothing else meanwhile. Nothing waits long: what is not answered in time is an error, and
 * what was taken by then stays taken.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import { MEASURES, type Amounts, type Measure } from '../contracts/guardrails.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RedisConnection } from '../lists/redis-connection.ts';
import { membersOf } from '../lists/line.ts';
import { withinTime } from '../platform/time-limit.ts';
import type { Ask, Counters, Standing, Taking } from './counters.ts';

export interface RedisCountersOptions {
  readonly connection: Pick<RedisConnection, 'client'>;
  /** Stands before every key; with a hash tag in it they can be kept by a cluster. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'call'>;
  /** How long an answer may take. Default 500. */
  readonly answerMs?: number;
}

const ANSWER_MS = 500;

/**
 * KEYS: for each budget its counter (a hash, by measure) and its keys (a set). ARGV: the budgets, each with its window and
 * `[measure, limit, wanted]`; then the keys that are touched. A counter lives as long as its window.
 */
const TAKE = `
local budgets = cjson.decode(ARGV[1])
local standings = {}
for i, budget in ipairs(budgets) do
  local counter, keys = KEYS[2 * i - 1], KEYS[2 * i]
  local left = redis.call('PTTL', counter)
  if left < 0 or left > budget.window then
    redis.call('DEL', counter, keys)
    left = budget.window
  end
  local used = {}
  for j, part in ipairs(budget.parts) do
    local measure, limit, wanted = part[1], part[2], part[3]
    if measure == 'keys' then
      for k = 2, #ARGV do
        if redis.call('SISMEMBER', keys, ARGV[k]) == 0 then wanted = wanted + 1 end
      end
      part[3] = wanted
    end
    local before = tonumber(redis.call('HGET', counter, measure) or '0')
    if wanted > 0 and before + wanted > limit then
      return cjson.encode({ at = i - 1, measure = measure, wanted = wanted, used = before, left = left })
    end
    used[j] = before + wanted
  end
  standings[i] = { used = used, left = left }
end
for i, budget in ipairs(budgets) do
  local counter, keys = KEYS[2 * i - 1], KEYS[2 * i]
  for _, part in ipairs(budget.parts) do
    redis.call('HINCRBY', counter, part[1], string.format('%.0f', part[3]))
    if part[1] == 'keys' and part[3] > 0 then
      redis.call('SADD', keys, unpack(ARGV, 2))
      redis.call('PEXPIRE', keys, standings[i].left)
    end
  end
  if redis.call('PTTL', counter) < 0 then redis.call('PEXPIRE', counter, standings[i].left) end
end
return cjson.encode({ standings = standings })
`;

/** Adds to what is counted, in a window that has not ended; never below nothing. */
const ADD = `
for j = 1, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[j]) == 1 and redis.call('HINCRBY', KEYS[1], ARGV[j], ARGV[j + 1]) < 0 then
    redis.call('HSET', KEYS[1], ARGV[j], '0')
  end
end
return 'ok'
`;

/** Makes the counters over a connection, which stays its owner's. */
export function createRedisCounters(options: RedisCountersOptions): Counters {
  const { connection, keyPrefix, clock, observer, answerMs = ANSWER_MS } = options;
  const counterKey = (id: string): string => `${keyPrefix}budgets:${id}`;

  const run = async (script: string, keys: string[], values: string[]): Promise<unknown> => {
    const client = connection.client();
    const sent = { keys, arguments: values };
    return client.evalSha(shaOf(script), sent).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return client.eval(script, sent);
      throw error;
    });
  };

  return {
    take: async (asks, touched) => {
      const startedMs = performance.now();
      const keys = asks.flatMap(({ id }) => [counterKey(id), `${counterKey(id)}:keys`]);
      const budgets = JSON.stringify(asks.map(budgetOf));
      let taking: Taking | undefined;
      try {
        const late = (): never => {
          throw new Error('Redis did not answer in time');
        };
        const answer = await withinTime(run(TAKE, keys, [budgets, ...touched.map(String)]), answerMs, late);
        taking = takingOf(answer, asks, clock.now());
        if (taking === undefined) throw new Error('Redis did not answer as it should');
        return taking;
      } finally {
        observer.call('redis', taking === undefined ? 'error' : 'ok', performance.now() - startedMs);
      }
    },
    add: (id, amounts) => {
      const values = MEASURES.flatMap((measure) => {
        const amount = amounts[measure] ?? 0;
        return amount === 0 ? [] : [measure, String(amount)];
      });
      if (values.length === 0) return;
      // What is not settled is bytes that nobody sent, or that were read: the window ends for them too.
      run(ADD, [counterKey(id)], values).catch(() => undefined);
    },
  };
}

const shas = new Map<string, string>();

/** The name under which Redis has a script. */
function shaOf(script: string): string {
  const sha = shas.get(script) ?? hash('sha1', script);
  shas.set(script, sha);
  return sha;
}

const boundedOf = (limits: Amounts): readonly Measure[] => MEASURES.filter((measure) => limits[measure] !== undefined);

function budgetOf({ windowMs, limits, amounts }: Ask): object {
  const parts = boundedOf(limits).map((measure) => [measure, limits[measure], amounts[measure] ?? 0]);
  return { window: windowMs, parts };
}

/** Redis may be anything that listens there. */
function takingOf(answer: unknown, asks: readonly Ask[], nowMs: number): Taking | undefined {
  const members = typeof answer === 'string' ? membersOf(answer) : undefined;
  if (members === undefined) return undefined;
  const { at, wanted, used, left, standings } = members;
  if (Array.isArray(standings)) {
    const read = asks.map((ask, index) => standingOf(ask, standings[index], nowMs));
    return read.every((each) => each !== undefined) ? { kind: 'taken', standings: read } : undefined;
  }
  const measure = MEASURES.find((each) => each === members['measure']);
  if (measure === undefined || !isNumber(at) || !isNumber(wanted) || !isNumber(used) || !isNumber(left))
    return undefined;
  if (asks[at] === undefined) return undefined;
  return { kind: 'lacking', at, measure, wanted, standing: { used: { [measure]: used }, refillsAtMs: nowMs + left } };
}

function standingOf({ limits }: Ask, read: unknown, nowMs: number): Standing | undefined {
  if (typeof read !== 'object' || read === null || !('used' in read) || !('left' in read)) return undefined;
  const { used, left } = read;
  const measures = boundedOf(limits);
  if (!Array.isArray(used) || used.length !== measures.length || !used.every(isNumber) || !isNumber(left))
    return undefined;
  return {
    used: Object.fromEntries(measures.map((measure, index) => [measure, used[index]])),
    refillsAtMs: nowMs + left,
  };
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
