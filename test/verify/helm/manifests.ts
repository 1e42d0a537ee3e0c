/** Manifests as the chart renders them: the parts that are looked at. */
import assert from 'node:assert/strict';

type Labels = Readonly<Record<string, string>>;

interface Handler {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Handler;
  readonly livenessProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
    readonly subPath?: string;
  }[];
}

interface Items {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface Volume {
  readonly name: string;
  readonly configMap?: Items & { readonly name: string };
  readonly secret?: Items & { readonly secretName: string; readonly defaultMode: number };
  readonly emptyDir?: { readonly medium?: string };
  readonly projected?: { readonly sources: readonly { readonly serviceAccountToken: { readonly path: string } }[] };
}

export interface Pod {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
}

interface Rule {
  readonly from?: readonly unknown[];
  readonly ports: readonly { readonly port: string }[];
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly data?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector?: Labels & { readonly matchLabels?: Labels };
    readonly podSelector?: { readonly matchLabels: Labels };
    readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
    readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
    readonly ingress?: readonly Rule[];
    readonly endpoints?: readonly { readonly port: string }[];
    readonly metrics?: readonly { readonly containerResource: { readonly container: string } }[];
    readonly template?: {
      readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
      readonly spec: Pod;
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** The one manifest of a kind, or the one of that name. */
export function the(manifests: readonly Manifest[], kind: string, suffix = ''): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name.endsWith(suffix));
  assert.equal(found.length, 1, `${found.length} of ${kind} …${suffix}`);
  return found[0]!;
}

/** The pod that the chart makes, its labels, and its containers by name. */
export function podOf(manifests: readonly Manifest[]) {
  const { template, volumeClaimTemplates = [] } = the(manifests, 'StatefulSet').spec ?? {};
  assert.ok(template !== undefined);
  const container = (name: string): Container => {
    const found = template.spec.containers.find((one) => one.name === name);
    assert.ok(found !== undefined, `no container ${name}`);
    return found;
  };
  return {
    pod: template.spec,
    ...template.metadata,
    container,
    claims: volumeClaimTemplates.map((one) => one.metadata.name),
  };
}
