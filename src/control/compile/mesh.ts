// A model compiled for each scope that asks. What scopes share (clusters, endpoints of a zone, routes as a namespace
// sees them) is compiled once and shared by reference, down to the maps.

import { toBinary } from '@bufbuild/protobuf';
import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  SecretSchema,
} from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import type {
  GatewayModel,
  GatewaySocket,
  HttpChain,
  Model,
  PortModel,
  SecretModel,
  ServiceModel,
} from '../model/types.ts';
import { compileAssignment } from './assignment.ts';
import { compileCluster } from './cluster.ts';
import { compileGatewayListener, gatewayListenerInput } from './gateway-listener.ts';
import { compileInboundCluster, compileInboundRoutes, planInbound } from './inbound.ts';
import { compileListener, type ListenerInput } from './listener.ts';
import { encodeOutboundTable } from './outbound-table.ts';
import { hashOf, type ResourceCache, type ResourceMap } from './resource-cache.ts';
import { type Bind, type Scope, scopeKey } from './scope.ts';
import { compileSecret } from './tls.ts';
import { compileGatewayRoutes } from './virtual-hosts.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;
type AgentScope = Extract<Scope, { readonly role: 'agent' }>;
type GatewayScope = Extract<Scope, { readonly role: 'gateway' }>;

export interface CompiledScope {
  /** Type URL to name to resource; all five types are there. */
  readonly resources: ReadonlyMap<string, ResourceMap>;
  /** What the proxy cannot be given, as sentences. */
  readonly notes: readonly string[];
}

/** What of a scope does not change with endpoints. */
interface CompiledStatics {
  readonly listeners: ResourceMap;
  readonly routes: ResourceMap;
  readonly clusters: ResourceMap;
  readonly secrets: ResourceMap;
  readonly notes: readonly string[];
}

export class MeshCompiler {
  private readonly model: Model;
  private readonly cache: ResourceCache;
  private readonly ports = new Map<string, PortModel>();
  private readonly assignments = new Map<string, ResourceMap>();
  private readonly clusters: ResourceMap;
  /** Stand for everything that routes, and for everything that statics are made of. */
  private readonly routingInput: string;
  private readonly staticInput: string;
  /** A route of some Service says who may read across origins. */
  private readonly cors: boolean;

  /** Begins a build of `cache`. */
  constructor(model: Model, cache: ResourceCache) {
    this.model = model;
    this.cache = cache;
    for (const service of model.services.values())
      for (const port of service.ports) this.ports.set(port.id, port);
    this.routingInput = encodeRoutingInput(model);
    this.cors = [...this.ports.values()].some(({ routes }) =>
      [routes.producer ?? [], ...routes.consumers.values()].some((rules) =>
        rules.some((rule) => rule.cors !== null),
      ),
    );
    this.clusters = cache.shareMap('clusters', byName(this.compileClusters()));
    this.staticInput = `${this.routingInput} ${hashMap(this.clusters)} ${encodeAccessInput(model)}`;
    cache.beginBuild(this.staticInput);
  }

  compile(scope: Scope): CompiledScope {
    const key = scopeKey(scope);
    const statics = this.cache.value(`statics ${key}`, this.staticInput, () =>
      this.compileStatics(scope, key),
    );
    return {
      resources: new Map([
        [typeUrls.secret, statics.secrets],
        [typeUrls.cluster, statics.clusters],
        [typeUrls.endpoint, this.assignmentsFor(scope.zone)],
        [typeUrls.listener, statics.listeners],
        [typeUrls.route, statics.routes],
      ]),
      notes: statics.notes,
    };
  }

  /** A scope ends with its last stream. */
  drop(scope: Scope): void {
    this.cache.dropScope(scopeKey(scope));
  }

  private compileStatics(scope: Scope, key: string): CompiledStatics {
    switch (scope.role) {
      case 'sidecar':
        return this.compileSidecar(scope, key);
      case 'agent':
        return this.compileAgent(scope, key);
      case 'gateway':
        return this.compileGateway(scope, key);
    }
  }

