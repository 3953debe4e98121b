// `weft control`: the control plane over a Kubernetes API server, or over a directory of the same manifests.

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Clock, Log } from '../base/index.ts';
import {
  adoptFences,
  agentAccount,
  CalicoFences,
  ControlPlane,
  createControlPlane,
  type FleetFence,
  type FleetGateway,
  isReleasedGateway,
  listFences,
  listFleetGateways,
  NodeAddresses,
  ObjectFleet,
  renderCalicoFence,
  renderFence,
  StatusPublisher,
  serveAdmin,
} from '../control/index.ts';
import { createGatewayObjects, namesOf, xdsAddress } from '../deploy/index.ts';
import { createFileStore, createSystemClock, createSystemRandom } from '../net/index.ts';
import { createJsonLog, logLevels } from '../observe/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { createConsolePages, type DemoLink } from './console-pages.ts';
import {
  checkXdsFlags,
  type IpAddress,
  isLoopback,
  type SecureXds,
  servePlainXds,
  serveSecureXds,
  type XdsFlags,
  xdsOptions,
} from './control-xds.ts';
import { type KubernetesAccess, type KubernetesFlags, openKubernetes } from './kubernetes.ts';
import { revisionOption } from './revision.ts';

interface ControlFlags extends KubernetesFlags, XdsFlags {
  readonly dir?: string;
  readonly kubernetes?: true;
  readonly status: boolean;
  readonly gatewayImage?: string;
  readonly gatewayXds?: string;
  readonly revision: string;
  readonly admin: IpAddress;
  readonly logLevel: (typeof logLevels)[number];
}

/** Proxies get this long to take the end of their streams before connections are cut. */
const stopGraceMs = 2_000;

function parseAddress(text: string): IpAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw new InvalidArgumentError('It must be HOST:PORT.');
  return { kind: 'ip', host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/** Settles at the first SIGINT or SIGTERM; a second one ends the process at once. */
function whenAsked(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(exitCode.notFine);
        asked = true;
        resolve();
      });
    }
  });
}

async function run(flags: ControlFlags): Promise<void> {
  checkSource(flags);
  checkXdsFlags(flags, flags.dir === undefined);
  const asked = whenAsked();
  const log = createJsonLog(flags.logLevel, { write: (line) => void process.stderr.write(line) });
  const clock = createSystemClock();
  const kubernetes = flags.dir === undefined ? openKubernetes(flags, clock, log) : null;
  const lifetimes = flags.xdsTtl;
  const plane =
    kubernetes === null
      ? createControlPlane({ clock, log, lifetimes, store: createFileStore(), directory: flags.dir ?? '' })
      : new ControlPlane({ clock, log, lifetimes }, kubernetes.source);
  const { xdsTls } = flags;
  let secure: SecureXds | null = null;
  const missing = () => (xdsTls === undefined || secure?.isOpen() ? null : 'there is no certificate for xDS');
  const healthy = () => plane.synced && missing() === null;
  const xds = await bind('xDS', flags.xds, () => servePlainXds(plane, clock, log, flags.xds, healthy));
  if (xdsTls !== undefined)
    secure = await bind('xDS', xdsTls, () =>
      serveSecureXds(plane, clock, log, { ...flags, xdsTls }, kubernetes, healthy),
    );
  const publisher =
    kubernetes === null || !flags.status
      ? null
      : createPublisher(plane, kubernetes, clock, log, flags, secure);
  let adminUrl = '';
  const pages = createConsolePages(() => adminUrl, demoLink());
  const admin = await bind('admin', flags.admin, () =>
    serveAdmin({ plane, log, host: flags.admin.host, port: flags.admin.port, pages, missing }),
  );
  adminUrl = `http://${flags.admin.host}:${admin.port}`;
  for (const { host } of [flags.xds, flags.admin])
    if (!isLoopback(host)) log.write('warn', 'served in plain text beyond this machine', { host });
  plane.start();
  publisher?.start();
  const portOf = (one: SecureXds['listener'] | null) => (one?.address.kind === 'ip' ? one.address.port : 0);
  log.write('info', 'control plane started', {
    source: flags.dir ?? 'Kubernetes',
    xdsPort: portOf(xds),
    ...(secure === null ? {} : { xdsTlsPort: portOf(secure.listener) }),
    adminPort: admin.port,
  });
  await asked;
  await publisher?.stop();
  plane.stop();
  secure?.stop();
  await Promise.all([xds.close(stopGraceMs), secure?.listener.close(stopGraceMs), admin.stop()]);
  log.write('info', 'control plane stopped');
  process.exit(exitCode.fine);
}

