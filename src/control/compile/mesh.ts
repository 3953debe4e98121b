// A model compiled for each scope that asks. What scopes share (clusters, endpoints of a zone, routes as a namespace sees them) is compiled once
// and shared by reference, down to the maps.

import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  ListenerSchema,
  RouteConfigurationSchema,
} from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import type { GatewayModel, GatewaySocket, Model, PortModel } from '../model/types.ts';
import { compileAssignment } from './assignment.ts';
import { compileCluster } from './cluster.ts';
import { compileInboundCluster, compileInboundRoutes, planInbound } from './inbound.ts';
import { compileListener, type ListenerInput } from './listener.ts';
import { hashOf, type ResourceCache, type ResourceMap } from './resource-cache.ts';
import { type Scope, scopeKey } from './scope.ts';
import { compileGatewayRoutes, compileOutboundRoutes } from './virtual-hosts.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;
type AgentScope = Extract<Scope, { readonly role: 'agent' }>;
type GatewayScope = Extract<Scope, { readonly role: 'gateway' }>;

export interface CompiledScope {
  /** Type URL to name to resource; all four types are there. */
  readonly resources: ReadonlyMap<string, ResourceMap>;
  /** What the proxy cannot be given, as sentences. */
  readonly notes: readonly string[];
}

export class MeshCompiler {
  readonly #model: Model;
  readonly #cache: ResourceCache;
  readonly #ports = new Map<string, PortModel>();
  readonly #assignments = new Map<string, ResourceMap>();
  #clusters: ResourceMap | null = null;
  #routing: string | null = null;

  /** Begins a generation of `cache`. */
  constructor(model: Model, cache: ResourceCache) {
    this.#model = model;
    this.#cache = cache;
    cache.nextGeneration();
    for (const service of model.services.values())
      for (const port of service.ports) this.#ports.set(port.id, port);
  }

  compile(scope: Scope): CompiledScope {
    switch (scope.role) {
      case 'sidecar':
        return this.#compileSidecar(scope);
      case 'agent':
        return this.#compileAgent(scope);
      case 'gateway':
        return this.#compileGateway(scope);
    }
  }

