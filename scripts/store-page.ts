/** docs/stores.md out of docs/data/stores.json, which `npm run stores -- --write` writes: what the doctor found on each store. */
import { readFileSync } from 'node:fs';
import { TRIALS } from '../src/operate/store-doctor/store-doctor.ts';
import type { Outcome } from '../src/operate/store-doctor/trial.ts';

/** What is kept of one run. */
export interface KnownStore {
  readonly name: string;
  readonly version: string;
  readonly findings: readonly (Pick<Outcome, 'state' | 'found'> & { readonly id: string })[];
}

/** By the name that `npm run stores -- --store` takes; of Ceph with its version. */
export type KnownStores = Readonly<Record<string, KnownStore>>;

export const STORES_FILE = new URL('../docs/data/stores.json', import.meta.url);

/** Reads what was written last. */
export function readKnownStores(): KnownStores {
  return JSON.parse(readFileSync(STORES_FILE, 'utf8')) as KnownStores;
}

const MARKS: Readonly<Record<Outcome['state'], string>> = { works: 'yes', lacks: '**no**', untried: 'not tried' };

/** Renders the page. */
export function storePage(
  known: KnownStores,
  {
    table,
    generated,
  }: {
    readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => string;
    readonly generated: string;
  },
): string {
  const stores = Object.values(known);
  const of = (store: KnownStore, id: string) => store.findings.find((finding) => finding.id === id);
  const needed = TRIALS.filter((trial) => trial.needed);
  const rows = TRIALS.map(({ id, what }) => [
    `${what}${needed.some((trial) => trial.id === id) ? ' (needed)' : ''}`,
    ...stores.map((store) => MARKS[of(store, id)?.state ?? 'untried']),
  ]);
  const sections = stores.map((store) => {
    const missing = TRIALS.flatMap(({ id, what, lost, needed: isNeeded }) => {
      const finding = of(store, id);
      return finding?.state === 'lacks' ? [[`${what}${isNeeded ? ' (needed)' : ''}`, finding.found, lost]] : [];
    });
    const text =
      missing.length === 0 ? 'Everything that is tried works.' : table(['what', 'found', 'what is lost'], missing);
    return `## ${`${store.name} ${store.version}`.trim()}\n\n${text}`;
  });
  return `# Stores

${generated}

What each of these stores can do, as \`sallyport doctor --store\` found it with the gateway's own credentials. It runs on your
store too, in a scratch prefix that it takes away again, and says what your users would go without:

\`\`\`
sallyport doctor --store NAME --config sallyport.yaml
\`\`\`

Code 1 says that something is missing that the gateway needs, or that configuration says of the store what it cannot do.

${table(['what is tried', ...stores.map(({ name, version }) => `${name} ${version}`.trim())], rows)}

${sections.join('\n\n')}
`;
}
