/** The guardrails of a gateway: the budgets that policies have, over counters of this process or of another one. */
import type { Guardrails } from '../contracts/guardrails.ts';
import { createLocalCounters, type Counters } from '../guardrails/counters.ts';
import { createGuardrails, type GuardrailOptions } from '../guardrails/guardrails.ts';

/** Makes them. */
export function guardrailsOf(
  options: Omit<GuardrailOptions, 'counters'> & { readonly counters: Counters | undefined },
): Guardrails {
  return createGuardrails({ ...options, counters: options.counters ?? createLocalCounters(options.clock) });
}
