/**
 * The counters of budgets that the workers of one machine share: the primary has them, workers ask it over IPC. What goes
 * there are hashes and numbers. Where no answer comes in time, nothing is taken for granted: who asks is told so.
 */
import type { Worker } from 'node:cluster';
import type { Counters, LocalCounters, Taking } from '../../guardrails/counters.ts';
import { withinTime } from '../../platform/time-limit.ts';
import { isMessage, tell, type FromWorker } from './worker-messages.ts';

type SpendingMessage = Extract<FromWorker, { readonly kind: 'sallyport:spend' | 'sallyport:add' }>;

const ANSWER_MS = 1000;

/** In a worker: asks the primary. */
export function createPrimaryCounters(primary: Worker): Counters {
  const waiting = new Map<number, (taking: Taking) => void>();
  let last = 0;
  primary.on('message', (message: unknown) => {
    if (isMessage(message) && message.kind === 'sallyport:spent') waiting.get(message.number)?.(message.taking);
  });
  return {
    take: async (asks, touched) => {
      if (!primary.isConnected()) throw unanswered();
      const number = (last += 1);
      const { promise, resolve } = Promise.withResolvers<Taking>();
      waiting.set(number, resolve);
      try {
        tell(primary, { kind: 'sallyport:spend', number, asks, touched });
        return await withinTime(promise, ANSWER_MS, () => {
          throw unanswered();
        });
      } finally {
        waiting.delete(number);
      }
    },
    add: (id, amounts) => {
      if (primary.isConnected()) tell(primary, { kind: 'sallyport:add', id, amounts });
    },
  };
}

/** In the primary: takes what a worker wants to take, and tells it; or adds what it says. */
export function answerSpending(worker: Worker, message: SpendingMessage, counters: LocalCounters): void {
  if (message.kind === 'sallyport:add') {
    counters.add(message.id, message.amounts);
    return;
  }
  const taking = counters.take(message.asks, message.touched);
  if (worker.isConnected()) tell(worker, { kind: 'sallyport:spent', number: message.number, taking });
}

const unanswered = (): Error => new Error('the primary, which counts, does not answer');
