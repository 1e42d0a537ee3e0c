/**
 * A key keeps its content for as long as it has its name: objects and sessions name the key that they were made with. A file
 * that was overwritten, or is half written, would otherwise take the place of the key that all of them need.
 */
import type { Config, StoreAccessConfig } from '../config.ts';
import type { Secret } from '../loading/secret.ts';

type WithKeys = Pick<StoreAccessConfig, 'keyring'> & Partial<Pick<Config, 'sessions'>>;

/** Says what has another content than before; nothing of the content. */
export const changedKeys = (before: WithKeys, after: WithKeys): readonly string[] => {
  const seeds = [...(after.keyring?.local?.versions ?? [])].filter(([version, seed]) =>
    differs(before.keyring?.local?.versions.get(version), seed),
  );
  const known = sessionKeys(before);
  const sessions = [...sessionKeys(after)].filter(([id, key]) => differs(known.get(id), key));
  return [
    ...seeds.map(([version]) => {
      const what = `keyring.local.versions.${version}: its seed is another one than before`;
      return `${what}; put the old one back, and give a new seed a version of its own`;
    }),
    ...sessions.map(([id]) => {
      const what = `sessions.keys: the key ${id} is another one than before`;
      return `${what}; put the old one back, and give a new key an id of its own`;
    }),
  ];
};

type Revealing = Pick<Secret, 'revealBytes'>;

const sessionKeys = ({ sessions }: WithKeys): ReadonlyMap<string, Revealing> => {
  const { current, previous } = sessions?.keys ?? {};
  return new Map([current, previous].flatMap((each) => (each === undefined ? [] : [[each.id, each.key] as const])));
};

const differs = (one: Revealing | undefined, other: Revealing): boolean =>
  one !== undefined && !one.revealBytes().equals(other.revealBytes());