  private compileSidecar(scope: SidecarScope, key: string): CompiledStatics {
    const plan = planInbound(this.model, scope);
    const own = plan.targets.map((target) =>
      this.cache.resource(ClusterSchema, target.cluster, key, JSON.stringify(target), () =>
        compileInboundCluster(target),
      ),
    );
    const inbound = this.cache.resource(RouteConfigurationSchema, 'inbound', key, JSON.stringify(plan), () =>
      compileInboundRoutes('inbound', plan),
    );
    const listeners = [
      this.outboundListener('outbound', scope.outbound),
      this.listener({
        name: 'inbound',
        bind: scope.inbound,
        direction: 'inbound',
        cors: false,
        fenced: plan.fences.length > 0,
      }),
    ];
    const routes = [this.outboundRoutes('outbound', scope.namespace), inbound];
    const notes = plan.unresolved.map(
      (port) =>
        `${port}: its targetPort is a name, and neither metadata.application nor metadata.containerPorts says what it is here`,
    );
    return this.bundle(key, listeners, routes, own, notes);
  }

  private compileAgent(scope: AgentScope, key: string): CompiledStatics {
    const listeners = [this.outboundListener('agent', scope.bind)];
    return this.bundle(key, listeners, [this.outboundRoutes('agent', scope.namespace)], [], []);
  }

  private compileGateway(scope: GatewayScope, key: string): CompiledStatics {
    const gateway = this.findGateway(scope);
    const listeners: XdsResource[] = [];
    const routes: XdsResource[] = [];
    const secrets = new Map<string, XdsResource>();
    const sockets = (gateway?.sockets ?? []).filter(({ chains }) => chains.length > 0);
    for (const [position, socket] of sockets.entries()) {
      // The node's own address is for the first; further sockets keep their ports on the same host.
      const host = scope.bind?.host ?? '0.0.0.0';
      const port = position === 0 ? (scope.bind?.port ?? socket.port) : socket.port;
      listeners.push(this.gatewayListener(socket, { host, port }));
      for (const chain of socket.chains) {
        if (gateway !== null && chain.kind === 'http')
          routes.push(this.gatewayRoutes(gateway, socket, chain));
        for (const secret of chain.tls?.certificates ?? []) secrets.set(secret.name, encodeSecret(secret));
      }
    }
    const missing = `there is no Gateway ${scope.namespace}/${scope.gateway} of class weft`;
    return { ...this.bundle(key, listeners, routes, [], gateway === null ? [missing] : []), secrets };
  }

  /**
   * By name; a proxy that names none serves the only Gateway of its namespace. One whose Gateway is gone gets nothing:
   * another's listeners and keys are not for it.
   */
  private findGateway(scope: GatewayScope): GatewayModel | null {
    if (scope.gateway !== '') return this.model.gateways.get(`${scope.namespace}/${scope.gateway}`) ?? null;
    const local = [...this.model.gateways.values()].filter((one) => one.namespace === scope.namespace);
    return local.length === 1 ? (local[0] ?? null) : null;
  }

  private gatewayRoutes(gateway: GatewayModel, { port }: GatewaySocket, chain: HttpChain): XdsResource {
    const input = this.routingInput;
    return this.cache.resource(RouteConfigurationSchema, chain.name, '', input, () =>
      compileGatewayRoutes(gateway, port, chain, this.ports),
    );
  }

  private gatewayListener(socket: GatewaySocket, bind: Bind): XdsResource {
    const input = gatewayListenerInput(socket, bind);
    const { host, port } = bind;
    return this.cache.resource(ListenerSchema, input.name, `${host} ${port}`, JSON.stringify(input), () =>
      compileGatewayListener(input),
    );
  }

  private outboundListener(name: string, bind: Bind): XdsResource {
    return this.listener({ name, bind, direction: 'outbound', cors: this.cors, fenced: false });
  }

