import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { SidecarConfig } from '../../../src/config/sidecar/load-sidecar.ts';
import { loadSidecarFile } from '../../../src/config/sidecar/load-sidecar.ts';
import { isLoopback } from '../../../src/platform/loopback.ts';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env: readonly Variable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector: { readonly matchLabels: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

const examples = join(import.meta.dirname, '../../../examples/kubernetes');
const FILES = ['eks-irsa.yaml', 'eks-pod-identity.yaml', 'gke.yaml', 'static-keys.yaml'];
/** What a secret may hold, by its key. */
const SECRETS: Readonly<Record<string, string>> = {
  seed: '0123456789abcdef'.repeat(4),
  'access-key-id': 'GOOG1EXAMPLE',
  'secret-access-key': 'secret',
};
const AMBIENT = ['eks-irsa.yaml', 'eks-pod-identity.yaml'];

function only<Item>(items: readonly Item[]): Item {
  const [item, ...more] = items;
  assert.ok(item !== undefined && more.length === 0);
  return item;
}

describe('the manifests for Kubernetes', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-kubernetes-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('are those that are checked here', async () => {
    // The other one has no workload; npm run verify:helm checks what it makes of one.
    assert.deepEqual((await readdir(examples)).toSorted(), [...FILES, 'injection.yaml'].toSorted());
  });

  for (const file of FILES) {
    describe(file, () => {
      let text: string;
      let manifests: readonly Manifest[];
      let pod: PodSpec;
      let sidecar: Container;
      let workload: Container;
      let config: SidecarConfig;

      before(async () => {
        text = await readFile(join(examples, file), 'utf8');
        manifests = parseAllDocuments(text).map((document) => {
          assert.deepEqual([...document.errors, ...document.warnings], []);
          return document.toJS() as Manifest;
        });
        const { spec } = only(manifests.filter((each) => each.spec !== undefined));
        assert.ok(spec !== undefined);
        assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
        pod = spec.template.spec;
        [sidecar, workload] = [only(pod.initContainers), only(pod.containers)];
        const env = Object.fromEntries(
          sidecar.env.map(({ name, value, valueFrom }) => [name, value ?? SECRETS[valueFrom?.secretKeyRef.key ?? '']]),
        );
        const { data } = only(manifests.filter(({ kind }) => kind === 'ConfigMap'));
        const path = join(folder, file);
        await writeFile(path, data?.['sidecar.yaml'] ?? '');
        config = await loadSidecarFile(path, env);
      });

      it('starts the sidecar with the configuration that it mounts', () => {
        const map = only(manifests.filter(({ kind }) => kind === 'ConfigMap'));
        const volume = only(pod.volumes.filter(({ configMap }) => configMap?.name === map.metadata.name));
        const mount = only(sidecar.volumeMounts?.filter(({ name }) => name === volume.name) ?? []);
        assert.deepEqual(sidecar.args, ['sidecar', '--config', `${mount.mountPath}/sidecar.yaml`]);
      });

      it('keeps the sidecar on loopback, and points the workload at it', () => {
        assert.ok(isLoopback(config.listen.host));
        const endpoint = workload.env.find(({ name }) => name === 'AWS_ENDPOINT_URL_S3')?.value;
        assert.equal(endpoint, `http://localhost:${config.listen.port}`);
      });

      it('lets the kubelet ask the admin port by the address of the pod', () => {
        const port = only(sidecar.ports?.filter(({ name }) => name === sidecar.startupProbe?.httpGet.port) ?? []);
        assert.deepEqual(config.admin.address, { host: '0.0.0.0', port: port.containerPort });
      });

      it('leaves the sidecar time to drain, after the workload', () => {
        assert.equal(sidecar.restartPolicy, 'Always');
        const { drainDelayMs, drainMs } = config.timeouts;
        assert.ok(pod.terminationGracePeriodSeconds * 1000 > drainDelayMs + drainMs);
      });

      it('gives the sidecar no more than it needs', () => {
        assert.equal(pod.securityContext['runAsNonRoot'], true);
        assert.deepEqual(sidecar.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      });

      it('has TLS to the store, an encrypted bucket and an audit that can be written', () => {
        assert.ok(config.stores.every(({ endpoint }) => endpoint.startsWith('https://')));
        assert.ok(config.buckets.some(({ encryption }) => encryption === 'required'));
        const { spec } = only(manifests.filter((each) => each.spec !== undefined));
        const claims = spec?.volumeClaimTemplates?.map(({ metadata }) => metadata.name) ?? [];
        const writable = (sidecar.volumeMounts ?? []).filter(({ name }) => claims.includes(name));
        const directory = config.audit?.directory;
        assert.ok(directory === undefined || writable.some(({ mountPath }) => directory.startsWith(`${mountPath}/`)));
      });

      it('takes credentials from the pod, and gives the workload none that are worth anything', () => {
        const named = (container: Container, name: string) => container.env.find((each) => each.name === name);
        const isAmbient = AMBIENT.includes(file);
        assert.equal(named(sidecar, 'AWS_ACCESS_KEY_ID') === undefined, isAmbient);
        assert.equal(
          config.stores.every(({ credentials }) => credentials === undefined),
          isAmbient,
        );
        assert.equal(pod.serviceAccountName !== undefined, isAmbient);
        assert.ok(workload.env.every(({ valueFrom }) => valueFrom === undefined));
        if (isAmbient) assert.match(text, new RegExp(`skip-containers: ${workload.name}$`, 'm'));
      });

      it('holds no secret', () => {
        assert.doesNotMatch(text, /-----BEGIN|AKIA[A-Z0-9]{12}|kind: Secret/);
        const fixed = sidecar.env.filter(({ name, value }) => /KEY|SEED|TOKEN/.test(name) && value !== undefined);
        assert.deepEqual(fixed, []);
      });
    });
  }
});
