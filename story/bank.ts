// The bank as a cluster's objects: three namespaces, a Deployment and an account for every service, and the manifests
// of examples/bank, each in the namespace of the service that it is about. Programs in TypeScript, Go, Python and Node.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type Workload, workloads } from '../examples/bank/bank.ts';

export const bankFolder = join(import.meta.dir, '../examples/bank');

/** By namespace; `pricing` is a name alone, whose route leads to its versions. */
const places: Readonly<Record<string, readonly string[]>> = {
  front: ['web', 'payments', 'cards', 'feed', 'statements', 'edge'],
  core: ['ledger', 'accounts', 'customers', 'auth', 'limits', 'fraud'],
  side: ['fx', 'pricing', 'pricing-v1', 'pricing-v2', 'rewards', 'notifications', 'audit'],
};
export const namespaces = Object.keys(places);

/** How a workload calls others: through its node's agent, or by name, where a sidecar captures it if there is one. */
export const meshOfAgent = '$(NODE_IP):4140';

const servicePort = 8080;
/** An endpoint leaves the proxies' tables before its process ends. */
const preStopSeconds = 3;
const graceSeconds = 20;
/** Of every service: one may leave while the other serves. */
const replicasMin = 2;

/** Image names to the commands they stand for. `limits`: the compiled Go program. */
export function listImages(limits: string): ReadonlyMap<string, readonly string[]> {
  const program = (...words: readonly string[]) => words;
  return new Map([
    ['bank/*', program(process.execPath, join(bankFolder, 'service.ts'))],
    ['bank/statements', program('python3', join(bankFolder, 'services/statements.py'))],
    ['bank/fx', program('node', join(bankFolder, 'services/fx.mjs'))],
    ['bank/limits', program(limits)],
  ]);
}

export function namespaceOf(service: string): string {
  const found = namespaces.find((namespace) => places[namespace]?.includes(service));
  if (found === undefined) throw new Error(`no namespace has ${service}`);
  return found;
}

/** Everything to apply. The ledger's replicas share the database in `ledgerFolder`, a folder of this machine. */
export function createBank(ledgerFolder: string): readonly object[] {
  return [
    ...namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...workloads.flatMap((workload) => [
      createAccount(workload),
      createDeployment(workload, ledgerFolder),
      createBudget(workload),
    ]),
    ...['services', 'policies', 'routes', 'gateway'].flatMap(readManifests),
  ];
}

function createAccount({ name }: Workload): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: namespaceOf(name) } };
}

function createDeployment(workload: Workload, ledgerFolder: string): object {
  const { name, replicas } = workload;
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: namespaceOf(name), labels },
    spec: {
      replicas: Math.max(replicas, replicasMin),
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels }, spec: createPod(workload, ledgerFolder) },
    },
  };
}

function createBudget({ name }: Workload): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: namespaceOf(name) },
    spec: { minAvailable: 1, selector: { matchLabels: { app: name } } },
  };
}

function createPod({ name, program, env }: Workload, ledgerFolder: string): object {
  const ledger = name === 'ledger';
  return {
    serviceAccountName: name,
    terminationGracePeriodSeconds: graceSeconds,
    // A replica on each node, while there are two to choose from.
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { app: name } },
        // Of the same revision: pods that are about to leave count for nothing.
        matchLabelKeys: ['pod-template-hash'],
      },
    ],
    containers: [
      {
        name,
        image: `bank/${program}`,
        args: [program],
        env: createEnvironment({ ...env, ...(ledger ? { LEDGER_FILE: '/ledger/ledger.db' } : {}) }),
        ports: [{ name: 'http', containerPort: servicePort }],
        readinessProbe: { httpGet: { path: '/healthz', port: servicePort }, periodSeconds: 1 },
        lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } },
        ...(ledger ? { volumeMounts: [{ name: 'ledger', mountPath: '/ledger' }] } : {}),
      },
    ],
    ...(ledger ? { volumes: [{ name: 'ledger', hostPath: { path: ledgerFolder } }] } : {}),
  };
}

function createEnvironment(own: Readonly<Record<string, string>>): readonly object[] {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const hosts = Object.values(places).flatMap((services) =>
    services.map((service) => [service, `${service}.${namespaceOf(service)}`] as const),
  );
  const said = { HOST: '0.0.0.0', PORT: `${servicePort}`, FAULTS: 'none', ...own };
  return [
    field('REPLICA', 'metadata.name'),
    field('NODE_IP', 'status.hostIP'),
    { name: 'HOSTS', value: JSON.stringify(Object.fromEntries(hosts)) },
    ...Object.entries(said).map(([name, value]) => ({ name, value })),
    { name: 'MESH', value: meshOfAgent },
  ];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly targetRefs?: readonly { readonly name: string }[] };
}

function readManifests(name: string): readonly object[] {
  const text = readFileSync(join(bankFolder, `manifests/${name}.yaml`), 'utf8');
  return parseAllDocuments(text).map((document) => {
    const manifest = document.toJS() as Manifest;
    const about = manifest.spec.targetRefs?.[0]?.name ?? manifest.metadata.name;
    return { ...manifest, metadata: { ...manifest.metadata, namespace: namespaceOf(about) } };
  });
}
