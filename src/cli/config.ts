// `weft config`: what a pod's proxy has in force, from its own admin interface, which listens on the pod's loopback
// alone: through the API server's port forward.

import { Argument, Command } from 'commander';
import { fieldOf, isRecord, textOf } from '../control/index.ts';
import { type MeshPod, type MeshRole, meshPorts } from '../deploy/index.ts';
import { type ClusterFlags, type OpenCluster, openCluster, orExit, withCluster } from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { findProxy, proxyArgument } from './find-proxy.ts';
import { formatTable } from './table.ts';

interface ConfigFlags extends ClusterFlags {
  readonly json?: true;
}

const words = 'weft config';
const standardPage = 'summary';
/** Pages that answer in JSON where they are asked to. */
const formatted: ReadonlySet<string> = new Set(['clusters', 'listeners', 'stats']);

async function run(name: string, page: string, flags: ConfigFlags): Promise<void> {
  const cluster = openCluster(flags, words);
  const pod = await findProxy(cluster, words, name, flags);
  if (page !== standardPage) {
    const asked = flags.json === true && formatted.has(page) ? `${page}?format=json` : page;
    process.stdout.write(await readPage(cluster, pod, `/${asked.replace(/^\//, '')}`));
    return;
  }
  const [info, listeners, clusters] = await Promise.all(
    ['/server_info', '/listeners?format=json', '/clusters?format=json'].map(
      async (path): Promise<unknown> => JSON.parse(await readPage(cluster, pod, path)),
    ),
  );
  if (flags.json === true) console.log(JSON.stringify({ info, listeners, clusters }, null, 2));
  else for (const line of describe(pod, info, listeners, clusters)) console.log(line);
}

async function readPage(cluster: OpenCluster, pod: MeshPod, path: string): Promise<string> {
  const { namespace, name, role } = pod;
  const port = ownPorts[role] ?? meshPorts.admin;
  const { status, text } = orExit(words, await cluster.requestPod({ namespace, pod: name, port }, path));
  if (status === 200) return text;
  throw new Exit(exitCode.notFine, `${words}: ${path} was answered ${status}: ${text.slice(0, 500)}`);
}

/** Of what is no proxy. */
const ownPorts: Readonly<Partial<Record<MeshRole, number>>> = {
  control: meshPorts.controlAdmin,
  webhook: meshPorts.controlAdmin,
  cni: meshPorts.cni,
};

/** Of Envoy's shapes (envoy/admin/v3) the part that is read most. */
function describe(pod: MeshPod, info: unknown, listeners: unknown, clusters: unknown): readonly string[] {
  const uptime = textOf(info, 'uptime_current_epoch') || '?';
  const about = `${pod.namespace}/${pod.name}: ${pod.role}, ${textOf(info, 'version')}, ${textOf(info, 'state')}, up ${uptime}`;
  const listening = listOf(listeners, 'listener_statuses').map((one) => [
    textOf(one, 'name'),
    addressOf(fieldOf(one, 'local_address')),
  ]);
  const known = listOf(clusters, 'cluster_statuses').map((one) => {
    const hosts = listOf(one, 'host_statuses');
    const well = hosts.filter((host) => isWell(fieldOf(host, 'health_status')));
    return [textOf(one, 'name'), String(hosts.length), String(well.length)];
  });
  return [
    about,
    '',
    ...formatTable([['LISTENER', 'ADDRESS'], ...listening]),
    '',
    ...formatTable([['CLUSTER', 'ENDPOINTS', 'HEALTHY'], ...known]),
  ];
}

/** HostHealthStatus: what failed is set, and eds_health_status is HEALTHY or absent. */
function isWell(status: unknown): boolean {
  if (!isRecord(status)) return true;
  return Object.values(status).every(
    (value) => value === false || value === 'HEALTHY' || value === 'UNKNOWN',
  );
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : [];
}

function addressOf(value: unknown): string {
  const host = textOf(value, 'socket_address', 'address');
  return host === ''
    ? textOf(value, 'pipe', 'path')
    : `${host}:${fieldOf(value, 'socket_address', 'port_value')}`;
}

export const command: CliCommand = withCluster(
  new Command('config')
    .description('Show what a proxy has in force: what its admin interface says, by GET (docs/admin.md).')
    .addArgument(proxyArgument)
    .addArgument(
      new Argument(
        '[page]',
        'a page of it, with its query: config_dump, clusters, listeners, stats, stats/prometheus, certs, server_info, init_dump',
      ).default(standardPage),
    ),
)
  .option('--json', 'as JSON, where the page has two forms')
  .action(run);
