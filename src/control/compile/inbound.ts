// The inbound side of a sidecar: which authorities may reach its application, and on which of its ports. Anything else
// is answered 421: pod addresses are reused, and a caller with a stale endpoint must not be served by whoever lives
// there now.

import { create } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
  type Route,
  type RouteConfiguration,
  RouteConfigurationSchema,
  RouteSchema,
  StringMatcherSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type {
  AccessModel,
  GatewayModel,
  Model,
  PortModel,
  PortProtocol,
  RuleModel,
  ServiceModel,
} from '../model/types.ts';
import { hostsOf } from '../model/types.ts';
import { compileAccess } from './access.ts';
import { callsOver, compileProtocol } from './cluster.ts';
import { findApplicationPort, type InboundPort, listPorts } from './inbound-ports.ts';
import { addressOf, destinationHeader, durationOf, weftMetadata } from './messages.ts';
import { clusterDomain, domainsOf } from './names.ts';
import type { Scope } from './scope.ts';
import { forwardUntouched, hostDomains, refuseAll } from './virtual-hosts.ts';

/** What a route does to reach a cluster, past its fence. */
type Forward = (cluster: string) => ReturnType<typeof forwardTo>;

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;

/** A port of one of the workload's Services, and where the application listens for it. */
export interface InboundTarget {
  /** {@link PortModel.id}. */
  readonly port: string;
  readonly cluster: string;
  readonly service: string;
  readonly applicationPort: number;
  readonly protocol: PortProtocol;
}

/** A cluster whose application port not everybody may call. */
interface InboundFence {
  readonly cluster: string;
  readonly access: AccessModel;
}

/** One authority that is accepted, by the virtual host it belongs to. */
interface InboundHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly cluster: string;
  /** It is asked for by the name of something else that leads here, so that only the caller can say what it chose. */
  readonly borrowed: boolean;
}

/** Copies of requests to another Service, which this workload is sent too. */
interface InboundCopy {
  /** {@link PortModel.id} of where the request itself went. */
  readonly chosen: string;
  readonly cluster: string;
}

interface InboundWildcard {
  readonly name: string;
  /** What the authority contains: `.example.com:` for `*.example.com` at any port. */
  readonly text: string;
  readonly cluster: string;
}

/** A port of the application that its pod's own address reaches. */
interface InboundAddress {
  readonly applicationPort: number;
  readonly cluster: string;
}

/** All that the inbound side is made of, as data: equal plans give equal resources. */
export interface InboundPlan {
  readonly targets: readonly InboundTarget[];
  readonly hosts: readonly InboundHost[];
  /** Names under a gateway's wildcard with a port behind, which no domain of Envoy's can say; the longest first. */
  readonly wildcards: readonly InboundWildcard[];
  readonly misdirected: readonly string[];
  readonly copies: readonly InboundCopy[];
  readonly fences: readonly InboundFence[];
  /** Who calls the pod by its address; none where its connections are not led to the proxy. */
  readonly addressed: readonly InboundAddress[];
  /** Of the application, ascending. */
  readonly ports: readonly InboundPort[];
  /** Ports whose application port is unknown: neither the node nor the Service says it as a number. */
  readonly unresolved: readonly string[];
}

/**
 * `model`: at least all that selects the workload, and all whose rules lead to it. `mesh`: everything; what was made of
 * it too is `ofWhole`.
 */
export function planInbound(
  model: Model,
  scope: SidecarScope,
  mesh: Model,
): { readonly plan: InboundPlan; readonly ofWhole: boolean } {
  const targets = new Map<string, InboundTarget>();
  const unresolved: string[] = [];
  const all = [...model.services.values()].filter((service) => isServedBy(service, scope));
  const own = all.filter((service) => service.podOf === null);
  const found = new Map<number, PortModel[]>();
  for (const service of own) {
    for (const port of service.ports) {
      const applicationPort = findApplicationPort(port, scope);
      if (applicationPort === null) {
        unresolved.push(port.id);
        continue;
      }
      found.set(applicationPort, [...(found.get(applicationPort) ?? []), port]);
      if (port.protocol !== 'opaque')
        targets.set(port.id, nameTarget(service, port, applicationPort, [...targets.values()]));
    }
  }
  const hosts = new HostCollector();
  // A pod's own name leads where its Service's does.
  for (const service of all)
    addService(hosts, service, false, (port) => targets.get(`${port.service}:${port.port}`));
  const wildcards = new Map<string, InboundWildcard>();
  // What its own namespace says of a name goes before what others do, who may send here too.
  for (const near of [true, false]) {
    const isNear = ({ namespace }: { readonly namespace: string }) =>
      (namespace === scope.namespace) === near;
    addParents(hosts, [...model.services.values()].filter(isNear), targets);
    addGatewayHosts(hosts, [...model.gateways.values()].filter(isNear), targets, wildcards);
  }
  const copies = planCopies(model, targets);
  const ports = listPorts(found);
  const fences = planFences(ports, targets);
  const addressed = scope.capture ? listAddressed([...targets.values()]) : [];
  const plan = {
    targets: [...targets.values()],
    hosts: hosts.list(),
    wildcards: [...wildcards.values()].sort((left, right) => right.text.length - left.text.length),
    ...{ copies, fences, addressed, ports, unresolved },
  };
  const ofWhole = hosts.has('*');
  return { plan: { ...plan, misdirected: ofWhole ? foreignDomains(mesh, scope, hosts) : ['*'] }, ofWhole };
}

