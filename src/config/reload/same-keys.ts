/**
 * A key keeps its content for as long as the process lives: objects and sessions name the key that they were made with. A file
 * that was overwritten, or is half written, would otherwise take the place of the key that all of them need; also where its
 * name was taken out in between.
 */
import { hash } from 'node:crypto';
import type { Config, StoreAccessConfig } from '../config.ts';
import type { Secret } from '../loading/secret.ts';

type WithKeys = Pick<StoreAccessConfig, 'keyring'> & Partial<Pick<Config, 'sessions'>>;

/** What was in force so far, by digests. */
export interface KnownKeys {
  /** Says what has another content than it ever had; nothing of the content. */
  readonly changed: (config: WithKeys) => readonly string[];
  /** To be called with each configuration that comes into force. */
  readonly add: (config: WithKeys) => void;
}

interface NamedKey {
  /** Of all kinds of keys. */
  readonly name: string;
  readonly digest: string;
  readonly problem: string;
}

/** Knows the keys of what the process starts with. */
export function createKnownKeys(first: WithKeys): KnownKeys {
  const digests = new Map<string, string>();
  const add = (config: WithKeys): void => {
    for (const { name, digest } of keysOf(config)) digests.set(name, digest);
  };
  add(first);
  return {
    add,
    changed: (config) =>
      keysOf(config)
        .filter(({ name, digest }) => (digests.get(name) ?? digest) !== digest)
        .map(({ problem }) => problem),
  };
}

function keysOf({ keyring, sessions }: WithKeys): readonly NamedKey[] {
  const { current, previous } = sessions?.keys ?? {};
  return [
    ...[...(keyring?.local?.versions ?? [])].map(([version, seed]) => {
      const name = `keyring.local.versions.${version}`;
      const remedy = 'put the old one back, and give a new seed a version of its own';
      return { name, digest: digestOf(seed), problem: `${name}: its seed is another one than before; ${remedy}` };
    }),
    ...[current, previous].flatMap((each) => {
      if (each === undefined) return [];
      const problem = `sessions.keys: the key ${each.id} is another one than before`;
      const remedy = 'put the old one back, and give a new key an id of its own';
      return [{ name: `sessions.keys ${each.id}`, digest: digestOf(each.key), problem: `${problem}; ${remedy}` }];
    }),
  ];
}

const digestOf = (key: Pick<Secret, 'revealBytes'>): string => hash('sha256', key.revealBytes(), 'base64');
