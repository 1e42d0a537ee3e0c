/** What a release consists of, as CycloneDX: npm's own list, with Node, and without what differs from run to run. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import type { Source } from './stage.ts';

interface Bom {
  serialNumber: string;
  readonly metadata: { timestamp: string; readonly component: { readonly 'bom-ref': string; name: string } };
  components: { readonly 'bom-ref': string }[];
  dependencies: { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** Node, as the Debian package brings it. */
export interface BundledNode {
  readonly version: string;
  /** Hexadecimal, of the program. */
  readonly sha256: string;
}

/** The SBOM of a source that was built, as JSON text. */
export async function makeSbom({ folder, commit, time }: Source, node: BundledNode): Promise<string> {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const bom = JSON.parse(await run('npm', args, { cwd: folder })) as Bom;
  const { metadata } = bom;
  // npm takes the folder's name, the clock, and a random number.
  metadata.component.name = 'sallyport';
  metadata.timestamp = new Date(time * 1000).toISOString();
  bom.serialNumber = `urn:uuid:${uuidOf(commit)}`;

  // With `--omit dev` npm 11 leaves out packages that developers need as well: what was installed is what counts.
  const product = metadata.component['bom-ref'];
  const nodeRef = `node@${node.version}`;
  const shipped = (await installed(folder)).add(product).add(nodeRef);
  const component = {
    'bom-ref': nodeRef,
    type: 'platform',
    name: 'node',
    version: node.version,
    scope: 'required',
    description: 'In the Debian package alone; the npm package runs on the Node that is there.',
    purl: `pkg:generic/${nodeRef}`,
    hashes: [{ alg: 'SHA-256', content: node.sha256 }],
    licenses: [{ license: { id: 'MIT' } }],
    externalReferences: [{ type: 'website', url: 'https://nodejs.org' }],
  };
  // (There is a package of npm of the same name, which only developers have.)
  bom.components = bom.components.filter((each) => each['bom-ref'] !== nodeRef && shipped.has(each['bom-ref']));
  bom.components.push(component);
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => shipped.has(ref))
    .map(({ ref, dependsOn = [] }) =>
      ref === nodeRef ? { ref } : { ref, dependsOn: dependsOn.filter((each) => shipped.has(each)) },
    );
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** `name@version` of all packages in `node_modules`, by npm's own list of them. */
async function installed(folder: string): Promise<Set<string>> {
  const list = JSON.parse(await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  return new Set(
    Object.entries(list.packages).map(
      ([path, { version }]) => `${path.split('node_modules/').at(-1) ?? ''}@${version}`,
    ),
  );
}

/** A UUID of version 5's form: the same for the same text. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(`sallyport sbom ${text}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
