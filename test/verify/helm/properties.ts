/** What must hold of the manifests of any values: how the parts know each other. Each throws where it does not hold. */
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { podOf, the, type Manifest } from './manifests.ts';

interface Configured {
  readonly listen: { readonly socket?: string; readonly address?: string };
  readonly admin: { readonly address: string };
  readonly edge: { readonly secretFile: string };
  readonly timeouts?: { readonly drainDelayMs?: number; readonly drainMs?: number };
}

const configOf = (manifests: readonly Manifest[]): Configured =>
  parse(the(manifests, 'ConfigMap', '-config').data?.['sallyport.yaml'] ?? '') as Configured;

const isIn = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.keys(selector).length > 0 && Object.entries(selector).every(([name, value]) => labels[name] === value);

const sleepSeconds = (container: { readonly lifecycle?: { preStop: { sleep: { seconds: number } } } }): number =>
  container.lifecycle?.preStop.sleep.seconds ?? 0;

/** By a sentence each. */
export const PROPERTIES: Readonly<Record<string, (manifests: readonly Manifest[]) => void>> = {
  'no Secret is made, and no API token is mounted': (manifests) => {
    assert.deepEqual(
      manifests.filter(({ kind }) => kind === 'Secret'),
      [],
    );
    assert.equal(podOf(manifests).pod.automountServiceAccountToken, false);
    for (const { kind, automountServiceAccountToken } of manifests) {
      if (kind === 'ServiceAccount') assert.equal(automountServiceAccountToken, false);
    }
  },
  'every mount has a volume, and every volume a mount': (manifests) => {
    const { pod, claims } = podOf(manifests);
    const mounted = new Set(pod.containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)));
    assert.deepEqual([...mounted].toSorted(), [...pod.volumes.map(({ name }) => name), ...claims].toSorted());
  },
  'secrets are readable by the group of the pod and by nobody else': (manifests) => {
    const { pod } = podOf(manifests);
    const secrets = pod.volumes.flatMap(({ secret }) => secret ?? []);
    assert.ok(secrets.length > 0);
    for (const { defaultMode, items } of secrets) {
      assert.equal(defaultMode, 0o440);
      assert.ok((items ?? []).length > 0, 'a Secret is mounted whole');
    }
  },
  'policies are mounted as a folder, so that changes arrive': (manifests) => {
    const mount = podOf(manifests)
      .container('gateway')
      .volumeMounts.find(({ name }) => name === 'policies');
    assert.equal(mount?.mountPath, '/etc/sallyport/policies');
    assert.equal(mount.subPath, undefined);
  },
  'the gateway writes to the audit and the socket alone, HAProxy to the socket': (manifests) => {
    for (const { volumeMounts } of podOf(manifests).pod.containers) {
      for (const { name, readOnly } of volumeMounts) {
        assert.equal(readOnly !== true, name === 'audit' || name === 'socket', name);
      }
    }
  },
  'probes ask the admin port: /healthz whether it lives, /readyz whether it serves': (manifests) => {
    const gateway = podOf(manifests).container('gateway');
    assert.deepEqual(
      [gateway.startupProbe, gateway.livenessProbe, gateway.readinessProbe].map((probe) => probe?.httpGet),
      ['/healthz', '/healthz', '/readyz'].map((path) => ({ path, port: 'admin' })),
    );
    const admin = gateway.ports.find(({ name }) => name === 'admin');
    assert.equal(configOf(manifests).admin.address, `0.0.0.0:${admin?.containerPort ?? 0}`);
  },
  'requests in flight have the time of the drain before a pod is killed': (manifests) => {
    const { pod, container } = podOf(manifests);
    const { drainDelayMs = 2000, drainMs = 60_000 } = configOf(manifests).timeouts ?? {};
    const neededSeconds = sleepSeconds(container('gateway')) + (drainDelayMs + drainMs) / 1000;
    assert.ok(pod.terminationGracePeriodSeconds >= neededSeconds + 10);
  },
  'HAProxy gives its connections up before the gateway stops being ready': (manifests) => {
    const { pod, container } = podOf(manifests);
    const edge = pod.containers.find(({ name }) => name === 'edge');
    if (edge !== undefined) assert.ok(sleepSeconds(container('gateway')) >= sleepSeconds(edge) + 2);
  },
  'the gateway is reached by the edge alone: over the socket of its pod, or by named pods and mutual TLS': (
    manifests,
  ) => {
    const { container, pod } = podOf(manifests);
    const { listen } = configOf(manifests);
    const ports = container('gateway').ports.map(({ name }) => name);
    if (pod.containers.length === 2) {
      assert.deepEqual(ports, ['admin']);
      assert.equal(listen.socket, '/run/sallyport/gateway.sock');
      assert.equal(pod.volumes.find(({ name }) => name === 'socket')?.emptyDir?.medium, 'Memory');
      const secret = container('edge').env?.find(({ name }) => name === 'SALLYPORT_EDGE_SECRET');
      assert.equal(secret?.valueFrom?.secretKeyRef?.key, configOf(manifests).edge.secretFile.split('/').at(-1));
    } else {
      assert.equal(listen.address, '0.0.0.0:8444');
      const rule = the(manifests, 'NetworkPolicy').spec?.ingress?.find(({ ports: [port] }) => port?.port === 's3');
      assert.ok((rule?.from ?? []).length > 0);
    }
  },
  'the network policy admits to ports of the pod, and everywhere but to s3 named peers only': (manifests) => {
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
    const { pod } = podOf(manifests);
    const ports = pod.containers.flatMap((container) => container.ports.map(({ name }) => name));
    for (const { spec } of policies) {
      for (const { from, ports: admitted } of spec?.ingress ?? []) {
        for (const { port } of admitted) {
          assert.ok(ports.includes(port), port);
          if (port !== 's3') assert.ok((from ?? []).length > 0, port);
        }
      }
    }
  },
  'services, budgets and policies select this pod, and lead to its ports': (manifests) => {
    const { labels, pod } = podOf(manifests);
    const ports = pod.containers.flatMap((container) => container.ports.map(({ name }) => name));
    assert.equal(new Set(ports).size, ports.length);
    let seen = 0;
    for (const { kind, metadata, spec } of manifests) {
      if (!['Service', 'PodDisruptionBudget', 'NetworkPolicy', 'StatefulSet'].includes(kind)) continue;
      const selector = spec?.podSelector?.matchLabels ?? spec?.selector?.matchLabels ?? spec?.selector ?? {};
      assert.ok(isIn(selector, labels), `${kind} ${metadata.name}`);
      if (kind === 'Service') for (const { targetPort } of spec?.ports ?? []) assert.ok(ports.includes(targetPort));
      seen += 1;
    }
    assert.ok(seen >= 3);
    assert.equal(the(manifests, 'StatefulSet').spec?.serviceName, the(manifests, 'Service', '-admin').metadata.name);
  },
  'what scales is the StatefulSet, and then it names no number of replicas': (manifests) => {
    const scaler = manifests.find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.spec;
    const set = the(manifests, 'StatefulSet');
    assert.equal(set.spec?.replicas === undefined, scaler !== undefined);
    if (scaler === undefined) return;
    assert.deepEqual([scaler.scaleTargetRef?.kind, scaler.scaleTargetRef?.name], ['StatefulSet', set.metadata.name]);
    podOf(manifests).container(scaler.metrics?.[0]?.containerResource.container ?? '');
  },
  'Prometheus finds the admin port by the labels of its Service alone': (manifests) => {
    const monitor = manifests.find(({ kind }) => kind === 'ServiceMonitor')?.spec;
    if (monitor === undefined) return;
    const selector = monitor.selector?.matchLabels ?? {};
    const found = manifests.filter(({ kind, metadata }) => kind === 'Service' && isIn(selector, metadata.labels));
    assert.deepEqual(
      found.map(({ spec }) => spec?.ports?.map(({ name }) => name)),
      [monitor.endpoints?.map(({ port }) => port)],
    );
  },
};
