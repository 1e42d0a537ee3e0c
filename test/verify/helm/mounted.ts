/**
 * Puts what a pod mounts into a folder, as the kubelet would, with contents of the kind that a key's name says. What no volume holds is
 * not there: a configuration that names such a file is refused by the program that reads it.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Manifest, Pod, Volume } from './manifests.ts';

const FIXTURES = join(import.meta.dirname, '../../unit/config/fixtures');

/** What the namespace holds beside the release, by the kind that a key's name tells. */
async function contentOf(key: string): Promise<string> {
  if (key.endsWith('.crt')) return readFile(join(FIXTURES, 'test-only.crt.pem'), 'utf8');
  if (key.endsWith('.key')) return readFile(join(FIXTURES, 'test-only.key.pem'), 'utf8');
  return '0123456789abcdef'.repeat(4);
}

const existingPolicy = (issuer: string): string =>
  `id: existing\ndescription: Everybody reads.\nsubjects: [{ issuer: ${issuer}, everybody: true }]\n` +
  'rules: [{ id: read, allow: [read], bucket: reports, everything: true }]\n';

async function filesOf(
  volume: Volume,
  manifests: readonly Manifest[],
  issuer: string,
): Promise<readonly (readonly [string, string])[]> {
  const { configMap, secret, projected } = volume;
  if (configMap !== undefined) {
    const { data } = manifests.find((one) => one.kind === 'ConfigMap' && one.metadata.name === configMap.name) ?? {};
    if (data === undefined) {
      return configMap.name.endsWith('-policies')
        ? [['existing.yaml', existingPolicy(issuer)]]
        : [['ca.crt', await contentOf('ca.crt')]];
    }
    const items = configMap.items ?? Object.keys(data).map((key) => ({ key, path: key }));
    return items.map(({ key, path }) => {
      assert.ok(data[key] !== undefined, `${configMap.name} has no ${key}`);
      return [path, data[key]] as const;
    });
  }
  if (secret !== undefined) {
    return Promise.all((secret.items ?? []).map(async ({ key, path }) => [path, await contentOf(key)] as const));
  }
  return (projected?.sources ?? []).map(({ serviceAccountToken }) => [
    serviceAccountToken.path,
    'header.claims.signature',
  ]);
}

/** Fills `folder` with what a container sees, at the container's own paths below it. */
export async function mount(
  {
    pod,
    container,
    manifests,
    issuer,
  }: { pod: Pod; container: Container; manifests: readonly Manifest[]; issuer: string },
  folder: string,
): Promise<void> {
  for (const [index, { name, mountPath }] of container.volumeMounts.entries()) {
    const place = join(folder, `volume-${index}`);
    await mkdir(place, { recursive: true });
    const volume = pod.volumes.find((one) => one.name === name);
    for (const [path, content] of volume === undefined ? [] : await filesOf(volume, manifests, issuer)) {
      await mkdir(dirname(join(place, path)), { recursive: true });
      // Whoever runs this may be root, for whom files of root are its own: 0440 would be more than its own.
      await writeFile(join(place, path), content, { mode: 0o400 });
    }
    await mkdir(dirname(join(folder, mountPath)), { recursive: true });
    await symlink(place, join(folder, mountPath));
  }
}

/** A text in which the container's paths are those below the folder. */
export const within = (folder: string, container: Container, text: string): string =>
  container.volumeMounts
    .map(({ mountPath }) => mountPath)
    .toSorted((one, other) => other.length - one.length)
    .reduce(
      (changed, path) => changed.replaceAll(new RegExp(`(?<![\\w/-])${path}(?=/|$|["'\\s])`, 'gm'), join(folder, path)),
      text,
    );