  private listener(input: ListenerInput): XdsResource {
    const { host, port } = input.bind;
    const made = `${input.direction} ${input.cors} ${input.fenced}`;
    return this.cache.resource(ListenerSchema, input.name, `${host} ${port}`, made, () =>
      compileListener(input),
    );
  }

  private outboundRoutes(name: string, namespace: string): XdsResource {
    return this.cache.encoded(RouteConfigurationSchema, name, namespace, this.routingInput, () =>
      encodeOutboundTable(name, this.model, namespace, encodePortInput, this.cache),
    );
  }

  private compileClusters(): readonly XdsResource[] {
    return [...this.ports.values()].map(({ id, service, policy, external, port, protocol, tls }) => {
      const input = { id, service, policy, external, port, protocol, tls };
      return this.cache.resource(ClusterSchema, id, '', JSON.stringify(input), () => compileCluster(input));
    });
  }

  private assignmentsFor(zone: string): ResourceMap {
    const known = this.assignments.get(zone);
    if (known !== undefined) return known;
    const inside = [...this.ports.values()].filter(({ external }) => external === null);
    const all = inside.map(({ id, endpoints, locality }) => {
      const input = { id, endpoints, locality };
      return this.cache.resource(ClusterLoadAssignmentSchema, id, zone, JSON.stringify(input), () =>
        compileAssignment(input, zone),
      );
    });
    const map = this.cache.shareMap(`assignments ${zone}`, byName(all));
    this.assignments.set(zone, map);
    return map;
  }

  private bundle(
    key: string,
    listeners: readonly XdsResource[],
    routes: readonly XdsResource[],
    ownClusters: readonly XdsResource[],
    notes: readonly string[],
  ): CompiledStatics {
    return {
      listeners: this.cache.shareMap(`listeners ${key}`, byName(listeners)),
      routes: this.cache.shareMap(`routes ${key}`, byName(routes)),
      clusters: this.cache.joinMaps(`clusters ${key}`, this.clusters, ownClusters),
      secrets: noSecrets,
      notes,
    };
  }
}

const noSecrets: ResourceMap = new Map();

/** Not by the cache: a key is held by whom it is for, as long as it is. */
function encodeSecret(secret: SecretModel): XdsResource {
  const bytes = toBinary(SecretSchema, compileSecret(secret));
  return {
    name: secret.name,
    typeUrl: typeUrls.secret,
    version: hashOf(Buffer.from(bytes).toString('base64')),
    bytes,
  };
}

/** Everything that routes, and the inbound side, are made of: all but endpoints and what only clusters say. */
function encodeRoutingInput(model: Model): string {
  const services = [...model.services.values()].map((service) => [
    service.id,
    Object.entries(service.selector),
    service.ports.map((port) => [port.targetPort, port.protocol, encodePortInput(service, port)]),
  ]);
  return hashOf(JSON.stringify([services, [...model.gateways]]));
}

/** Of the inbound side alone: callers come and go, and no route of theirs changes by it. */
function encodeAccessInput({ services }: Model): string {
  const fenced = [...services.values()].flatMap(({ ports }) =>
    ports.flatMap(({ id, access }) => (access === null ? [] : [[id, access]])),
  );
  return fenced.length === 0 ? '' : hashOf(JSON.stringify(fenced));
}

/** What determines the virtual host of a port, and its Service's names. */
function encodePortInput(service: ServiceModel, port: PortModel): string {
  const { name, policy, protocol, routes } = port;
  const ports = service.ports.map((one) => [one.port, one.protocol === 'opaque']);
  const { producer, consumers } = routes;
  return JSON.stringify([ports, name, protocol, policy.timeouts, policy.retry, producer, [...consumers]]);
}

function hashMap(map: ResourceMap): string {
  return hashOf([...map.values()].map((one) => `${one.name} ${one.version}`).join('\n'));
}

function byName(resources: readonly XdsResource[]): ResourceMap {
  return new Map(resources.map((resource) => [resource.name, resource]));
}
