/** The keys that a process knows, by their names: what an operator must see everywhere before one of them is used. */
import type { Config, StoreAccessConfig } from '../config/config.ts';
import type { KnownKey } from '../telemetry/configuration-metrics.ts';
import type { LiveState } from './live-config.ts';

type WithKeys = StoreAccessConfig & Partial<Pick<Config, 'sessions'>>;

/** Gives those in force, and those that are accepted already. */
export function knownKeysOf({ inForce, next }: LiveState<WithKeys>): readonly KnownKey[] {
  const current = new Set(keysOf(inForce).flatMap(({ name, isCurrent }) => (isCurrent ? [name] : [])));
  const known = new Map([...keysOf(next), ...keysOf(inForce)].map(({ name, kind, id }) => [name, { kind, id }]));
  return [...known].map(([name, key]) => ({ ...key, isCurrent: current.has(name) }));
}

function keysOf({ keyring, sessions }: WithKeys): readonly (KnownKey & { readonly name: string })[] {
  const { local, kms } = keyring ?? {};
  const versions = [
    ...[...(local?.versions.keys() ?? [])].map((version) => ['local', version, version === local?.current] as const),
    ...[...(kms?.versions.keys() ?? [])].map((version) => [kms?.id ?? '', version, version === kms?.current] as const),
  ];
  const { current, previous } = sessions?.keys ?? {};
  const ids = [current, previous].flatMap((key) => (key === undefined ? [] : [key.id]));
  return [
    ...versions.map(([ring, version, isCurrent]) => named('keyring', `${ring}:${version}`, isCurrent)),
    ...ids.map((id) => named('session', id, id === current?.id)),
  ];
}

const named = (kind: KnownKey['kind'], id: string, isCurrent: boolean) => ({
  kind,
  id,
  isCurrent,
  name: `${kind} ${id}`,
});
