/** The rules across the keys of `admin` and of what the process depends on. */
import { entries, type Loose, type Report } from '../loading/loose.ts';
import { nearest } from '../loading/nearest.ts';
import type { FileConfig } from '../schema.ts';

type Config = NonNullable<Loose<FileConfig>>;

/** The dependencies that `/readyz` will name. */
const dependenciesOf = (config: Config): readonly string[] => {
  const { issuers, stores, buckets, keyring, revocation, policies } = config;
  const named = (kind: string, names: readonly string[]) => names.map((name) => `${kind}:${name}`);
  const kept = revocation === undefined || revocation === null ? ['audit'] : ['audit', 'revocations'];
  if (policies?.grants) kept.push('grants');
  if (policies?.guardrails) kept.push('breakers');
  const method = (wanted: readonly unknown[]) =>
    entries(stores).flatMap(([name, store]) => (wanted.includes(store?.method ?? 'assume-role') ? name : []));
  return [
    ...kept,
    ...named(
      'issuer',
      entries(issuers).map(([name]) => name),
    ),
    ...named(
      'introspection',
      entries(issuers).flatMap(([name, issuer]) => (issuer?.introspection ? name : [])),
    ),
    ...named(
      'store',
      entries(stores).map(([name]) => name),
    ),
    ...named('sts', method(['assume-role', 'web-identity'])),
    ...named('credentials', method(['assume-role'])),
    ...named(
      'bucket',
      entries(buckets).map(([name]) => name),
    ),
    ...named(
      'keyring',
      (['vault', 'kms'] as const).filter((service) => keyring?.[service]),
    ),
  ];
};

/** Checks that what readiness is to depend on is there: a name that is none would never hold anything back. */
export const checkAdmin = (config: Config, report: Report): void => {
  const needs: unknown = config.admin?.readyNeeds;
  if (!Array.isArray(needs)) return;
  const names = dependenciesOf(config);
  const known = [...new Set([...names, ...names.map((name) => name.split(':')[0] ?? '')])];
  for (const need of needs) {
    if (typeof need !== 'string' || known.includes(need)) continue;
    const close = nearest(need, known);
    const remedy = close === undefined ? `there are ${known.join(', ')}` : `did you mean ${close}?`;
    report(['admin', 'readyNeeds'], `names ${JSON.stringify(need)}, which is no dependency here; ${remedy}`);
  }
};
