// The Prometheus operator beside a cluster: it takes our monitors, and what it makes of them is a real Prometheus's
// configuration. It runs on this machine, against the cluster's API server. Debian's Prometheus cannot ask that one for
// pods, so it is told of them by a file, with the labels that it would have learnt; which of them are scraped, and how,
// the operator's rules decide.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { freePort } from '../../testing/programs.ts';
import type { Rig } from '../../testing/rig.ts';
import { until } from '../../testing/until.ts';

const program = 'prometheus-operator';
const source = join(import.meta.dir, '../../../tools/peers/prometheus-operator');
const definitions = '$(go list -m -f {{.Dir}} github.com/prometheus-operator/prometheus-operator)';
const prefix = 'monitoring.coreos.com_';
/** Those that it does not start without, and those of monitors. */
const kinds = [
  'podmonitors',
  'servicemonitors',
  'prometheuses',
  'prometheusrules',
  'probes',
  'scrapeconfigs',
];

/** A Prometheus that takes every PodMonitor, of which the operator writes the configuration and starts no pod. */
const prometheusOf = (namespace: string) => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'Prometheus',
  metadata: { name: 'all', namespace },
  spec: {
    replicas: 0,
    // Debian's.
    version: 'v2.42.0',
    scrapeInterval: '1s',
    podMonitorSelector: {},
    podMonitorNamespaceSelector: {},
  },
});

/** Its kinds, which must be there before there can be a monitor. */
export async function defineMonitors(rig: Rig): Promise<void> {
  const files = kinds.map(
    (kind) => `-f "${definitions}/example/prometheus-operator-crd/${prefix}${kind}.yaml"`,
  );
  await rig.sh(`cd ${source}; kubectl apply --server-side ${files.join(' ')} >/dev/null`);
  await rig.sh('kubectl wait --for=condition=Established crd --all --timeout=30s >/dev/null');
}

/**
 * What the operator writes for a Prometheus in `namespace` once it has taken these PodMonitors (`namespace/name`), with
 * the pods of now.
 */
export async function configureByOperator(
  rig: Rig,
  namespace: string,
  monitors: readonly string[],
): Promise<string> {
  await rig.sh('kubectl apply -f - >/dev/null', JSON.stringify(prometheusOf(namespace)));
  // It knows no kubeconfig but its pod's.
  const port = freePort();
  const cluster = join(rig.folder, 'cluster');
  const programs: Bun.Subprocess[] = [];
  const start = (...command: string[]) =>
    programs.push(Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] }));
  start(join(cluster, 'bin/kubectl'), `--kubeconfig=${cluster}/kubeconfig`, 'proxy', `--port=${port}`);
  const url = `http://127.0.0.1:${port}`;
  const read = `kubectl get secret -n ${namespace} prometheus-all -o jsonpath='{.data.prometheus\\.yaml\\.gz}'`;
  let text = '';
  try {
    await until('the API server is reached', async () => (await fetch(`${url}/version`)).ok);
    start(program, `-apiserver=${url}`, '-web.listen-address=127.0.0.1:0');
    await until('the operator has taken the monitors', async () => {
      const { out } = await rig.shell(read);
      text = out === '' ? '' : gunzipSync(Buffer.from(out, 'base64')).toString();
      return monitors.every((monitor) => text.includes(`job_name: podMonitor/${monitor}/`));
    });
  } finally {
    for (const one of programs) one.kill();
  }
  // As the reloader beside a Prometheus does it.
  const whole = text.replaceAll('$(SHARD)', '0').replaceAll('$(POD_NAME)', 'all');
  const settings = parse(whole) as { scrape_configs: object[] };
  const path = join(rig.folder, 'pods.json');
  writeFileSync(path, JSON.stringify(describePods(await rig.sh('kubectl get pods -A -o json'))));
  const scrape_configs = settings.scrape_configs.map((one) => ({
    ...one,
    kubernetes_sd_configs: undefined,
    file_sd_configs: [{ files: [path] }],
  }));
  return JSON.stringify({ ...settings, scrape_configs });
}

interface Pod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<'containers' | 'initContainers', readonly Container[] | undefined>>;
  readonly status: { readonly phase: string; readonly podIP?: string };
}

interface Container {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

/** As `role: pod` of `kubernetes_sd_configs` has it: a target for each declared port. */
function describePods(list: string): readonly object[] {
  const { items } = JSON.parse(list) as { readonly items: readonly Pod[] };
  return items.flatMap(({ metadata, spec, status }) => {
    const pod = `${meta}pod_`;
    const labels = Object.entries(metadata.labels ?? {}).flatMap(([label, value]) => {
      const name = label.replaceAll(/[^a-zA-Z0-9_]/g, '_');
      return [
        [`${pod}label_${name}`, value],
        [`${pod}labelpresent_${name}`, 'true'],
      ];
    });
    const own = {
      [`${meta}namespace`]: metadata.namespace,
      [`${pod}name`]: metadata.name,
      [`${pod}phase`]: status.phase,
      ...Object.fromEntries(labels),
    };
    const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
    return containers.flatMap(({ name, ports = [] }) =>
      ports.map((port) => ({
        targets: [`${status.podIP ?? ''}:${port.containerPort}`],
        labels: {
          ...own,
          [`${pod}container_name`]: name,
          [`${pod}container_port_name`]: port.name ?? '',
        },
      })),
    );
  });
}

const meta = '__meta_kubernetes_';
