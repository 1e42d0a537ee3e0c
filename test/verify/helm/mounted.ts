/**
 * Puts what a pod mounts into a folder, as the kubelet would, with contents of the kind that a key's name says. What no volume holds is
 * not there: a configuration that names such a file is refused by the program that reads it.
 */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Container, Manifest, Pod, Volume } from './manifests.ts';

/** Whom the pod's programs run as, where this process may say so: else they run as it does. */
export const asPod = (pod: Pod): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const { runAsUser: uid, runAsGroup: gid } = pod.securityContext;
  return { uid, gid };
};

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
  const { gid } = asPod(pod);
  for (const [index, { name, mountPath }] of container.volumeMounts.entries()) {
    const place = join(folder, `volume-${index}`);
    const version = join(place, '..2026_12_03_06_00_00.1');
    await mkdir(version, { recursive: true });
    const volume = pod.volumes.find((one) => one.name === name);
    for (const [path, content] of volume === undefined ? [] : await filesOf(volume, manifests, issuer)) {
      const file = join(version, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      if (gid !== undefined) await chown(file, 0, gid);
      // 0440 of root:fsGroup; a file of this process is private as 0400.
      await chmod(file, gid === undefined ? 0o400 : (volume?.secret?.defaultMode ?? 0o644));
    }
    // So a volume changes as a whole: what is in it are links into the version that is in force.
    await symlink(basename(version), join(place, '..data'));
    for (const entry of await readdir(version)) await symlink(join('..data', entry), join(place, entry));
    if (gid !== undefined) {
      await chown(place, 0, gid);
      await chmod(place, 0o2775);
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
