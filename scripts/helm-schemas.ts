/**
 * Derives test/helm/schemas: JSON Schemas of the kinds that the chart and the examples use, for each release of Kubernetes that they are
 * held against, and of the custom resources of the Gateway API and the Prometheus operator. They come out of the projects' own
 * modules by the Go proxy. Stricter than the API server: a field that is not known is an error. Run it when a version below changes.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const KUBERNETES = ['v1.33.7', 'v1.35.4', 'v1.37.2'];
const KINDS = [
  'v1/ConfigMap',
  'v1/Service',
  'v1/ServiceAccount',
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding',
  'apps/v1/Deployment',
  'apps/v1/StatefulSet',
  'autoscaling/v2/HorizontalPodAutoscaler',
  'networking.k8s.io/v1/Ingress',
  'networking.k8s.io/v1/NetworkPolicy',
  'policy/v1/PodDisruptionBudget',
];
const CUSTOM = [
  { module: 'sigs.k8s.io/gateway-api@v1.4.1', folder: 'config/crd/standard', group: 'gateway.networking.k8s.io' },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    folder: 'example/prometheus-operator-crd',
    group: 'monitoring.coreos.com',
  },
];
const PLURALS: Readonly<Record<string, readonly string[]>> = {
  'gateway.networking.k8s.io': ['httproutes', 'backendtlspolicies'],
  'monitoring.coreos.com': ['servicemonitors', 'prometheusrules'],
};

type Schema = Readonly<Record<string, unknown>>;

const target = join(import.meta.dirname, '../test/helm/schemas');
const REFERENCE = '#/definitions/';
/** What a schema says to people and to the API server, and not to a validator. */
const LEFT_OUT = /^(?:description|default|example|externalDocs|format|nullable|x-kubernetes-.*)$/;

const isRecord = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A schema without prose, in which a field that is not named is an error. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (!isRecord(value)) return value;
  if (value['x-kubernetes-int-or-string'] === true || value['format'] === 'int-or-string') {
    return { type: ['integer', 'string'] };
  }
  const fields = isRecord(value['properties']) ? value['properties'] : undefined;
  const kept = Object.entries(value)
    .filter(([name]) => !LEFT_OUT.test(name) && name !== 'properties')
    .map(([name, inner]) => [name, strict(inner)] as const);
  const isOpen = value['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in value;
  return {
    ...Object.fromEntries(kept),
    ...(fields !== undefined && {
      properties: Object.fromEntries(Object.entries(fields).map(([name, inner]) => [name, strict(inner)])),
    }),
    ...(fields !== undefined && !isOpen && { additionalProperties: false }),
  };
}

const referencesIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isRecord(value)) return [];
  const own = value['$ref'];
  return [
    ...(typeof own === 'string' ? [own.slice(REFERENCE.length)] : []),
    ...Object.values(value).flatMap(referencesIn),
  ];
};

/** One definition a line: a change of a version reads well. */
function write(file: string, kinds: Schema, definitions: Schema): void {
  const lines = (entries: Schema) =>
    Object.entries(entries)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join(',\n');
  writeFileSync(join(target, file), `{"kinds":{\n${lines(kinds)}\n},"definitions":{\n${lines(definitions)}\n}}\n`);
}

const work = mkdtempSync(join(tmpdir(), 'sallyport-schemas-'));
const moduleFolder = (module: string): string => {
  const answer = execFileSync('go', ['mod', 'download', '-json', module], { cwd: work, encoding: 'utf8' });
  return (JSON.parse(answer) as { readonly Dir: string }).Dir;
};

try {
  for (const version of KUBERNETES) {
    const file = join(moduleFolder(`k8s.io/kubernetes@${version}`), 'api/openapi-spec/swagger.json');
    const all = (JSON.parse(readFileSync(file, 'utf8')) as { readonly definitions: Readonly<Record<string, Schema>> })
      .definitions;
    const kinds: Record<string, unknown> = {};
    const definitions: Record<string, unknown> = {};
    const add = (name: string): void => {
      if (name in definitions) return;
      const definition = strict(all[name]) as Schema;
      // A quantity may be written as a number.
      definitions[name] = name.endsWith('.resource.Quantity') ? { type: ['string', 'number'] } : definition;
      for (const next of referencesIn(definition)) add(next);
    };
    for (const [name, definition] of Object.entries(all)) {
      for (const one of (definition['x-kubernetes-group-version-kind'] ?? []) as readonly Record<string, string>[]) {
        const key = [one['group'], one['version'], one['kind']].filter((part) => part !== '').join('/');
        if (!KINDS.includes(key)) continue;
        kinds[key] = { $ref: `${REFERENCE}${name}` };
        add(name);
      }
    }
    write(`kubernetes-${version}.json`, kinds, definitions);
  }
  const kinds: Record<string, unknown> = {};
  for (const { module, folder, group } of CUSTOM) {
    const base = join(moduleFolder(module), folder);
    for (const plural of PLURALS[group] ?? []) {
      const resource = parse(readFileSync(join(base, `${group}_${plural}.yaml`), 'utf8')) as {
        readonly spec: {
          readonly names: { readonly kind: string };
          readonly versions: readonly {
            readonly name: string;
            readonly served: boolean;
            readonly schema: { readonly openAPIV3Schema: Schema };
          }[];
        };
      };
      for (const { name, served, schema } of resource.spec.versions.filter((version) => version.served)) {
        if (served) kinds[`${group}/${name}/${resource.spec.names.kind}`] = strict(schema.openAPIV3Schema);
      }
    }
  }
  write('custom-resources.json', kinds, {});
} finally {
  rmSync(work, { recursive: true });
}
