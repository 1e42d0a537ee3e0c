/**
 * The keyring section of a configuration file, edited as a document: comments and order survive. Pure: a text in, a text
 * out, or nothing where the section is not written as plain keys and values.
 */
import { isMap, isScalar, parseDocument, type Document, type YAMLMap } from 'yaml';

/** Gives the path of a version's seed as it stands in the file. */
export function seedFileOf(source: string, version: number): string | undefined {
  const entry = versionsOf(parseDocument(source))?.items.find(
    ({ key }) => isScalar(key) && String(key.value) === String(version),
  );
  const seedFile = isMap(entry?.value) ? entry.value.get('seedFile') : undefined;
  return typeof seedFile === 'string' ? seedFile : undefined;
}

/** Adds a version, and says which is current: with several, the file must. */
export function withVersion(
  source: string,
  { version, seedFile, current }: { readonly version: number; readonly seedFile: string; readonly current: number },
): string | undefined {
  const document = parseDocument(source);
  const versions = versionsOf(document);
  if (versions === undefined) return undefined;
  const isNumeric = versions.items.every(({ key }) => isScalar(key) && typeof key.value === 'number');
  versions.set(isNumeric ? version : String(version), document.createNode({ seedFile }));
  return setCurrent(document, current);
}

/** Makes a version the current one. */
export function activated(source: string, version: number): string | undefined {
  const document = parseDocument(source);
  return versionsOf(document) === undefined ? undefined : setCurrent(document, version);
}

function versionsOf(document: Document): YAMLMap | undefined {
  const versions = document.getIn(['keyring', 'local', 'versions']);
  return isMap(versions) ? versions : undefined;
}

function setCurrent(document: Document, current: number): string {
  const path = ['keyring', 'local', 'current'];
  if (document.getIn(path) !== current) document.setIn(path, current);
  return document.toString({ lineWidth: 0 });
}