function planFences(
  ports: readonly InboundPort[],
  targets: ReadonlyMap<string, InboundTarget>,
): readonly InboundFence[] {
  const fenced = new Map(ports.map(({ port, access }) => [port, access]));
  const clusters = new Map([...targets.values()].map((one) => [one.cluster, one.applicationPort]));
  return [...clusters].flatMap(([cluster, port]) => {
    const access = fenced.get(port) ?? null;
    return access === null ? [] : [{ cluster, access }];
  });
}

function listAddressed(targets: readonly InboundTarget[]): readonly InboundAddress[] {
  const ports = new Map<number, InboundAddress>();
  for (const { applicationPort, cluster } of targets)
    if (!ports.has(applicationPort)) ports.set(applicationPort, { applicationPort, cluster });
  return [...ports.values()];
}

function isServedBy(service: ServiceModel, scope: SidecarScope): boolean {
  const wanted = Object.entries(service.selector);
  return (
    service.namespace === scope.namespace &&
    wanted.length > 0 &&
    wanted.every(([label, value]) => scope.labels[label] === value)
  );
}

function nameTarget(
  service: ServiceModel,
  port: PortModel,
  applicationPort: number,
  taken: readonly InboundTarget[],
): InboundTarget {
  const plain = `inbound:${port.port}`;
  const clash = taken.some((one) => one.cluster === plain && one.applicationPort !== applicationPort);
  return {
    port: port.id,
    cluster: clash ? `${plain}:${service.name}` : plain,
    service: service.id,
    applicationPort,
    protocol: port.protocol,
  };
}

/** Virtual hosts in the order found; a domain belongs to the first that asks for it, since Envoy takes none twice. */
class HostCollector {
  private readonly hosts: InboundHost[] = [];
  private readonly domains = new Set<string>();

  add(name: string, domains: readonly string[], cluster: string, borrowed: boolean): void {
    const fresh = domains.filter((domain) => !this.domains.has(domain));
    if (fresh.length === 0 || this.hosts.some((host) => host.name === name)) return;
    for (const domain of fresh) this.domains.add(domain);
    this.hosts.push({ name, domains: fresh, cluster, borrowed });
  }

  has(domain: string): boolean {
    return this.domains.has(domain);
  }

  list(): readonly InboundHost[] {
    return this.hosts;
  }
}

function addService(
  hosts: HostCollector,
  service: ServiceModel,
  borrowed: boolean,
  targetOf: (port: PortModel) => InboundTarget | undefined,
): void {
  for (const port of service.ports) {
    const target = targetOf(port);
    if (target !== undefined)
      hosts.add(port.id, domainsOf(service, port, service.namespace), target.cluster, borrowed);
  }
}

/** Services whose routes send here: their callers keep the name they called, unless the route rewrites it. */
function addParents(
  hosts: HostCollector,
  services: readonly ServiceModel[],
  targets: ReadonlyMap<string, InboundTarget>,
): void {
  for (const service of services) {
    addService(hosts, service, true, (port) => {
      const rules = [...(port.routes.producer ?? []), ...[...port.routes.consumers.values()].flat()];
      addRewrites(hosts, rules, targets);
      return findTarget(rules, targets);
    });
  }
}

/**
 * Clients reach a gateway through ports that nobody here knows (a NodePort, a port forward), and a gateway passes Host
 * on as it came. `wildcards`: what they accept with a port.
 */