  #compileSidecar(scope: SidecarScope): CompiledScope {
    const key = scopeKey(scope);
    const plan = this.#cache.value(key, this.#routingInput(), () => planInbound(this.#model, scope));
    const input = JSON.stringify(plan);
    const own = plan.targets.map((target) =>
      this.#cache.resource(ClusterSchema, target.cluster, key, JSON.stringify(target), () =>
        compileInboundCluster(target),
      ),
    );
    const inbound = this.#cache.resource(RouteConfigurationSchema, 'inbound', key, input, () =>
      compileInboundRoutes('inbound', plan),
    );
    const listeners = [
      this.#listener({ name: 'outbound', bind: scope.outbound, direction: 'outbound' }),
      this.#listener({ name: 'inbound', bind: scope.inbound, direction: 'inbound' }),
    ];
    const routes = [this.#outboundRoutes('outbound', scope.namespace), inbound];
    const clusters = this.#cache.joinMaps(`${key} clusters`, this.#sharedClusters(), own);
    return {
      resources: this.#bundle(scope, listeners, routes, clusters),
      notes: plan.unresolved.map(
        (port) => `${port}: its targetPort is a name, and metadata.application does not say what it is here`,
      ),
    };
  }

  #compileAgent(scope: AgentScope): CompiledScope {
    const listeners = [this.#listener({ name: 'agent', bind: scope.bind, direction: 'outbound' })];
    const routes = [this.#outboundRoutes('agent', scope.namespace)];
    return { resources: this.#bundle(scope, listeners, routes, this.#sharedClusters()), notes: [] };
  }

  #compileGateway(scope: GatewayScope): CompiledScope {
    const gateway = this.#findGateway(scope);
    const listeners: XdsResource[] = [];
    const routes: XdsResource[] = [];
    for (const [position, socket] of (gateway?.sockets ?? []).entries()) {
      // The node's own address is for the first; further sockets keep their ports on the same host.
      const host = scope.bind?.host ?? '0.0.0.0';
      const port = position === 0 ? (scope.bind?.port ?? socket.port) : socket.port;
      listeners.push(this.#listener({ name: socket.name, bind: { host, port }, direction: 'gateway' }));
      if (gateway !== null) routes.push(this.#gatewayRoutes(gateway, socket, port));
    }
    const missing = `there is no Gateway ${scope.namespace}/${scope.gateway} of class weft`;
    return {
      resources: this.#bundle(scope, listeners, routes, this.#sharedClusters()),
      notes: gateway === null ? [missing] : [],
    };
  }

  /** By name; a proxy whose name says nothing serves the only Gateway of its namespace. */
  #findGateway(scope: GatewayScope): GatewayModel | null {
    const named = this.#model.gateways.get(`${scope.namespace}/${scope.gateway}`);
    if (named !== undefined) return named;
    const local = [...this.#model.gateways.values()].filter((one) => one.namespace === scope.namespace);
    return local.length === 1 ? (local[0] ?? null) : null;
  }

  #gatewayRoutes(gateway: GatewayModel, socket: GatewaySocket, port: number): XdsResource {
    const input = this.#routingInput();
    return this.#cache.resource(RouteConfigurationSchema, socket.name, String(port), input, () =>
      compileGatewayRoutes(gateway, socket, port, this.#ports),
    );
  }

  #listener(input: ListenerInput): XdsResource {
    const { host, port } = input.bind;
    return this.#cache.resource(ListenerSchema, input.name, `${host} ${port}`, input.direction, () =>
      compileListener(input),
    );
  }

  #outboundRoutes(name: string, namespace: string): XdsResource {
    return this.#cache.resource(RouteConfigurationSchema, name, namespace, this.#routingInput(), () =>
      compileOutboundRoutes(name, this.#model, namespace),
    );
  }

  #sharedClusters(): ResourceMap {
    if (this.#clusters !== null) return this.#clusters;
    const all = [...this.#ports.values()].map(({ id, service, policy }) => {
      const input = { id, service, policy };
      return this.#cache.resource(ClusterSchema, id, '', JSON.stringify(input), () => compileCluster(input));
    });
    this.#clusters = this.#cache.shareMap('clusters', byName(all));
    return this.#clusters;
  }

  #sharedAssignments(zone: string): ResourceMap {
    const known = this.#assignments.get(zone);
    if (known !== undefined) return known;
    const all = [...this.#ports.values()].map(({ id, endpoints, locality }) => {
      const input = { id, endpoints, locality };
      return this.#cache.resource(ClusterLoadAssignmentSchema, id, zone, JSON.stringify(input), () =>
        compileAssignment(input, zone),
      );
    });
    const map = this.#cache.shareMap(`assignments ${zone}`, byName(all));
    this.#assignments.set(zone, map);
    return map;
  }

  #bundle(
    scope: Scope,
    listeners: readonly XdsResource[],
    routes: readonly XdsResource[],
    clusters: ResourceMap,
  ): ReadonlyMap<string, ResourceMap> {
    const key = scopeKey(scope);
    return new Map([
      [typeUrls.cluster, clusters],
      [typeUrls.endpoint, this.#sharedAssignments(scope.zone)],
      [typeUrls.listener, this.#cache.shareMap(`${key} listeners`, byName(listeners))],
      [typeUrls.route, this.#cache.shareMap(`${key} routes`, byName(routes))],
    ]);
  }

  /** Everything that routes, and the inbound side, are made of, hashed once a model: all but the endpoints. */
  #routingInput(): string {
    if (this.#routing !== null) return this.#routing;
    const services = [...this.#model.services.values()].map(({ id, selector, ports }) => [
      id,
      Object.entries(selector),
      ports.map(({ port, name, targetPort, policy, routes }) => [
        port,
        name,
        targetPort,
        policy.timeouts,
        policy.retry,
        routes.producer,
        [...routes.consumers],
      ]),
    ]);
    this.#routing = hashOf(JSON.stringify([services, [...this.#model.gateways]]));
    return this.#routing;
  }
}

function byName(resources: readonly XdsResource[]): ResourceMap {
  return new Map(resources.map((resource) => [resource.name, resource]));
}
