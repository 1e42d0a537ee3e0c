/**
 * The rules that meet an access and its facts in; on which facts of what is stored a denial rests that are not known, out. It
 * decides nothing: with none of these a denial is one whatever would be stored.
 */
import type { ConditionName } from './condition-schema.ts';
import type { CompiledRule } from './compile.ts';
import { applies, type Asker } from './conditions.ts';

/** Names the conditions. */
export function unknownConditions(rules: readonly CompiledRule[], asker: Asker): readonly ConditionName[] {
  const unknownOf = ({ conditions }: CompiledRule): readonly ConditionName[] =>
    conditions.flatMap(({ name, isOfStored, holds }) => (isOfStored && holds(asker) === undefined ? [name] : []));
  const denies = rules.filter(({ effect, conditions }) => effect === 'deny' && applies(effect, conditions, asker));
  const allows = rules.filter(
    ({ effect, conditions }) =>
      effect === 'allow' &&
      conditions.every(({ isOfStored, holds }) => (isOfStored ? holds(asker) !== false : holds(asker) === true)),
  );
  const isCertain = allows.length === 0 || denies.some((rule) => unknownOf(rule).length === 0);
  return isCertain ? [] : [...new Set([...denies, ...allows].flatMap(unknownOf))];
}