function addGatewayHosts(
  hosts: HostCollector,
  gateways: readonly GatewayModel[],
  targets: ReadonlyMap<string, InboundTarget>,
  wildcards: Map<string, InboundWildcard>,
): void {
  for (const gateway of gateways) {
    for (const socket of gateway.sockets) {
      for (const { hostname, rules } of hostsOf(socket)) {
        addRewrites(hosts, rules, targets);
        const target = findTarget(rules, targets);
        if (target === undefined) continue;
        const name = `${gateway.id}/${hostname}`;
        hosts.add(name, hostDomains(hostname), target.cluster, true);
        const text = `${hostname.slice(1)}:`;
        if (hostname.startsWith('*.') && !wildcards.has(text))
          wildcards.set(text, { name, text, cluster: target.cluster });
      }
    }
  }
}

function addRewrites(
  hosts: HostCollector,
  rules: readonly RuleModel[],
  targets: ReadonlyMap<string, InboundTarget>,
): void {
  for (const rule of rules) {
    if (rule.action.kind !== 'forward' || rule.action.hostname === null) continue;
    const target = findTarget([rule], targets);
    if (target !== undefined)
      hosts.add(
        `${rule.name}/${rule.action.hostname}`,
        hostDomains(rule.action.hostname),
        target.cluster,
        true,
      );
  }
}

function findTarget(
  rules: readonly RuleModel[],
  targets: ReadonlyMap<string, InboundTarget>,
): InboundTarget | undefined {
  for (const rule of rules)
    for (const port of portsOf(rule)) {
      const target = targets.get(port);
      if (target !== undefined) return target;
    }
  return undefined;
}

/** Where a rule's requests arrive, and after them their copies. */
function portsOf({ action, mirrors }: RuleModel): readonly string[] {
  const backends = action.kind === 'forward' ? action.backends : [];
  return [...backends.map(({ port }) => port ?? ''), ...mirrors.map(({ port }) => port)];
}

/** A copy names, as its request did, the Service that the request itself went to. */
function planCopies(model: Model, targets: ReadonlyMap<string, InboundTarget>): readonly InboundCopy[] {
  const copies = new Map<string, InboundCopy>();
  for (const rule of listRules(model)) {
    for (const { port } of rule.mirrors) {
      const target = targets.get(port);
      if (target === undefined || rule.action.kind !== 'forward') continue;
      for (const { port: chosen } of rule.action.backends)
        if (chosen !== null && !targets.has(chosen) && !copies.has(chosen))
          copies.set(chosen, { chosen, cluster: target.cluster });
    }
  }
  return [...copies.values()];
}

function* listRules(model: Model): Generator<RuleModel> {
  for (const { ports } of model.services.values())
    for (const { routes } of ports) {
      yield* routes.producer ?? [];
      for (const rules of routes.consumers.values()) yield* rules;
    }
  for (const { sockets } of model.gateways.values())
    for (const socket of sockets) for (const { rules } of hostsOf(socket)) yield* rules;
}

/**
 * Behind a gateway that takes any host, the names of the mesh's other Services are what is surely not meant for this
 * workload.
 */
function foreignDomains(model: Model, scope: SidecarScope, hosts: HostCollector): readonly string[] {
  const domains = new Set<string>();
  for (const service of model.services.values())
    for (const port of service.ports)
      for (const domain of domainsOf(service, port, scope.namespace))
        if (!hosts.has(domain)) domains.add(domain);
  return domains.size === 0 ? [`misdirected.svc.${clusterDomain}`] : [...domains];
}

export function compileInboundRoutes(name: string, plan: InboundPlan): RouteConfiguration {
  const fences = new Map(plan.fences.map(({ cluster, access }) => [cluster, compileAccess(access)]));
  const forward: Forward = (cluster) => forwardTo(cluster, fences.get(cluster));
  const chosen = [
    ...plan.targets.map(({ port, cluster }) => compileChosen(port, forward(cluster))),
    ...plan.copies.map((copy) => compileChosen(copy.chosen, forward(copy.cluster))),
  ];
  const wildcards = plan.wildcards.map((wildcard) => compileWildcard(wildcard, forward));
  const virtualHosts = plan.hosts.map((host) =>
    compileInboundHost(host, chosen, wildcards, forward(host.cluster)),
  );
  const addressed = plan.addressed.map((address) => compileAddressed(address, forward));
  virtualHosts.push(compileMisdirected(plan.misdirected, chosen, wildcards, addressed));
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts,
    requestHeadersToRemove: [destinationHeader],
  });
}