/**
 * Status and Events are written by one replica at a time, which a Lease beside the replicas decides; what is a
 * revision's own, its Gateways' proxies and its webhook's certificate, by one of its replicas.
 */
function createPublisher(
  plane: ControlPlane,
  { api, source }: KubernetesAccess,
  clock: Clock,
  log: Log,
  flags: ControlFlags,
  secure: SecureXds | null,
): StatusPublisher {
  const {
    POD_NAMESPACE: namespace = 'weft-system',
    POD_NAME: pod = hostname(),
    POD_UID: podUid = '',
  } = process.env;
  const random = createSystemRandom();
  const identity = `${pod}_${random.uint32().toString(16)}`;
  const { revision, gatewayImage: image, gatewayXds: xds = xdsAddress(namespace, revision) } = flags;
  const common = { api, clock, random, log };
  const gateways =
    image === undefined
      ? null
      : new ObjectFleet<FleetGateway>({
          ...common,
          kind: 'Gateway',
          list: () => listFleetGateways(plane, source, revision),
          isReleased: (gateway) => isReleasedGateway(source, gateway),
          render: (gateway) => createGatewayObjects(gateway, { image, xds, revision }),
        });
  const fences = new ObjectFleet<FleetFence>({
    ...common,
    kind: 'Service',
    list: () => listFences(plane, source),
    // Whatever is read says that it is to be open.
    isReleased: () => true,
    render: renderFence,
    adopt: () => adoptFences(api),
  });
  const calico = new CalicoFences(api);
  const calicoFences = new ObjectFleet<FleetFence>({
    ...common,
    kind: 'Service',
    list: () => calico.list(plane, source),
    isReleased: () => true,
    render: renderCalicoFence,
    adopt: () => calico.adopt(),
  });
  const own = [...(gateways === null ? [] : [gateways]), ...(secure?.own ?? [])];
  return new StatusPublisher({
    ...common,
    plane,
    source,
    namespace,
    identity,
    replica: pod,
    podUid,
    fleets: [
      fences,
      calicoFences,
      new NodeAddresses({ ...common, namespace, name: agentAccount }),
      ...(secure?.fleets ?? []),
    ],
    own: { lease: namesOf(revision).lease, fleets: own },
  });
}

function checkSource({ dir, kubernetes, kubeconfig, context, namespace }: ControlFlags): void {
  if ((dir === undefined) === (kubernetes === undefined))
    throw new Exit(exitCode.usage, 'weft control: either --dir or --kubernetes must be given');
  const foreign = kubeconfig !== undefined || context !== undefined || namespace.length > 0;
  if (dir === undefined) return;
  if (foreign)
    throw new Exit(
      exitCode.usage,
      'weft control: --kubeconfig, --context and --namespace go with --kubernetes',
    );
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory())
    throw new Exit(exitCode.usage, `weft control: --dir ${dir} is not a directory`);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Set by a demo for the control plane that it starts. */
function demoLink(): DemoLink | null {
  const { WEFT_DEMO_URL: url, WEFT_DEMO_TOKEN: token } = process.env;
  return url === undefined || token === undefined ? null : { url, token };
}

async function bind<T>(what: string, address: IpAddress, listen: () => T | Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Exit(
      exitCode.usage,
      `weft control: cannot listen for ${what} on ${address.host}:${address.port}: ${reason}`,
    );
  }
}

const control = new Command('control')
  .description(
    'Run the control plane over a Kubernetes API server or a directory of manifests, and serve xDS to proxies.',
  )
  .option('--dir <directory>', 'manifests to read and watch, YAML or JSON')
  .option('--kubernetes', 'read and watch an API server: that of the kubeconfig, or within a pod its own')
  .option('--kubeconfig <file>', 'how to reach it (default: KUBECONFIG, the pod’s account, ~/.kube/config)')
  .option('--context <name>', 'the context of the kubeconfig (default: its current one)')
  .option('--no-status', 'write neither status nor Events to the API server')
  .option(
    '--gateway-image <name>',
    'run every Gateway of class weft: a Deployment with this image, a Service',
  )
  .option('--gateway-xds <address>', 'where those proxies find this control plane (default: its Service)')
  .option('--namespace <name>', 'read this namespace only; may be repeated (default: all)', collect, []);

control.addOption(revisionOption('of several side by side: serve the Gateways that name it'));
for (const option of xdsOptions(parseAddress)) control.addOption(option);

export const command: CliCommand = control
  .addOption(
    new Option('--admin <address>', 'health, metrics and the mesh as JSON')
      .argParser(parseAddress)
      .default(parseAddress('127.0.0.1:15014'), '127.0.0.1:15014'),
  )
  .addOption(new Option('--log-level <level>', 'what to log').choices(logLevels).default('info'))
  .action(run);