/** What the caller's proxy says it chose, whatever the authority: routes that lead here may have reached it first. */
function compileChosen(port: string, forwarded: ReturnType<Forward>): Route {
  const header = { name: destinationHeader, headerMatchSpecifier: exactly(port) };
  return create(RouteSchema, {
    name: `chosen/${port}`,
    match: { pathSpecifier: { case: 'prefix', value: '/' }, headers: [header] },
    ...forwarded,
  });
}

function exactly(value: string) {
  return {
    case: 'stringMatch' as const,
    value: create(StringMatcherSchema, { matchPattern: { case: 'exact', value } }),
  };
}

function compileInboundHost(
  host: InboundHost,
  chosen: readonly Route[],
  wildcards: readonly Route[],
  forwarded: ReturnType<Forward>,
): VirtualHost {
  return create(VirtualHostSchema, {
    name: host.name,
    domains: [...host.domains],
    routes: [
      ...(host.borrowed ? [...chosen, refuseChosen()] : []),
      ...(host.domains.includes('*') ? wildcards : []),
      {
        name: 'default',
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        ...forwarded,
      },
    ],
  });
}

function compileMisdirected(
  domains: readonly string[],
  chosen: readonly Route[],
  wildcards: readonly Route[],
  addressed: readonly Route[],
): VirtualHost {
  const refusing = refuseAll('misdirected', domains, 421);
  const others = [...wildcards, ...addressed];
  const borrowed = domains.includes('*') && others.length > 0 ? [refuseChosen(), ...others] : [];
  return { ...refusing, routes: [...chosen, ...borrowed, ...refusing.routes] };
}

/** A domain has one wildcard, so the host and the port cannot both be open: the last host of the table looks itself. */
function compileWildcard({ name, text, cluster }: InboundWildcard, forward: Forward): Route {
  const value = create(StringMatcherSchema, {
    matchPattern: { case: 'contains', value: text },
    ignoreCase: true,
  });
  const header = { name: ':authority', headerMatchSpecifier: { case: 'stringMatch' as const, value } };
  return create(RouteSchema, {
    name,
    match: { pathSpecifier: { case: 'prefix', value: '/' }, headers: [header] },
    ...forward(cluster),
  });
}

/**
 * By an address, which is the pod's own, since the connection came here: nobody else goes by it. Without a port it is
 * HTTP's.
 */
function compileAddressed({ applicationPort, cluster }: InboundAddress, forward: Forward): Route {
  const port = applicationPort === 80 ? '(:80)?' : `:${applicationPort}`;
  const regex = `(\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+\\])${port}`;
  const value = create(StringMatcherSchema, { matchPattern: { case: 'safeRegex', value: { regex } } });
  const header = { name: ':authority', headerMatchSpecifier: { case: 'stringMatch' as const, value } };
  return create(RouteSchema, {
    name: `address:${applicationPort}`,
    match: { pathSpecifier: { case: 'prefix', value: '/' }, headers: [header] },
    ...forward(cluster),
  });
}

/** The caller chose a Service that is not this workload's: its endpoint is stale, only the asked name is the same. */
function refuseChosen(): Route {
  const header = {
    name: destinationHeader,
    headerMatchSpecifier: { case: 'presentMatch' as const, value: true },
  };
  return create(RouteSchema, {
    name: 'misdirected',
    match: { pathSpecifier: { case: 'prefix', value: '/' }, headers: [header] },
    action: { case: 'directResponse', value: { status: 421 } },
  });
}

/** The caller's proxy owns deadline and retries: here a second clock could only cut a longer one short. */
function forwardTo(cluster: string, access: ReturnType<typeof compileAccess> | undefined) {
  return {
    ...(access === undefined ? {} : { typedPerFilterConfig: access }),
    ...forwardUntouched(cluster),
  };
}

/** Bound on what all callers together may have open to one application; each caller has its own, lower limits. */
const inboundMax = 10_000;

export function compileInboundCluster(target: InboundTarget): Cluster {
  const address = addressOf('127.0.0.1', target.applicationPort);
  return create(ClusterSchema, {
    name: target.cluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationOf(1000),
    circuitBreakers: {
      thresholds: [{ maxConnections: inboundMax, maxPendingRequests: inboundMax, maxRequests: inboundMax }],
    },
    loadAssignment: {
      clusterName: target.cluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
    ...(target.protocol === 'http'
      ? {}
      : { typedExtensionProtocolOptions: compileProtocol(target.protocol, null) }),
    metadata: weftMetadata({ service: target.service, ...callsOver(target.protocol) }),
  });
}
